package import CloudModel
import FoundationEssentials
import Synchronization

/// Judges passwords. Hashing is slow on purpose, so only a few are hashed at a time, and who guesses has to wait.
package final class Login: Sendable {
  /// How long none is looked at after too many wrong ones.
  package static let delay = Duration.seconds(60)
  private static let rememberedNames = 10_000
  private static let waiting = 64

  private struct Failures {
    var count = 0
    var until = ContinuousClock.now
  }

  private struct State {
    var failures: [String: Failures] = [:]
    var waiting = 0
  }

  private let state = Mutex(State())
  private let hashing = Hashing()

  /// Hashes one password at a time.
  private actor Hashing {
    func matches(_ password: String, _ hash: String) -> Bool { Password.matches(password, hash) }
  }

  package enum Refusal: Error, Sendable {
    /// No such user, a wrong password, or a disabled user or account: nobody is told which.
    case wrong
    /// Too many wrong passwords; even the right one is refused for a while.
    case locked
    case overloaded
  }

  package init() {}

  /// - Parameter domain: where the name is looked for.
  package func caller(
    username: String, password: String, domain: ID<Domain>, in cloud: CloudState
  ) async throws(Refusal) -> Caller {
    let name = "\(domain)/\(username.lowercased())"
    let attempts = cloud.integer(.loginAttempts)
    let refusal = state.withLock { state -> Refusal? in
      if let failures = state.failures[name], attempts > 0, failures.count >= attempts, failures.until > .now {
        return .locked
      }
      if state.waiting >= Self.waiting { return .overloaded }
      state.waiting += 1
      return nil
    }
    if let refusal { throw refusal }
    defer { state.withLock { $0.waiting -= 1 } }
    let user = cloud.users.first("username", .scoped(domain.uuid, username.lowercased()))
    // An unknown name takes as long as a known one.
    let isRight = await hashing.matches(password, user?.passwordHash ?? Password.nobodys) && user != nil
    guard isRight, let user, user.enabled, let account = cloud.accounts[user.account], account.state == .enabled else {
      fail(name)
      throw .wrong
    }
    state.withLock { $0.failures[name] = nil }
    return Caller(user: user, account: account)
  }

  private func fail(_ name: String) {
    state.withLock { state in
      if state.failures.count >= Self.rememberedNames {
        state.failures = state.failures.filter { $0.value.until > .now }
      }
      if state.failures.count >= Self.rememberedNames { return }
      var failures = state.failures[name] ?? Failures()
      if failures.until < .now { failures.count = 0 }
      failures.count += 1
      failures.until = .now + Self.delay
      state.failures[name] = failures
    }
  }
}
