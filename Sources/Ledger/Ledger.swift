package import CloudModel
internal import Dispatch
internal import FoundationEssentials
package import Logging
import Synchronization

/// The durable truth: a chain of revisions and the state they lead to. One process has it open; transactions run one at
/// a time and are durable before anybody hears of them.
///
/// A transaction passes two stages, each on a queue of its own: its closure runs on the state that the ones before it lead
/// to, and then it is written, together with what gathered meanwhile. So closures run while the disk is waited for. Who
/// comes while nothing else is done passes both on the own thread: waking another takes a quarter of the time that the disk
/// does.
package final class Ledger: Sendable {
  /// The most transactions that share one append.
  static let batchLimit = 256
  /// The most that are drafted in one go, so that the first can be written while the next run.
  static let pieceLimit = 16
  /// While more are being drafted, so many are waited for: each append costs the same, however much is in it, and drafting
  /// takes longer.
  static let groupSize = 32
  /// After so many transactions one lets others have its thread.
  private static let turnsInRow = 16
  /// The most that are told by one thread.
  private static let tellLimit = 16
  static let queueLimit = 65_536
  /// The latest revisions that are kept in memory, with the states between them. More of them would not stay in the
  /// processor's caches, and every transaction lets one go.
  static let memoryLimit = 1024

  let log: RevisionLog
  let storage: any Storage
  let secrets: Secrets
  private let sources: Sources
  private let logger: Logger
  private let published: Mutex<Snapshot>
  private let queue: Mutex<Queue>
  private let written: Mutex<Written>
  /// Taken before `written`, by who needs both.
  private let upkeep: Mutex<Upkeep>
  private let retention: Retention
  private let turns = Atomic(0)
  private let drafting = DispatchQueue(label: "ledger.drafting", qos: .userInitiated)
  private let writing = DispatchQueue(label: "ledger.writing", qos: .userInitiated)
  private let tending = DispatchQueue(label: "ledger.tending", qos: .userInitiated)

  private struct Queue {
    var pending: ArraySlice<Pending> = []
    var drafted: [DraftedPiece] = []
    /// Transactions in `drafted`.
    var draftedCount = 0
    /// What the next draft rests on. Ahead of what is published by all that is drafted or being written.
    var tip: Snapshot
    /// Counts the appends that failed: what was drafted before rests on revisions that do not exist.
    var failures = 0
    var lastFailure: LedgerError?
    var isDrafting = false
    var isWriting = false
    var refusal: LedgerError?

    var isGroupReady: Bool { draftedCount >= groupSize || !isDrafting && draftedCount > 0 }
  }

  /// Opens the ledger at `path` after reading and proving all of it; anything missing or altered is the error `damaged`
  /// and leaves the files as they are.
  ///
  /// - Parameters:
  ///   - keys: What secrets are sealed under, once `takeUpKeys` recorded one of them. The file is made when it is absent and the
  ///     ledger does not know of any key. Without it secrets are stored in the clear.
  ///   - create: Begin a new ledger when there is none. Never replaces one, nor the remains of one.
  ///   - restore: The database was brought back from a backup, so what was acknowledged since is given up: begins a new
  ///     epoch.
  ///   - epoch: The new epoch is higher than this, too.
  package static func open(
    at path: String, keys: KeyFile? = nil, create: Bool = false, restore: Bool = false, above epoch: UInt64 = 0,
    retention: Retention = .standard, sources: Sources = .system, logger: Logger
  ) throws(LedgerError) -> Ledger {
    _ = try keys?.read()
    let storage = try SQLiteStorage(path: path, create: create, restore: restore, uuid: sources.uuid)
    return try open(
      storage, keys: keys, restore: restore, above: epoch, retention: retention, sources: sources, logger: logger)
  }

  /// Opens what `storage` holds, as above.
  package static func open(
    _ storage: any Storage, keys: KeyFile? = nil, restore: Bool = false, above epoch: UInt64 = 0,
    retention: Retention = .standard, sources: Sources = .system, logger: Logger
  ) throws(LedgerError) -> Ledger {
    let hasKeys = try keys?.read() ?? true
    let secrets = Secrets(keys)
    let proof = Proof(name: storage.name, known: try storage.acknowledged(), secrets: secrets)
    try storage.load(proof)
    var proven = try proof.finish()
    // Proven not to know of any, so none is replaced.
    if !hasKeys { try keys?.add() }
    if restore { proven.standing.head.epoch = max(proven.standing.head.epoch, epoch) + 1 }
    try storage.begin(proven.standing)
    logger.info(
      "ledger opened", metadata: ["name": "\(storage.name)", "revision": "\(proven.standing.head.revision)"])
    return Ledger(storage, proven, secrets, retention, sources, logger)
  }

  private init(
    _ storage: any Storage, _ proven: Proven, _ secrets: Secrets, _ retention: Retention, _ sources: Sources,
    _ logger: Logger
  ) {
    self.storage = storage
    self.secrets = secrets
    self.sources = sources
    self.logger = logger
    let head = proven.standing.head
    let snapshot = Snapshot(ledger: head.ledger, epoch: head.epoch, revision: head.revision, state: proven.state)
    log = RevisionLog(head: head.revision, capacity: Self.memoryLimit)
    published = Mutex(snapshot)
    queue = Mutex(Queue(tip: snapshot))
    written = Mutex(Written(proven.standing))
    upkeep = Mutex(Upkeep(proven, retention, sources.now))
    self.retention = retention
  }

  /// The state at the last durable revision. Never waits.
  package var snapshot: Snapshot { published.withLock { $0 } }

  /// The number of the oldest revision that is kept; one more than the last when none is.
  package var oldest: UInt64 { standing.anchor.number + 1 }

  var standing: Standing { written.withLock { $0.standing } }

  func removal(of id: UUID, before limit: UInt64) -> UInt64? {
    upkeep.withLock { $0.removal(of: id, before: limit, written) }
  }

  /// Runs `body` on a draft of the next state and returns when its revision is durable. When `body` throws, nothing
  /// happened. `body` must not wait, nor call the ledger. A `failed` write may still be found when the ledger is opened anew.
  ///
  /// - Parameter prefetches: what `body` will look at, as far as is known.
  package func transact<Value: Sendable>(
    _ cause: Cause, prefetching prefetches: [Prefetch], _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Committed<Value> {
    // Who passes both stages on the own thread is never suspended, and one who writes without a pause would keep the thread.
    if turns.wrappingAdd(1, ordering: .relaxed).newValue % Self.turnsInRow == 0 { await Task.yield() }
    return try await withCheckedThrowingContinuation { continuation in
      enqueue([Pending(cause: cause, prefetches: prefetches, body) { continuation.resume(with: $0) }])
    }
  }

  /// The same for several transactions, each with a revision and an outcome of its own. Handed in together, they are drafted
  /// and written together.
  package func transact<Value: Sendable>(
    all transactions: [(cause: Cause, body: @Sendable (inout Draft) throws -> Value)]
  ) async -> [Result<Committed<Value>, any Error>] {
    if transactions.isEmpty { return [] }
    return await withCheckedContinuation { continuation in
      let outcomes = Mutex([Int: Result<Committed<Value>, any Error>]())
      let tell = { @Sendable (place: Int, outcome: Result<Committed<Value>, any Error>) in
        let all = outcomes.withLock { outcomes in
          outcomes[place] = outcome
          return outcomes.count == transactions.count ? outcomes : [:]
        }
        if !all.isEmpty { continuation.resume(returning: transactions.indices.compactMap { all[$0] }) }
      }
      enqueue(
        transactions.enumerated().map { place, transaction in
          Pending(cause: transaction.cause, transaction.body) { tell(place, $0) }
        })
    }
  }

  /// What `transact` would do now. The draft is thrown away; the revision's number is the one it would have.
  package func preview<Value: Sendable>(
    _ cause: Cause, _ body: (inout Draft) throws -> Value
  ) throws -> Committed<Value> {
    try snapshot.preview(cause, sources, body)
  }

  /// Every revision after `number`, past and future. Begin with the revision of a snapshot to miss nothing.
  package func revisions(after number: UInt64) -> Revisions { Revisions(chronicle: self, after: number) }

  /// Refuses new transactions, finishes those that wait and gives the storage back.
  package func close() async {
    let isFirst = queue.withLock { queue in
      defer { queue.refusal = LedgerError(.closed, "the ledger is closed") }
      return queue.refusal?.code != .closed
    }
    guard isFirst else { return }
    await withCheckedContinuation { continuation in finish { continuation.resume() } }
    log.close()
    do {
      let isSound = queue.withLock { $0.lastFailure.map { $0.code == .diskFull || $0.code == .invalid } ?? true }
      if isSound { try upkeep.withLock { try $0.foldAll(written, storage) } }
      try storage.close()
    } catch {
      logger.error("the ledger did not close cleanly", metadata: ["error": "\(error)"])
      try? storage.close()
    }
  }

  package var isClosed: Bool { queue.withLock { $0.refusal?.code == .closed } }

  /// Why no more writes are taken; `nil` while they are.
  package var refusal: LedgerError? { queue.withLock { $0.refusal } }

  /// Calls `done` on the queue of the upkeep when no transaction waits.
  private func finish(_ done: @escaping @Sendable () -> Void) {
    tending.async {
      let isIdle = self.queue.withLock { !$0.isDrafting && !$0.isWriting }
      if isIdle { done() } else { self.tending.asyncAfter(deadline: .now() + .milliseconds(1)) { self.finish(done) } }
    }
  }

  // MARK: - Drafting

  private func enqueue(_ pending: [Pending]) {
    let turn = queue.withLock { queue -> Turn in
      if let refusal = queue.refusal { return .refused(refusal) }
      guard queue.pending.count < Self.queueLimit else {
        return .refused(LedgerError(.overloaded, "\(Self.queueLimit) writes are waiting; try again later"))
      }
      if storage.isNear, !queue.isDrafting, !queue.isWriting, pending.count <= Self.pieceLimit {
        queue.isDrafting = true
        queue.isWriting = true
        return .leads
      }
      queue.pending += pending
      defer { queue.isDrafting = true }
      return queue.isDrafting ? .waits : .begins
    }
    switch turn {
    case .refused(let refusal): for pending in pending { pending.refuse(refusal) }
    case .leads: lead(pending)
    case .begins: drafting.async { self.draft() }
    case .waits: break
    }
  }

  /// What comes of a transaction that is handed in.
  private enum Turn {
    case refused(LedgerError)
    /// Its thread has both stages.
    case leads
    /// The drafting has to be begun.
    case begins
    case waits
  }

  /// Runs the closures and writes what they did at once, with both stages free. What comes meanwhile is left to the queues, so
  /// nobody's thread is held up for more than one append.
  private func lead(_ pending: [Pending]) {
    let piece = DraftedPiece(pending[...], on: queue.withLock { $0.tip }, sources: sources)
    let begins = queue.withLock { queue in
      queue.tip = piece.end
      queue.isDrafting = !queue.pending.isEmpty
      return queue.isDrafting
    }
    if begins { drafting.async { self.draft() } }
    endWriting(with: write(piece.transactions))
  }

  /// Runs closures until none waits.
  private func draft() {
    var waiting: ArraySlice<Pending> = []
    while true {
      let (base, failures) = queue.withLock { queue in
        if waiting.isEmpty { swap(&waiting, &queue.pending) }
        return (queue.tip, queue.failures)
      }
      let piece = DraftedPiece(waiting.prefix(Self.pieceLimit), on: base, sources: sources)
      waiting = waiting.dropFirst(Self.pieceLimit)
      let (failure, begins, ends) = queue.withLock { queue -> (LedgerError?, Bool, Bool) in
        let ends = waiting.isEmpty && queue.pending.isEmpty
        queue.isDrafting = !ends
        if queue.failures != failures { return (queue.lastFailure, false, ends) }
        queue.tip = piece.end
        queue.drafted.append(piece)
        queue.draftedCount += piece.transactions.count
        let begins = !queue.isWriting && queue.isGroupReady
        if begins { queue.isWriting = true }
        return (nil, begins, ends)
      }
      if let failure { for drafted in piece.transactions { drafted.refuse(failure) } }
      if begins { writing.async { self.write() } }
      if ends { return }
    }
  }

  // MARK: - Writing

  /// Writes what was drafted while the last batch was written. One batch per turn.
  private func write() {
    let drafted = queue.withLock { queue in
      var drafted: [Drafted] = []
      var count = 0
      while count < queue.drafted.count, drafted.count + Self.pieceLimit <= Self.batchLimit {
        drafted += queue.drafted[count].transactions
        count += 1
      }
      queue.drafted.removeFirst(count)
      queue.draftedCount -= drafted.count
      return drafted
    }
    endWriting(with: write(drafted))
  }

  /// Upkeep goes on beside the writing, which waits for it only when it is far behind.
  private func endWriting(with debt: Written.Debt) {
    switch debt {
    case .none: endWriting()
    case .due:
      tending.async { self.maintain() }
      endWriting()
    case .overdue:
      tending.async {
        self.maintain()
        self.endWriting()
      }
    }
  }

  private func endWriting() {
    let goesOn = queue.withLock { queue in
      queue.isWriting = queue.isGroupReady
      return queue.isWriting
    }
    if goesOn { writing.async { self.write() } } else { tend() }
  }

  /// One append.
  private func write(_ drafted: [Drafted]) -> Written.Debt {
    if let failure = queue.withLock({ $0.refusal }), failure.code != .closed {
      for drafted in drafted { drafted.refuse(failure) }
      return .none
    }
    let steps = drafted.compactMap(\.step)
    var debt = Written.Debt.none
    do throws(LedgerError) {
      if let last = steps.last {
        let coded = try CodedSteps(steps, secrets)
        debt = try written.withLock { written throws(LedgerError) in
          let batch = Batch(coded, after: written.standing)
          try storage.append(batch.records, batch.standing)
          return written.appended(batch, retention)
        }
        published.withLock { $0 = last.committed.after }
        log.append(steps.map(\.committed))
      }
    } catch {
      fail(error, drafted)
      return .none
    }
    tell(drafted)
    return debt
  }

  /// Tells callers what came of it. One who is told wakes a thread, which takes the processor from the one that tells; so
  /// many are told by such threads themselves, while the next batch is written.
  private func tell(_ drafted: [Drafted]) {
    if drafted.count <= Self.tellLimit { return drafted.forEach { $0.tell() } }
    for start in stride(from: 0, to: drafted.count, by: Self.tellLimit) {
      let share = drafted[start..<min(start + Self.tellLimit, drafted.count)]
      Task { for drafted in share { drafted.tell() } }
    }
  }

  /// What was drafted on top of revisions that were not written is refused with them. Writing goes on only after a full
  /// disk, or a value that cannot be stored: then nothing of them was written.
  private func fail(_ error: LedgerError, _ drafted: [Drafted]) {
    let goesOn = error.code == .diskFull || error.code == .invalid
    let failure = goesOn ? error : stop(error)
    if goesOn { logger.error("the ledger could not write", metadata: ["error": "\(error)"]) }
    let stranded = queue.withLock { queue in
      queue.failures += 1
      queue.lastFailure = failure
      queue.tip = snapshot
      defer {
        queue.drafted = []
        queue.draftedCount = 0
      }
      return drafted + queue.drafted.flatMap(\.transactions)
    }
    for drafted in stranded { drafted.refuse(failure) }
  }

  /// Takes no more writes.
  private func stop(_ error: LedgerError) -> LedgerError {
    let failure =
      error.code == .fenced
      ? error
      : LedgerError(
        .failed, "\(storage.name) could not be written and takes no more writes; restart to check what it holds",
        underlying: error)
    logger.critical("the ledger failed", metadata: ["error": "\(failure)"])
    queue.withLock { queue in
      queue.lastFailure = failure
      if queue.refusal == nil { queue.refusal = failure }
    }
    return failure
  }

  // MARK: - Upkeep

  /// What the last batches have to bear of folding and trimming.
  private func maintain() {
    upkeep.withLock { upkeep in attempt { () throws(LedgerError) in try upkeep.workOff(written, storage) } }
    if queue.withLock({ $0.refusal == nil && !$0.isWriting }) { tend() }
  }

  /// Goes on folding while nothing is written. Who has the upkeep does so when it is done.
  private func tend() {
    guard upkeep.withLockIfAvailable({ $0.schedules(written) }) == true else { return }
    tending.asyncAfter(deadline: .now() + .milliseconds(20)) {
      guard self.queue.withLock({ $0.refusal == nil }) else { return }
      self.upkeep.withLock { upkeep in
        self.attempt { () throws(LedgerError) in try upkeep.goOn(self.written, self.storage) }
      }
      if self.queue.withLock({ $0.refusal == nil && !$0.isWriting }) { self.tend() }
    }
  }

  private func attempt(_ body: () throws(LedgerError) -> Void) {
    do throws(LedgerError) {
      try body()
    } catch {
      if error.code == .diskFull {
        logger.error("the ledger's checkpoint waits for room", metadata: ["error": "\(error)"])
      } else {
        _ = stop(error)
      }
    }
  }

  /// Lets the database run into its limit, as on a full disk.
  func limitPages(to count: Int) throws { try (storage as? SQLiteStorage)?.limitPages(to: count) }
}
