internal import Dispatch
package import Logging
import Synchronization

/// Leadership of one of several managers over a database, for as long as it is renewed.
///
/// When a lease ends is a matter of the database's clock; the holder counts by its own, which no setting of the time
/// moves, and a little less. Neither is relied on: whoever takes a lease over raises the fencing number, and the
/// database refuses what is written under a lower one.
package final class Lease: Sendable {
  static let term = "interval '3 seconds'"
  /// How long a holder believes in a renewal, from before it asked for it.
  static let belief = Duration.milliseconds(2500)
  static let pace = Duration.seconds(1)
  /// How often those who wait look.
  static let patience = Duration.milliseconds(400)

  /// Higher than that of every lease before.
  package let fence: UInt64
  private let access: PostgreSQLAccess
  private let logger: Logger
  private let state: Mutex<State>
  /// What renewals go over, while it works.
  private let database = Mutex<PostgreSQL?>(nil)
  private let queue = DispatchQueue(label: "ledger.lease", qos: .userInteractive)

  private struct State {
    var end: ContinuousClock.Instant
    var isOver = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// Takes the lease if nobody holds it.
  package static func take(
    _ access: PostgreSQLAccess, holder: String, logger: Logger
  ) throws(LedgerError) -> Lease? {
    do {
      let database = try access.connect()
      defer { database.close() }
      return try take(access, over: database, holder, logger)
    } catch { throw access.opening(error) }
  }

  /// Takes the lease as soon as nobody holds it, however long the database cannot be reached meanwhile.
  ///
  /// - Parameter sees: is told every time who holds it; `nil` when nobody does.
  package static func wait(
    _ access: PostgreSQLAccess, holder: String, logger: Logger, sees: @escaping @Sendable (String?) -> Void = { _ in }
  ) async throws -> Lease {
    let contender = Contender(access, holder, logger, sees)
    while true {
      if let lease = try await contender.look() { return lease }
      try await Task.sleep(for: patience)
    }
  }

  fileprivate static func take(
    _ access: PostgreSQLAccess, over database: PostgreSQL, _ holder: String, _ logger: Logger
  ) throws -> Lease? {
    guard let (fence, begin) = try take(database, holder) else { return nil }
    logger.info("leading", metadata: ["name": "\(access.name)", "fence": "\(fence)"])
    let lease = Lease(access, fence, begin + belief, logger)
    lease.schedule()
    return lease
  }

  // A lease that ends too late is one from before the database's clock was set back.
  fileprivate static let isHeldNow = "(expiry > clock_timestamp() AND expiry <= clock_timestamp() + \(term))"

  private static func take(
    _ database: PostgreSQL, _ holder: String
  ) throws -> (fence: UInt64, begin: ContinuousClock.Instant)? {
    for _ in 0..<3 {
      guard try database.rows("SELECT 1 FROM daruma.lease WHERE NOT \(isHeldNow)").count == 1 else { return nil }
      let begin = ContinuousClock.now
      do throws(PostgreSQL.Failure) {
        let rows = try database.rows(
          """
          WITH taken AS (
            UPDATE daruma.lease SET holder = $1, fence = fence + 1, expiry = clock_timestamp() + \(term)
            WHERE NOT \(isHeldNow) RETURNING fence)
          UPDATE daruma.standing SET fence = taken.fence FROM taken RETURNING standing.fence
          """, [.text(holder)])
        return rows.count == 1 ? (rows.number(0, 0), begin) : nil
      } catch {
        guard error.isLocked else { throw error }
        // Held by a writer that stopped in the middle.
        try database.endWriters()
      }
    }
    return nil
  }

  private init(_ access: PostgreSQLAccess, _ fence: UInt64, _ end: ContinuousClock.Instant, _ logger: Logger) {
    self.access = access
    self.fence = fence
    self.logger = logger
    state = Mutex(State(end: end))
  }

  /// How much longer the holder may write, if it is not renewed; not positive once it is over.
  package var remaining: Duration { state.withLock { $0.isOver ? .zero : $0.end - .now } }
  package var isHeld: Bool { remaining > .zero }

  /// Returns when the lease is over.
  package func over() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.isOver { state.waiters.append(continuation) }
        return state.isOver
      }
      if isOver { continuation.resume() }
    }
  }

  /// Gives it back, so that the next need not wait. To be called when nothing is written any more.
  package func release() {
    queue.sync {
      guard isHeld else { return }
      finish()
      let database = try? access.connect()
      _ = try? database?.rows(
        "UPDATE daruma.lease SET expiry = '-infinity' WHERE fence = $1", [.number(fence)], limit: Self.pace)
      database?.close()
    }
  }

  private func schedule(after delay: Duration = pace) {
    let milliseconds = Int(delay / .milliseconds(1))
    queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.renew() }
  }

  private func renew() {
    guard isHeld else {
      if !state.withLock({ $0.isOver }) { logger.critical("the lease could not be renewed in time") }
      return finish()
    }
    let begin = ContinuousClock.now
    do {
      let isRenewed = try database.withLock { database in
        let connection = try database ?? access.connect()
        database = nil
        let isRenewed =
          try connection.rows(
            "UPDATE daruma.lease SET expiry = clock_timestamp() + \(Self.term) WHERE fence = $1 RETURNING 1::int8",
            [.number(fence)], limit: Self.pace
          ).count == 1
        database = connection
        return isRenewed
      }
      guard isRenewed else {
        logger.critical("another manager has taken the lead")
        return finish()
      }
      // One that came too late must not bring back what others saw end.
      guard isHeld else { return renew() }
      state.withLock { $0.end = begin + Self.belief }
      schedule(after: max(.zero, Self.pace - (.now - begin)))
    } catch {
      logger.warning("the lease is not renewed yet", metadata: ["error": "\(error)"])
      schedule(after: .milliseconds(100))
    }
  }

  private func finish() {
    let waiters = state.withLock { state in
      state.isOver = true
      defer { state.waiters = [] }
      return state.waiters
    }
    database.withLock { $0 = nil }
    for waiter in waiters { waiter.resume() }
  }
}

