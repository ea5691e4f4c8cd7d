package import FoundationEssentials

/// A step from one shape of the database to the next. It is run once, and never changed after it was released.
struct Migration: Sendable {
  let name: String
  let sql: String

  static let all = [
    Migration(
      name: "ledger",
      sql: """
        CREATE TABLE daruma.standing (
          one boolean PRIMARY KEY CHECK (one), ledger uuid NOT NULL, epoch bigint NOT NULL, head bigint NOT NULL,
          chain bytea NOT NULL, checkpoint bigint NOT NULL, digest bytea NOT NULL, anchor bigint NOT NULL,
          anchor_chain bytea NOT NULL, seal bytea NOT NULL, fence bigint NOT NULL, session bigint NOT NULL
        ) WITH (fillfactor = 10);
        CREATE TABLE daruma.resource (
          kind text COLLATE "C" NOT NULL, id uuid NOT NULL, revision bigint NOT NULL, body bytea NOT NULL,
          proof bytea NOT NULL, PRIMARY KEY (kind, id));
        CREATE TABLE daruma.revision (
          number bigint PRIMARY KEY, "time" double precision NOT NULL, content bytea NOT NULL, chain bytea NOT NULL);
        ALTER TABLE daruma.resource ALTER body SET STORAGE EXTERNAL, ALTER proof SET STORAGE PLAIN;
        ALTER TABLE daruma.revision ALTER content SET STORAGE EXTERNAL, ALTER chain SET STORAGE PLAIN;
        ALTER TABLE daruma.revision SET (toast_tuple_target = 8160);
        """),
    Migration(
      name: "lease",
      sql: """
        CREATE TABLE daruma.lease (
          one boolean PRIMARY KEY CHECK (one), holder text NOT NULL, fence bigint NOT NULL, expiry timestamptz NOT NULL
        ) WITH (fillfactor = 10);
        INSERT INTO daruma.lease SELECT true, '', fence, '-infinity' FROM daruma.standing;
        """),
  ]

  /// What the last of `all` leads to: every column with its type.
  static let columns: Set<String> = [
    "migration.number bigint", "migration.name text", "migration.run timestamp with time zone",
    "standing.one boolean", "standing.ledger uuid", "standing.epoch bigint", "standing.head bigint",
    "standing.chain bytea", "standing.checkpoint bigint", "standing.digest bytea", "standing.anchor bigint",
    "standing.anchor_chain bytea", "standing.seal bytea", "standing.fence bigint", "standing.session bigint",
    "resource.kind text", "resource.id uuid", "resource.revision bigint", "resource.body bytea", "resource.proof bytea",
    "revision.number bigint", "revision.time double precision", "revision.content bytea", "revision.chain bytea",
    "lease.one boolean", "lease.holder text", "lease.fence bigint", "lease.expiry timestamp with time zone",
  ]
}

extension PostgreSQLAccess {
  /// Brings the database to the shape that this version knows; where it is empty and `create` asks for it, begins a
  /// ledger. A database that is somebody else's, or that a later version has changed, is left as it is.
  package func prepare(create: Bool = false, uuid: () -> UUID = UUID.random) throws(LedgerError) {
    try prepare(Migration.all, create: create, uuid)
  }

  /// Whether a ledger is in the database; false when it is empty. Throws as `prepare` does, and changes nothing.
  package func holdsLedger() throws(LedgerError) -> Bool {
    do {
      let database = try connect()
      defer { database.close() }
      return try check(database, Migration.all) != nil
    } catch { throw opening(error) }
  }

  func prepare(_ migrations: [Migration], create: Bool, _ uuid: () -> UUID) throws(LedgerError) {
    do {
      let database = try connect()
      defer { database.close() }
      let known = try check(database, migrations)
      if known == nil && !create { throw LedgerError(.absent, "there is no ledger in \(name)") }
      guard known != migrations.count else { return }
      try database.execute("BEGIN; SET LOCAL lock_timeout = '5s'")
      // Any number does, so that of several who come at once each sees what the one before it did.
      _ = try database.rows("SELECT pg_advisory_xact_lock(1145328213)")
      try migrate(database, migrations, from: try check(database, migrations), uuid)
      try database.execute("COMMIT")
    } catch { throw opening(error) }
  }

