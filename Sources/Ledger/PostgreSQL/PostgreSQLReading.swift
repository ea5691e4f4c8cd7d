internal import Dispatch
internal import FoundationEssentials
import Synchronization

/// Reads all that a database holds at one moment, over several connections that share a snapshot.
struct PostgreSQLReading {
  let access: PostgreSQLAccess

  func run(_ loading: any Loading) throws(LedgerError) {
    do {
      let database = try access.connect()
      defer { database.close() }
      try database.execute(
        """
        BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
        SET LOCAL idle_in_transaction_session_timeout = '10min'
        """)
      let rows = try database.rows("SELECT \(Standing.columns) FROM daruma.standing")
      guard let standing = Standing(rows) else {
        throw LedgerError.damaged(
          rows.count == 1 ? "the head of \(access.name) is altered" : "\(access.name) does not say which ledger it is")
      }
      try loading.begin(standing)
      let snapshot = try database.rows("SELECT pg_export_snapshot()").text(0, 0)
      try read(try pieces(database, standing), snapshot, loading)
      try database.execute("COMMIT")
    } catch { throw access.opening(error) }
  }

  /// What one thread does at a time.
  private enum Piece {
    /// The resources of one kind whose ids begin with one digit.
    case resources(kind: String, slice: UInt8)
    case revisions(ClosedRange<UInt64>)
  }

  private func pieces(_ database: PostgreSQL, _ standing: Standing) throws -> [Piece] {
    let kinds = try database.rows("SELECT DISTINCT kind FROM daruma.resource", limit: .seconds(60))
    var pieces = (0..<kinds.count).flatMap { row in
      (0..<UInt8(16)).map { Piece.resources(kind: kinds.text(row, 0), slice: $0 << 4) }
    }
    // Also those that should not be there, to notice them.
    let bounds = try database.rows("SELECT coalesce(min(number), 1), coalesce(max(number), 0) FROM daruma.revision")
    var first = min(standing.anchor.number + 1, bounds.number(0, 0))
    let last = max(standing.head.revision, bounds.number(0, 1))
    while first <= last {
      pieces.append(.revisions(first...min(last, first + 1999)))
      first += 2000
    }
    return pieces
  }

  private func read(_ pieces: [Piece], _ snapshot: String, _ loading: any Loading) throws {
    let next = Atomic(0)
    let trouble = Mutex<(any Error)?>(nil)
    let threads = min(pieces.count, max(1, ProcessInfo.processInfo.activeProcessorCount))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      do {
        let database = try access.connect()
        defer { database.close() }
        try database.execute(
          """
          BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '\(snapshot)';
          SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL statement_timeout = '1min'
          """)
        while trouble.withLock({ $0 == nil }) {
          let position = next.add(1, ordering: .relaxed).oldValue
          guard position < pieces.count else { return }
          try read(pieces[position], database, loading)
        }
      } catch {
        trouble.withLock { if $0 == nil { $0 = error } }
      }
    }
    if let trouble = trouble.withLock({ $0 }) { throw trouble }
  }

  private func read(_ piece: Piece, _ database: PostgreSQL, _ loading: any Loading) throws {
    switch piece {
    case .resources(let kind, let slice):
      let first = UUID(uuid: (slice, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
      let last = UUID(
        uuid: (slice | 15, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max, .max))
      let records = try ResourceRecord.all(
        database.rows(
          "SELECT \(ResourceRecord.columns) FROM daruma.resource WHERE kind = $1 AND id BETWEEN $2 AND $3",
          [.text(kind), .uuid(first), .uuid(last)], limit: .seconds(61)))
      if !records.isEmpty { try loading.take(records) }
    case .revisions(let range):
      let records = try RevisionRecord.all(
        database.rows(
          "SELECT \(RevisionRecord.columns) FROM daruma.revision WHERE number BETWEEN $1 AND $2 ORDER BY number",
          [.number(range.lowerBound), .number(range.upperBound)], limit: .seconds(61)))
      if !records.isEmpty { try loading.take(records) }
    }
  }
}

extension RevisionRecord {
  static func all(_ rows: PostgreSQL.Rows) throws(LedgerError) -> [RevisionRecord] {
    var records: [RevisionRecord] = []
    records.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let chain = rows.checksum(row, 3) else { throw .damaged("revision \(rows.number(row, 0)) is malformed") }
      records.append(
        RevisionRecord(
          number: rows.number(row, 0), time: rows.double(row, 1), content: rows.bytes(row, 2), chain: chain))
    }
    return records
  }
}

extension ResourceRecord {
  static func all(_ rows: PostgreSQL.Rows) throws(LedgerError) -> [ResourceRecord] {
    var records: [ResourceRecord] = []
    records.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let id = rows.uuid(row, 1), let proof = rows.checksum(row, 4) else {
        throw .damaged("a resource of kind \(rows.text(row, 0)) is malformed")
      }
      records.append(
        ResourceRecord(
          kind: rows.text(row, 0), id: id, revision: rows.number(row, 2), body: rows.bytes(row, 3), proof: proof))
    }
    return records
  }
}
