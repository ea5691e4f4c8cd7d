internal import FoundationEssentials
import Glibc

/// The database's shape, and how it comes into being.
enum Schema {
  static let version: UInt64 = 2
  /// `DARU`, so that no other SQLite database is taken for a ledger.
  static let applicationID: UInt64 = 0x4441_5255

  static let tables = [
    "meta": """
    CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), ledger BLOB NOT NULL, epoch INTEGER NOT NULL, \
    head INTEGER NOT NULL, chain BLOB NOT NULL, checkpoint INTEGER NOT NULL, digest BLOB NOT NULL, \
    anchor INTEGER NOT NULL, anchor_chain BLOB NOT NULL, seal BLOB NOT NULL) STRICT
    """,
    "resource": """
    CREATE TABLE resource (kind TEXT NOT NULL, id BLOB NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL, \
    proof BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID
    """,
    "revision": """
    CREATE TABLE revision (number INTEGER PRIMARY KEY, time REAL NOT NULL, content BLOB NOT NULL, \
    chain BLOB NOT NULL) STRICT
    """,
  ]

  /// Builds an empty ledger under another name and moves it to `path`, so that no half of one is ever found there.
  static func create(at path: String, ledger: UUID) throws(LedgerError) {
    let draft = path + "-new"
    for suffix in ["", "-wal", "-shm", "-journal"] { unlink(draft + suffix) }
    let descriptor = Glibc.open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw LedgerError(.failed, "\(draft) cannot be created: \(systemError())") }
    defer { Glibc.close(descriptor) }
    do {
      let database = try writer(draft)
      try database.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
      try database.transaction {
        for sql in tables.sorted(by: { $0.key < $1.key }).map(\.value) { try database.execute(sql) }
        try write(.first(of: ledger), to: database)
      }
      try database.close()
    } catch { throw .opening(draft, error) }
    guard fsync(descriptor) == 0, rename(draft, path) == 0 else {
      throw LedgerError(.failed, "\(path) cannot be created: \(systemError())")
    }
    try flushFolder(of: path)
  }

  /// But for the standing that it leads to.
  static func write(_ step: Settling.Step, to database: SQLite) throws(SQLite.Failure) {
    switch step {
    case .append(let records, _):
      let statement = try database.statement("INSERT INTO revision (number, time, content, chain) VALUES (?, ?, ?, ?)")
      // By position, here and below: what a loop hands out is copied.
      for position in records.indices {
        statement.bind(1, records[position].number)
        statement.bind(2, records[position].time)
        statement.bind(4, records[position].chain)
        try statement.run(with: records[position].content, at: 3)
      }
    case .fold(let resources, _):
      let put = try database.statement(
        "INSERT OR REPLACE INTO resource (kind, id, revision, body, proof) VALUES (?, ?, ?, ?, ?)")
      let remove = try database.statement("DELETE FROM resource WHERE kind = ? AND id = ?")
      for position in resources.indices {
        // What is bound stays, and most have the kind of the one before.
        if position == 0 || resources[position].kind != resources[position - 1].kind {
          put.bind(1, resources[position].kind)
          remove.bind(1, resources[position].kind)
        }
        if let body = resources[position].body {
          put.bind(2, resources[position].id)
          put.bind(3, resources[position].revision)
          put.bind(5, resources[position].proof)
          try put.run(with: body, at: 4)
        } else {
          remove.bind(2, resources[position].id)
          try remove.run()
        }
      }
    case .trim(let standing):
      let statement = try database.statement("DELETE FROM revision WHERE number <= ?")
      statement.bind(1, standing.anchor.number)
      try statement.run()
    }
  }

  static func write(_ standing: Standing, to database: SQLite) throws(SQLite.Failure) {
    let statement = try database.statement(
      """
      INSERT OR REPLACE INTO meta (one, ledger, epoch, head, chain, checkpoint, digest, anchor, anchor_chain, seal)
      VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    statement.bind(1, standing.head.ledger)
    statement.bind(2, standing.head.epoch)
    statement.bind(3, standing.head.revision)
    statement.bind(4, standing.head.chain)
    statement.bind(5, standing.checkpoint)
    statement.bind(6, standing.digest)
    statement.bind(7, standing.anchor.number)
    statement.bind(8, standing.anchor.chain)
    statement.bind(9, standing.seal)
    try statement.run()
  }

  /// `nil` when there is none, or none that can be.
  static func standing(_ database: SQLite) throws(SQLite.Failure) -> (standing: Standing, seal: Checksum?)? {
    let statement = try database.statement(
      "SELECT ledger, epoch, head, chain, checkpoint, digest, anchor, anchor_chain, seal FROM meta")
    guard try statement.step() else { return nil }
    defer { statement.reset() }
    guard let ledger = statement.uuid(0), let chain = statement.checksum(3), let digest = statement.checksum(5),
      let anchor = statement.checksum(7)
    else { return nil }
    return (
      Standing(
        head: Head(ledger: ledger, epoch: statement.number(1), revision: statement.number(2), chain: chain),
        checkpoint: statement.number(4), digest: digest,
        anchor: Standing.Anchor(number: statement.number(6), chain: anchor)),
      statement.checksum(8)
    )
  }

  /// The connection of the one writer, which waits for the disk with each commit. Who else reads, such as a backup, neither waits for it nor is waited for; that nobody
  /// else writes, the head file sees to. The cache is small: folding passes each page once, and a commit after one looks at
  /// all that is in it.
  static func writer(_ path: String) throws(SQLite.Failure) -> SQLite {
    let database = try SQLite(path)
    try database.execute(
      """
      PRAGMA busy_timeout = 5000;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cache_size = -16384;
      PRAGMA trusted_schema = OFF;
      """)
    return database
  }

  /// Looks without writing: neither the database nor its log is changed, not even when the connection ends. After a crash
  /// the first who opens the database looks through its log, and the others wait for that.
  static func reader(_ path: String) throws(SQLite.Failure) -> SQLite {
    let database = try SQLite(path, readOnly: true)
    try database.execute(
      "PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    return database
  }
}

extension Standing {
  /// A ledger before its first revision.
  static func first(of ledger: UUID) -> Standing {
    let genesis = Checksum.genesis(of: ledger)
    return Standing(
      head: Head(ledger: ledger, epoch: 1, revision: 0, chain: genesis), checkpoint: 0, digest: .zero,
      anchor: Anchor(number: 0, chain: genesis))
  }
}
