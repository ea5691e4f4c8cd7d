package import CloudModel
package import NodePlan

extension Planner {
  /// The plan objects that `root` means for `node`; their revision is not set.
  package static func objects(of root: Root, node: String, in state: CloudState) -> [PlanObject] {
    switch root {
    case .node(let id): state.nodes[id].map { wan($0, node) } ?? []
    case .zone(let id): state.zones[id].map { fabric($0, node, state) } ?? []
    case .cell(let id): state.cells[id].map { edgeRouter($0, node, state) } ?? []
    case .network(let id): state.networks[id].map { guestNetwork($0, node, state) } ?? []
    case .router(let id): state.routers[id].map { virtualRouter($0, node, state) } ?? []
    case .publicIP(let id): state.publicIPs[id].map { publicAddress($0, node, state) } ?? []
    case .firewallRule(let id): state.firewallRules[id].map { firewallRule($0, node, state) } ?? []
    case .portForwardingRule(let id): state.portForwardingRules[id].map { portForwarding($0, node, state) } ?? []
    case .loadBalancerRule(let id): state.loadBalancerRules[id].map { loadBalancer($0, node, state) } ?? []
    case .securityGroup(let id): state.securityGroups[id].map { securityGroup($0, node, state) } ?? []
    case .virtualMachine(let id): state.virtualMachines[id].map { virtualMachine($0, node, state) } ?? []
    }
  }

  static func object(
    _ key: String, scope: String, account: ID<Account>? = nil, _ body: PlanObject.OneOf_Body
  ) -> PlanObject {
    var object = PlanObject()
    object.key = key
    object.scope = scope
    object.account = account?.description ?? ""
    object.body = body
    return object
  }
}
