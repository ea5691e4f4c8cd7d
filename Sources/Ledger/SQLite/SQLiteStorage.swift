internal import FoundationEssentials
import Glibc
import Synchronization

/// A ledger in one SQLite database, with its head in a file beside it.
final class SQLiteStorage: Storage {
  let name: String
  let isNear = true
  private let file: HeadFile
  private let isRestored: Bool
  private let writer = Mutex<Writer>(Writer())
  /// Apart, so that reads do not wait for writes.
  private let reader = Mutex<Reader>(Reader())

  private struct Reader {
    var database: SQLite?
    var isClosed = false
  }

  private struct Writer {
    var database: SQLite?
    var log: LogEmptying?
    /// What the database holds, as far as is known.
    var standing: Standing?
  }

  /// Takes the lock, and begins a new ledger where there is none and `create` asks for it.
  init(path: String, create: Bool, restore: Bool, uuid: () -> UUID) throws(LedgerError) {
    try LedgerReplacement.finish(at: path)
    var status = stat()
    let isPresent = stat(path, &status) == 0
    let hasRemains = HeadFile.path(of: path).withCString { access($0, F_OK) == 0 }
    guard isPresent || create || hasRemains else { throw LedgerError(.absent, "there is no ledger at \(path)") }
    name = path
    isRestored = restore
    file = try HeadFile(of: path)
    guard !isPresent || status.st_size == 0 else { return }
    let what = isPresent ? "empty" : "missing"
    if !restore, let known = try file.read() {
      throw .damaged("\(path) is \(what), but revision \(known.revision) was acknowledged")
    }
    if access(path + "-wal", F_OK) == 0 { throw .damaged("\(path) is \(what), but there is a log of it") }
    guard create else { throw .damaged("\(path) is \(what)") }
    try Schema.create(at: path, ledger: uuid())
  }

  func acknowledged() throws(LedgerError) -> Head? { isRestored ? nil : try file.read() }

  func load(_ loading: any Loading) throws(LedgerError) {
    try SQLiteReading(path: name).run(loading)
    if isRestored { return }
    if try file.read() != nil { return }
    guard try isBlank() else {
      throw .damaged("\(file.path) is missing or empty, so nothing says which revision of \(name) was the last")
    }
  }

  private func isBlank() throws(LedgerError) -> Bool {
    do {
      let database = try Schema.reader(name)
      defer { try? database.close() }
      return try Schema.standing(database)?.standing.head.revision == 0
    } catch { throw .opening(name, error) }
  }

  func begin(_ standing: Standing) throws(LedgerError) {
    do {
      try writer.withLock { writer in
        let database = try Schema.writer(name)
        try database.transaction { try Schema.write(standing, to: database) }
        // The log was read from memory, where it is found even if the disk once failed to take it. Written anew into the
        // database, it is on the disk or this fails.
        let checkpoint = try database.statement("PRAGMA wal_checkpoint(TRUNCATE)")
        guard try checkpoint.step(), checkpoint.number(0) == 0 else {
          throw LedgerError(.locked, "\(name) is being read, perhaps by a backup; try again when that is over")
        }
        checkpoint.reset()
        database.watchLog()
        writer = Writer(database: database, log: try LogEmptying(path: name), standing: standing)
      }
      try file.write(standing.head)
      try file.flush()
    } catch { throw .opening(name, error) }
  }

  func append(_ records: [RevisionRecord], _ standing: Standing) throws(LedgerError) {
    try write(standing) { database in
      let statement = try database.statement("INSERT INTO revision (number, time, content, chain) VALUES (?, ?, ?, ?)")
      for record in records {
        statement.bind(1, record.number)
        statement.bind(2, record.time)
        statement.bind(3, record.content)
        statement.bind(4, record.chain)
        try statement.run()
      }
    }
    // The head file may lag behind, but is never ahead.
    try? file.write(standing.head)
  }

  func fold(_ resources: [ResourceRecord], _ standing: Standing) throws(LedgerError) {
    try write(standing, waits: false) { database in
      let put = try database.statement(
        "INSERT OR REPLACE INTO resource (kind, id, revision, body, proof) VALUES (?, ?, ?, ?, ?)")
      let remove = try database.statement("DELETE FROM resource WHERE kind = ? AND id = ?")
      for resource in resources {
        let statement = resource.body == nil ? remove : put
        statement.bind(1, resource.kind)
        statement.bind(2, resource.id)
        if let body = resource.body {
          statement.bind(3, resource.revision)
          statement.bind(4, body)
          statement.bind(5, resource.proof)
        }
        try statement.run()
      }
    }
  }

  func trim(_ standing: Standing) throws(LedgerError) {
    try write(standing, waits: false) { database in
      let statement = try database.statement("DELETE FROM revision WHERE number <= ?")
      statement.bind(1, standing.anchor.number)
      try statement.run()
    }
  }

