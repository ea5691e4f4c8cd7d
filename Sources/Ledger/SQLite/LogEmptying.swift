internal import Dispatch
import Synchronization

/// Writes a database's log into the database, so that the log begins anew. Most of it is done by a connection and a thread of
/// their own, while others commit.
///
/// The log begins anew only once all of it is in the database and the next commits. So the thread goes over it again until
/// little is left, and that is left to who commits next.
final class LogEmptying: Sendable {
  /// Pages of the log at which it is time.
  private static let limit = 4000
  /// So few that who commits writes them.
  private static let rest = 128
  /// A reader, or too many commits, can be in the way.
  private static let rounds = 8

  private struct State {
    var length = 0
    var begins = limit
    var isRunning = false
    var isLittle = false
    var failure: SQLite.Failure?
  }

  private let state = Mutex(State())
  private let connection: Mutex<SQLite?>
  private let queue = DispatchQueue(label: "ledger.log", qos: .userInitiated)

  init(path: String) throws(SQLite.Failure) {
    connection = Mutex(try Schema.writer(path))
  }

  /// To be called before each transaction of `writer`. Throws when the disk failed since: what it took before may not be on
  /// it.
  func check() throws(SQLite.Failure) {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// To be called after each transaction of `writer`.
  func committed(_ writer: SQLite) {
    let (begins, ends) = state.withLock { state in
      state.length = writer.logLength
      if state.isRunning { return (false, false) }
      let ends = state.isLittle
      state.isLittle = false
      let begins = !ends && state.length >= state.begins
      state.isRunning = begins
      return (begins, ends)
    }
    if begins { queue.async { self.run() } }
    if ends { end(writer) }
  }

  private func run() {
    connection.withLock { connection in
      guard let connection else { return }
      attempt { () throws(SQLite.Failure) in
        for _ in 0..<Self.rounds {
          let (_, written) = try connection.emptyLog()
          try connection.flush()
          let isLittle = state.withLock { state in
            state.isLittle = state.length - written <= Self.rest
            return state.isLittle
          }
          if isLittle { return }
        }
      }
    }
    state.withLock { state in
      state.isRunning = false
      if !state.isLittle { state.begins = state.length + Self.limit }
    }
  }

  private func end(_ writer: SQLite) {
    attempt { () throws(SQLite.Failure) in
      let (length, written) = try writer.emptyLog()
      state.withLock { $0.begins = (written < length ? length : 0) + Self.limit }
    }
  }

  /// A full disk is no more than a reason to try again later.
  private func attempt(_ body: () throws(SQLite.Failure) -> Void) {
    do throws(SQLite.Failure) {
      try body()
    } catch {
      state.withLock { state in
        state.begins = state.length + Self.limit
        if !error.isFull && !error.isBusy { state.failure = error }
      }
    }
  }

  /// Ends what is under way. Before the writer's connection is closed, which empties the log.
  func close() {
    queue.sync {}
    connection.withLock { connection in
      try? connection?.close()
      connection = nil
    }
  }
}
