internal import FoundationEssentials
internal import GRDB
import Glibc

/// The database's shape, and how it comes into being.
enum Schema {
  static let version = 1
  /// `DARU`, so that no other SQLite database is taken for a ledger.
  static let applicationID = 0x4441_5255

  static let tables = [
    "meta": """
    CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), ledger BLOB NOT NULL, epoch INTEGER NOT NULL, \
    head INTEGER NOT NULL, seal BLOB NOT NULL) STRICT
    """,
    "resource": """
    CREATE TABLE resource (kind TEXT NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)) \
    STRICT, WITHOUT ROWID
    """,
    "revision": """
    CREATE TABLE revision (number INTEGER PRIMARY KEY, time REAL NOT NULL, cause BLOB NOT NULL, \
    changes BLOB NOT NULL, chain BLOB NOT NULL, state BLOB NOT NULL) STRICT
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
      let database = try DatabaseQueue(path: draft, configuration: writing)
      try database.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
        try db.inTransaction(.immediate) {
          for sql in tables.sorted(by: { $0.key < $1.key }).map(\.value) { try db.execute(sql: sql) }
          let head = Head(ledger: ledger, epoch: 1, revision: 0, chain: .genesis(of: ledger))
          try db.execute(sql: "INSERT INTO meta VALUES (1, x'', 0, 0, x'')")
          try write(head, to: db)
          return .commit
        }
      }
      try database.close()
    } catch { throw .opening(draft, error) }
    guard fsync(descriptor) == 0, rename(draft, path) == 0 else {
      throw LedgerError(.failed, "\(path) cannot be created: \(systemError())")
    }
    try flushFolder(of: path)
  }

  static func write(_ head: Head, to db: Database) throws {
    let statement = try db.cachedStatement(sql: "UPDATE meta SET ledger = ?, epoch = ?, head = ?, seal = ?")
    try statement.execute(
      arguments: [head.ledger.data, Int64(head.epoch), Int64(head.revision), head.seal.data])
  }

  /// The configuration of the one writer. The lock is taken before the log is opened, so no shared memory is needed.
  static var writing: Configuration {
    var configuration = Configuration()
    configuration.label = "ledger"
    configuration.prepareDatabase { db in
      try db.execute(
        sql: """
          PRAGMA locking_mode = EXCLUSIVE;
          PRAGMA journal_mode = WAL;
          PRAGMA synchronous = FULL;
          PRAGMA wal_autocheckpoint = 4000;
          PRAGMA cache_size = -65536;
          PRAGMA trusted_schema = OFF;
          """)
    }
    return configuration
  }

  /// Looks without writing: neither the database nor its log is changed, not even when the connection ends.
  static var reading: Configuration {
    var configuration = Configuration()
    configuration.label = "ledger-verification"
    configuration.readonly = true
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }
    return configuration
  }

  private static func flushFolder(of path: String) throws(LedgerError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw LedgerError(.failed, "\(folder) cannot be opened: \(systemError())") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw LedgerError(.failed, "\(folder) cannot be flushed: \(systemError())") }
  }
}
