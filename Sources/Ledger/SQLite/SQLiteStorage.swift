internal import FoundationEssentials
import Glibc
import Synchronization

/// A ledger in one SQLite database, with its head in a file beside it, and while it is open what was appended last in
/// another.
final class SQLiteStorage: Storage {
  let name: String
  let isNear = true
  private let file: HeadFile
  private let isRestored: Bool
  private let uuid: @Sendable () -> UUID
  private let writer = Mutex<Writer>(Writer())
  private let settling = Mutex<Settling?>(nil)
  /// Apart, so that reads do not wait for writes.
  private let reader = Mutex<Reader>(Reader())

  private struct Reader {
    var database: SQLite?
    var isClosed = false
  }

  private struct Writer {
    var appended: AppendLog?
    /// Revisions that only the log of the last opening has.
    var tail: [RevisionRecord] = []
  }

  /// Takes the lock, and begins a new ledger where there is none and `create` asks for it.
  init(path: String, create: Bool, restore: Bool, uuid: @escaping @Sendable () -> UUID) throws(LedgerError) {
    try LedgerReplacement.finish(at: path)
    var status = stat()
    let isPresent = stat(path, &status) == 0
    let hasRemains = HeadFile.path(of: path).withCString { access($0, F_OK) == 0 }
    guard isPresent || create || hasRemains else { throw LedgerError(.absent, "there is no ledger at \(path)") }
    name = path
    isRestored = restore
    self.uuid = uuid
    file = try HeadFile(of: path)
    guard !isPresent || status.st_size == 0 else { return }
    let what = isPresent ? "empty" : "missing"
    if !restore, let known = try file.read() {
      throw .damaged("\(path) is \(what), but revision \(known.head.revision) was acknowledged")
    }
    if access(path + "-wal", F_OK) == 0 { throw .damaged("\(path) is \(what), but there is a log of it") }
    guard create else { throw .damaged("\(path) is \(what)") }
    try Schema.create(at: path, ledger: uuid())
  }

  func acknowledged() throws(LedgerError) -> Head? { isRestored ? nil : try file.read()?.head }

  func load(_ loading: any Loading) throws(LedgerError) {
    let known = isRestored ? nil : try file.read()
    let appended = isRestored ? nil : try AppendLogReading(of: name)
    if let opening = known?.opening, appended?.opening != opening {
      throw .damaged("\(AppendLog.path(of: name)) is missing or altered, and the last revisions of \(name) with it")
    }
    let tail = try SQLiteReading(path: name).run(loading, appended)
    writer.withLock { $0.tail = tail }
    if isRestored || known != nil { return }
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
      let tail = writer.withLock { $0.tail }
      let database = try Schema.writer(name)
      try database.transaction {
        try Schema.write(.append(tail, standing), to: database)
        try Schema.write(standing, to: database)
      }
      // The logs were read from memory, where they are found even if the disk once failed to take them. Written anew into
      // the database, they are on the disk or this fails.
      let checkpoint = try database.statement("PRAGMA wal_checkpoint(TRUNCATE)")
      guard try checkpoint.step(), checkpoint.number(0) == 0 else {
        throw LedgerError(.locked, "\(name) is being read, perhaps by a backup; try again when that is over")
      }
      checkpoint.reset()
      database.watchLog()
      try database.execute("PRAGMA synchronous = NORMAL")
      // Now the last log is not needed, and may be one that belongs to nothing.
      try file.mark(standing.head, nil)
      let opening = uuid()
      try writer.withLock { $0 = Writer(appended: try AppendLog(of: name, opening: opening)) }
      try file.mark(standing.head, opening)
      let settling = Settling(database, try LogEmptying(path: name), file, name: name, standing, opening)
      self.settling.withLock { $0 = settling }
    } catch { throw .opening(name, error) }
  }

  /// Throws when the ledger is not open.
  private func steps() throws(LedgerError) -> Settling {
    guard let settling = settling.withLock({ $0 }) else { throw LedgerError(.closed, "the ledger is closed") }
    return settling
  }

  func append(_ records: [RevisionRecord], _ standing: Standing) throws(LedgerError) {
    let settling = try steps()
    try settling.check()
    guard AppendLog.length(of: records) <= AppendLog.areaSize else {
      return try settling.addAtOnce(.append(records, standing))
    }
    try writer.withLock { writer throws(LedgerError) in
      try writer.appended?.append(records) { last throws(LedgerError) in
        try settling.makeDurable(last)
        settling.callForDurability()
      }
    }
    settling.add(.append(records, standing))
  }

  func fold(_ resources: [ResourceRecord], _ standing: Standing) throws(LedgerError) {
    let settling = try steps()
    try settling.check()
    settling.add(.fold(resources, standing))
  }

  func trim(_ standing: Standing) throws(LedgerError) {
    let settling = try steps()
    try settling.check()
    settling.add(.trim(standing))
  }

  func settle() throws(LedgerError) {
    let settling = try steps()
    settling.callForDurability()
    try settling.settle()
  }

  func read(_ range: ClosedRange<UInt64>) throws(LedgerError) -> [RevisionRecord] {
    try steps().read(range.contains) { () throws(LedgerError) in try written(range) }
  }

  private func written(_ range: ClosedRange<UInt64>) throws(LedgerError) -> [RevisionRecord] {
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
    let wanted = Set(numbers)
    return try steps().read(wanted.contains) { () throws(LedgerError) in try written(numbers) }
  }

  private func written(_ numbers: [UInt64]) throws(LedgerError) -> [RevisionRecord] {
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
    try steps().read(kind: kind, id: id) { () throws(LedgerError) in try written(kind: kind, id: id) }
  }

  private func written(kind: String, id: UUID) throws(LedgerError) -> ResourceRecord? {
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
    defer { file.release() }
    reader.withLock { reader in
      try? reader.database?.close()
      reader = Reader(isClosed: true)
    }
    let settling = settling.withLock { settling in
      defer { settling = nil }
      return settling
    }
    defer { writer.withLock { $0 = Writer() } }
    guard let standing = try settling?.close() else { return }
    // From here on the log is not needed, and last it is not there.
    try file.mark(standing.head, nil)
    unlink(AppendLog.path(of: name))
  }

  /// Lets the database run into its limit, as on a full disk.
  func limitPages(to count: Int) throws { try steps().limitPages(to: count) }
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