/// One that waits for the lease, over one connection for as long as that works and beside the threads of tasks.
private final class Contender: Sendable {
  private let access: PostgreSQLAccess
  private let holder: String
  private let logger: Logger
  private let sees: @Sendable (String?) -> Void
  private let database = Mutex<PostgreSQL?>(nil)
  private let isCutOff = Mutex(false)
  private let queue = DispatchQueue(label: "ledger.contender", qos: .userInitiated)

  init(
    _ access: PostgreSQLAccess, _ holder: String, _ logger: Logger, _ sees: @escaping @Sendable (String?) -> Void
  ) {
    self.access = access
    self.holder = holder
    self.logger = logger
    self.sees = sees
  }

  func look() async throws -> Lease? {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try self.take() }) }
    }
  }

  private func take() throws -> Lease? {
    do {
      let lease = try database.withLock { database -> Lease? in
        let connection = try database ?? access.connect()
        database = nil
        let rows = try connection.rows("SELECT holder FROM daruma.lease WHERE \(Lease.isHeldNow)")
        sees(rows.count == 1 ? rows.text(0, 0) : nil)
        let lease = rows.count == 1 ? nil : try Lease.take(access, over: connection, holder, logger)
        database = connection
        return lease
      }
      isCutOff.withLock { $0 = false }
      return lease
    } catch {
      let error = access.opening(error)
      guard error.code == .unreachable else { throw error }
      let isNews = isCutOff.withLock { isCutOff in
        defer { isCutOff = true }
        return !isCutOff
      }
      if isNews { logger.warning("cannot ask for the lease", metadata: ["error": "\(error)"]) }
      return nil
    }
  }
}

extension PostgreSQL {
  /// Ends the connections, but for this one, that are in the middle of writing where the ledger stands.
  func endWriters() throws(Failure) {
    _ = try rows(
      """
      SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE relation = 'daruma.standing'::regclass AND mode = 'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()
      """)
  }
}
