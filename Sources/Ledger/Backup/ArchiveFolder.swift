internal import FoundationEssentials
import Glibc

/// The folder of an archive: bases, which are backups, and segments with the revisions that came since. Their names sort by
/// epoch and revision. `archive.json` marks it, so that a folder whose disk is not mounted is not taken for an archive.
struct ArchiveFolder: Sendable {
  let path: String

  struct Entry: Sendable, Comparable {
    var name: String
    var epoch: UInt64
    var revision: UInt64

    static func < (left: Entry, right: Entry) -> Bool {
      (left.epoch, left.revision, left.name) < (right.epoch, right.revision, right.name)
    }
  }

  struct Content: Sendable {
    /// Ascending.
    var bases: [Entry] = []
    var segments: [Entry] = []
  }

  private static let baseSuffix = ".base"
  private static let segmentSuffix = ".segment"
  static let partSuffix = ".part"

  var mark: String { path + "/archive.json" }
  func path(of entry: Entry) -> String { path + "/" + entry.name }

  func baseName(_ head: Head) -> String { Self.stem(head.epoch, head.revision) + Self.baseSuffix }

  /// `serial`: Several may begin after the same revision.
  func segmentName(_ head: Head, serial: Int) -> String {
    Self.stem(head.epoch, head.revision) + "-\(serial)" + Self.segmentSuffix
  }

  private static func stem(_ epoch: UInt64, _ revision: UInt64) -> String {
    "\(padded(epoch, 8))-\(padded(revision, 16))"
  }

  private static func padded(_ number: UInt64, _ count: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  func content() throws(LedgerError) -> Content {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch { throw LedgerError(.absent, "\(path) cannot be read", underlying: error) }
    var content = Content()
    for name in names {
      let parts = name.split(separator: ".", maxSplits: 1)[...].first?.split(separator: "-") ?? []
      guard parts.count >= 2, let epoch = UInt64(parts[0]), let revision = UInt64(parts[1]) else { continue }
      let entry = Entry(name: name, epoch: epoch, revision: revision)
      if name.hasSuffix(Self.baseSuffix) { content.bases.append(entry) }
      if name.hasSuffix(Self.segmentSuffix) { content.segments.append(entry) }
    }
    content.bases.sort()
    content.segments.sort()
    return content
  }

  /// What bases that were not finished have left.
  func removeParts() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names where name.hasPrefix("base") && name.hasSuffix(Self.partSuffix) { unlink("\(path)/\(name)") }
  }

  struct Mark: Codable {
    /// `nil` until the first manager writes into it.
    var ledger: UUID?
  }

  /// `nil` when the folder is not marked.
  func readMark() throws(LedgerError) -> Mark? {
    guard let data = FileManager.default.contents(atPath: mark) else { return nil }
    do {
      return try JSONDecoder().decode(Mark.self, from: data)
    } catch { throw .unusable("\(mark) is damaged", underlying: error) }
  }

  func writeMark(_ value: Mark) throws(LedgerError) {
    do {
      let data = try JSONEncoder().encode(value)
      let part = mark + Self.partSuffix
      try data.write(to: URL(filePath: part))
      chmod(part, 0o600)
      guard rename(part, mark) == 0 else { throw LedgerError.writing(mark) }
    } catch let error as LedgerError {
      throw error
    } catch { throw LedgerError(.failed, "\(mark) cannot be written", underlying: error) }
    try flushFolder(of: mark)
  }
}
