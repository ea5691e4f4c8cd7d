import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

/// What is not the ledger that was written is refused, and left as it is.
@Suite(.serialized) struct PostgreSQLSchemaTests {
  /// Everything in a database, as text.
  private func content(_ place: PostgreSQLPlace) throws -> [String] {
    let tables = try place.texts(
      """
      SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND c.relname <> 'lease' ORDER BY 1
      """)
    return try tables
      + tables.flatMap { try place.texts("SELECT t::text FROM \($0) t WHERE '\($0)' <> 'daruma.standing' ORDER BY 1") }
  }

  private func expectRefusal(
    _ place: PostgreSQLPlace, _ code: LedgerError.Code, _ text: String, create: Bool = true
  ) throws {
    let before = try content(place)
    let error = #expect(throws: LedgerError.self) { try place.open(create: create) }
    #expect(error?.code == code, "\(String(describing: error))")
    #expect(error?.message.contains(text) == true, "\(String(describing: error))")
    #expect(try content(place) == before)
  }

  @Test(arguments: [
    ("DELETE FROM daruma.resource WHERE kind = 'domain'", "missing or altered"),
    ("UPDATE daruma.resource SET body = '\\x00' WHERE kind = 'domain'", "is altered"),
    ("UPDATE daruma.resource SET kind = 'nothing' WHERE kind = 'domain'", "no kind called nothing"),
    ("UPDATE daruma.resource SET revision = revision + 1 WHERE kind = 'domain'", "is altered"),
    ("DELETE FROM daruma.resource", "missing or altered"),
    ("DELETE FROM daruma.revision WHERE number = 5", "revision 5 is missing"),
    ("DELETE FROM daruma.revision WHERE number = 1", "revision 1 is missing"),
    ("DELETE FROM daruma.revision WHERE number = 10", "revision 10 is missing"),
    ("DELETE FROM daruma.revision", "revision 1 is missing"),
    ("UPDATE daruma.revision SET \"time\" = \"time\" + 1 WHERE number = 4", "revision 4"),
    ("UPDATE daruma.revision SET content = '\\x00' WHERE number = 4", "revision 4"),
    ("UPDATE daruma.revision SET chain = decode(repeat('00', 32), 'hex') WHERE number = 10", "revision 10"),
    (
      "INSERT INTO daruma.revision SELECT 11, \"time\", content, chain FROM daruma.revision WHERE number = 10",
      "revision 11"
    ),
    ("UPDATE daruma.standing SET head = 9", "head of"),
    ("UPDATE daruma.standing SET epoch = 7", "head of"),
    ("UPDATE daruma.standing SET ledger = gen_random_uuid()", "head of"),
    ("DELETE FROM daruma.standing", "does not say which ledger"),
    ("DROP TABLE daruma.revision", "tables"),
    ("ALTER TABLE daruma.revision ADD COLUMN more int", "tables"),
    ("CREATE TABLE daruma.more (a int)", "tables"),
  ])
  func `an altered database is refused`(sql: String, text: String) async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(create: true)
    let first = offering("first")
    try await ledger.put(first)
    try await ledger.put(domain("ROOT"))
    try await ledger.put(offering("first", cpus: 2, id: first.id))
    for number in 4...10 { try await ledger.put(offering("o\(number)")) }
    await ledger.close()
    #expect(try place.open().snapshot.revision == 10)
    try place.execute(sql)
    if sql.hasPrefix("DELETE FROM daruma.standing") {
      // There is no lease to take either.
      #expect(throws: LedgerError.self) { try place.open() }
      return
    }
    try expectRefusal(place, .damaged, text)
  }

  @Test func `nothing is created unasked, and migrations run once each`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    try expectRefusal(place, .absent, "no ledger", create: false)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<6 { group.addTask { try place.access.prepare(create: true) } }
      try await group.waitForAll()
    }
    #expect(try place.texts("SELECT name FROM daruma.migration ORDER BY number") == ["ledger", "lease"])
    let identity = try place.texts("SELECT ledger::text FROM daruma.standing")
    try place.access.prepare(create: true)
    #expect(try place.texts("SELECT ledger::text FROM daruma.standing") == identity)
  }

  @Test func `a database of an earlier version is brought forward, all at once or not at all`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.access.prepare([Migration.all[0]], create: true) { UUID() }
    let identity = try place.texts("SELECT ledger::text FROM daruma.standing")
    let broken = Migration(name: "lease", sql: Migration.all[1].sql + "; SELECT 1 / 0")
    #expect(throws: LedgerError.self) {
      try place.access.prepare([Migration.all[0], broken], create: false) { UUID() }
    }
    #expect(try place.texts("SELECT name FROM daruma.migration") == ["ledger"])
    #expect(
      try place.texts("SELECT to_regclass('daruma.lease')::text WHERE to_regclass('daruma.lease') IS NOT NULL") == [])
    let ledger = try place.open()
    try await ledger.put(offering("a"))
    await ledger.close()
    #expect(try place.texts("SELECT name FROM daruma.migration ORDER BY number") == ["ledger", "lease"])
    #expect(try place.texts("SELECT ledger::text FROM daruma.standing") == identity)
  }

  @Test func `whoever leads while the database is brought forward is fenced`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(create: true)
    try await ledger.put(offering("a"))
    let more = Migration.all + [Migration(name: "more", sql: "CREATE TABLE daruma.more ()")]
    try place.access.prepare(more, create: false) { UUID() }
    let error = await #expect(throws: LedgerError.self) { try await ledger.put(offering("b")) }
    #expect(error?.code == .fenced)
    await ledger.close()
    try expectRefusal(place, .tooNew, "the migration more")
  }

  @Test(arguments: [
    "CREATE TABLE customers (id int); INSERT INTO customers VALUES (1)", "CREATE SCHEMA daruma",
    "CREATE SCHEMA other; CREATE VIEW other.v AS SELECT 1", "CREATE SEQUENCE s",
    "CREATE SCHEMA daruma; CREATE TABLE daruma.standing (one int)",
  ])
  func `a database of somebody else is refused untouched`(sql: String) throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.execute(sql)
    try expectRefusal(place, .damaged, "of somebody else")
    #expect(throws: LedgerError.self) { try Follower.open(place.access, logger: quiet) }
  }

  @Test func `a ledger of somebody else's making is refused`() throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.execute("CREATE SCHEMA daruma; CREATE TABLE daruma.migration (number int, name text)")
    try place.execute("INSERT INTO daruma.migration VALUES (0, 'initial')")
    try expectRefusal(place, .tooNew, "the migration initial")
  }

  @Test func `a password does not belong into the connection string`() {
    for conninfo in [
      "host=/tmp password=s3cret", "postgresql://me:s3cret@host/database", "postgresql://me:s3cret@[", "s3cret",
      "host=x 's3cret",
    ] {
      let error = #expect(throws: LedgerError.self) { try PostgreSQLAccess(conninfo) }
      #expect(error?.code == .invalid)
      #expect(error.map { "\($0)".contains("s3cret") } == false)
    }
  }

  @Test func `a server that does not wait for its disk is refused, a lazy default is not believed`() async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    let connection = try place.access.connect()
    #expect(try connection.rows("SHOW synchronous_commit").text(0, 0) == "on")
    connection.close()
    for setting in ["fsync", "full_page_writes"] {
      try server.restart("\(setting)=off")
      try expectRefusal(place, .invalid, "\(setting) = off")
      let access = try PostgreSQLAccess(server.conninfo(place.name), allowsUnsafe: true)
      #expect(#expect(throws: LedgerError.self) { try access.prepare() }?.code == .absent)
    }
  }

  @Test func `what cannot be reached is not taken for damaged`() throws {
    let server = try PostgreSQLServer.shared.get()
    for conninfo in [
      server.conninfo("nothing"), "host=/nowhere dbname=x", "host=127.0.0.1 port=1 dbname=x",
      "host=\(server.folder) user=nobody dbname=postgres",
    ] {
      let access = try PostgreSQLAccess(conninfo)
      #expect(#expect(throws: LedgerError.self) { try access.prepare(create: true) }?.code == .unreachable)
    }
    let place = try server.database()
    try place.execute("ALTER DATABASE \(place.name) SET default_transaction_read_only = on")
    #expect(#expect(throws: LedgerError.self) { try place.open(create: true) }?.code == .unreachable)
  }
}
