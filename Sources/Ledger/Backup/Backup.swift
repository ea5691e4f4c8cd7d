internal import CloudModel
package import FoundationEssentials
import Glibc
import Synchronization

/// A ledger at one moment, in one file: where it stood, its checkpoint and its revisions, each as it is stored.
package enum Backup {
  package struct Summary: Sendable, Codable, Equatable {
    package var ledger: UUID
    package var epoch: UInt64
    /// The last revision.
    package var revision: UInt64
    /// How many resources the checkpoint holds, and how many revisions are kept.
    package var resources: Int
    package var revisions: Int
    package var bytes: Int
  }

  /// Writes what `source` holds now to a new file at `path`, which appears when it is complete and durable.
  ///
  /// - Parameter progress: Called after each piece with what was written so far.
  @discardableResult
  package static func write(
    _ source: LedgerSource, to path: String, secret: BackupSecret? = nil,
    progress: @escaping @Sendable (Summary) -> Void = { _ in }
  ) throws(LedgerError) -> Summary {
    try write(path, secret, progress) { loading throws(LedgerError) in try source.copy(loading) }
  }

  /// Writes it to an open file, such as a pipe.
  @discardableResult
  package static func write(
    _ source: LedgerSource, to descriptor: Int32, name: String, secret: BackupSecret? = nil,
    progress: @escaping @Sendable (Summary) -> Void = { _ in }
  ) throws(LedgerError) -> Summary {
    let writer = BackupWriter(descriptor, name, secret, progress)
    try source.copy(writer)
    return try writer.finish()
  }

  static func write(
    _ path: String, _ secret: BackupSecret?, _ progress: @escaping @Sendable (Summary) -> Void = { _ in },
    _ copy: (any Loading) throws(LedgerError) -> Void
  ) throws(LedgerError) -> Summary {
    let part = "\(path).\(getpid()).part"
    let descriptor = Glibc.open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .writing(path) }
    defer { Glibc.close(descriptor) }
    do throws(LedgerError) {
      let writer = BackupWriter(descriptor, path, secret, progress)
      try copy(writer)
      let summary = try writer.finish()
      guard rename(part, path) == 0 else { throw .writing(path) }
      try flushFolder(of: path)
      return summary
    } catch {
      unlink(part)
      throw error
    }
  }
}

/// Writes what is loaded.
final class BackupWriter: Loading {
  private let content: Mutex<Content>
  private let descriptor: Int32
  private let name: String
  private let secret: BackupSecret?
  private let progress: @Sendable (Backup.Summary) -> Void

  private struct Content {
    var frames: FrameWriter?
    var summary: Backup.Summary?
  }

  init(
    _ descriptor: Int32, _ name: String, _ secret: BackupSecret?,
    _ progress: @escaping @Sendable (Backup.Summary) -> Void
  ) {
    self.descriptor = descriptor
    self.name = name
    self.secret = secret
    self.progress = progress
    content = Mutex(Content())
  }

  func begin(_ standing: Standing) throws(LedgerError) {
    try content.withLock { content throws(LedgerError) in
      content.frames = try FrameWriter(descriptor, name, .backup, standing, secret)
      content.summary = Backup.Summary(
        ledger: standing.head.ledger, epoch: standing.head.epoch, revision: standing.head.revision, resources: 0,
        revisions: 0, bytes: 0)
    }
  }

  func take(_ resources: [ResourceRecord]) throws(LedgerError) {
    try write(.resources, resources.encoded) { $0.resources += resources.count }
  }

  func take(_ revisions: [RevisionRecord]) throws(LedgerError) {
    try write(.revisions, revisions.encoded) { $0.revisions += revisions.count }
  }

  private func write(
    _ type: FrameType, _ payload: [UInt8], _ count: (inout Backup.Summary) -> Void
  ) throws(LedgerError) {
    let summary = try content.withLock { content throws(LedgerError) in
      guard content.frames != nil, var summary = content.summary else {
        throw .damaged("the ledger does not say which one it is")
      }
      try content.frames?.write(type, payload)
      count(&summary)
      summary.bytes = content.frames?.byteCount ?? 0
      content.summary = summary
      return summary
    }
    progress(summary)
  }

  /// To be called when everything was taken. Returns when all is on the disk.
  func finish() throws(LedgerError) -> Backup.Summary {
    try content.withLock { content throws(LedgerError) in
      guard var frames = content.frames, var summary = content.summary else {
        throw .damaged("the ledger does not say which one it is")
      }
      var counts: [UInt8] = []
      counts.appendVarint(UInt64(summary.resources))
      counts.appendVarint(UInt64(summary.revisions))
      try frames.write(.end, counts)
      try frames.flush()
      summary.bytes = frames.byteCount
      return summary
    }
  }
}

/// Makes the names in a file's folder durable.
func flushFolder(of path: String) throws(LedgerError) {
  let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw LedgerError(.failed, "\(folder) cannot be opened: \(systemError())") }
  defer { Glibc.close(descriptor) }
  guard fsync(descriptor) == 0 || errno == EINVAL else {
    throw LedgerError(.failed, "\(folder) cannot be flushed: \(systemError())")
  }
}
