package import NodePlan
import Synchronization

/// What the manager has to be told. The newest report of a scope replaces one that was not sent yet, so a slow link
/// costs detail, never memory; all that still holds is told again to a manager that connects anew.
package final class ReportBoard: Sendable {
  /// Scopes that left the plan whose last report is kept.
  private static let retiredLimit = 4096
  private static let refusalLimit = 64
  private static let compaction = 4096

  private enum Waiting {
    case scope(String)
    /// Less is held under this name than before; said only after the scopes in which it was carried out.
    case release(String)
    /// The node has followed this generation; said only after the scopes that were reported before.
    case received(UInt64)
  }

  private struct State {
    var scopes: [String: ScopeReport] = [:]
    var retired: [String] = []
    var holds: [String: GuardReport] = [:]
    /// What is not sent yet, the longest waiting first; may name a scope twice.
    var waiting: [Waiting] = []
    var next = 0
    var isWaiting: Set<String> = []
    var urgent: [NodeReport] = []
    var isConnected = false
    var waiter: (id: UInt64, continuation: CheckedContinuation<NodeReport?, Never>)?
    var waiters: UInt64 = 0

    mutating func take() -> NodeReport? {
      var report = NodeReport()
      if !urgent.isEmpty { return urgent.removeFirst() }
      while next < waiting.count {
        let item = waiting[next]
        next += 1
        if next == waiting.count || next == ReportBoard.compaction { compact() }
        switch item {
        case .received(let generation):
          report.received.generation = generation
          return report
        case .scope(let scope):
          isWaiting.remove(scope)
          guard let current = scopes[scope] else { continue }
          report.scope = current
          return report
        case .release(let name):
          return ReportBoard.wrap(holds[name] ?? ReportBoard.released(name))
        }
      }
      return nil
    }

    mutating func compact() {
      waiting.removeFirst(next)
      next = 0
    }

    mutating func enqueue(_ scope: String) {
      if isWaiting.insert(scope).inserted { waiting.append(.scope(scope)) }
    }

    mutating func enqueue(received generation: UInt64) {
      if case .received(let last)? = waiting.last {
        waiting[waiting.count - 1] = .received(max(last, generation))
      } else {
        waiting.append(.received(generation))
      }
    }

    /// What a manager has to know before it believes anything else.
    func greeting(_ hello: Hello) -> [NodeReport] {
      var report = NodeReport()
      report.hello = hello
      return [report] + holds.values.sorted { $0.confirmation < $1.confirmation }.map(ReportBoard.wrap)
    }
  }

  private let state = Mutex(State())

  package init() {}

  package func post(_ report: ScopeReport) {
    change { state in
      state.scopes[report.scope] = report
      state.enqueue(report.scope)
    }
  }

  /// The scopes are not in the plan any more: their last reports are kept for a while, and until they have ended.
  package func retire(_ scopes: some Sequence<String>) {
    state.withLock { state in
      state.retired += scopes
      var excess = state.retired.count - ReportBoard.retiredLimit
      if excess <= 0 { return }
      var kept: [String] = []
      for scope in state.retired {
        if excess > 0 && (state.scopes[scope]?.phase ?? .verified) == .verified {
          state.scopes[scope] = nil
          excess -= 1
        } else {
          kept.append(scope)
        }
      }
      state.retired = kept
    }
  }

  /// The scopes are in the plan (again).
  package func revive(_ scopes: Set<String>) {
    state.withLock { state in
      if !state.retired.isEmpty { state.retired.removeAll(where: scopes.contains) }
    }
  }

  /// All that the guard holds now. More is said at once, less when it is its turn.
  package func post(holds: [GuardReport]) {
    change { state in
      let old = state.holds
      state.holds = Dictionary(holds.map { ($0.confirmation, $0) }, uniquingKeysWith: { $1 })
      if !state.isConnected { return }
      for name in Set(old.keys).union(state.holds.keys).sorted() where old[name] != state.holds[name] {
        if let held = state.holds[name], Set(old[name]?.revisions ?? []).isSubset(of: held.revisions) {
          state.urgent.append(ReportBoard.wrap(held))
        } else {
          state.waiting.append(.release(name))
        }
      }
    }
  }

  package func post(_ refusal: Refusal) {
    var report = NodeReport()
    report.refusal = refusal
    change { state in
      if state.urgent.count < ReportBoard.refusalLimit + state.holds.count { state.urgent.append(report) }
    }
  }

  package func post(_ hello: Hello) {
    change { state in if state.isConnected { state.urgent += state.greeting(hello) } }
  }

  package func postReceived(_ generation: UInt64) {
    change { state in if state.isConnected { state.enqueue(received: generation) } }
  }

  /// A new connection: everything current is to be sent, the hello first.
  package func connect(_ hello: Hello) {
    change { state in
      let refusals = state.urgent.filter { if case .refusal = $0.body { true } else { false } }
      state.urgent = state.greeting(hello) + refusals
      state.compact()
      state.waiting.removeAll { if case .scope = $0 { false } else { true } }
      state.isConnected = true
      for scope in state.scopes.keys.sorted() { state.enqueue(scope) }
    }
  }

  package func disconnect() { state.withLock { $0.isConnected = false } }

  /// The next report; nil if the task is cancelled. For one task at a time.
  package func next() async -> NodeReport? {
    let id = state.withLock { state in
      state.waiters += 1
      return state.waiters
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (superseded, report): (CheckedContinuation<NodeReport?, Never>?, NodeReport??) = state.withLock { state in
          if Task.isCancelled { return (nil, .some(nil)) }
          if let report = state.take() { return (nil, .some(report)) }
          let superseded = state.waiter?.continuation
          state.waiter = (id, continuation)
          return (superseded, nil)
        }
        superseded?.resume(returning: nil)
        if let report { continuation.resume(returning: report) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<NodeReport?, Never>? in
        guard let waiter = state.waiter, waiter.id == id else { return nil }
        state.waiter = nil
        return waiter.continuation
      }
      waiter?.resume(returning: nil)
    }
  }

  private func change(_ body: (inout sending State) -> Void) {
    let wake = state.withLock { state -> (CheckedContinuation<NodeReport?, Never>, NodeReport)? in
      body(&state)
      guard let waiter = state.waiter, let report = state.take() else { return nil }
      state.waiter = nil
      return (waiter.continuation, report)
    }
    if let (continuation, report) = wake { continuation.resume(returning: report) }
  }

  private static func released(_ name: String) -> GuardReport {
    var report = GuardReport()
    report.confirmation = name
    report.reason = "nothing is held under this name any more"
    return report
  }

  private static func wrap(_ hold: GuardReport) -> NodeReport {
    var report = NodeReport()
    report.guard = hold
    return report
  }
}
