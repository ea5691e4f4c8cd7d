import CloudModel
import Control
import NodePlan

extension Commands {
  /// What operators ask of Daruma beyond CloudStack's commands.
  static let operations = [
    Command(
      "listDataplaneScopes", "Lists the units of the network and how each stands against the plan",
      roles: .admin, [.string("scope", "the scope's name")], response: .dataplaneScope, isOfNodes: true
    ) { request in
      let wanted = request.arguments.string("scope")
      let health = request.control.health()
      let scopes = health.scopes.values.filter { wanted == nil || $0.scope == wanted }
      return .list(
        "dataplanescope", scopes.sorted { $0.scope < $1.scope }.map { fields(of: $0, request.state, health) },
        count: scopes.count)
    },
    Command(
      "listHeldRemovals", "Lists removals that nodes hold because nothing in the ledger accounts for them",
      roles: .admin, response: .heldRemoval, isOfNodes: true
    ) { request in
      let health = request.control.health()
      var rows: [Fields] = []
      for (node, held) in health.guards.sorted(by: { $0.key < $1.key }) {
        var fields = Fields()
        fields.add("node", node)
        fields.add("held", Int(held.held))
        fields.add("reason", held.reason)
        fields.add("confirmation", held.confirmation)
        rows.append(fields)
      }
      for (node, refusal) in health.refusals.sorted(by: { $0.key < $1.key }) {
        var fields = Fields()
        fields.add("node", node)
        fields.add("held", 0)
        fields.add("reason", refusal.reason)
        fields.add("confirmation", "")
        rows.append(fields)
      }
      return .list("heldremoval", rows, count: rows.count)
    },
    Command(
      "confirmHeldRemovals", "Lets the nodes carry out removals that they hold",
      roles: .admin, [.string("name", "the name that listHeldRemovals gives", required: true)], response: .success
    ) { request in
      try request.control.confirm(request.arguments.string("name") ?? "", by: request.caller)
      return .success()
    },
  ]

  private static func fields(of report: ScopeReport, _ state: CloudState, _ health: Health) -> Fields {
    var fields = Fields()
    fields.add("scope", report.scope)
    let parts = report.scope.split(separator: "/")
    if parts.count == 2, parts[0] == "router" {
      if let cell = ID<Cell>(parts[1]).flatMap({ state.cells[$0] }) { fields.add("name", cell.name) }
      if let router = ID<VirtualRouter>(parts[1]).flatMap({ state.routers[$0] }) { fields.add("name", router.name) }
    }
    fields.add("phase", phase(report.phase))
    fields.add("generation", Int(report.generation))
    fields.add("message", report.message)
    // A report of before the agent went away says nothing of now.
    fields.add("current", health.current.contains(report.scope))
    fields.add("repairs", Int(report.repairs))
    fields.add("lastdrift", report.lastDrift)
    // Nanoseconds since 1970 do not fit a JSON reader's double; microseconds do.
    fields.add("lostat", Int(report.lostAtNs / 1000))
    fields.add("detectedat", Int(report.detectedAtNs / 1000))
    fields.add("appliedat", Int(report.appliedAtNs / 1000))
    fields.add("verifiedat", Int(report.verifiedAtNs / 1000))
    fields.add(
      "service",
      report.services.map { count in
        var fields = Fields()
        fields.add("name", count.service)
        fields.add("wanted", Int(count.wanted))
        fields.add("applied", Int(count.applied))
        fields.add("verified", Int(count.verified))
        return fields
      })
    return fields
  }

  private static func phase(_ phase: ScopePhase) -> String {
    switch phase {
    case .lost: "lost"
    case .applying: "applying"
    case .applied: "applied"
    case .verified: "verified"
    case .failed: "failed"
    case .UNRECOGNIZED(let number): "\(number)"
    }
  }
}
