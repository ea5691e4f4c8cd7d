import CloudModel
import FoundationEssentials
import Glibc
import Testing

@testable import Ledger

@Suite struct DamageTests {
  let folder = Folder()

  /// A closed ledger of ten revisions; the resource of revision 3 is the first offering's second version.
  private func prepare() async throws {
    let ledger = try folder.open(create: true)
    let first = offering("first")
    try await ledger.put(first)
    try await ledger.put(domain("ROOT"))
    try await ledger.put(offering("first", cpus: 2, id: first.id))
    for number in 4...10 { try await ledger.put(offering("o\(number)")) }
    await ledger.close()
  }

  /// Opening fails with `damaged`, says `text`, and leaves every file as it is.
  private func expectRefusal(_ text: String, code: LedgerError.Code = .damaged) throws {
    let before = try folder.content()
    let error = #expect(throws: LedgerError.self) { try folder.open(create: true) }
    #expect(error?.code == code)
    #expect(error?.message.contains(text) == true, "\(String(describing: error))")
    #expect(try folder.content() == before)
  }

  private func alter(_ sql: String) throws {
    // An empty file is an empty database.
    if access(folder.ledger, F_OK) != 0 { try Data().write(to: URL(filePath: folder.ledger)) }
    let database = try SQLite(folder.ledger)
    try database.execute(sql)
    try database.close()
  }

  @Test(arguments: [
    ("DELETE FROM resource WHERE kind = 'domain'", "missing or altered"),
    ("UPDATE resource SET body = CAST(replace(CAST(body AS TEXT), 'o7', 'o8') AS BLOB)", "is altered"),
    ("UPDATE resource SET revision = 1 WHERE kind = 'domain'", "is altered"),
    ("UPDATE resource SET proof = zeroblob(32) WHERE kind = 'domain'", "is altered"),
    (
      "UPDATE resource SET (body, proof) = (SELECT body, proof FROM resource ORDER BY revision LIMIT 1)", "is altered"
    ),
    ("UPDATE resource SET body = x'00' WHERE kind = 'domain'", "is altered"),
    ("UPDATE resource SET kind = 'nothing' WHERE kind = 'domain'", "no kind called nothing"),
    ("DELETE FROM resource", "missing or altered"),
    ("DELETE FROM revision WHERE number = 5", "revision 5 is missing"),
    ("DELETE FROM revision WHERE number = 1", "revision 1 is missing"),
    ("DELETE FROM revision WHERE number = 10", "revision 10 is missing"),
    ("DELETE FROM revision", "revision 1 is missing"),
    ("UPDATE revision SET time = time + 1 WHERE number = 4", "revision 4"),
    ("UPDATE revision SET content = x'7b7d' WHERE number = 4", "revision 4"),
    ("UPDATE revision SET chain = zeroblob(32) WHERE number = 10", "revision 10"),
    ("UPDATE revision SET number = 11 WHERE number = 10", "revision 10 is missing"),
    ("UPDATE meta SET checkpoint = 9", "head of"),
    ("UPDATE meta SET digest = zeroblob(32)", "head of"),
    ("UPDATE meta SET anchor = 3", "head of"),
    ("UPDATE meta SET head = 9", "head of"),
    ("UPDATE meta SET epoch = 7", "head of"),
    ("UPDATE meta SET ledger = zeroblob(16)", "is ledger"),
    ("DELETE FROM meta", "does not say which ledger"),
    ("DROP TABLE revision", "tables"),
    ("PRAGMA application_id = 5", "not a ledger"),
  ])
  func `an altered database is refused`(sql: String, text: String) async throws {
    try await prepare()
    try alter(sql)
    try expectRefusal(text)
  }

  @Test(arguments: 0..<6)
  func `an altered database that a crash left unfolded and trimmed is refused`(damage: Int) async throws {
    let ledger = try folder.open(create: true, retention: Retention(age: .seconds(1000), count: 8, window: 40))
    try await ledger.put(domain("ROOT"))
    var count: UInt64 = 1
    while ledger.standing.anchor.number == 0, count < 200 {
      count += 1
      try await ledger.put(offering("o\(count)"))
    }
    // A twentieth of the window is left unfolded while nothing else is done.
    try await until { ledger.standing.checkpoint + 2 >= count }
    while ledger.standing.checkpoint + 2 > count {
      count += 1
      try await ledger.put(offering("o\(count)"))
    }
    // Trimming follows folding: what is read has to lie between two looks that saw the same.
    var (standing, content) = (ledger.standing, [String: Data]())
    repeat {
      try ledger.storage.settle()
      (standing, content) = (ledger.standing, try folder.content())
    } while ledger.standing != standing
    #expect(standing.anchor.number > 0 && standing.checkpoint + 2 == count)
    await ledger.close()
    try folder.write(content)
    try alter(
      [
        "DELETE FROM revision WHERE number = \(standing.checkpoint + 1)",
        "DELETE FROM revision WHERE number = \(count)",
        "UPDATE revision SET content = x'00' WHERE number = \(count)",
        "UPDATE meta SET checkpoint = \(count)",
        "DELETE FROM resource WHERE kind = 'domain'",
        "DELETE FROM revision WHERE number = \(standing.anchor.number + 1)",
      ][damage])
    try expectRefusal("")
    try folder.write(content)
    let again = try folder.open()
    #expect(again.snapshot.state.serviceOfferings.count == Int(count) - 1)
    #expect(try again.history(from: again.oldest, to: count).last?.number == count)
    await again.close()
  }

