internal import Dispatch
internal import FoundationEssentials
import Glibc
import Synchronization

/// Reads all of a database on all cores, without changing a byte of it.
struct SQLiteReading {
  let path: String

  /// `appended`, whose writer has ended, has what came after. Returns what of that the database does not have.
  @discardableResult
  func run(_ loading: any Loading, _ appended: AppendLogReading? = nil) throws(LedgerError) -> [RevisionRecord] {
    try checkFile()
    let present = ["-wal", "-shm"].filter { access(path + $0, F_OK) == 0 }
    defer {
      for suffix in ["-shm", "-wal"] where !present.contains(suffix) { removeIfUnused(suffix) }
    }
    do {
      let database = try Schema.reader(path)
      defer { try? database.close() }
      try checkSchema(database)
      guard let (standing, seal) = try Schema.standing(database) else {
        throw LedgerError.damaged("\(path) does not say which ledger it is")
      }
      let tail = try appended?.tail(after: standing.head, isStill: true) ?? []
      try loading.begin(standing.advanced(by: tail))
      try read(try pieces(database, standing), loading)
      guard standing.seal == seal else { throw LedgerError.damaged("the head of \(path) is altered") }
      if !tail.isEmpty { try loading.take(tail) }
      return tail
    } catch { throw .opening(path, error) }
  }

  func checkFile() throws(LedgerError) {
    let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw .damaged("\(path) cannot be opened: \(systemError())") }
    defer { Glibc.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged("\(path) is not a file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw LedgerError(.damaged, "\(path) holds secrets and is open to other users; run chmod 600 on it")
    }
    guard status.st_size > 0 else { throw .damaged("\(path) is empty") }
  }

  /// A read-only connection may leave side files behind that it had to create; an empty log holds nothing.
  private func removeIfUnused(_ suffix: String) {
    var status = stat()
    guard stat(path + suffix, &status) == 0 else { return }
    if suffix == "-shm" || status.st_size == 0 { unlink(path + suffix) }
  }

  func checkSchema(_ database: SQLite) throws {
    guard try number(database, "PRAGMA application_id") == Schema.applicationID else {
      throw LedgerError.damaged("\(path) is not a ledger but some other SQLite database")
    }
    let version = try number(database, "PRAGMA user_version") ?? 0
    guard version <= Schema.version else {
      throw LedgerError(.tooNew, "\(path) has format \(version); this version of Daruma knows \(Schema.version)")
    }
    guard version == Schema.version else {
      throw LedgerError.damaged("\(path) has format \(version), which is no longer read")
    }
    let rows = try database.statement("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
    var found: [String: String] = [:]
    while try rows.step() { found[rows.text(0)] = rows.text(1) }
    guard found == Schema.tables else { throw LedgerError.damaged("the tables of \(path) are not those of a ledger") }
  }

  private func number(_ database: SQLite, _ sql: String) throws -> UInt64? {
    let statement = try database.statement(sql)
    guard try statement.step() else { return nil }
    defer { statement.reset() }
    return statement.number(0)
  }

  /// What one thread does at a time.
  enum Piece {
    /// The database's own structure.
    case structure
    /// The resources of one kind whose ids begin with `first` or a later byte, up to `last`.
    case resources(kind: String, first: UInt8, last: UInt8)
    case revisions(ClosedRange<UInt64>)
  }

  func pieces(_ database: SQLite, _ standing: Standing) throws -> [Piece] {
    var pieces = [Piece.structure]
    let next = try database.statement("SELECT kind FROM resource WHERE kind > ? ORDER BY kind LIMIT 1")
    var kind = ""
    while true {
      next.bind(1, kind)
      guard try next.step() else { break }
      kind = next.text(0)
      next.reset()
      for slice in 0..<UInt8(16) {
        pieces.append(.resources(kind: kind, first: slice << 4, last: slice << 4 | 15))
      }
    }
    var first = standing.anchor.number + 1
    // One further than there should be, to notice what follows the head.
    while first <= standing.head.revision + 1 {
      pieces.append(.revisions(first...first + 1999))
      first += 2000
    }
    return pieces
  }

  private func read(_ pieces: [Piece], _ loading: any Loading) throws {
    let next = Atomic(0)
    let trouble = Mutex<(any Error)?>(nil)
    let threads = min(pieces.count, max(1, ProcessInfo.processInfo.activeProcessorCount))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      do {
        let database = try Schema.reader(path)
        defer { try? database.close() }
        while trouble.withLock({ $0 == nil }) {
          let position = next.add(1, ordering: .relaxed).oldValue
          guard position < pieces.count else { return }
          try read(pieces[position], database, loading)
        }
      } catch {
        trouble.withLock { trouble in
          // What the database says of itself is the better explanation.
          if trouble == nil || error is SQLite.Failure { trouble = error }
        }
      }
    }
    if let trouble = trouble.withLock({ $0 }) { throw trouble }
  }

  func read(_ piece: Piece, _ database: SQLite, _ loading: any Loading) throws {
    switch piece {
    case .structure:
      let statement = try database.statement("PRAGMA quick_check(1)")
      guard try statement.step() else { return }
      defer { statement.reset() }
      let report = statement.text(0)
      guard report == "ok" else { throw LedgerError.damaged("\(path) is corrupt: \(report)") }
    case .resources(let kind, let first, let last):
      let statement = try database.statement(
        "SELECT \(ResourceRecord.columns) FROM resource WHERE kind = ? AND id >= ? AND id < ?")
      statement.bind(1, kind)
      statement.bind(2, [first])
      statement.bind(3, last == .max ? Array(repeating: .max, count: 17) : [last + 1])
      var records: [ResourceRecord] = []
      while try statement.step() {
        guard let record = ResourceRecord(statement) else {
          throw LedgerError.damaged("a resource in \(path) is malformed")
        }
        records.append(record)
      }
      if !records.isEmpty { try loading.take(records) }
    case .revisions(let range):
      let statement = try database.statement(
        "SELECT \(RevisionRecord.columns) FROM revision WHERE number BETWEEN ? AND ? ORDER BY number")
      statement.bind(1, range.lowerBound)
      statement.bind(2, range.upperBound)
      var records: [RevisionRecord] = []
      while try statement.step() {
        guard let record = RevisionRecord(statement) else {
          throw LedgerError.damaged("a revision after \(range.lowerBound - 1) in \(path) is malformed")
        }
        records.append(record)
      }
      if !records.isEmpty { try loading.take(records) }
    }
  }
}

extension Standing {
  /// With `records` after its head.
  func advanced(by records: [RevisionRecord]) -> Standing {
    guard let last = records.last else { return self }
    var standing = self
    standing.head.revision = last.number
    standing.head.chain = last.chain
    return standing
  }
}
