internal import Dispatch
internal import FoundationEssentials
import Synchronization

/// Writes into the database what was appended, folded and trimmed, in that order, on a queue of its own and as much at a time
/// as gathered. Who reads meanwhile is told what the database does not have yet.
final class Settling: Sendable {
  /// One step. The database stands where the last one says.
  enum Step: Sendable {
    case append([RevisionRecord], Standing)
    case fold([ResourceRecord], Standing)
    case trim(Standing)

    var standing: Standing {
      switch self {
      case .append(_, let standing), .fold(_, let standing), .trim(let standing): standing
      }
    }
  }

  /// Steps that are written without waiting for more.
  private static let limit = 128
  /// Steps that may wait; who has one more waits.
  private static let bound = 4096
  private static let pause = DispatchTimeInterval.milliseconds(20)

  private struct State {
    var steps: [Step] = []
    /// The last revision that was trimmed, in the database or not yet.
    var anchor: UInt64
    /// The last revision that the database has on the disk.
    var durable: UInt64
    /// The next commit waits for the disk.
    var isDurabilityDue = false
    var isTimed = false
    var isCalled = false
    var isFull = false
    var failure: LedgerError?
  }

  private let name: String
  private let file: HeadFile
  private let opening: UUID
  private let log: LogEmptying
  private let database: Mutex<SQLite?>
  /// What the database holds. For the queue alone.
  private let written: Mutex<Standing>
  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "ledger.settling", qos: .userInitiated)

  /// `database` stands at `standing`, durably. `opening` is the append log's.
  init(
    _ database: sending SQLite, _ log: LogEmptying, _ file: HeadFile, name: String, _ standing: Standing,
    _ opening: UUID
  ) {
    self.opening = opening
    self.name = name
    self.file = file
    self.log = log
    self.database = Mutex(database)
    written = Mutex(standing)
    state = Mutex(State(anchor: standing.anchor.number, durable: standing.head.revision))
  }

  // MARK: - Steps

  /// Throws what came of earlier steps when that is in the way of more: `diskFull` while there is no room for them.
  func check() throws(LedgerError) {
    let (failure, isFull, count) = state.withLock { ($0.failure, $0.isFull, $0.steps.count) }
    if let failure { throw failure }
    if isFull || count >= Self.bound { try settle() }
  }

  func add(_ step: Step) {
    enum Turn { case now, later, none }
    let turn = state.withLock { state -> Turn in
      state.steps.append(step)
      if case .trim(let standing) = step { state.anchor = standing.anchor.number }
      if state.isCalled { return .none }
      if state.steps.count >= Self.limit {
        state.isCalled = true
        return .now
      }
      defer { state.isTimed = true }
      return state.isTimed ? .none : .later
    }
    switch turn {
    case .now: queue.async { self.run() }
    case .later:
      queue.asyncAfter(deadline: .now() + Self.pause) {
        self.state.withLock { $0.isTimed = false }
        self.run()
      }
    case .none: break
    }
  }

  /// Adds a step that no log holds, and returns when it is durable. After an error nothing is left of it.
  func addAtOnce(_ step: Step) throws(LedgerError) {
    add(step)
    do throws(LedgerError) {
      try makeDurable(step.standing.head.revision)
    } catch {
      state.withLock { if !$0.steps.isEmpty { $0.steps.removeLast() } }
      throw error
    }
  }

  /// Lets the next commit wait for the disk.
  func callForDurability() {
    state.withLock { $0.isDurabilityDue = true }
  }

  /// Returns when `revision` is durable in the database.
  func makeDurable(_ revision: UInt64) throws(LedgerError) {
    if state.withLock({ $0.durable }) >= revision { return }
    callForDurability()
    try settle()
  }

  /// Returns when every step is in the database.
  func settle() throws(LedgerError) {
    queue.sync { run() }
    let (failure, isFull) = state.withLock { ($0.failure, $0.isFull) }
    if let failure { throw failure }
    if isFull { throw LedgerError(.diskFull, "there is no room for \(name); make some and try again") }
  }

  // MARK: - Reading

  /// Reads with `body` what is in the database of the revisions that `isWanted`, and adds what is not yet. What was to be
  /// deleted is left out.
  func read(
    _ isWanted: (UInt64) -> Bool, _ body: () throws(LedgerError) -> [RevisionRecord]
  ) throws(LedgerError) -> [RevisionRecord] {
    let (waiting, anchor) = state.withLock { state in
      let records = state.steps.flatMap { step -> [RevisionRecord] in
        guard case .append(let records, _) = step else { return [] }
        return records.filter { isWanted($0.number) }
      }
      return (records, state.anchor)
    }
    let first = waiting.first?.number ?? .max
    return (try body().filter { $0.number < first } + waiting).filter { $0.number > anchor }
  }

  /// The checkpoint's record of a resource, read with `body` where no step writes it.
  func read(
    kind: String, id: UUID, _ body: () throws(LedgerError) -> ResourceRecord?
  ) throws(LedgerError) -> ResourceRecord? {
    let waiting = state.withLock { state -> ResourceRecord? in
      for case .fold(let resources, _) in state.steps.reversed() {
        if let found = resources.last(where: { $0.id == id && $0.kind == kind }) { return found }
      }
      return nil
    }
    if let waiting { return waiting.body == nil ? nil : waiting }
    return try body()
  }

  // MARK: - Writing

  /// One SQL transaction of all that waits, on the queue.
  private func run() {
    let (steps, isDurabilityDue) = state.withLock { state in
      state.isCalled = false
      return (state.failure == nil ? state.steps : [], state.isDurabilityDue)
    }
    guard let standing = steps.last?.standing ?? (isDurabilityDue ? written.withLock { $0 } : nil) else { return }
    do throws(LedgerError) {
      try write(steps, standing, waits: isDurabilityDue)
      // The head file may lag behind, but is never ahead.
      try? file.write(standing.head, opening)
      state.withLock { state in
        state.steps.removeFirst(steps.count)
        state.isFull = false
        if isDurabilityDue {
          state.durable = standing.head.revision
          state.isDurabilityDue = false
        }
      }
    } catch {
      state.withLock { state in
        if error.code == .diskFull { state.isFull = true } else { state.failure = error }
      }
    }
  }

  private func write(_ steps: [Step], _ standing: Standing, waits: Bool) throws(LedgerError) {
    do {
      try database.withLock { database in
        guard let database else { throw LedgerError(.closed, "the ledger is closed") }
        do {
          try log.check()
          if waits { try database.execute("PRAGMA synchronous = FULL") }
          defer { if waits { try? database.execute("PRAGMA synchronous = NORMAL") } }
          try database.transaction {
            for step in steps { try Schema.write(step, to: database) }
            try Schema.write(standing, to: database)
          }
          written.withLock { $0 = standing }
          log.committed(database)
        } catch let failure as SQLite.Failure where failure.isFull && Self.holds(written.withLock { $0 }, database) {
          throw LedgerError(.diskFull, "there is no room for \(name); make some and try again", underlying: failure)
        }
      }
    } catch let error as LedgerError {
      throw error
    } catch {
      throw LedgerError(.failed, "\(name) could not be written", underlying: error)
    }
  }

  /// Whether nothing is left of what could not be written.
  private static func holds(_ standing: Standing, _ database: SQLite) -> Bool {
    guard !database.isInTransaction, let found = try? Schema.standing(database) else { return false }
    guard found.standing == standing, found.seal == standing.seal,
      let statement = try? database.statement("SELECT max(number) FROM revision"), (try? statement.step()) == true
    else { return false }
    defer { statement.reset() }
    let last = statement.number(0)
    return last == standing.head.revision || last == 0 && standing.anchor.number == standing.head.revision
  }

  /// Writes what waits and closes the database. Returns where it stands, durably; throws when not all could be written.
  func close() throws(LedgerError) -> Standing {
    var trouble: LedgerError?
    do throws(LedgerError) {
      callForDurability()
      try settle()
    } catch { trouble = error }
    log.close()
    do {
      try database.withLock { database in
        defer { database = nil }
        try database?.close()
      }
    } catch { trouble = trouble ?? .opening(name, error) }
    if let trouble { throw trouble }
    return written.withLock { $0 }
  }

  /// Lets the database run into its limit, as on a full disk.
  func limitPages(to count: Int) throws {
    try database.withLock { try $0?.execute("PRAGMA max_page_count = \(count)") }
  }
}
