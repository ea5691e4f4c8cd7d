internal import FoundationEssentials
internal import GRDB
import Glibc
package import Logging
import Synchronization

/// The durable truth: a chain of revisions and the state they lead to. One process has it open; transactions run one at
/// a time and are durable before anybody hears of them.
package final class Ledger: Sendable {
  /// The most transactions that share one COMMIT.
  static let batchLimit = 256
  static let queueLimit = 65_536
  static let memoryLimit = 4096

  let log: RevisionLog
  let database: DatabaseQueue
  private let path: String
  private let sources: Sources
  private let logger: Logger
  private let published: Mutex<Box>
  private let queue = Mutex(Queue())
  private let disk: Mutex<Disk>

  /// Taken out of its lock as one pointer.
  private final class Box: Sendable {
    let snapshot: Snapshot
    init(_ snapshot: Snapshot) { self.snapshot = snapshot }
  }

  private struct Queue {
    var pending: [Pending] = []
    var isDraining = false
    var refusal: LedgerError?
  }

  /// What only the writer touches, on the database's own queue.
  private struct Disk {
    var head: Head
    var digest: Checksum
    var file: HeadFile?
  }

  private init(
    path: String, verified: Verified, database: DatabaseQueue, file: HeadFile, sources: Sources, logger: Logger
  ) {
    self.path = path
    self.database = database
    self.sources = sources
    self.logger = logger
    let head = verified.head
    log = RevisionLog(head: head.revision, capacity: Self.memoryLimit)
    published = Mutex(
      Box(Snapshot(ledger: head.ledger, epoch: head.epoch, revision: head.revision, state: verified.state)))
    disk = Mutex(Disk(head: head, digest: verified.digest, file: file))
  }

  /// Opens the ledger at `path` after reading and proving all of it; anything missing or altered is the error `damaged`
  /// and leaves the files as they are.
  ///
  /// - Parameters:
  ///   - create: Begin a new ledger when there is none. Never replaces one, nor the remains of one.
  ///   - restore: The database was brought back from a backup, so what was acknowledged since is given up: begins a new
  ///     epoch.
  package static func open(
    at path: String, create: Bool = false, restore: Bool = false, sources: Sources = .system, logger: Logger
  ) throws(LedgerError) -> Ledger {
    var status = stat()
    let isPresent = stat(path, &status) == 0
    let hasRemains = HeadFile.path(of: path).withCString { access($0, F_OK) == 0 }
    guard isPresent || create || hasRemains else { throw LedgerError(.absent, "there is no ledger at \(path)") }
    let file = try HeadFile(of: path)
    let known = restore ? nil : try file.read()
    let isBlank = !isPresent || status.st_size == 0
    if isBlank, let known {
      throw .damaged("\(path) is \(isPresent ? "empty" : "missing"), but revision \(known.revision) was acknowledged")
    }
    if isBlank, access(path + "-wal", F_OK) == 0 {
      throw .damaged("\(path) is \(isPresent ? "empty" : "missing"), but there is a log of it")
    }
    if isBlank {
      guard create else { throw isPresent ? .damaged("\(path) is empty") : .damaged("\(path) is missing") }
      try Schema.create(at: path, ledger: sources.uuid())
    }
    var verified = try Verification(path: path, known: known).run()
    guard known != nil || restore || verified.head.revision == 0 else {
      throw .damaged("\(file.path) is missing or empty, so nothing says which revision of \(path) was the last")
    }
    do {
      let database = try DatabaseQueue(path: path, configuration: Schema.writing)
      if restore {
        verified.head.epoch += 1
        try database.write { [head = verified.head] db in try Schema.write(head, to: db) }
      }
      try file.write(verified.head)
      try file.flush()
      logger.info("ledger opened", metadata: ["path": "\(path)", "revision": "\(verified.head.revision)"])
      return Ledger(
        path: path, verified: verified, database: database, file: file, sources: sources, logger: logger)
    } catch { throw .opening(path, error) }
  }

  /// The state at the last durable revision. Never waits.
  package var snapshot: Snapshot { published.withLock { $0 }.snapshot }

  /// Runs `body` on a draft of the next state and returns when its revision is durable. When `body` throws, nothing
  /// happened. `body` must not wait, nor call the ledger. A `failed` write may still be found when the ledger is opened anew.
  package func transact<Value: Sendable>(
    _ cause: Cause, _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Committed<Value> {
    try await withCheckedThrowingContinuation { continuation in
      enqueue(
        Pending(
          cause: cause,
          run: { draft in
            let value = try body(&draft)
            return { outcome in
              continuation.resume(
                with: outcome.map {
                  Committed(value: value, revision: $0.revision, before: $0.before, after: $0.after)
                })
            }
          },
          refuse: { continuation.resume(throwing: $0) }))
    }
  }

  /// What `transact` would do now. The draft is thrown away; the revision's number is the one it would have.
  package func preview<Value: Sendable>(
    _ cause: Cause, _ body: (inout Draft) throws -> Value
  ) throws -> Committed<Value> {
    let base = snapshot
    var draft = Draft(of: base, sources: sources)
    let value = try body(&draft)
    let step = draft.step(from: base, cause: cause)
    return Committed(value: value, revision: step.revision, before: step.before, after: step.after)
  }

  /// Every revision after `number`, past and future. Begin with the revision of a snapshot to miss nothing.
  package func revisions(after number: UInt64) -> Revisions { Revisions(ledger: self, after: number) }

  /// The revisions `first` to `last`, both included, as far as they exist. Reads the disk, in pieces that let writers pass.
  package func history(from first: UInt64, to last: UInt64) throws(LedgerError) -> [Revision] {
    let last = min(last, snapshot.revision)
    let coding = BodyCoding()
    var revisions: [Revision] = []
    var next = max(first, 1)
    while next <= last {
      let stop = min(last, next + 255)
      for stored in try stored(from: next, to: stop) { revisions.append(try coding.revision(stored)) }
      next = stop + 1
    }
    return revisions
  }

  private func stored(from first: UInt64, to last: UInt64) throws(LedgerError) -> [StoredRevision] {
    if queue.withLock({ $0.refusal?.code == .closed }) { throw LedgerError(.closed, "the ledger is closed") }
    do {
      let stored = try database.unsafeReentrantRead { db in
        try Row.fetchAll(
          db, sql: "SELECT \(StoredRevision.columns) FROM revision WHERE number BETWEEN ? AND ? ORDER BY number",
          arguments: [Int64(first), Int64(last)])
      }.compactMap(StoredRevision.init)
      guard stored.count == Int(last - first) + 1 else {
        throw LedgerError.damaged("revisions between \(first) and \(last) are missing in \(path)")
      }
      return stored
    } catch { throw .opening(path, error) }
  }

  /// Refuses new transactions, finishes those that wait and gives the files back.
  package func close() async {
    let isFirst = queue.withLock { queue in
      defer { queue.refusal = LedgerError(.closed, "the ledger is closed") }
      return queue.refusal?.code != .closed
    }
    guard isFirst else { return }
    await withCheckedContinuation { continuation in finish { continuation.resume() } }
    log.close()
    do {
      try database.close()
      try disk.withLock { disk in
        try disk.file?.flush()
        disk.file = nil
      }
    } catch {
      logger.error("the ledger did not close cleanly", metadata: ["error": "\(error)"])
    }
  }

  /// Calls `done` when no transaction waits.
  private func finish(_ done: @escaping @Sendable () -> Void) {
    database.asyncWriteWithoutTransaction { _ in
      if self.queue.withLock({ $0.isDraining }) { self.finish(done) } else { done() }
    }
  }

  private func enqueue(_ pending: Pending) {
    let (refusal, begins) = queue.withLock { queue -> (LedgerError?, Bool) in
      if let refusal = queue.refusal { return (refusal, false) }
      guard queue.pending.count < Self.queueLimit else {
        return (LedgerError(.overloaded, "\(Self.queueLimit) writes are waiting; try again later"), false)
      }
      queue.pending.append(pending)
      defer { queue.isDraining = true }
      return (nil, !queue.isDraining)
    }
    if let refusal { return pending.refuse(refusal) }
    if begins { database.asyncWriteWithoutTransaction(drain) }
  }

  /// Takes what gathered while the last batch was written. One batch per turn, so that readers get theirs.
  @Sendable private func drain(_ db: Database) {
    let (waiting, refusal) = queue.withLock { queue in
      let waiting = Array(queue.pending.prefix(Self.batchLimit))
      queue.pending.removeFirst(waiting.count)
      return (waiting, queue.refusal)
    }
    var batch = Batch(on: snapshot)
    let coding = BodyCoding()
    for pending in waiting { batch.draft(pending, sources: sources, coding: coding) }
    if let refusal, refusal.code == .failed {
      batch.refuseAll(refusal)
    } else {
      write(batch, to: db)
    }
    let goesOn = queue.withLock { queue in
      queue.isDraining = !queue.pending.isEmpty
      return queue.isDraining
    }
    if goesOn { database.asyncWriteWithoutTransaction(drain) }
  }

  private func write(_ batch: Batch, to db: Database) {
    do {
      try disk.withLock { disk in
        try batch.commit(to: db, head: &disk.head, digest: &disk.digest, beforeCommit: sources.beforeCommit)
        guard !batch.steps.isEmpty else { return }
        do { try disk.file?.write(disk.head) } catch {
          logger.error("the ledger's head file lags behind", metadata: ["error": "\(error)"])
        }
      }
    } catch {
      return batch.refuseAll(fail(error, on: db))
    }
    published.withLock { $0 = Box(batch.last) }
    log.append(batch.steps)
    batch.tellAll()
  }

  /// Decides whether writing may go on after `error`: only if the disk was full and nothing of the batch is left.
  private func fail(_ error: any Error, on db: Database) -> LedgerError {
    let isFull = (error as? DatabaseError)?.resultCode == .SQLITE_FULL || (error as? LedgerError)?.code == .diskFull
    if isFull, !db.isInsideTransaction {
      let head = disk.withLock { $0.head }
      let onDisk = try? Row.fetchOne(db, sql: "SELECT head, seal, (SELECT max(number) FROM revision) FROM meta")
      if let onDisk, UInt64.fromDatabaseValue(onDisk[0]) == head.revision,
        Data.fromDatabaseValue(onDisk[1]) == head.seal.data,
        UInt64.fromDatabaseValue(onDisk[2]) ?? 0 == head.revision
      {
        logger.error("the ledger's disk is full", metadata: ["path": "\(path)"])
        return LedgerError(.diskFull, "there is no room for \(path); make some and try again", underlying: error)
      }
    }
    let failure = LedgerError(
      .failed, "\(path) could not be written and takes no more writes; restart to check what it holds",
      underlying: error)
    logger.critical("the ledger failed", metadata: ["error": "\(failure)"])
    queue.withLock { queue in
      if queue.refusal == nil { queue.refusal = failure }
    }
    return failure
  }
}

extension Ledger {
  /// Lets the database run into its limit, as on a full disk.
  func limitPages(to count: Int) async throws {
    try await database.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA max_page_count = \(count)") }
  }
}