  /// One SQL transaction. Without `waits` the disk is not waited for; the next transaction that waits flushes this one too.
  private func write(
    _ standing: Standing, waits: Bool = true, _ body: @Sendable (SQLite) throws -> Void
  ) throws(LedgerError) {
    do {
      try writer.withLock { writer in
        guard let database = writer.database else { throw LedgerError(.closed, "the ledger is closed") }
        do {
          try writer.log?.check()
          if !waits { try database.execute("PRAGMA synchronous = NORMAL") }
          defer { if !waits { try? database.execute("PRAGMA synchronous = FULL") } }
          try database.transaction {
            try body(database)
            try Schema.write(standing, to: database)
          }
          writer.standing = standing
          writer.log?.committed(database)
        } catch let failure as SQLite.Failure where failure.isFull && Self.holds(writer.standing, database) {
          throw LedgerError(
            .diskFull, "there is no room for \(name); make some and try again", underlying: failure)
        }
      }
    } catch let error as LedgerError {
      throw error
    } catch {
      throw LedgerError(.failed, "\(name) could not be written", underlying: error)
    }
  }

  /// Whether nothing is left of what could not be written.
  private static func holds(_ standing: Standing?, _ database: SQLite) -> Bool {
    guard !database.isInTransaction, let standing, let found = try? Schema.standing(database) else { return false }
    guard found.standing == standing, found.seal == standing.seal,
      let statement = try? database.statement("SELECT max(number) FROM revision"), (try? statement.step()) == true
    else { return false }
    defer { statement.reset() }
    let last = statement.number(0)
    return last == standing.head.revision || last == 0 && standing.anchor.number == standing.head.revision
  }

  func read(_ range: ClosedRange<UInt64>) throws(LedgerError) -> [RevisionRecord] {
    try read { database in
      let statement = try database.statement(
        "SELECT \(RevisionRecord.columns) FROM revision WHERE number BETWEEN ? AND ? ORDER BY number")
      statement.bind(1, range.lowerBound)
      statement.bind(2, range.upperBound)
      defer { statement.reset() }
      var records: [RevisionRecord] = []
      while try statement.step() {
        guard let record = RevisionRecord(statement) else { throw LedgerError.damaged("a revision is malformed") }
        records.append(record)
      }
      return records
    }
  }

  func read(_ numbers: [UInt64]) throws(LedgerError) -> [RevisionRecord] {
    try read { database in
      let statement = try database.statement("SELECT \(RevisionRecord.columns) FROM revision WHERE number = ?")
      defer { statement.reset() }
      var records: [RevisionRecord] = []
      for number in numbers {
        statement.bind(1, number)
        while try statement.step() {
          guard let record = RevisionRecord(statement) else { throw LedgerError.damaged("a revision is malformed") }
          records.append(record)
        }
      }
      return records
    }
  }

  func read(kind: String, id: UUID) throws(LedgerError) -> ResourceRecord? {
    try read { database in
      let statement = try database.statement(
        "SELECT \(ResourceRecord.columns) FROM resource WHERE kind = ? AND id = ?")
      statement.bind(1, kind)
      statement.bind(2, id)
      guard try statement.step() else { return nil }
      defer { statement.reset() }
      return ResourceRecord(statement)
    }
  }

  private func read<Value: Sendable>(_ body: @Sendable (SQLite) throws -> Value) throws(LedgerError) -> Value {
    do {
      return try reader.withLock { reader in
        guard !reader.isClosed else { throw LedgerError(.closed, "the ledger is closed") }
        let database = try reader.database ?? Schema.reader(name)
        reader.database = database
        return try body(database)
      }
    } catch { throw .opening(name, error) }
  }

  func copy(_ loading: any Loading) throws(LedgerError) { try SQLiteReading(path: name).copy(loading, isOurs: true) }

  func close() throws(LedgerError) {
    reader.withLock { reader in
      try? reader.database?.close()
      reader = Reader(isClosed: true)
    }
    do {
      try writer.withLock { writer in
        defer { writer = Writer() }
        writer.log?.close()
        try writer.database?.close()
      }
      try file.flush()
    } catch { throw .opening(name, error) }
    file.release()
  }

  /// Lets the database run into its limit, as on a full disk.
  func limitPages(to count: Int) throws {
    try writer.withLock { try $0.database?.execute("PRAGMA max_page_count = \(count)") }
  }
}

extension RevisionRecord {
  static let columns = "number, time, content, chain"

  /// The statement's row, of `columns`; `nil` when it cannot be one.
  init?(_ statement: SQLite.Statement) {
    guard statement.isBlob(2), let chain = statement.checksum(3) else { return nil }
    self.init(number: statement.number(0), time: statement.double(1), content: statement.bytes(2), chain: chain)
  }
}

extension ResourceRecord {
  static let columns = "kind, id, revision, body, proof"

  /// The statement's row, of `columns`; `nil` when it cannot be one.
  init?(_ statement: SQLite.Statement) {
    guard let id = statement.uuid(1), statement.isBlob(3), let proof = statement.checksum(4) else { return nil }
    self.init(
      kind: statement.text(0), id: id, revision: statement.number(2), body: statement.bytes(3), proof: proof)
  }
}
