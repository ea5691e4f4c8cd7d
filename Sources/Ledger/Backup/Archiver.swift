package import Dispatch
package import FoundationEssentials
import Glibc
package import Logging
import Synchronization

/// How an archive stands.
package struct ArchiveState: Sendable, Codable, Equatable {
  package var folder: String
  /// The last revision that is on the archive's disk, and the last that there is.
  package var archived: UInt64
  package var last: UInt64
  /// The last revision in the newest base.
  package var base: UInt64?
  /// Since when revisions wait to be archived, and what stands in the way, if anything does.
  package var behindSince: Date?
  package var trouble: String?

  package init(
    folder: String, archived: UInt64, last: UInt64, base: UInt64?, behindSince: Date?, trouble: String?
  ) {
    self.folder = folder
    self.archived = archived
    self.last = last
    self.base = base
    self.behindSince = behindSince
    self.trouble = trouble
  }
}

package struct ArchiveLimits: Sendable {
  /// Bytes of a segment before the next one is begun.
  package var segment = 16 << 20
  /// Bytes of segments before a new base is made, if the last base is not larger.
  package var base = 64 << 20
  /// How many bases are kept, with all that came after the oldest of them.
  package var bases = 2
  /// The time from one flush to the next, while there is something to flush.
  package var pace = Duration.milliseconds(200)
  /// After a failure, the time to the next attempt.
  package var patience = Duration.seconds(1)

  package init() {}
}

