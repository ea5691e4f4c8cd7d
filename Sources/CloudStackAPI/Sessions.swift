import CloudModel
import Crypto
import FoundationEssentials
import Synchronization

/// Who logged in by password and has not been idle for too long. Kept in memory only: a restart logs everybody out.
final class Sessions: Sendable {
  static let timeout = Duration.seconds(1800)
  private static let limit = 10_000

  struct Session: Sendable {
    let user: ID<User>
    /// Has to come with every call, as a cookie and as a parameter.
    let key: String
    var used: ContinuousClock.Instant
  }

  private let sessions = Mutex<[String: Session]>([:])

  /// A new session's id and key.
  func begin(_ user: ID<User>) -> (id: String, key: String) {
    let (id, key) = (Self.secret(), Self.secret())
    sessions.withLock { sessions in
      if sessions.count >= Self.limit {
        let limit = ContinuousClock.now - Self.timeout
        sessions = sessions.filter { $0.value.used > limit }
      }
      if sessions.count >= Self.limit, let oldest = sessions.min(by: { $0.value.used < $1.value.used }) {
        sessions[oldest.key] = nil
      }
      sessions[id] = Session(user: user, key: key, used: .now)
    }
    return (id, key)
  }

  enum Finding: Sendable {
    /// There is no such session, or not any more.
    case none
    /// It came without its key, and is ended for that.
    case forged
    case user(ID<User>)
  }

  func find(_ id: String, key: String?, parameter: String?) -> Finding {
    sessions.withLock { sessions in
      guard var session = sessions[id] else { return .none }
      if session.used < .now - Self.timeout {
        sessions[id] = nil
        return .none
      }
      guard let key, let parameter, Self.isSame(key, session.key), Self.isSame(parameter, session.key) else {
        sessions[id] = nil
        return .forged
      }
      session.used = .now
      sessions[id] = session
      return .user(session.user)
    }
  }

  func end(_ id: String) { sessions.withLock { $0[id] = nil } }

  private static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    return one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func secret() -> String {
    SymmetricKey(size: .bits256).withUnsafeBytes { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }
}
