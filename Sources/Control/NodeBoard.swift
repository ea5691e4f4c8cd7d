import CloudModel
import NodePlan
import Synchronization

/// What the manager knows of its nodes at this moment: sessions, the newest report of every scope, and the jobs that wait
/// for reports. Nothing of it is durable: nodes report all of it again when they connect.
final class NodeBoard: Sendable {
  /// A job and the scopes whose verification it waits for.
  struct Waiting: Sendable {
    /// The revision that the job wrote.
    var generation: UInt64
    var scopes: Set<String>
    /// What the revision put into the plan.
    var keys: Set<String>
    /// Whether the job ends when a node cannot do it. Withdrawals wait until it can.
    var mayFail: Bool
    /// Which node each scope is on.
    var nodes: [String: String] = [:]

    mutating func insert(_ scopes: some Sequence<String>, on node: String) {
      for scope in scopes {
        self.scopes.insert(scope)
        nodes[scope] = node
      }
    }
  }

  struct Session: Sendable {
    let number: Int
    let send: AsyncStream<PlanUpdate>.Continuation
    /// Of the newest plan sent.
    var generation: UInt64
    /// The generation of the complete plan that the session began with, and the scopes in it.
    let joined: UInt64
    let scopes: Set<String>
    /// The newest generation that the node has followed: every scope that it touches was reported before.
    var followed: UInt64 = 0
  }

  /// What was reported of a scope last.
  struct Reported: Sendable {
    var report: ScopeReport
    /// The session in which it was reported; when that has ended, nobody knows how the scope stands.
    var session: Int
    /// Since when the scope as a whole is not verified for a fault.
    var failedSince: ContinuousClock.Instant?
  }

  struct State: Sendable {
    var sessions: [String: Session] = [:]
    var sessionCount = 0
    var reports: [String: Reported] = [:]
    var waiting: [ID<AsyncJob>: Waiting] = [:]
    var waitingByScope: [String: Set<ID<AsyncJob>>] = [:]
    /// By node, then by the name that an operator confirms.
    var guards: [String: [String: GuardReport]] = [:]
    var refusals: [String: Refusal] = [:]
    var hellos: [String: Hello] = [:]
    /// Why the nodes cannot belong to this ledger, once one of them showed it. Nothing is changed any more then.
    var distrust: String?
    /// Everything up to this revision has been turned into plans.
    var fed: UInt64 = 0
  }

  let state: Mutex<State>

  /// - Parameter fed: the revision that is there already; plans are made of what comes after it.
  init(fed: UInt64) { state = Mutex(State(fed: fed)) }

  /// The pretended scope that is verified when a node has applied a whole generation.
  static func scope(ofNode name: String) -> String { "node/\(name)" }

  /// What the end of a wait is.
  enum Outcome: Sendable {
    case verified(ID<AsyncJob>)
    case failed(ID<AsyncJob>, String)
  }

  func wait(_ job: ID<AsyncJob>, _ waiting: Waiting) -> [Outcome] {
    state.withLock { state in
      state.waiting[job] = waiting
      for scope in waiting.scopes { state.waitingByScope[scope, default: []].insert(job) }
      return Self.look(&state, job, waiting.scopes)
    }
  }

  func take(_ report: ScopeReport, session: Int) -> [Outcome] {
    state.withLock { state in
      let before = state.reports[report.scope]?.failedSince
      let isFailed = report.phase == .failed && report.failedKeys.isEmpty
      state.reports[report.scope] = Reported(
        report: report, session: session, failedSince: isFailed ? before ?? .now : nil)
      return (state.waitingByScope[report.scope] ?? []).flatMap { Self.look(&state, $0, [report.scope]) }
    }
  }

  /// The node has followed everything up to `generation`: scopes that it has not reported since are untouched by that.
  func follow(_ node: String, _ generation: UInt64, session: Int) -> [Outcome] {
    state.withLock { state in
      guard let current = state.sessions[node], current.number == session, current.followed < generation else {
        return []
      }
      state.sessions[node]?.followed = generation
      var outcomes: [Outcome] = []
      for (job, waiting) in state.waiting where waiting.generation <= generation {
        outcomes += Self.look(&state, job, waiting.scopes)
      }
      return outcomes
    }
  }

