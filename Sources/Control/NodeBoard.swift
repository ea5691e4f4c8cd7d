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
    /// What it took out of the plan.
    var removed: Set<String> = []
    /// Whether the job ends when a node cannot do it. Withdrawals wait until it can.
    var mayFail: Bool
    /// Which node each scope is on.
    var nodes: [String: String] = [:]
    /// Set when the wait begins.
    var since: ContinuousClock.Instant?

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
    /// The generation of the plan that the session began with, and the scopes in it.
    let joined: UInt64
    let scopes: Set<String>
    /// The newest generation that the node has followed: every scope that it touches was reported before.
    var followed: UInt64 = 0
    /// The holds that were reported in the session.
    var holds: Set<String> = []
    /// The node came with a plan of an earlier epoch.
    var isOfEarlierEpoch = false

    /// Whether the node has followed a plan without the scope, not older than `generation`.
    func hasOutlived(_ scope: String, _ generation: UInt64) -> Bool {
      followed >= joined && generation <= joined && !scopes.contains(scope)
    }
  }

  /// What was reported of a scope last.
  struct Reported: Sendable {
    var report: ScopeReport
    /// The session in which it was reported; when that has ended, nobody knows how the scope stands.
    var session: Int
    /// Since when a fault keeps the scope as a whole from being verified.
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
    /// What waits for its stage; nil until that is known.
    var holds: Holds?
  }

  let state: Mutex<State>
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameter fed: the revision that is there already; plans are made of what comes after it.
  init(fed: UInt64, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    state = Mutex(State(fed: fed))
    self.now = now
  }

  /// What the end of a wait is.
  enum Outcome: Sendable {
    case verified(ID<AsyncJob>)
    case failed(ID<AsyncJob>, String)

    var job: ID<AsyncJob> {
      switch self {
      case .verified(let job), .failed(let job, _): job
      }
    }
  }

  /// - Parameter earlier: pending jobs about the same thing, the newest first. Who asks again for what is on its way waits
  ///   for the same.
  func wait(_ job: ID<AsyncJob>, _ waiting: Waiting, earlier: [ID<AsyncJob>] = []) -> [Outcome] {
    state.withLock { state in
      var waiting = waiting
      if waiting.scopes.isEmpty, let first = earlier.first(where: { state.waiting[$0] != nil }),
        let same = state.waiting[first]
      {
        let mayFail = waiting.mayFail && same.mayFail
        waiting = same
        waiting.mayFail = mayFail
      }
      waiting.since = waiting.since ?? now()
      state.waiting[job] = waiting
      for scope in waiting.scopes { state.waitingByScope[scope, default: []].insert(job) }
      return Self.look(&state, job, waiting.scopes)
    }
  }

  /// What a session that has ended still had to say is of no use: its node says all of it again.
  func take(_ report: ScopeReport, from node: String, session: Int) -> [Outcome] {
    state.withLock { state in
      guard let current = state.sessions[node], current.number == session else { return [] }
      var report = report
      // Its numbers do not compare with this epoch's until it has followed the plan that the session began with.
      if current.isOfEarlierEpoch && current.followed < current.joined { report.generation = 0 }
      let before = state.reports[report.scope]?.failedSince
      let since: ContinuousClock.Instant? =
        switch report.phase {
        case .verified: nil
        case .failed where !report.failedKeys.isEmpty: nil
        case .failed, .lost: before ?? now()
        default: before
        }
      state.reports[report.scope] = Reported(report: report, session: session, failedSince: since)
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
      if current.followed < current.joined && generation >= current.joined {
        // All that the node holds came before.
        state.guards[node] = state.guards[node]?.filter { current.holds.contains($0.key) }
      }
      return Self.lookAgain(&state) { $0.generation <= generation }
    }
  }

  /// What a node holds has changed: jobs whose removals were held may be done now.
  func hold(_ held: GuardReport, on node: String, session: Int) -> [Outcome] {
    state.withLock { state in
      guard state.sessions[node]?.number == session else { return [] }
      state.sessions[node]?.holds.insert(held.confirmation)
      let before = state.guards[node]?[held.confirmation]
      state.guards[node, default: [:]][held.confirmation] = held.held == 0 ? nil : held
      let released = Set(before?.revisions ?? []).subtracting(held.held == 0 ? [] : held.revisions)
      return released.isEmpty ? [] : Self.lookAgain(&state) { released.contains($0.generation) }
    }
  }

  /// Jobs that have waited for so long for a scope which as a whole was not verified all the time, and can be taken back.
  func expire(_ patience: Duration) -> [Outcome] {
    state.withLock { state in
      let limit = now() - patience
      var outcomes: [Outcome] = []
      for (job, waiting) in state.waiting where waiting.mayFail {
        guard let began = waiting.since, began < limit else { continue }
        for scope in waiting.scopes {
          guard let reported = state.reports[scope], let since = reported.failedSince, since < limit,
            reported.report.phase == .failed || reported.report.phase == .lost,
            Self.speaks(reported, of: waiting, Self.session(state, waiting, scope))
          else { continue }
          let report = reported.report
          outcomes.append(.failed(job, report.message.isEmpty ? report.lastDrift : report.message))
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

  private static func lookAgain(_ state: inout State, _ isDue: (Waiting) -> Bool) -> [Outcome] {
    let jobs = state.waiting.compactMap { isDue($0.value) ? $0.key : nil }
    return jobs.flatMap { look(&state, $0, state.waiting[$0]?.scopes ?? []) }
  }

  /// Takes away the scopes that a job waits for no more, of those named, and ends the wait if none is left.
  private static func look(_ state: inout State, _ job: ID<AsyncJob>, _ scopes: Set<String>) -> [Outcome] {
    for scope in scopes {
      // Nothing holds the job's set while a scope is taken out: it would be copied.
      switch standing(state, job, scope) {
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

  private static func standing(_ state: State, _ job: ID<AsyncJob>, _ scope: String) -> Standing {
    guard let waiting = state.waiting[job], waiting.scopes.contains(scope) else { return .open }
    // What the revision removed is still there.
    if let node = waiting.nodes[scope], let held = state.guards[node]?.values,
      held.contains(where: { $0.revisions.contains(waiting.generation) })
    {
      return .open
    }
    let session = session(state, waiting, scope)
    let reported = state.reports[scope]
    if let session, session.hasOutlived(scope, waiting.generation), reported?.session != session.number {
      // It went before the session began, and the node does not speak of it: a report of its end may have been lost with
      // an agent that was killed.
      return .confirmed
    }
    guard let reported, speaks(reported, of: waiting, session) else { return .open }
    let report = reported.report
    switch report.phase {
    case .verified: return .confirmed
    case .failed:
      // Without keys the whole scope is in doubt.
      if report.failedKeys.isEmpty { return .open }
      // What was taken out is still there.
      if !waiting.removed.isDisjoint(with: report.failedKeys) { return .open }
      if waiting.keys.isDisjoint(with: report.failedKeys) { return .confirmed }
      return waiting.mayFail ? .failed(report.message) : .open
    default: return .open
    }
  }

  private static func session(_ state: State, _ waiting: Waiting, _ scope: String) -> Session? {
    waiting.nodes[scope].flatMap { state.sessions[$0] }
  }

  /// Whether a report tells how the scope stands since the job's revision.
  private static func speaks(_ reported: Reported, of waiting: Waiting, _ session: Session?) -> Bool {
    if reported.report.generation >= waiting.generation { return true }
    return reported.session == session?.number && session?.followed ?? 0 >= waiting.generation
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
