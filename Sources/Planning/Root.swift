package import CloudModel

/// A resource that plan objects are derived from. An object is derived from exactly one root; what else it looks up is covered by
/// `Root.affected(by:before:after:)`.
package enum Root: Hashable, Sendable {
  case node(ID<Node>)
  case zone(ID<Zone>)
  case cell(ID<Cell>)
  case network(ID<Network>)
  case router(ID<VirtualRouter>)
  case publicIP(ID<PublicIPAddress>)
  case firewallRule(ID<FirewallRule>)
  case portForwardingRule(ID<PortForwardingRule>)
  case loadBalancerRule(ID<LoadBalancerRule>)
  case securityGroup(ID<SecurityGroup>)
  case virtualMachine(ID<VirtualMachine>)
}

extension Root {
  /// Every root of a cloud.
  package static func all(in state: CloudState) -> [Root] {
    state.nodes.ids.map(Root.node) + state.zones.ids.map(Root.zone) + state.cells.ids.map(Root.cell)
      + state.networks.ids.map(Root.network) + state.routers.ids.map(Root.router)
      + state.publicIPs.ids.map(Root.publicIP) + state.firewallRules.ids.map(Root.firewallRule)
      + state.portForwardingRules.ids.map(Root.portForwardingRule)
      + state.loadBalancerRules.ids.map(Root.loadBalancerRule) + state.securityGroups.ids.map(Root.securityGroup)
      + state.virtualMachines.ids.map(Root.virtualMachine)
  }

  /// The roots whose objects may differ once `resource` has changed, as far as one state shows; ask for the state before and for
  /// the state after, and unite the answers.
  package static func affected(by resource: any Resource, in state: CloudState) -> [Root] {
    switch resource {
    case let node as Node: [.node(node.id)]
    case let zone as Zone:
      [.zone(zone.id)] + state.cells.matching("zone", .id(zone.id)).map { .cell($0.id) }
        + routers(of: state.networks.matching("zone", .id(zone.id)), in: state)
    case let offering as NetworkOffering:
      routers(of: state.networks.all.filter { $0.offering == offering.id }, in: state)
    case let cell as Cell: [.cell(cell.id)]
    case let network as Network: [.network(network.id)] + dependents(ofNetwork: network.id, in: state)
    case let router as VirtualRouter:
      [.router(router.id), .network(router.network)] + dependents(ofNetwork: router.network, in: state)
    case let address as PublicIPAddress: [.publicIP(address.id)] + dependents(ofAddress: address.id, in: state)
    case let rule as FirewallRule: [.firewallRule(rule.id)]
    case let rule as PortForwardingRule: [.portForwardingRule(rule.id)]
    case let rule as LoadBalancerRule: [.loadBalancerRule(rule.id)]
    case let group as SecurityGroup: [.securityGroup(group.id)]
    case let machine as VirtualMachine: [.virtualMachine(machine.id)] + dependents(ofMachine: machine.id, in: state)
    default: []
    }
  }

  private static func routers(of networks: [Network], in state: CloudState) -> [Root] {
    networks.flatMap { state.routers.matching("network", .id($0.id)) }.map { .router($0.id) }
  }

  private static func dependents(ofNetwork id: ID<Network>, in state: CloudState) -> [Root] {
    state.routers.matching("network", .id(id)).map { .router($0.id) }
      + state.publicIPs.matching("network", .id(id)).map { .publicIP($0.id) }
      + state.firewallRules.matching("network", .id(id)).map { .firewallRule($0.id) }
      + state.portForwardingRules.matching("network", .id(id)).map { .portForwardingRule($0.id) }
      + state.loadBalancerRules.matching("network", .id(id)).map { .loadBalancerRule($0.id) }
      + state.virtualMachines.matching("network", .id(id)).map { .virtualMachine($0.id) }
  }

  private static func dependents(ofAddress id: ID<PublicIPAddress>, in state: CloudState) -> [Root] {
    state.firewallRules.matching("address", .id(id)).map { .firewallRule($0.id) }
      + state.portForwardingRules.matching("address", .id(id)).map { .portForwardingRule($0.id) }
      + state.loadBalancerRules.matching("address", .id(id)).map { .loadBalancerRule($0.id) }
  }

  private static func dependents(ofMachine id: ID<VirtualMachine>, in state: CloudState) -> [Root] {
    state.loadBalancerRules.matching("instance", .id(id)).map { .loadBalancerRule($0.id) }
      + state.publicIPs.matching("instance", .id(id)).map { .publicIP($0.id) }
  }
}
