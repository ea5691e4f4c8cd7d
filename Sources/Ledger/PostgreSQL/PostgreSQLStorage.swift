package import FoundationEssentials
import Glibc
import Synchronization

/// A ledger in a PostgreSQL database, for the manager that leads.
///
/// Each write is one statement, so the server never waits in the middle of one for a writer that may have stopped. It
/// changes the one row of `standing` only where that is what this writer left there, under this writer's fencing number
/// and over its latest connection: an overtaken writer can change nothing, nor can what is still under way on a
/// connection that was given up.
package final class PostgreSQLStorage: Storage {
  /// How long a write may look for the server, when the lease allows it.
  static let patience = Duration.seconds(10)
  /// The most writes that are repeated after a crash of the server.
  static let redoLimit = 32

  package let name: String
  package let isNear = false
  private let access: PostgreSQLAccess
  private let lease: Lease?
  private let writer: Mutex<Writer>
  /// Apart, so that reads do not wait for writes.
  private let reader = Mutex<Reader>(Reader())

  private struct Writer {
    var database: PostgreSQL?
    var fence: UInt64 = 0
    /// Which of this storage's connections it is.
    var session: UInt64 = 0
    /// Where the ledger stands on the server's disk, at least.
    var durable: Standing?
    /// What came since then and was not waited for. A crash of the server may have lost it.
    var undurable: [Write] = []

    var standing: Standing? { undurable.last?.standing ?? durable }
  }

  private struct Reader {
    var database: PostgreSQL?
    var isClosed = false
  }

  /// A statement of which each parameter but the last two, fence and session, is known.
  private struct Write {
    let sql: String
    let parameters: [PostgreSQL.Parameter]
    let standing: Standing
    let waits: Bool
  }

  /// The database must have been prepared, and the lease was taken before: so what is loaded is the last that anybody
  /// else wrote. Without a lease it can only be read.
  package init(_ access: PostgreSQLAccess, lease: Lease?) {
    name = access.name
    self.access = access
    self.lease = lease
    writer = Mutex(Writer())
  }

  package func acknowledged() throws(LedgerError) -> Head? { nil }

  package func load(_ loading: any Loading) throws(LedgerError) {
    let seen = Witness(loading)
    try PostgreSQLReading(access: access).run(seen)
    writer.withLock { $0.durable = seen.standing.withLock { $0 } }
  }

  package func begin(_ standing: Standing) throws(LedgerError) {
    do {
      try writer.withLock { writer in
        guard let loaded = writer.durable, let fence = lease?.fence else { throw overtaken() }
        let database = try access.connect()
        let rows = try database.rows(
          """
          UPDATE daruma.standing SET (\(Standing.columns)) = ($1, $2, $3, $4, $5, $6, $7, $8, $9), session = session + 1
          WHERE fence = $10 AND seal = $11 RETURNING session
          """, standing.parameters + [.number(fence), .checksum(loaded.seal)])
        guard rows.count == 1 else { throw overtaken() }
        writer.fence = fence
        writer.session = rows.number(0, 0)
        writer.durable = standing
        writer.database = database
      }
    } catch { throw access.opening(error) }
  }

  private func overtaken() -> LedgerError {
    LedgerError(.fenced, "another manager has taken the lead over \(name)")
  }

  // MARK: - Writing

  package func append(_ records: [RevisionRecord], _ standing: Standing) throws(LedgerError) {
    try write(
      """
      added AS (
        INSERT INTO daruma.revision (number, "time", content, chain)
        SELECT r.* FROM fenced, unnest($10::int8[], $11::float8[], $12::bytea[], $13::bytea[]) r
      )
      SELECT pg_notify('daruma_revision', '') FROM fenced
      """,
      [
        .numbers(records.map(\.number)), .doubles(records.map(\.time)), .blobs(records.map(\.content)),
        .checksums(records.map(\.chain)),
      ], standing, waits: true)
  }

  package func fold(_ resources: [ResourceRecord], _ standing: Standing) throws(LedgerError) {
    let (kept, gone) = (resources.filter { $0.body != nil }, resources.filter { $0.body == nil })
    try write(
      """
      removed AS (
        DELETE FROM daruma.resource r USING fenced, unnest($10::text[], $11::uuid[]) AS gone (kind, id)
        WHERE r.kind = gone.kind AND r.id = gone.id
      ), put AS (
        INSERT INTO daruma.resource (kind, id, revision, body, proof)
        SELECT r.* FROM fenced, unnest($12::text[], $13::uuid[], $14::int8[], $15::bytea[], $16::bytea[]) r
        ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, body = excluded.body, proof = excluded.proof
      )
      SELECT set_config('synchronous_commit', $17, true) FROM fenced
      """,
      [
        .texts(gone.map(\.kind)), .uuids(gone.map(\.id)), .texts(kept.map(\.kind)), .uuids(kept.map(\.id)),
        .numbers(kept.map(\.revision)), .blobs(kept.map { $0.body ?? [] }), .checksums(kept.map(\.proof)),
      ], standing, waits: false)
  }

  package func trim(_ standing: Standing) throws(LedgerError) {
    try write(
      """
      removed AS (DELETE FROM daruma.revision USING fenced WHERE number <= $10)
      SELECT set_config('synchronous_commit', $11, true) FROM fenced
      """, [.number(standing.anchor.number)], standing, waits: false)
  }

  /// Nothing to do: what is appended next flushes it, too.
  package func settle() {}

  private func write(
    _ sql: String, _ parameters: [PostgreSQL.Parameter], _ standing: Standing, waits: Bool
  ) throws(LedgerError) {
    do {
      try writer.withLock { writer in
        guard let before = writer.standing else { throw LedgerError(.closed, "the ledger is closed") }
        // Every so often something is waited for, lest there be too much to repeat.
        let waits = waits || writer.undurable.count >= Self.redoLimit
        var parameters = standing.parameters + parameters
        if sql.contains("set_config") { parameters.append(.text(waits ? "on" : "off")) }
        let count = parameters.count
        let write = Write(
          sql: """
            WITH fenced AS (
              UPDATE daruma.standing SET (\(Standing.columns)) = ($1, $2, $3, $4, $5, $6, $7, $8, $9)
              WHERE seal = $\(count + 1) AND fence = $\(count + 2) AND session = $\(count + 3) RETURNING 1
            ), \(sql)
            """, parameters: parameters + [.checksum(before.seal)], standing: standing, waits: waits)
        guard lease?.isHeld == true else { throw LedgerError(.fenced, "the lease on \(name) is over") }
        try perform(write, &writer)
      }
    } catch let error as LedgerError where [.closed, .diskFull, .failed, .fenced].contains(error.code) {
      throw error
    } catch {
      throw LedgerError(.failed, "\(name) could not be written", underlying: error)
    }
  }

  private func perform(_ write: Write, _ writer: inout Writer) throws {
    do {
      try send(write, writer)
      written(write, &writer)
    } catch let failure as PostgreSQL.Failure {
      if failure.isFull {
        throw LedgerError(.diskFull, "there is no room for \(name); make some and try again", underlying: failure)
      }
      guard failure.isPassing else { throw failure }
      try recover(write, &writer, failure)
    }
  }

  private func send(_ write: Write, _ writer: Writer) throws {
    guard let database = writer.database else { throw PostgreSQL.Failure("", "there is no connection", isLost: true) }
    let parameters = write.parameters + [.number(writer.fence), .number(writer.session)]
    guard try database.rows(write.sql, parameters).count == 0 else { return }
    let rows = try database.rows("SELECT 1 FROM daruma.standing WHERE fence = $1", [.number(writer.fence)])
    throw rows.count == 1 ? LedgerError(.failed, "\(name) is not where this manager left it") : overtaken()
  }

  private func written(_ write: Write, _ writer: inout Writer) {
    if write.waits {
      writer.durable = write.standing
      writer.undurable = []
    } else {
      writer.undurable.append(write)
    }
  }

  /// Finds out over another connection how much of `last`, and of what was not waited for before it, the server has, and
  /// repeats what it lacks. What is still under way on the old connection can write nothing from then on.
  private func recover(_ last: Write, _ writer: inout Writer, _ reason: PostgreSQL.Failure) throws {
    let end = ContinuousClock.now + Self.patience
    var reason = reason
    while ContinuousClock.now < end, lease?.isHeld == true {
      do {
        writer.database?.close()
        writer.database = nil
        let database = try access.connect()
        guard let standing = try takeOn(database, &writer) else {
          if last.standing.head.revision != writer.standing?.head.revision, try holds(last, database) { return }
          throw overtaken()
        }
        writer.database = database
        let writes = writer.undurable + [last]
        guard let durable = writer.durable,
          let first = ([durable] + writes.map(\.standing)).firstIndex(of: standing)
        else { throw LedgerError(.failed, "\(name) is not where this manager left it") }
        // Taking on was waited for, and so is all before it.
        writer.durable = standing
        writer.undurable = []
        for write in writes[first...] {
          try send(write, writer)
          written(write, &writer)
        }
        return
      } catch let failure as PostgreSQL.Failure {
        reason = failure
        // No reason to give up: nothing tells yet whether it was written.
        guard failure.isPassing || failure.isFull else { throw failure }
        usleep(50_000)
      }
    }
    throw LedgerError(
      .failed, "\(name) does not say whether it has revision \(last.standing.head.revision)", underlying: reason)
  }

  /// Makes `database` the one connection that may write. Waits until nothing is under way on the one before. Returns where
  /// the ledger stands; `nil` when another manager leads.
  private func takeOn(_ database: PostgreSQL, _ writer: inout Writer) throws -> Standing? {
    let sql =
      "UPDATE daruma.standing SET session = session + 1 WHERE fence = $1 RETURNING \(Standing.columns), session"
    let rows: PostgreSQL.Rows
    do throws(PostgreSQL.Failure) {
      rows = try database.rows(sql, [.number(writer.fence)])
    } catch {
      if error.isLocked { try database.endWriters() }
      throw error
    }
    guard rows.count == 1 else { return nil }
    writer.session = rows.number(0, 9)
    guard let standing = Standing(rows) else { throw LedgerError.damaged("the head of \(name) is altered") }
    return standing
  }

  /// Whether the revisions of `write` were written before another manager took the lead.
  private func holds(_ write: Write, _ database: PostgreSQL) throws -> Bool {
    let head = write.standing.head
    let found = try RevisionRecord.all(
      database.rows(
        "SELECT \(RevisionRecord.columns) FROM daruma.revision WHERE number = $1", [.number(head.revision)]))
    if let record = found.first { return record.chain == head.chain }
    let standing = try Standing(database.rows("SELECT \(Standing.columns) FROM daruma.standing"))
    guard let standing, standing.anchor.number < head.revision else {
      throw LedgerError(.failed, "\(name) has forgotten whether it had revision \(head.revision)")
    }
    return false
  }

  // MARK: - Reading

  package func read(_ range: ClosedRange<UInt64>) throws(LedgerError) -> [RevisionRecord] {
    try read { database in
      try RevisionRecord.all(
        database.rows(
          "SELECT \(RevisionRecord.columns) FROM daruma.revision WHERE number BETWEEN $1 AND $2 ORDER BY number",
          [.number(range.lowerBound), .number(range.upperBound)]))
    }
  }

  package func read(_ numbers: [UInt64]) throws(LedgerError) -> [RevisionRecord] {
    guard !numbers.isEmpty else { return [] }
    return try read { database in
      try RevisionRecord.all(
        database.rows(
          "SELECT \(RevisionRecord.columns) FROM daruma.revision WHERE number = ANY ($1) ORDER BY number",
          [.numbers(numbers)]))
    }
  }

  package func read(kind: String, id: UUID) throws(LedgerError) -> ResourceRecord? {
    try read { database in
      try ResourceRecord.all(
        database.rows(
          "SELECT \(ResourceRecord.columns) FROM daruma.resource WHERE kind = $1 AND id = $2",
          [.text(kind), .uuid(id)])
      ).first
    }
  }

  private func read<Value: Sendable>(_ body: (PostgreSQL) throws -> Value) throws(LedgerError) -> Value {
    do {
      return try reader.withLock { reader in
        guard !reader.isClosed else { throw LedgerError(.closed, "the ledger is closed") }
        if let database = reader.database {
          do {
            return try body(database)
          } catch let failure as PostgreSQL.Failure where failure.isPassing {
            reader.database = nil
          }
        }
        let database = try access.connect()
        let value = try body(database)
        reader.database = database
        return value
      }
    } catch { throw access.opening(error) }
  }

  package func copy(_ loading: any Loading) throws(LedgerError) { try PostgreSQLReading(access: access).run(loading) }

  /// Gives the lease back too, so that the next leader need not wait for its end.
  package func close() throws(LedgerError) {
    defer { lease?.release() }
    reader.withLock { reader in
      reader.database?.close()
      reader = Reader(isClosed: true)
    }
    do {
      try writer.withLock { writer in
        defer {
          writer.database?.close()
          writer = Writer()
        }
        // Whatever is waited for brings all before it to the disk.
        guard !writer.undurable.isEmpty, let database = writer.database else { return }
        _ = try database.rows(
          "UPDATE daruma.standing SET session = session + 1 WHERE fence = $1 AND session = $2",
          [.number(writer.fence), .number(writer.session)])
      }
    } catch { throw access.opening(error) }
  }
}

/// Passes on what is loaded, and remembers where the ledger stood.
private final class Witness: Loading {
  let standing = Mutex<Standing?>(nil)
  private let loading: any Loading

  init(_ loading: any Loading) { self.loading = loading }

  func begin(_ standing: Standing) throws(LedgerError) {
    self.standing.withLock { $0 = standing }
    try loading.begin(standing)
  }

  func take(_ resources: [ResourceRecord]) throws(LedgerError) { try loading.take(resources) }
  func take(_ revisions: [RevisionRecord]) throws(LedgerError) { try loading.take(revisions) }
}
