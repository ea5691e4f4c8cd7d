package import CloudModel
import Synchronization

/// Counts the calls of each account, in intervals that begin with the first call after the last one ended. Each manager
/// counts for itself.
package final class Throttle: Sendable {
  package struct Standing: Sendable {
    package let issued: Int
    package let allowed: Int
    /// Until calls are counted anew.
    package let left: Duration
  }

  private struct Window {
    var began: ContinuousClock.Instant
    var issued: Int
  }

  private static let limit = 50_000

  private let windows = Mutex<[ID<Account>: Window]>([:])

  /// Counts a call. If it is one too many, tells how long to wait.
  package func count(_ caller: Caller, in state: CloudState) -> Duration? {
    guard state.flag(.isThrottled), !caller.isRootAdmin else { return nil }
    let standing = standing(of: caller.account, in: state, adding: 1)
    return standing.issued <= standing.allowed ? nil : standing.left
  }

  package func standing(of account: ID<Account>, in state: CloudState) -> Standing {
    standing(of: account, in: state, adding: 0)
  }

  private func standing(of account: ID<Account>, in state: CloudState, adding added: Int) -> Standing {
    let interval = Duration.seconds(state.integer(.throttleInterval))
    let now = ContinuousClock.now
    let window = windows.withLock { windows -> Window in
      if windows.count >= Self.limit { windows = windows.filter { $0.value.began + interval > now } }
      if windows.count >= Self.limit { windows = [:] }
      var window = windows[account] ?? Window(began: now, issued: 0)
      if window.began + interval <= now { window = Window(began: now, issued: 0) }
      window.issued = min(window.issued + added, Int(Int32.max))
      windows[account] = window
      return window
    }
    return Standing(
      issued: window.issued, allowed: state.integer(.throttledCalls), left: window.began + interval - now)
  }

  /// Begins anew for an account, or for all.
  package func reset(_ account: ID<Account>?) {
    windows.withLock { windows in
      if let account { windows[account] = nil } else { windows = [:] }
    }
  }
}

extension Duration {
  package var milliseconds: Int {
    Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
  }
}
