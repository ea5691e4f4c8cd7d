package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  package func createFirewallRule(
    address id: ID<PublicIPAddress>, match: PacketMatch, sources: [IPv4Prefix], by caller: Caller
  ) async throws -> Started {
    try await begin("createFirewallRule", .firewallRule, by: caller) { draft in
      let address = try Self.address(id, caller, draft)
      let rule = try Self.openFirewall(address, match, sources, &draft)
      try draft.put(
        Self.event("FIREWALL.OPEN", "Opened the firewall of \(address.address)", rule.account, caller.user, draft))
      return rule.id.uuid
    }
  }

  /// Puts an ingress rule; a rule that is there already is a conflict.
  static func openFirewall(
    _ address: PublicIPAddress, _ match: PacketMatch, _ sources: [IPv4Prefix], _ draft: inout Draft
  ) throws -> FirewallRule {
    guard address.vpc == nil else {
      throw ControlError(.invalidParameter, "Tiers of a VPC have network ACLs instead of firewall rules")
    }
    guard let network = address.network, let owner = address.account else {
      throw ControlError(
        .invalidParameter, "Firewall rules belong to isolated networks; use security groups in a Basic zone")
    }
    let sources = sources.isEmpty ? [.any] : sources
    for rule in draft.state.firewallRules.matching("address", .id(address.id))
    where rule.match == match && rule.state != .deleting && !Set(rule.sources).isDisjoint(with: sources) {
      throw ControlError(.networkRuleConflict, "The address already has a firewall rule for these packets")
    }
    try requireRoom(for: sources.count, network, draft)
    let rule = FirewallRule(
      id: draft.newID(), network: network, account: owner, address: address.id, match: match, sources: sources,
      created: draft.now)
    try draft.put(rule)
    return rule
  }

  /// A rule becomes one match in the router for each pair of a source and a destination.
  static func requireRoom(for matches: Int, _ network: ID<Network>, _ draft: borrowing Draft) throws {
    let used = draft.state.firewallRules.matching("network", .id(network)).reduce(0) {
      $0 + $1.sources.count * max(1, $1.destinations.count)
    }
    guard matches <= matchesPerRule, used + matches <= matchesPerNetwork else {
      throw ControlError(
        .invalidParameter,
        "Too many CIDRs: a rule has up to \(matchesPerRule) pairs of source and destination, a network's rules together "
          + "\(matchesPerNetwork)")
    }
  }

  private static let matchesPerRule = 1000
  private static let matchesPerNetwork = 5000

  package func createEgressFirewallRule(
    network id: ID<Network>, match: PacketMatch, sources: [IPv4Prefix], destinations: [IPv4Prefix], by caller: Caller
  ) async throws -> Started {
    try await begin("createEgressFirewallRule", .firewallRule, by: caller) { draft in
      let network = try Self.network(id, caller, draft)
      guard network.guestType == .isolated else {
        throw ControlError(.invalidParameter, "Egress rules belong to isolated networks")
      }
      guard network.vpc == nil else {
        throw ControlError(.invalidParameter, "Tiers of a VPC have network ACLs instead of firewall rules")
      }
      guard network.state != .destroying else { throw ControlError(.resourceInUse, "The network is being deleted") }
      for source in sources where source != .any && !network.cidr.contains(source) {
        throw ControlError(.invalidParameter, "\(source) is not within the network's \(network.cidr)")
      }
      let sources = sources.isEmpty ? [network.cidr] : sources
      for rule in draft.state.firewallRules.matching("network", .id(id))
      where rule.address == nil && rule.match == match && rule.state != .deleting
        && rule.destinations == destinations && !Set(rule.sources).isDisjoint(with: sources)
      {
        throw ControlError(.networkRuleConflict, "The network already has an egress rule for these packets")
      }
      try Self.requireRoom(for: sources.count * max(1, destinations.count), id, draft)
      let rule = FirewallRule(
        id: draft.newID(), network: id, account: network.account, address: nil, match: match, sources: sources,
        destinations: destinations, created: draft.now)
      try draft.put(rule)
      try draft.put(
        Self.event("FIREWALL.EGRESS.OPEN", "Egress rule of \(network.name)", network.account, caller.user, draft))
      return rule.id.uuid
    }
  }

  package func deleteFirewallRule(
    _ id: ID<FirewallRule>, egress: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin(egress ? "deleteEgressFirewallRule" : "deleteFirewallRule", .firewallRule, by: caller) { draft in
      guard var rule = draft.get(id), (rule.address == nil) == egress else {
        throw ControlError(.invalidParameter, "Unable to find the firewall rule \(id)")
      }
      try Access.require(caller, owner: rule.account, in: draft.state)
      rule.state = .deleting
      try draft.put(rule)
      try draft.put(
        Self.event(
          egress ? "FIREWALL.EGRESS.CLOSE" : "FIREWALL.CLOSE", "Removing a firewall rule", rule.account, caller.user,
          draft))
      return id.uuid
    }
  }
}
