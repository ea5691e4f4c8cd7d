package import FoundationEssentials
import Glibc

/// A ledger as an archive has it: a base, and the revisions of its epoch that came after.
package struct Archive: LedgerCopy {
  package let name: String
  package let ledger: UUID
  private let folder: ArchiveFolder
  private let secret: BackupSecret?
  private let acceptsDamage: Bool
  private let base: BackupFile
  private let segments: [ArchiveFolder.Entry]

  /// - Parameters:
  ///   - base: How many of the newest bases to pass over: an older one has more of the history.
  ///   - acceptsDamage: Takes what comes before the first piece that is missing or damaged.
  package init(
    _ path: String, secret: BackupSecret?, base skipped: Int = 0, acceptsDamage: Bool = false
  ) throws(LedgerError) {
    name = path
    folder = ArchiveFolder(path: path)
    self.secret = secret
    self.acceptsDamage = acceptsDamage
    let content = try folder.content()
    guard let newest = content.bases.last else {
      throw LedgerError(.absent, "\(path) holds no archive: there is no base in it")
    }
    let bases = content.bases.filter { $0.epoch == newest.epoch }
    guard skipped < bases.count else { throw LedgerError(.behind, "\(path) has no older base") }
    base = try BackupFile(folder.path(of: bases[bases.count - 1 - skipped]), secret: secret)
    ledger = base.ledger
    segments = content.segments.filter { $0.epoch == newest.epoch }
  }

  package func load(_ loading: any Loading) throws(LedgerError) {
    var standing = try base.standing()
    let start = standing.head
    let end = try follow(from: start) { _ in }
    standing.head = end
    let whole = standing
    try base.load(loading) { _ throws(LedgerError) in try loading.begin(whole) }
    _ = try follow(from: start, upTo: end.revision) { records throws(LedgerError) in try loading.take(records) }
  }

  /// Where the archive ends.
  func end() throws(LedgerError) -> Head { try follow(from: base.standing().head) { _ in } }

  /// Hands out the revisions after `start` in order, each proven to follow the one before. Returns the last.
  private func follow(
    from start: Head, upTo last: UInt64 = .max, _ take: ([RevisionRecord]) throws(LedgerError) -> Void
  ) throws(LedgerError) -> Head {
    var head = start
    // A piece that is damaged matters only if no later one begins where it ends.
    var damage: LedgerError?
    for (index, entry) in segments.enumerated() where head.revision < last {
      let next = segments.dropFirst(index + 1).first
      if let next, next.revision <= start.revision { continue }
      guard entry.revision <= head.revision else {
        let gap = LedgerError(
          .damaged, "revisions \(head.revision + 1) to \(entry.revision) are missing in the archive \(name)",
          underlying: damage)
        if acceptsDamage { return head }
        throw gap
      }
      do throws(LedgerError) {
        damage = nil
        try read(entry, &head, upTo: last, take)
      } catch {
        guard error.code == .damaged else { throw error }
        damage = error
      }
    }
    if let damage, !acceptsDamage, head.revision < last {
      throw LedgerError(
        .damaged,
        "\(damage.message); what comes before, up to revision \(head.revision), can be had with --up-to-damage",
        underlying: damage.underlying)
    }
    return head
  }

  private func read(
    _ entry: ArchiveFolder.Entry, _ head: inout Head, upTo last: UInt64,
    _ take: ([RevisionRecord]) throws(LedgerError) -> Void
  ) throws(LedgerError) {
    let path = folder.path(of: entry)
    let descriptor = try FrameReader.openFile(path)
    defer { Glibc.close(descriptor) }
    var status = stat()
    // Nothing but its name was made before the machine was lost.
    if fstat(descriptor, &status) == 0, status.st_size < FrameHeader.byteCount + Checksum.byteCount { return }
    var frames = try FrameReader(descriptor, path, secret)
    let header = frames.header
    guard header.content == .segment, header.ledger == ledger, header.epoch == entry.epoch,
      header.revision == entry.revision
    else { throw .unusable("\(path) is not the segment that its name says, or of another ledger") }
    while head.revision < last {
      switch try frames.next() {
      case .frame(.standing, _): continue
      case .frame(.revisions, let payload):
        var taken: [RevisionRecord] = []
        var end = head
        for record in try [RevisionRecord](encoded: payload, path) where record.number > head.revision {
          guard record.number <= last else { break }
          guard record.number == end.revision + 1, record.chain == .link(after: end.chain, record) else {
            throw .unusable("revision \(record.number) in \(path) does not follow revision \(end.revision)")
          }
          end.revision = record.number
          end.chain = record.chain
          taken.append(record)
        }
        if !taken.isEmpty { try take(taken) }
        head = end
      case .frame(.end, _), .over, .torn: return
      case .frame(.resources, _): throw .unusable("\(path) holds resources, as no segment does")
      }
    }
  }
}