  @Test func `a head file of which one place was cut short is read at the other`() async throws {
    try await prepare()
    let whole = try folder.content()
    let head = try #require(whole["ledger-head"])
    for place in [0, 512] where place < head.count {
      var torn = head
      torn.replaceSubrange(place + 20..<place + 60, with: Data(count: 40))
      try folder.write(["ledger-head": torn])
      let ledger = try folder.open()
      #expect(ledger.snapshot.revision == 10)
      await ledger.close()
    }
    try folder.write(["ledger-head": Data(head.map { $0 ^ 1 })])
    try expectRefusal("is altered or truncated")
  }

  @Test func `a later format is refused`() async throws {
    try await prepare()
    try alter("PRAGMA user_version = 9")
    try expectRefusal("format 9", code: .tooNew)
  }

  @Test func `an empty, missing, foreign, garbled or public file is refused`() async throws {
    try await prepare()
    let whole = try folder.content()
    try folder.write(["ledger": Data()])
    try expectRefusal("empty, but revision 10")
    try FileManager.default.removeItem(atPath: folder.ledger)
    try expectRefusal("missing, but revision 10")
    try alter("CREATE TABLE t (a)")
    #expect(chmod(folder.ledger, 0o600) == 0)
    try expectRefusal("some other SQLite database")
    try folder.write(["ledger": Data(repeating: 0x5a, count: 50_000)])
    try expectRefusal("not a ledger")
    try folder.write(whole)
    #expect(chmod(folder.ledger, 0o644) == 0)
    try expectRefusal("chmod 600")
    try folder.write(whole)
    #expect(try folder.open().snapshot.revision == 10)
  }

  @Test func `nothing is created unasked, and an empty file is no ledger`() throws {
    #expect(#expect(throws: LedgerError.self) { try folder.open() }?.code == .absent)
    try folder.write(["ledger": Data()])
    #expect(#expect(throws: LedgerError.self) { try folder.open() }?.code == .damaged)
    #expect(try folder.open(create: true).snapshot.revision == 0)
  }

  @Test func `a truncated database is refused at any length`() async throws {
    try await prepare()
    let whole = try folder.content()
    let database = try #require(whole["ledger"])
    for _ in 0..<40 {
      let length = Int.random(in: 1..<database.count)
      try folder.write(["ledger": database.prefix(length)])
      try expectRefusal("")
    }
  }

  @Test func `an open ledger cannot be opened again`() async throws {
    let ledger = try folder.open(create: true)
    #expect(#expect(throws: LedgerError.self) { try folder.open() }?.code == .locked)
    await ledger.close()
  }

  @Test func `an old copy and a lost log are found out, and believed after a restore`() async throws {
    try await prepare()
    let old = try folder.content()
    var ledger = try folder.open()
    try await ledger.put(offering("new"))
    let running = try folder.content()
    await ledger.close()
    try folder.write(["ledger": try #require(old["ledger"])])
    try expectRefusal("ends at revision 10, but 11")
    try folder.write(["ledger": try #require(running["ledger"])])
    try expectRefusal("ends at revision 10, but 11")
    ledger = try folder.open(restore: true)
    #expect(ledger.snapshot.epoch == 2)
    #expect(ledger.snapshot.revision == 10)
    try await ledger.put(offering("other"))
    await ledger.close()
    #expect(try folder.open().snapshot.epoch == 2)
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)))
  func `copies taken under load hold what was acknowledged or are refused`() async throws {
    let ledger = try folder.open(create: true)
    let load = Task {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            var number = 0
            while !Task.isCancelled {
              number += 1
              try await ledger.put(offering("o\(number % 50)"))
            }
          }
        }
        try await group.waitForAll()
      }
    }
    var opened = 0
    for _ in 0..<20 {
      let target = ledger.snapshot.revision + UInt64.random(in: 5...100)
      for try await step in ledger.revisions(after: ledger.snapshot.revision) where step.revision.number >= target {
        break
      }
      let copy = Folder()
      let acknowledged = ledger.snapshot.revision
      // The head file first, as a crash would have it: it is never ahead of the log.
      for name in ["ledger-head", "ledger", "ledger-wal", "ledger-appended"] {
        try copy.write([name: try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)"))])
      }
      do {
        let again = try copy.open()
        #expect(again.snapshot.revision >= acknowledged)
        opened += 1
        await again.close()
      } catch {
        #expect(error.code == .damaged)
      }
    }
    load.cancel()
    try await load.value
    await ledger.close()
    #expect(opened > 0)
  }
}
