package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewLoadBalancer: Sendable {
  package var name: String
  package var description: String = ""
  package var address: ID<PublicIPAddress>?
  package var zone: ID<Zone>?
  package var network: ID<Network>?
  package var transport: IPProtocol = .tcp
  package var publicPort: UInt16
  package var privatePort: UInt16
  package var algorithm: LoadBalancerAlgorithm
  package var openFirewall = true
  package var sources: [IPv4Prefix] = []
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, publicPort: UInt16, privatePort: UInt16, algorithm: LoadBalancerAlgorithm) {
    self.name = name
    self.publicPort = publicPort
    self.privatePort = privatePort
    self.algorithm = algorithm
  }
}

extension Control {
  /// Creates a rule without members. In a Basic zone an address is found for it when none is named.
  package func createLoadBalancerRule(_ request: NewLoadBalancer, by caller: Caller) async throws -> Started {
    try await begin("createLoadBalancerRule", .loadBalancer, by: caller) { draft in
      var address = try Self.address(for: request, caller, &draft)
      if address.vpc != nil { address = try Tiers.lead(address, to: request.network, nil, &draft) }
      guard let owner = address.account else {
        throw ControlError(.invalidParameter, "The address is not allocated")
      }
      guard !request.name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      guard request.publicPort > 0, request.privatePort > 0 else {
        throw ControlError(.invalidParameter, "Ports are 1 to 65535")
      }
      guard request.transport == .tcp || request.transport == .udp else {
        throw ControlError(.invalidParameter, "Invalid protocol \(request.transport.name); use tcp or udp")
      }
      guard request.transport == .tcp || request.algorithm != .leastConnections else {
        throw ControlError(.invalidParameter, "leastconn counts connections and so needs protocol tcp")
      }
      guard request.sources.isEmpty || address.cell == nil else {
        throw ControlError(.unsupported, "cidrlist is not supported in a Basic zone; use security groups")
      }
      let ports = PortRange(request.publicPort, request.publicPort)
      try Self.checkPorts(address, request.transport, ports, draft)
      var firewall: ID<FirewallRule>?
      if request.openFirewall, address.network != nil, address.vpc == nil {
        firewall = try Self.openFirewall(address, .transport(request.transport, ports), request.sources, &draft).id
      }
      let rule = LoadBalancerRule(
        id: draft.newID(), name: request.name, description: request.description, address: address.id,
        network: address.network, account: owner, transport: request.transport, publicPort: request.publicPort,
        privatePort: request.privatePort, algorithm: request.algorithm, sources: request.sources, firewall: firewall,
        created: draft.now)
      try draft.put(rule)
      try draft.put(
        Self.event("LB.CREATE", "Load balancer \(request.name) on \(address.address)", owner, caller.user, draft))
      return rule.id.uuid
    }
  }

  private static func address(
    for request: NewLoadBalancer, _ caller: Caller, _ draft: inout Draft
  ) throws -> PublicIPAddress {
    if let id = request.address { return try address(id, caller, draft) }
    let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
    let zoneID = request.zone ?? request.network.flatMap { draft.get($0)?.zone }
    guard let zone = zoneID.flatMap({ draft.get($0) }), zone.series == .basic else {
      throw ControlError(.invalidParameter, "publicipid must name the address that the rule is for")
    }
    let free = draft.state.publicIPs.matching("account", .id(owner.id)).first {
      $0.zone == zone.id && $0.state == .allocated && $0.isSystem && $0.staticNAT == nil
    }
    if let free { return free }
    var address = try choose(nil, zone, owner, draft)
    address.state = .allocated
    address.account = owner.id
    address.allocated = draft.now
    address.isSystem = true
    try draft.put(address)
    return address
  }

  package func assignToLoadBalancerRule(
    _ id: ID<LoadBalancerRule>, virtualMachines: [ID<VirtualMachine>], by caller: Caller
  ) async throws -> Started {
    try await begin("assignToLoadBalancerRule", .loadBalancer, by: caller) { draft in
      var rule = try Self.rule(id, caller, draft)
      guard let address = draft.get(rule.address) else {
        throw ControlError(.invalidParameter, "The rule's address is gone")
      }
      guard !virtualMachines.isEmpty else {
        throw ControlError(.invalidParameter, "virtualmachineids must name at least one instance")
      }
      for id in virtualMachines {
        let machine = try Self.machine(id, caller, draft)
        guard machine.account == rule.account else {
          throw ControlError(.permissionDenied, "The instance and the rule belong to different accounts")
        }
        let guest = try Self.guestAddress(of: machine, for: address, rule.network, nil)
        guard !rule.members.contains(where: { $0.virtualMachine == id }) else {
          throw ControlError(.invalidParameter, "The instance \(machine.name) is assigned to the rule already")
        }
        rule.members.append(LoadBalancerMember(virtualMachine: id, guestAddress: guest))
      }
      guard rule.members.count <= 256 else {
        throw ControlError(.resourceLimit, "A load balancer rule has at most 256 members")
      }
      try draft.put(rule)
      try draft.put(Self.event("LB.ASSIGN.TO.RULE", "Assigned to \(rule.name)", rule.account, caller.user, draft))
      return rule.id.uuid
    }
  }

  package func removeFromLoadBalancerRule(
    _ id: ID<LoadBalancerRule>, virtualMachines: [ID<VirtualMachine>], by caller: Caller
  ) async throws -> Started {
    try await begin("removeFromLoadBalancerRule", .loadBalancer, by: caller) { draft in
      var rule = try Self.rule(id, caller, draft)
      guard !virtualMachines.isEmpty else {
        throw ControlError(.invalidParameter, "virtualmachineids must name at least one instance")
      }
      for id in virtualMachines {
        _ = try Self.machine(id, caller, draft)
        guard rule.members.contains(where: { $0.virtualMachine == id }) else {
          throw ControlError(.invalidParameter, "The instance is not assigned to the rule")
        }
        rule.members.removeAll { $0.virtualMachine == id }
      }
      try draft.put(rule)
      try draft.put(Self.event("LB.REMOVE.FROM.RULE", "Removed from \(rule.name)", rule.account, caller.user, draft))
      return rule.id.uuid
    }
  }

  package func deleteLoadBalancerRule(_ id: ID<LoadBalancerRule>, by caller: Caller) async throws -> Started {
    try await begin("deleteLoadBalancerRule", .loadBalancer, by: caller) { draft in
      let rule = try Self.rule(id, caller, draft)
      try Withdrawal.withdraw(loadBalancerRule: rule, &draft)
      try draft.put(Self.event("LB.DELETE", "Removing \(rule.name)", rule.account, caller.user, draft))
      return id.uuid
    }
  }

  static func rule(
    _ id: ID<LoadBalancerRule>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> LoadBalancerRule {
    guard let rule = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find load balancer rule \(id)")
    }
    try Access.require(caller, owner: rule.account, in: draft.state)
    guard rule.state != .deleting else {
      throw ControlError(.invalidParameter, "The load balancer rule is being deleted")
    }
    return rule
  }
}
