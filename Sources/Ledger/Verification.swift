internal import CloudModel
internal import FoundationEssentials
internal import GRDB
import Glibc

/// A ledger that was read completely and found to be whole.
struct Verified {
  var head: Head
  /// The sum over all resources, as the last revision holds it.
  var digest: Checksum
  var state: CloudState
}

/// Proves that the database at `path` is what was last written, without changing a byte of it.
struct Verification {
  let path: String
  /// What the head file remembers; `nil` when the database is to be believed without it.
  let known: Head?

  func run() throws(LedgerError) -> Verified {
    try checkFile()
    let present = ["-wal", "-shm"].filter { access(path + $0, F_OK) == 0 }
    defer {
      for suffix in ["-shm", "-wal"] where !present.contains(suffix) { removeIfUnused(suffix) }
    }
    do {
      let database = try DatabaseQueue(path: path, configuration: Schema.reading)
      let verified = try database.unsafeRead(verify)
      try database.close()
      return verified
    } catch { throw .opening(path, error) }
  }

  private func checkFile() throws(LedgerError) {
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

  private func verify(_ db: Database) throws -> Verified {
    try checkSchema(db)
    let head = try readMeta(db)
    if let known {
      guard known.ledger == head.ledger else {
        throw LedgerError.damaged("\(path) is ledger \(head.ledger), but \(known.ledger) was here")
      }
      guard known.epoch <= head.epoch else {
        throw LedgerError.damaged("\(path) is of epoch \(head.epoch), but epoch \(known.epoch) had begun")
      }
    }
    let (chain, digest) = try walk(db, head: head)
    var verified = Verified(head: head, digest: .zero, state: CloudState())
    verified.head.chain = chain
    guard try seal(db) == verified.head.seal else { throw LedgerError.damaged("the head of \(path) is altered") }
    let kinds = try load(db, into: &verified)
    guard verified.digest == digest else {
      throw LedgerError.damaged(
        "the \(kinds) resources in \(path) are not those of revision \(head.revision): some are missing or altered")
    }
    return verified
  }

  private func checkSchema(_ db: Database) throws {
    guard try Int.fetchOne(db, sql: "PRAGMA application_id") == Schema.applicationID else {
      throw LedgerError.damaged("\(path) is not a ledger but some other SQLite database")
    }
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    guard version <= Schema.version else {
      throw LedgerError(.tooNew, "\(path) has format \(version); this version of Daruma knows \(Schema.version)")
    }
    let rows = try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
    let found = Dictionary(
      rows.map { ((String.fromDatabaseValue($0[0]) ?? ""), String.fromDatabaseValue($0[1]) ?? "") },
      uniquingKeysWith: { first, _ in first })
    guard version == Schema.version, found == Schema.tables else {
      throw LedgerError.damaged("the tables of \(path) are not those of a ledger")
    }
    let report = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? ""
    guard report == "ok" else { throw LedgerError.damaged("\(path) is corrupt: \(report)") }
  }

  private func readMeta(_ db: Database) throws -> Head {
    guard let row = try Row.fetchOne(db, sql: "SELECT ledger, epoch, head FROM meta"),
      let ledger = Data.fromDatabaseValue(row[0]).flatMap(UUID.init(bytes:)),
      let epoch = UInt64.fromDatabaseValue(row[1]), let number = UInt64.fromDatabaseValue(row[2])
    else { throw LedgerError.damaged("\(path) does not say which ledger it is") }
    return Head(ledger: ledger, epoch: epoch, revision: number, chain: .zero)
  }

  private func seal(_ db: Database) throws -> Checksum? {
    try Data.fetchOne(db, sql: "SELECT seal FROM meta").flatMap(Checksum.init)
  }

  /// Follows the chain from the first revision to the last; returns its end and the digest of the state there.
  private func walk(_ db: Database, head: Head) throws -> (chain: Checksum, digest: Checksum) {
    var chain = Checksum.genesis(of: head.ledger)
    var digest = Checksum.zero
    var number: UInt64 = 0
    func compare() throws {
      guard let known, known.revision == number, known.chain != chain else { return }
      throw LedgerError.damaged("revision \(number) of \(path) is not the one that was acknowledged")
    }
    do {
      try compare()
      let rows = try Row.fetchCursor(db, sql: "SELECT \(StoredRevision.columns), chain FROM revision ORDER BY number")
      while let row = try rows.next() {
        guard let revision = StoredRevision(row), let link = Data.fromDatabaseValue(row[5]).flatMap(Checksum.init)
        else {
          throw LedgerError.damaged("the revision after \(number) in \(path) is malformed")
        }
        guard revision.number == number + 1 else {
          throw LedgerError.damaged("revision \(number + 1) is missing in \(path)")
        }
        chain = .link(after: chain, revision)
        number = revision.number
        digest = revision.state
        guard chain == link else { throw LedgerError.damaged("revision \(number) in \(path) is altered") }
        try compare()
      }
    } catch let error as DatabaseError {
      throw LedgerError.damaged("\(path) cannot be read after revision \(number)", underlying: error)
    }
    guard number == head.revision else {
      throw LedgerError.damaged(
        number < head.revision
          ? "revision \(number + 1) is missing in \(path), whose last is \(head.revision)"
          : "\(path) has revision \(number), but its last is \(head.revision)")
    }
    if let known, number < known.revision {
      throw LedgerError.damaged("\(path) ends at revision \(number), but \(known.revision) was acknowledged")
    }
    return (chain, digest)
  }

  /// Fills the state and sums the digest; returns the number of resources.
  private func load(_ db: Database, into verified: inout Verified) throws -> Int {
    let coding = BodyCoding()
    var count = 0
    let rows = try Row.fetchCursor(db, sql: "SELECT kind, id, body FROM resource")
    while let row = try rows.next() {
      guard let kind = String.fromDatabaseValue(row[0]),
        let id = Data.fromDatabaseValue(row[1]).flatMap(UUID.init(bytes:)),
        let body = Data.fromDatabaseValue(row[2])
      else { throw LedgerError.damaged("a resource in \(path) is malformed") }
      do {
        try coding.resource(kind: kind, id: id, body: body).put(into: &verified.state)
      } catch let error as LedgerError {
        throw error
      } catch {
        throw LedgerError.damaged("\(kind) \(id) in \(path) is altered", underlying: error)
      }
      verified.digest.toggle(.resource(kind: kind, id: id, body: body))
      count += 1
    }
    return count
  }
}

extension StoredRevision {
  static let columns = "number, time, cause, changes, state"

  /// A row of `columns`.
  init?(_ row: Row) {
    guard let number = UInt64.fromDatabaseValue(row[0]), let time = Double.fromDatabaseValue(row[1]),
      let cause = Data.fromDatabaseValue(row[2]), let changes = Data.fromDatabaseValue(row[3]),
      let state = Data.fromDatabaseValue(row[4]).flatMap(Checksum.init)
    else { return nil }
    self.init(number: number, time: time, cause: cause, changes: changes, state: state)
  }
}
