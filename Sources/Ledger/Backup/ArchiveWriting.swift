internal import FoundationEssentials
import Glibc
import Synchronization

/// The segment that an archiver writes now. Given up after an error: the next one begins with a segment of its own, where
/// the archive's disk is known to end.
struct ArchiveWriting: Sendable {
  private let ledger: Ledger
  private let folder: ArchiveFolder
  private let secret: BackupSecret?
  private var segment: Segment?
  /// The last revision that is on the archive's disk.
  private(set) var end: Head
  /// The last revision of the newest base that `end` follows; `nil` when one is to be made.
  var base: UInt64?
  private(set) var byteCount = 0

  private final class Segment: Sendable {
    let descriptor: Int32
    let frames: Mutex<FrameWriter>

    init(_ descriptor: Int32, _ frames: FrameWriter) {
      self.descriptor = descriptor
      self.frames = Mutex(frames)
    }

    deinit { Glibc.close(descriptor) }
  }

  /// Finds out where the archive ends. One of another ledger is refused, and so is a folder that nobody marked.
  init(_ ledger: Ledger, _ folder: ArchiveFolder, _ secret: BackupSecret?) throws(LedgerError) {
    self.ledger = ledger
    self.folder = folder
    self.secret = secret
    let head = ledger.standing.head
    guard var mark = try folder.readMark() else {
      throw LedgerError(
        .absent, "\(folder.path) is not there, or is no archive; mount it, or begin one with `daruma up --archive`")
    }
    guard mark.ledger == nil || mark.ledger == head.ledger else {
      throw LedgerError(.invalid, "\(folder.path) is the archive of another ledger; give this one a folder of its own")
    }
    if mark.ledger == nil {
      mark.ledger = head.ledger
      try folder.writeMark(mark)
    }
    end = head
    let content = try folder.content()
    guard let newest = content.bases.last, newest.epoch == head.epoch else { return }
    // Whatever does not continue is left, and a new base is made.
    guard let known = try? Archive(folder.path, secret: secret, acceptsDamage: true).end(),
      known.ledger == head.ledger, known.revision <= head.revision, try Self.continues(known, ledger)
    else { return }
    end = known
    base = newest.revision
  }

  private static func continues(_ known: Head, _ ledger: Ledger) throws(LedgerError) -> Bool {
    let anchor = ledger.standing.anchor
    if known.revision == anchor.number { return known.chain == anchor.chain }
    return try ledger.storage.read([known.revision]).first?.chain == known.chain
  }

  /// Returns when all revisions up to `target` are on the archive's disk.
  mutating func write(upTo target: UInt64, _ limits: ArchiveLimits) throws(LedgerError) {
    // Removed, or no longer mounted, and so written into without anybody ever finding it again.
    guard try folder.readMark()?.ledger == end.ledger else {
      throw LedgerError(.absent, "\(folder.path) is not there any more, or not the archive that it was")
    }
    var position = end
    while position.revision < target {
      let records = try ledger.storage.read(position.revision + 1...min(target, position.revision + 256))
      guard records.first?.number == position.revision + 1 else {
        // They were forgotten before they could be archived. A new base has what they led to.
        segment = nil
        base = nil
        end = ledger.standing.head
        return
      }
      let current: Segment
      if let segment { current = segment } else { current = try begin(after: position) }
      segment = current
      try current.frames.withLock { frames throws(LedgerError) in
        let before = frames.byteCount
        try frames.write(.revisions, records.encoded)
        byteCount += frames.byteCount - before
      }
      if let last = records.last {
        position.revision = last.number
        position.chain = last.chain
      }
      if current.frames.withLock({ $0.byteCount }) >= limits.segment {
        try current.frames.withLock { frames throws(LedgerError) in try frames.flush() }
        end = position
        segment = nil
      }
    }
    try segment?.frames.withLock { frames throws(LedgerError) in try frames.flush() }
    end = position
  }

  private func begin(after head: Head) throws(LedgerError) -> Segment {
    var standing = ledger.standing
    standing.head = head
    for serial in 0..<10_000 {
      let path = "\(folder.path)/\(folder.segmentName(head, serial: serial))"
      let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor < 0 && errno == EEXIST { continue }
      guard descriptor >= 0 else { throw .writing(path) }
      let segment: Segment
      do throws(LedgerError) {
        segment = Segment(descriptor, try FrameWriter(descriptor, path, .segment, standing, secret))
      } catch {
        Glibc.close(descriptor)
        throw error
      }
      try flushFolder(of: path)
      return segment
    }
    throw LedgerError(.failed, "\(folder.path) has too many segments that begin after revision \(head.revision)")
  }
}