  /// What a node holds has changed: jobs whose removals were held may be done now.
  func hold(_ held: GuardReport, on node: String) -> [Outcome] {
    state.withLock { state in
      let before = state.guards[node]?[held.confirmation]
      state.guards[node, default: [:]][held.confirmation] = held.held == 0 ? nil : held
      let released = Set(before?.revisions ?? []).subtracting(held.held == 0 ? [] : held.revisions)
      if released.isEmpty { return [] }
      var outcomes: [Outcome] = []
      for (job, waiting) in state.waiting where released.contains(waiting.generation) {
        outcomes += Self.look(&state, job, waiting.scopes)
      }
      return outcomes
    }
  }

  /// Jobs that wait for a scope which as a whole has not been verified for so long, and can be taken back.
  func expire(_ patience: Duration) -> [Outcome] {
    state.withLock { state in
      let limit = ContinuousClock.now - patience
      var outcomes: [Outcome] = []
      for (job, waiting) in state.waiting where waiting.mayFail {
        for scope in waiting.scopes {
          guard let reported = state.reports[scope], let since = reported.failedSince, since < limit,
            reported.report.generation >= waiting.generation
          else { continue }
          outcomes.append(.failed(job, reported.report.message))
          Self.drop(&state, job)
          break
        }
      }
      return outcomes
    }
  }

  private enum Standing {
    case open, confirmed
    case failed(String)
  }

  /// Takes away the scopes that a job waits for no more, of those named, and ends the wait if none is left.
  private static func look(_ state: inout State, _ job: ID<AsyncJob>, _ scopes: Set<String>) -> [Outcome] {
    for scope in scopes {
      guard let waiting = state.waiting[job], waiting.scopes.contains(scope) else { continue }
      switch standing(state, waiting, scope) {
      case .open: continue
      case .failed(let reason):
        drop(&state, job)
        return [.failed(job, reason)]
      case .confirmed:
        state.waiting[job]?.scopes.remove(scope)
        forget(&state, scope, job)
      }
    }
    guard state.waiting[job]?.scopes.isEmpty == true else { return [] }
    drop(&state, job)
    return [.verified(job)]
  }

  private static func standing(_ state: State, _ waiting: Waiting, _ scope: String) -> Standing {
    let node = waiting.nodes[scope]
    let session = node.flatMap { state.sessions[$0] }
    // What the revision removed is still there.
    if let node, let held = state.guards[node]?.values,
      held.contains(where: { $0.revisions.contains(waiting.generation) })
    {
      return .open
    }
    let followed = session?.followed ?? 0
    if let session, followed >= session.joined, waiting.generation <= session.joined, !session.scopes.contains(scope),
      !scope.hasPrefix("node/")
    {
      // It went before the session began; a report of that may have been lost with an agent that was killed.
      return .confirmed
    }
    guard let reported = state.reports[scope] else { return .open }
    let report = reported.report
    let isCurrent = reported.session == session?.number
    guard report.generation >= waiting.generation || (isCurrent && followed >= waiting.generation) else { return .open }
    switch report.phase {
    case .verified: return .confirmed
    case .failed:
      // Without keys the whole scope is in doubt.
      if report.failedKeys.isEmpty { return .open }
      if waiting.keys.isDisjoint(with: report.failedKeys) { return .confirmed }
      return waiting.mayFail ? .failed(report.message) : .open
    default: return .open
    }
  }

  private static func drop(_ state: inout State, _ job: ID<AsyncJob>) {
    guard let waiting = state.waiting.removeValue(forKey: job) else { return }
    for scope in waiting.scopes { forget(&state, scope, job) }
  }

  private static func forget(_ state: inout State, _ scope: String, _ job: ID<AsyncJob>) {
    state.waitingByScope[scope]?.remove(job)
    if state.waitingByScope[scope]?.isEmpty == true { state.waitingByScope[scope] = nil }
  }
}
