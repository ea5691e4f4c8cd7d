package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct PortForwardingChange: Sendable {
  package var privatePorts: PortRange?
  package var virtualMachine: ID<VirtualMachine>?
  package var guestAddress: IPv4?
  package var isDisplayed: Bool?

  package init() {}
}

package struct LoadBalancerChange: Sendable {
  package var name: String?
  package var description: String?
  package var algorithm: LoadBalancerAlgorithm?
  package var sources: [IPv4Prefix]?
  package var transport: IPProtocol?
  package var isDisplayed: Bool?

  package init() {}
}

extension Control {
  package func updateFirewallRule(
    _ id: ID<FirewallRule>, isDisplayed: Bool?, egress: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin(egress ? "updateEgressFirewallRule" : "updateFirewallRule", .firewallRule, by: caller) { draft in
      var rule = try Self.owned(id, "firewall rule", caller, draft) { $0.account }
      guard (rule.address == nil) == egress, rule.state != .deleting else {
        throw ControlError(.invalidParameter, "Unable to find the firewall rule \(id)")
      }
      if let isDisplayed { rule.isHidden = isDisplayed ? nil : true }
      try draft.put(rule)
      try draft.put(
        Self.event(
          egress ? "FIREWALL.EGRESS.UPDATE" : "FIREWALL.UPDATE", "Updated a firewall rule", rule.account, caller.user,
          draft, resourceType: "FirewallRule", resource: id.uuid))
      return id.uuid
    }
  }

  package func updatePortForwardingRule(
    _ id: ID<PortForwardingRule>, _ change: PortForwardingChange, by caller: Caller
  ) async throws -> Started {
    try await begin("updatePortForwardingRule", .portForwardingRule, by: caller) { draft in
      var rule = try Self.owned(id, "port forwarding rule", caller, draft) { $0.account }
      guard rule.state != .deleting, let address = draft.get(rule.address) else {
        throw ControlError(.invalidParameter, "The port forwarding rule is being deleted")
      }
      if let ports = change.privatePorts {
        guard ports.count == rule.publicPorts.count else {
          throw ControlError(.invalidParameter, "The public and the private port range must have the same length")
        }
        rule.privatePorts = ports
      }
      if change.virtualMachine != nil || change.guestAddress != nil {
        let machine = try Self.machine(change.virtualMachine ?? rule.virtualMachine, caller, draft)
        guard machine.account == rule.account else {
          throw ControlError(.permissionDenied, "The instance and the address belong to different accounts")
        }
        rule.guestAddress = try Self.guestAddress(of: machine, for: address, rule.network, change.guestAddress)
        rule.virtualMachine = machine.id
      }
      if let isDisplayed = change.isDisplayed { rule.isHidden = isDisplayed ? nil : true }
      try draft.put(rule)
      try draft.put(
        Self.event(
          "NET.RULEMODIFY", "Changed port forwarding of \(address.address)", rule.account, caller.user, draft,
          resourceType: "PortForwardingRule", resource: id.uuid))
      return id.uuid
    }
  }

  package func updateLoadBalancerRule(
    _ id: ID<LoadBalancerRule>, _ change: LoadBalancerChange, by caller: Caller
  ) async throws -> Started {
    try await begin("updateLoadBalancerRule", .loadBalancer, by: caller) { draft in
      var rule = try Self.rule(id, caller, draft)
      if let name = change.name {
        try Self.checkName(name)
        rule.name = name
      }
      if let description = change.description { rule.description = description }
      if let transport = change.transport, transport != rule.transport {
        throw ControlError(.unsupported, "The protocol of a load balancer rule cannot be changed; create another rule")
      }
      if let algorithm = change.algorithm {
        guard rule.transport == .tcp || algorithm != .leastConnections else {
          throw ControlError(.invalidParameter, "leastconn counts connections and so needs protocol tcp")
        }
        rule.algorithm = algorithm
      }
      if let sources = change.sources {
        guard sources.isEmpty || draft.get(rule.address)?.cell == nil else {
          throw ControlError(.unsupported, "cidrlist is not supported in a Basic zone; use security groups")
        }
        rule.sources = sources
        if let id = rule.firewall, var firewall = draft.get(id) {
          let wanted = sources.isEmpty ? [.any] : sources
          try Self.requireRoom(for: max(0, wanted.count - firewall.sources.count), firewall.network, draft)
          firewall.sources = wanted
          try draft.put(firewall)
        }
      }
      if let isDisplayed = change.isDisplayed { rule.isHidden = isDisplayed ? nil : true }
      try draft.put(rule)
      try draft.put(
        Self.event(
          "LB.UPDATE", "Changed load balancer \(rule.name)", rule.account, caller.user, draft,
          resourceType: "LoadBalancer", resource: id.uuid))
      return id.uuid
    }
  }

  package func updateIPAddress(
    _ id: ID<PublicIPAddress>, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateIpAddress", .publicIP, by: caller) { draft in
      var address = try Self.address(id, caller, draft)
      if let isDisplayed { address.isHidden = isDisplayed ? nil : true }
      try draft.put(address)
      try draft.put(
        Self.event(
          "NET.IPUPDATE", "Updated \(address.address)", address.account ?? caller.account, caller.user, draft,
          resourceType: "IpAddress", resource: id.uuid))
      return id.uuid
    }
  }

  /// Keeps a free address for an account until it associates or releases it.
  package func reserveIPAddress(
    _ id: ID<PublicIPAddress>, account: String?, domain: ID<Domain>?, isDisplayed: Bool?, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "reserveIpAddress")) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      guard var address = draft.get(id) else {
        throw ControlError(.invalidParameter, "Unable to find ip address \(id)")
      }
      guard address.state == .free else {
        throw ControlError(.invalidParameter, "The address \(address.address) is \(address.state.rawValue), not free")
      }
      let held = draft.state.publicIPs.matching("account", .id(owner.id)).filter { $0.state == .reserved }
      try Self.requireRoom(held.count, 64, "reserved addresses of an account")
      address.state = .reserved
      address.account = owner.id
      address.isHidden = isDisplayed == false ? true : nil
      try draft.put(address)
      try draft.put(
        Self.event(
          "NET.IPRESERVE", "Reserved \(address.address)", owner.id, caller.user, draft, resourceType: "IpAddress",
          resource: id.uuid))
    }
  }

  /// Gives a reserved address back.
  package func releaseIPAddress(_ id: ID<PublicIPAddress>, by caller: Caller) async throws {
    try await transact(cause(caller, "releaseIpAddress")) { draft in
      guard var address = draft.get(id) else {
        throw ControlError(.invalidParameter, "Unable to find ip address \(id)")
      }
      guard let owner = address.account, address.state == .reserved else {
        throw ControlError(
          .invalidParameter, "Only reserved addresses are released; disassociateIpAddress gives back an allocated one")
      }
      try Access.require(caller, owner: owner, in: draft.state)
      address.state = .free
      address.account = nil
      address.isHidden = nil
      try draft.put(address)
      try draft.put(
        Self.event(
          "NET.IPRELEASE", "Released \(address.address)", owner, caller.user, draft, resourceType: "IpAddress",
          resource: id.uuid))
    }
  }
}
