package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Names ports of a static NAT address, and opens its firewall for them.
  package func createIPForwardingRule(
    address id: ID<PublicIPAddress>, transport: IPProtocol, ports: PortRange, openFirewall: Bool,
    sources: [IPv4Prefix], by caller: Caller
  ) async throws -> Started {
    try await begin("createIpForwardingRule", .ipForwardingRule, by: caller) { draft in
      let address = try Self.address(id, caller, draft)
      guard let owner = address.account, let target = address.staticNAT, !target.isRemoving else {
        throw ControlError(.invalidParameter, "Enable static NAT of \(address.address) before making rules for it")
      }
      let rules = draft.state.ipForwardingRules.matching("address", .id(id))
      try Self.requireRoom(rules.count, 256, "rules of an address")
      for rule in rules where rule.transport == transport && rule.ports.overlaps(ports) {
        throw ControlError(
          .networkRuleConflict,
          "The range specified, \(ports.first)-\(ports.last), conflicts with rule \(rule.id) which has "
            + "\(rule.ports.first)-\(rule.ports.last)")
      }
      var firewall: ID<FirewallRule>?
      if openFirewall && address.network != nil && address.vpc == nil {
        firewall = try Self.openFirewall(address, .transport(transport, ports), sources, &draft).id
      }
      let rule = IPForwardingRule(
        id: draft.newID(), address: id, account: owner, transport: transport, ports: ports, firewall: firewall,
        created: draft.now)
      try draft.put(rule)
      try draft.put(Self.event("NET.RULEADD", "Rule for \(address.address)", owner, caller.user, draft))
      return rule.id.uuid
    }
  }

  package func deleteIPForwardingRule(_ id: ID<IPForwardingRule>, by caller: Caller) async throws -> Started {
    try await begin("deleteIpForwardingRule", .ipForwardingRule, by: caller) { draft in
      let rule = try Self.owned(id, "ip forwarding rule", caller, draft) { $0.account }
      try Withdrawal.withdraw(ipForwardingRule: rule, &draft)
      try draft.put(Self.event("NET.RULEDELETE", "Removing an ip forwarding rule", rule.account, caller.user, draft))
      return id.uuid
    }
  }
}
