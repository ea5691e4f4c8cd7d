internal import CloudModel
internal import Dispatch
internal import FoundationEssentials
import Glibc
package import Logging
import Synchronization

/// A view of the ledger that another manager writes: proven when it is opened, and revision by revision as it follows.
/// It changes nothing in the database, which may be a standby.
///
/// While the database cannot be reached it shows what it last saw. It ends when what it reads does not follow from what
/// it has seen: the ledger is damaged, was restored, or has forgotten what the follower has yet to see.
package final class Follower: Sendable {
  /// How long a new revision that nobody was notified of can go unseen.
  static let pace = Duration.seconds(1)

  let log: RevisionLog
  let storage: any Storage
  let secrets: Secrets
  private let access: PostgreSQLAccess
  private let logger: Logger
  private let published: Mutex<Snapshot>
  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "ledger.follower", qos: .userInitiated)

  private struct State {
    var oldest: UInt64
    var removals: Removals
    var isClosed = false
    var failure: LedgerError?
    var confirmed = ContinuousClock.now
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// A key that is not in the file of `keys` yet is waited for, once it follows.
  package static func open(
    _ access: PostgreSQLAccess, keys: KeyFile? = nil, logger: Logger
  ) throws(LedgerError) -> Follower {
    _ = try keys?.read()
    let storage = PostgreSQLStorage(access, lease: nil)
    let secrets = Secrets(keys)
    let proof = Proof(name: access.name, known: nil, secrets: secrets)
    try storage.load(proof)
    let proven = try proof.finish()
    let follower = Follower(access, storage, proven, secrets, logger)
    let head = proven.standing.head
    logger.info("following", metadata: ["name": "\(access.name)", "revision": "\(head.revision)"])
    follower.queue.async { [weak follower] in follower?.follow(nil, head) }
    return follower
  }

  private init(
    _ access: PostgreSQLAccess, _ storage: any Storage, _ proven: Proven, _ secrets: Secrets, _ logger: Logger
  ) {
    self.access = access
    self.storage = storage
    self.secrets = secrets
    self.logger = logger
    let head = proven.standing.head
    log = RevisionLog(head: head.revision, capacity: Ledger.memoryLimit)
    published = Mutex(
      Snapshot(ledger: head.ledger, epoch: head.epoch, revision: head.revision, state: proven.state))
    state = Mutex(State(oldest: proven.standing.anchor.number + 1, removals: proven.removals))
  }

  /// The state at the last revision that was seen. Never waits.
  package var snapshot: Snapshot { published.withLock { $0 } }
  package var oldest: UInt64 { state.withLock { $0.oldest } }
  /// When the database last said that there is nothing newer than `snapshot`.
  package var confirmed: ContinuousClock.Instant { state.withLock { $0.confirmed } }
  package var isClosed: Bool { state.withLock { $0.isClosed } }

  func removal(of id: UUID, before limit: UInt64) -> UInt64? {
    state.withLock { $0.removals.last(of: id, before: limit) }
  }

  /// Every revision after `number`, past and future. Begin with the revision of a snapshot to miss nothing.
  package func revisions(after number: UInt64) -> Revisions { Revisions(chronicle: self, after: number) }

  /// Returns when it follows no more, with the reason unless it was closed.
  package func over() async -> LedgerError? {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.isClosed { state.waiters.append(continuation) }
        return state.isClosed
      }
      if isOver { continuation.resume() }
    }
    return state.withLock { $0.failure }
  }

  package func close() { close(nil) }

  private func close(_ failure: LedgerError?) {
    let waiters = state.withLock { state in
      if !state.isClosed { state.failure = failure }
      state.isClosed = true
      defer { state.waiters = [] }
      return state.waiters
    }
    log.close()
    try? storage.close()
    for waiter in waiters { waiter.resume() }
  }

  /// Looks, and looks again when somebody notifies or it is time.
  private func follow(_ connection: PostgreSQL?, _ seen: Head) {
    guard !isClosed else { return }
    var seen = seen
    var connection = connection
    do {
      let database = try connection ?? listen()
      connection = nil
      try catchUp(database, &seen)
      _ = try database.hears(within: Self.pace)
      connection = database
    } catch let error as PostgreSQL.Failure where error.isPassing || error.isFull {
      logger.warning("the ledger cannot be followed now", metadata: ["error": "\(error)"])
      usleep(200_000)
    } catch let error as LedgerError where error.code == .unreachable || error.code == .key {
      logger.warning("the ledger cannot be followed now", metadata: ["error": "\(error)"])
      usleep(200_000)
    } catch {
      let failure = access.opening(error)
      logger.critical("the ledger is followed no more", metadata: ["error": "\(failure)"])
      return close(failure)
    }
    let next = Carried(database: connection, seen: seen)
    queue.async { [weak self] in self?.follow(next.database, next.seen) }
  }

  private func listen() throws -> PostgreSQL {
    let database = try access.connect()
    do throws(PostgreSQL.Failure) {
      try database.execute("LISTEN daruma_revision")
    } catch {
      // A standby notifies nobody.
      guard error.state == "25006" || error.state == "55000" else { throw error }
    }
    return database
  }

  private func catchUp(_ database: PostgreSQL, _ seen: inout Head) throws {
    repeat {
      let begin = ContinuousClock.now
      let rows = try database.rows("SELECT \(Standing.columns) FROM daruma.standing", limit: .seconds(3))
      guard let standing = Standing(rows), standing.head.ledger == seen.ledger else {
        throw LedgerError.damaged("\(access.name) is not the ledger that was followed")
      }
      guard standing.head.epoch == seen.epoch else {
        throw LedgerError(.behind, "\(access.name) was restored; read the snapshot and go on from there")
      }
      guard standing.anchor.number <= seen.revision else {
        throw LedgerError(.behind, "\(access.name) no longer has revision \(seen.revision + 1)")
      }
      state.withLock { $0.oldest = standing.anchor.number + 1 }
      if standing.head.revision > seen.revision {
        let next = seen.revision + 1...min(standing.head.revision, seen.revision + 500)
        let records = try RevisionRecord.all(
          database.rows(
            "SELECT \(RevisionRecord.columns) FROM daruma.revision WHERE number BETWEEN $1 AND $2 ORDER BY number",
            [.number(next.lowerBound), .number(next.upperBound)]))
        // Trimmed since the standing was read; it says so the next time.
        if records.isEmpty || records[0].number != next.lowerBound, try isTrimmed(database, next.lowerBound) {
          continue
        }
        try follow(records, next.count, &seen)
      }
      guard standing.head.revision == seen.revision else { continue }
      guard standing.head == seen else {
        throw LedgerError.damaged("\(access.name) does not follow from revision \(seen.revision) as it was seen")
      }
      state.withLock { $0.confirmed = begin }
      return
    } while !isClosed
  }

  private func isTrimmed(_ database: PostgreSQL, _ number: UInt64) throws -> Bool {
    try database.rows("SELECT 1 FROM daruma.standing WHERE anchor >= $1", [.number(number)]).count == 1
  }

  private func follow(_ records: [RevisionRecord], _ count: Int, _ seen: inout Head) throws {
    guard records.count == count else {
      throw LedgerError.damaged("revisions after \(seen.revision) are missing in \(access.name)")
    }
    var steps: [Committed<Void>] = []
    var removed: [(UInt64, [StoredChange])] = []
    var last = snapshot
    var head = seen
    for record in records {
      guard record.number == last.revision + 1, .link(after: head.chain, record) == record.chain else {
        throw LedgerError.damaged("revision \(last.revision + 1) in \(access.name) is altered")
      }
      let content = try RevisionContent(record)
      var state = last.state
      let changes = try state.apply(content.changes, of: record.number, secrets)
      let after = Snapshot(ledger: last.ledger, epoch: last.epoch, revision: record.number, state: state)
      let revision = Revision(
        number: record.number, time: Date(timeIntervalSinceReferenceDate: record.time), cause: content.cause,
        changes: changes)
      steps.append(Committed(value: (), revision: revision, before: last, after: after))
      removed.append((record.number, content.changes.filter { $0.body == nil }))
      last = after
      head.revision = record.number
      head.chain = record.chain
    }
    seen = head
    state.withLock { state in
      for (number, changes) in removed { state.removals.add(number, changes) }
      state.removals.saved([], state.oldest - 1, .max)
    }
    published.withLock { [last] in $0 = last }
    log.append(steps)
  }
}

