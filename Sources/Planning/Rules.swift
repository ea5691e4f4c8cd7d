import Addresses
import CloudModel
import NodePlan

extension Planner {
  /// The router that serves a public address, if it is on `node`.
  private static func router(of address: PublicIPAddress, _ node: String, _ state: CloudState) -> String? {
    if let cell = address.cell { return state.cells[cell]?.node == node ? cell.description : nil }
    guard let network = address.network else { return nil }
    return router(of: network, node, state)
  }

  static func router(of network: ID<Network>, _ node: String, _ state: CloudState) -> String? {
    guard state.networks[network]?.state == .implemented,
      let router = state.routers.first("network", .id(network)), state.hosts[router.host]?.node == node
    else { return nil }
    return router.id.description
  }

  static func publicAddress(_ address: PublicIPAddress, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard address.state == .allocated, let router = router(of: address, node, state) else { return [] }
    var objects: [PlanObject] = []
    if address.cell == nil {
      var plan = PublicAddress()
      plan.router = router
      plan.address = address.address.value
      objects.append(
        object(
          "address/\(router)/\(address.address)", scope: "router/\(router)", account: address.account, .address(plan)))
    }
    if let target = address.staticNAT, !target.isRemoving {
      var plan = StaticNAT()
      plan.router = router
      plan.public = address.address.value
      plan.private = target.guestAddress.value
      objects.append(
        object(
          "nat/\(router)/\(address.address)", scope: "router/\(router)", account: address.account, .staticNat(plan)))
    }
    return objects
  }

  static func firewallRule(_ rule: FirewallRule, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard rule.state != .deleting, let router = router(of: rule.network, node, state) else { return [] }
    var plan = FilterRule()
    plan.router = router
    if let id = rule.address {
      guard let address = state.publicIPs[id], address.state == .allocated else { return [] }
      plan.public = address.address.value
    }
    plan.match = match(rule.match)
    plan.sources = rule.sources.map(prefix)
    plan.destinations = rule.destinations.map(prefix)
    return [object("firewall/\(rule.id)", scope: "router/\(router)", account: rule.account, .firewall(plan))]
  }

  static func portForwarding(_ rule: PortForwardingRule, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard rule.state != .deleting, let address = state.publicIPs[rule.address], address.state == .allocated,
      let router = router(of: address, node, state)
    else { return [] }
    var plan = PortForward()
    plan.router = router
    plan.public = address.address.value
    plan.protocol = UInt32(rule.transport.rawValue)
    plan.publicFirst = UInt32(rule.publicPorts.first)
    plan.publicLast = UInt32(rule.publicPorts.last)
    plan.private = rule.guestAddress.value
    plan.privateFirst = UInt32(rule.privatePorts.first)
    return [object("forward/\(rule.id)", scope: "router/\(router)", account: rule.account, .portForward(plan))]
  }

  static func loadBalancer(_ rule: LoadBalancerRule, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard rule.state != .deleting, let address = state.publicIPs[rule.address], address.state == .allocated,
      let router = router(of: address, node, state)
    else { return [] }
    var plan = LoadBalancer()
    plan.router = router
    plan.public = address.address.value
    plan.protocol = UInt32(rule.transport.rawValue)
    plan.publicPort = UInt32(rule.publicPort)
    plan.balance =
      switch rule.algorithm {
      case .roundRobin: .roundRobin
      case .leastConnections: .leastConnections
      case .source: .source
      }
    plan.sources = rule.sources.map(prefix)
    plan.members = rule.members.filter {
      let now = state.virtualMachines[$0.virtualMachine]?.state
      return now == .running || now == .migrating
    }.map {
      var member = LoadBalancer.Member()
      member.address = $0.guestAddress.value
      member.port = UInt32(rule.privatePort)
      return member
    }
    return [object("lb/\(rule.id)", scope: "router/\(router)", account: rule.account, .loadBalancer(plan))]
  }

  static func match(_ match: PacketMatch) -> Match {
    var plan = Match()
    plan.icmpType = -1
    plan.icmpCode = -1
    plan.lastPort = 65535
    switch match {
    case .all: plan.protocol = 256
    case .transport(let transport, let ports):
      plan.protocol = UInt32(transport.rawValue)
      if let ports {
        plan.firstPort = UInt32(ports.first)
        plan.lastPort = UInt32(ports.last)
      }
    case .icmp(let type, let code):
      plan.protocol = UInt32(IPProtocol.icmp.rawValue)
      plan.icmpType = type.map(Int32.init) ?? -1
      plan.icmpCode = code.map(Int32.init) ?? -1
    }
    return plan
  }
}
