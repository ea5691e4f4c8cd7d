import CloudModel
import FoundationEssentials
import Ledger
import Logging
package import NodePlan
import Synchronization

/// How the nodes stand, as they reported it last.
package struct Health: Sendable {
  package var connectedNodes: [String] = []
  /// By scope.
  package var scopes: [String: ScopeReport] = [:]
  /// Scopes that their node reported since it connected last and while it still is.
  package var current: Set<String> = []
  /// What nodes hold, by node; a node may hold several things.
  package var guards: [(key: String, value: GuardReport)] = []
  package var refusals: [String: Refusal] = [:]
  package var waitingJobs = 0
  package var revision: UInt64 = 0

  package init() {}
}

extension Control {
  package func health() -> Health {
    nodes.state.withLock { board in
      var health = Health()
      health.connectedNodes = board.sessions.keys.sorted()
      health.scopes = board.reports.mapValues(\.report)
      let sessions = Set(board.sessions.values.map(\.number))
      health.current = Set(board.reports.lazy.filter { sessions.contains($0.value.session) }.map(\.key))
      health.guards = board.guards.flatMap { node, held in
        held.values.sorted { $0.confirmation < $1.confirmation }.map { (node, $0) }
      }
      health.refusals = board.refusals
      health.waitingJobs = board.waiting.count
      health.revision = board.fed
      return health
    }
  }

  /// Lets the agents carry out removals that they hold, by the name that the hold was reported under.
  package func confirm(_ name: String, by caller: Caller) throws {
    try Access.requireRootAdmin(caller)
    if Self.isPreviewing {
      throw ControlError(.unsupported, "A confirmation cannot be previewed; listHeldRemovals tells what it lets go")
    }
    let snapshot = ledger.snapshot
    let confirmed = nodes.state.withLock { board in
      var confirmed = false
      for (node, held) in board.guards where held[name] != nil {
        var update = newUpdate(snapshot, generation: board.sessions[node]?.generation ?? 0)
        update.base = update.generation
        update.confirmations = [name]
        board.sessions[node]?.send.yield(update)
        confirmed = confirmed || board.sessions[node] != nil
      }
      return confirmed
    }
    guard confirmed else {
      throw ControlError(.invalidParameter, "No connected node holds removals under the name \(name)")
    }
    logger.notice("held removals confirmed", metadata: ["name": "\(name)", "user": "\(caller.user)"])
  }
}