extension Follower: Chronicle {}

/// A connection on its way from one turn of a serial queue to the next.
private struct Carried: @unchecked Sendable {
  let database: PostgreSQL?
  let seen: Head
}

extension CloudState {
  /// Brings in what a stored revision did.
  fileprivate mutating func apply(
    _ changes: [StoredChange], of revision: UInt64, _ secrets: Secrets
  ) throws -> [ResourceChange] {
    var applied: [ResourceChange] = []
    for change in changes {
      guard let kind = RevisionContent.kinds[change.kind] else {
        throw LedgerError.damaged("there is no kind called \(change.kind)")
      }
      applied.append(try kind.applied(change, on: self, secrets))
    }
    // All that goes first, lest it be in the way of what comes.
    for change in changes { _ = RevisionContent.kinds[change.kind]?.remove(change.id, from: &self) }
    for change in applied { try change.after?.put(into: &self, revision) }
    if changes.contains(where: { $0.kind == SealingKey.kind }) { try secrets.check(self, "the ledger") }
    return applied
  }
}

extension Resource {
  fileprivate static func applied(
    _ change: StoredChange, on state: CloudState, _ secrets: Secrets
  ) throws -> ResourceChange {
    let before = row(ID(change.id), in: state)
    guard before?.revision ?? 0 == change.previous else {
      throw LedgerError.damaged("\(kind) \(change.id) is not what the next revision replaces")
    }
    return ResourceChange(
      kind: kind, id: change.id, previous: change.previous, before: before?.value,
      after: try change.body.map { try decode($0, id: change.id, secrets) })
  }
}
