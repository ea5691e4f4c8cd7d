package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewPortForwarding: Sendable {
  package var address: ID<PublicIPAddress>
  package var transport: IPProtocol
  package var publicPorts: PortRange
  package var privatePorts: PortRange
  package var virtualMachine: ID<VirtualMachine>
  package var guestAddress: IPv4?
  package var openFirewall = true
  package var sources: [IPv4Prefix] = []
  package var network: ID<Network>?

  package init(
    address: ID<PublicIPAddress>, transport: IPProtocol, publicPorts: PortRange, privatePorts: PortRange,
    virtualMachine: ID<VirtualMachine>
  ) {
    self.address = address
    self.transport = transport
    self.publicPorts = publicPorts
    self.privatePorts = privatePorts
    self.virtualMachine = virtualMachine
  }
}

extension Control {
  package func createPortForwardingRule(
    _ request: NewPortForwarding, by caller: Caller
  ) async throws -> Started {
    try await begin("createPortForwardingRule", .portForwardingRule, by: caller) { draft in
      let address = try Tiers.lead(
        try Self.address(request.address, caller, draft), to: request.network, request.virtualMachine, &draft)
      guard let network = address.network, let owner = address.account else {
        throw ControlError(.invalidParameter, "Port forwarding belongs to isolated networks")
      }
      guard request.transport == .tcp || request.transport == .udp else {
        throw ControlError(.invalidParameter, "Invalid protocol \(request.transport.name); use tcp or udp")
      }
      guard request.publicPorts.count > 0, request.publicPorts.count == request.privatePorts.count else {
        throw ControlError(.invalidParameter, "The public and the private port range must have the same length")
      }
      guard request.publicPorts.count <= 4096 else {
        throw ControlError(.invalidParameter, "A port forwarding rule spans at most 4096 ports")
      }
      let machine = try Self.machine(request.virtualMachine, caller, draft)
      guard machine.account == owner else {
        throw ControlError(.permissionDenied, "The instance and the address belong to different accounts")
      }
      let guest = try Self.guestAddress(of: machine, for: address, network, request.guestAddress)
      try Self.checkPorts(address, request.transport, request.publicPorts, draft)
      var firewall: ID<FirewallRule>?
      if request.openFirewall && address.vpc == nil {
        firewall = try Self.openFirewall(
          address, .transport(request.transport, request.publicPorts), request.sources, &draft
        ).id
      }
      let rule = PortForwardingRule(
        id: draft.newID(), address: address.id, network: network, account: owner, transport: request.transport,
        publicPorts: request.publicPorts, privatePorts: request.privatePorts, virtualMachine: machine.id,
        guestAddress: guest, firewall: firewall, created: draft.now)
      try draft.put(rule)
      try draft.put(
        Self.event("NET.RULEADD", "Port forwarding of \(address.address) to \(machine.name)", owner, caller.user, draft)
      )
      return rule.id.uuid
    }
  }

  /// Ports of an address lead to one place only.
  static func checkPorts(
    _ address: PublicIPAddress, _ transport: IPProtocol, _ ports: PortRange, _ draft: borrowing Draft
  ) throws {
    guard address.staticNAT == nil else {
      throw ControlError(.networkRuleConflict, "The address is used for static NAT")
    }
    for rule in draft.state.portForwardingRules.matching("address", .id(address.id))
    where rule.transport == transport && rule.publicPorts.overlaps(ports) {
      throw ControlError(
        .networkRuleConflict,
        "The range specified, \(ports.first)-\(ports.last), conflicts with rule \(rule.id) which has "
          + "\(rule.publicPorts.first)-\(rule.publicPorts.last)")
    }
    for rule in draft.state.loadBalancerRules.matching("address", .id(address.id))
    where rule.transport == transport && ports.overlaps(PortRange(rule.publicPort, rule.publicPort)) {
      throw ControlError(
        .networkRuleConflict,
        "The range specified, \(ports.first)-\(ports.last), conflicts with rule \(rule.id) which has "
          + "\(rule.publicPort)-\(rule.publicPort)")
    }
  }

  package func deletePortForwardingRule(
    _ id: ID<PortForwardingRule>, by caller: Caller
  ) async throws -> Started {
    try await begin("deletePortForwardingRule", .portForwardingRule, by: caller) { draft in
      guard let rule = draft.get(id) else {
        throw ControlError(.invalidParameter, "Unable to find port forwarding rule \(id)")
      }
      try Access.require(caller, owner: rule.account, in: draft.state)
      try Withdrawal.withdraw(portForwardingRule: rule, &draft)
      try draft.put(Self.event("NET.RULEDELETE", "Removing a port forwarding", rule.account, caller.user, draft))
      return id.uuid
    }
  }
}