/// Copies every revision of a ledger into a folder as soon as it is durable. Writers do not know of it: a folder that is
/// slow, full or gone is caught up with when it is back.
package final class Archiver: Sendable {
  private let ledger: Ledger
  private let folder: ArchiveFolder
  private let secret: BackupSecret?
  private let limits: ArchiveLimits
  private let logger: Logger
  private let queue = DispatchQueue(label: "ledger.archive")
  private let basing = DispatchQueue(label: "ledger.archive.base")
  private let writing = Mutex<ArchiveWriting?>(nil)
  private let progress: Mutex<Progress>

  struct Progress: Sendable {
    var archived: UInt64 = 0
    var base: UInt64?
    var behindSince: Date?
    var trouble: String?
    var baseTrouble: String?
    var isMakingBase = false
    /// Bytes of the segments since the newest base began to be made, and of that base.
    var segmentBytes = 0
    var baseBytes = 0
    var nextBase = ContinuousClock.now
  }

  /// Marks a folder, which it makes where there is none, for archives. One that is marked already stays as it is; one that
  /// holds anything else is refused.
  package static func prepare(_ path: String, for ledger: UUID? = nil) throws(LedgerError) {
    let folder = ArchiveFolder(path: path)
    if mkdir(path, 0o700) != 0 && errno != EEXIST { throw .writing(path) }
    if let mark = try folder.readMark() {
      guard let known = mark.ledger, let ledger, known != ledger else { return }
      throw LedgerError(.invalid, "\(path) is the archive of another ledger; give this one a folder of its own")
    }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw LedgerError(.invalid, "\(path) is not a folder that can be read")
    }
    guard names.allSatisfy({ $0 == "lost+found" }) else {
      throw LedgerError(.invalid, "\(path) holds other files; give the archive a folder of its own")
    }
    try folder.writeMark(ArchiveFolder.Mark())
  }

  package init(
    of ledger: Ledger, in path: String, secret: BackupSecret?, limits: ArchiveLimits = ArchiveLimits(), logger: Logger
  ) {
    self.ledger = ledger
    folder = ArchiveFolder(path: path)
    self.secret = secret
    self.limits = limits
    self.logger = logger
    progress = Mutex(Progress())
  }

  package var state: ArchiveState {
    let last = ledger.snapshot.revision
    let progress = progress.withLock { $0 }
    return ArchiveState(
      folder: folder.path, archived: progress.archived, last: last, base: progress.base,
      behindSince: progress.archived < last || progress.trouble != nil ? progress.behindSince : nil,
      trouble: progress.trouble ?? progress.baseTrouble)
  }

  /// Archives until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      let begin = ContinuousClock.now
      if await step() {
        try? await Task.sleep(until: begin + limits.pace)
        let (archived, isWhole) = progress.withLock { ($0.archived, $0.base != nil && $0.baseTrouble == nil) }
        if isWhole { await ledger.log.wait(after: archived) } else { try? await Task.sleep(for: limits.patience) }
      } else {
        try? await Task.sleep(for: limits.patience)
      }
    }
  }

  /// Archives what there is still, as long as `limit` at most. To be called before the ledger is closed.
  package func finish(within limit: DispatchTimeInterval = .seconds(3)) async {
    let target = ledger.snapshot.revision
    await withCheckedContinuation { continuation in
      let once = Once(continuation)
      queue.async {
        _ = self.catchUp(with: target)
        once.resume()
      }
      DispatchQueue.global().asyncAfter(deadline: .now() + limit) { once.resume() }
    }
  }

  private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func resume() {
      continuation.withLock { continuation in
        continuation?.resume()
        continuation = nil
      }
    }
  }

  /// Archives all that there is now. Returns whether that succeeded.
  private func step() async -> Bool {
    let target = ledger.snapshot.revision
    progress.withLock { progress in
      if progress.archived < target || progress.base == nil { progress.behindSince = progress.behindSince ?? Date() }
    }
    return await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: self.catchUp(with: target)) }
    }
  }

  private func catchUp(with target: UInt64) -> Bool {
    do throws(LedgerError) {
      try writing.withLock { writing throws(LedgerError) in
        var current: ArchiveWriting
        if let writing { current = writing } else { current = try ArchiveWriting(ledger, folder, secret) }
        writing = nil
        let before = current.byteCount
        try current.write(upTo: target, limits)
        let (end, base, bytes) = (current.end.revision, current.base, current.byteCount - before)
        writing = current
        progress.withLock { progress in
          progress.archived = end
          progress.base = base ?? progress.base
          progress.segmentBytes += bytes
          progress.behindSince = nil
          if let trouble = progress.trouble {
            progress.trouble = nil
            logger.notice("the archive is caught up", metadata: ["folder": "\(folder.path)", "before": "\(trouble)"])
          }
        }
      }
      makeBaseIfDue()
      return true
    } catch {
      note(error, in: \.trouble)
      return false
    }
  }

  private func note(_ error: LedgerError, in place: any WritableKeyPath<Progress, String?> & Sendable) {
    let isNew = progress.withLock { progress in
      progress.behindSince = progress.behindSince ?? Date()
      defer { progress[keyPath: place] = error.message }
      return progress[keyPath: place] != error.message
    }
    if isNew {
      logger.error(
        "the archive waits; the cloud goes on", metadata: ["folder": "\(folder.path)", "reason": "\(error)"])
    }
  }

  private func makeBaseIfDue() {
    let needs = writing.withLock { $0?.base == nil }
    let begins = progress.withLock { progress in
      let isDue = needs || progress.segmentBytes > max(limits.base, progress.baseBytes)
      guard isDue, !progress.isMakingBase, ContinuousClock.now >= progress.nextBase else { return false }
      progress.isMakingBase = true
      progress.segmentBytes = 0
      return true
    }
    if begins { basing.async { self.makeBase() } }
  }

  private func makeBase() {
    do throws(LedgerError) {
      folder.removeParts()
      let part = "\(folder.path)/base\(ArchiveFolder.partSuffix)"
      let summary = try Backup.write(part, secret, storage: ledger.storage)
      let head = Head(ledger: summary.ledger, epoch: summary.epoch, revision: summary.revision, chain: .zero)
      let path = "\(folder.path)/\(folder.baseName(head))"
      guard rename(part, path) == 0 else { throw .writing(path) }
      try flushFolder(of: path)
      progress.withLock { progress in
        progress.base = summary.revision
        progress.baseBytes = summary.bytes
        progress.isMakingBase = false
        progress.baseTrouble = nil
      }
      writing.withLock { $0?.base = summary.revision }
      logger.info(
        "the archive has a new base", metadata: ["folder": "\(folder.path)", "revision": "\(summary.revision)"])
      try prune()
    } catch {
      progress.withLock { progress in
        progress.isMakingBase = false
        progress.nextBase = .now + limits.patience * 10
      }
      note(error, in: \.baseTrouble)
    }
  }

  /// Deletes the oldest bases that are not to be kept, and the segments that only these need.
  private func prune() throws(LedgerError) {
    let content = try folder.content()
    guard let epoch = content.bases.last?.epoch else { return }
    let own = content.bases.filter { $0.epoch == epoch }
    guard own.count >= limits.bases, let oldest = own.suffix(limits.bases).first else { return }
    for base in content.bases where base < oldest { unlink(folder.path(of: base)) }
    for (segment, next) in zip(content.segments, content.segments.dropFirst()) {
      let isOver = segment.epoch < epoch || next.epoch == epoch && next.revision <= oldest.revision
      if isOver { unlink(folder.path(of: segment)) }
    }
  }
}

extension Backup {
  /// Of a ledger that this process has open.
  fileprivate static func write(
    _ path: String, _ secret: BackupSecret?, storage: any Storage
  ) throws(LedgerError) -> Summary {
    try write(path, secret) { loading throws(LedgerError) in try storage.copy(loading) }
  }
}
