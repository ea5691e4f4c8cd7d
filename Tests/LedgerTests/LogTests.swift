import FoundationEssentials
import Glibc
import Testing

@testable import Ledger

/// SQLite's log under a writer that never pauses.
@Suite struct LogTests {
  private static let page = 4096
  /// Pages of the log at which it is to be emptied.
  private static let limit = 4000

  private let folder = Folder()
  private var standing: Standing

  init() throws { standing = .first(of: UUID()) }

  @Test mutating func `the log begins anew while revisions are written without a pause`() throws {
    let storage = try begun()
    try write(pages: 6 * Self.limit, to: storage)
    try storage.settle()
    #expect(length > Self.limit && length < 3 * Self.limit)
    try storage.close()
    try expectAll()
  }

  @Test mutating func `a reader keeps the log from beginning anew only while it reads`() throws {
    let storage = try begun()
    try write(pages: 10, to: storage)
    let reader = try Schema.reader(folder.ledger)
    try reader.execute("BEGIN; SELECT count(*) FROM revision")
    try write(pages: 3 * Self.limit, to: storage)
    try storage.settle()
    let held = length
    #expect(held > 2 * Self.limit)
    try reader.execute("END")
    try reader.close()
    try write(pages: 8 * Self.limit, to: storage)
    try storage.settle()
    #expect(length < held + 3 * Self.limit)
    try storage.close()
    try expectAll()
  }

  private mutating func begun() throws -> SQLiteStorage {
    let storage = try SQLiteStorage(path: folder.ledger, create: true, restore: false, uuid: { UUID() })
    let found = Found()
    try storage.load(found)
    standing = try #require(found.standing)
    try storage.begin(standing)
    return storage
  }

  /// Revisions that take about so many pages of the log.
  private mutating func write(pages: Int, to storage: any Storage) throws {
    for _ in 0..<pages / 10 {
      standing.head.revision += 1
      var record = RevisionRecord(
        number: standing.head.revision, time: 0, content: Array(repeating: 7, count: 8 * Self.page), chain: .zero)
      record.chain = .link(after: standing.head.chain, record)
      standing.head.chain = record.chain
      try storage.append([record], standing)
      // What is appended faster than it is settled is one transaction, and makes a log as long as it is.
      if standing.head.revision % 100 == 0 { try storage.settle() }
    }
  }

  /// Of the log's file, in pages.
  private var length: Int {
    var status = stat()
    return stat(folder.ledger + "-wal", &status) == 0 ? Int(status.st_size) / Self.page : 0
  }

  private func expectAll() throws {
    let storage = try folder.storage(create: false)
    let found = Found()
    try storage.load(found)
    #expect(found.standing == standing)
    #expect(found.revisions.count == Int(standing.head.revision))
    try storage.begin(standing)
    try storage.close()
  }
}