  /// The number of migrations that were run; `nil` in an empty database.
  private func check(_ database: PostgreSQL, _ migrations: [Migration]) throws -> Int? {
    let marks = try database.rows(
      "SELECT 1 FROM pg_class WHERE oid = to_regclass('daruma.migration') AND relkind = 'r'")
    guard marks.count == 1 else {
      let strangers = try database.rows(
        """
        SELECT format('%s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'daruma' ORDER BY 1 LIMIT 1
        """)
      guard strangers.count == 0 else {
        throw LedgerError(
          .damaged,
          "\(name) is not a ledger but holds \(strangers.text(0, 0)) of somebody else; give Daruma a database "
            + "of its own")
      }
      return nil
    }
    let run = try database.rows("SELECT name FROM daruma.migration ORDER BY number")
    let names = (0..<run.count).map { run.text($0, 0) }
    guard names.starts(with: migrations.prefix(names.count).map(\.name)), names.count <= migrations.count else {
      let stranger = zip(names, migrations.map(\.name) + names).first { $0 != $1 }?.0 ?? names.last ?? ""
      throw LedgerError(
        .tooNew, "\(name) has the migration \(stranger), which this version of Daruma does not know; run a later one")
    }
    if names.count == Migration.all.count { try checkColumns(database) }
    return names.count
  }

  private func checkColumns(_ database: PostgreSQL) throws {
    let rows = try database.rows(
      """
      SELECT format('%s.%s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
      WHERE n.nspname = 'daruma' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      """)
    guard Set((0..<rows.count).map { rows.text($0, 0) }) == Migration.columns else {
      throw LedgerError.damaged("the tables of \(name) are not those of a ledger")
    }
  }

  private func migrate(_ database: PostgreSQL, _ migrations: [Migration], from known: Int?, _ uuid: () -> UUID) throws {
    if known == nil {
      try database.execute(
        """
        CREATE SCHEMA daruma;
        CREATE TABLE daruma.migration (
          number bigint PRIMARY KEY, name text NOT NULL UNIQUE, run timestamptz NOT NULL DEFAULT now());
        """)
    }
    for (number, migration) in migrations.enumerated().dropFirst(known ?? 0) {
      try database.execute(migration.sql, limit: .seconds(600))
      _ = try database.rows(
        "INSERT INTO daruma.migration (number, name) VALUES ($1, $2)",
        [.number(UInt64(number)), .text(migration.name)])
      if known == nil && number == 0 {
        _ = try database.rows(
          "INSERT INTO daruma.standing VALUES (true, $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)",
          Standing.first(of: uuid()).parameters)
      }
    }
    // Whoever leads knows the old shape only.
    if known != nil {
      _ = try database.rows(
        """
        WITH ended AS (UPDATE daruma.lease SET fence = fence + 1, expiry = '-infinity' RETURNING fence)
        UPDATE daruma.standing SET fence = ended.fence FROM ended
        """)
    }
  }
}

extension Standing {
  static let columns = "ledger, epoch, head, chain, checkpoint, digest, anchor, anchor_chain, seal"

  /// Of `columns`.
  var parameters: [PostgreSQL.Parameter] {
    [
      .uuid(head.ledger), .number(head.epoch), .number(head.revision), .checksum(head.chain), .number(checkpoint),
      .checksum(digest), .number(anchor.number), .checksum(anchor.chain), .checksum(seal),
    ]
  }

  /// The first row, of `columns`; `nil` when there is none, or none that can be.
  init?(_ rows: PostgreSQL.Rows) {
    guard rows.count == 1, let ledger = rows.uuid(0, 0), let chain = rows.checksum(0, 3),
      let digest = rows.checksum(0, 5), let anchor = rows.checksum(0, 7)
    else { return nil }
    self.init(
      head: Head(ledger: ledger, epoch: rows.number(0, 1), revision: rows.number(0, 2), chain: chain),
      checkpoint: rows.number(0, 4), digest: digest, anchor: Anchor(number: rows.number(0, 6), chain: anchor))
    guard rows.checksum(0, 8) == seal else { return nil }
  }
}
