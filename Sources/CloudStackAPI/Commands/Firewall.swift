import Addresses
import CloudModel
import Control

extension Commands {
  static let firewall = [
    .job(
      "createFirewallRule", "Opens ports of a public address of an isolated network", creates: true,
      [.id("ipaddressid", .publicIPAddress, "the public address's id", required: true)] + packets,
      refused: [.unless("type", "user")], response: .firewallRule
    ) { request in
      try await request.control.createFirewallRule(
        address: request.id("ipaddressid"), match: request.arguments.match(needsPorts: false),
        sources: request.arguments.prefixes("cidrlist"), by: request.caller)
    },
    .job(
      "deleteFirewallRule", "Deletes an ingress rule", [.id("id", .firewallRule, "the rule's id", required: true)]
    ) { request in
      try await request.control.deleteFirewallRule(request.id("id"), egress: false, by: request.caller)
    },
    list("listFirewallRules", "Lists ingress rules of isolated networks", egress: false),
    .job(
      "createEgressFirewallRule", "Opens an isolated network towards the outside", creates: true,
      [
        .strings("destcidrlist", "the prefixes that may be reached; all by default"),
        .id("networkid", .network, "the network's id", required: true),
      ] + packets,
      refused: [.unless("type", "user")], response: .firewallRule
    ) { request in
      try await request.control.createEgressFirewallRule(
        network: request.id("networkid"), match: request.arguments.match(needsPorts: false),
        sources: request.arguments.prefixes("cidrlist"), destinations: request.arguments.prefixes("destcidrlist"),
        by: request.caller)
    },
    .job(
      "deleteEgressFirewallRule", "Deletes an egress rule",
      [.id("id", .firewallRule, "the rule's id", required: true)]
    ) { request in
      try await request.control.deleteFirewallRule(request.id("id"), egress: true, by: request.caller)
    },
    list("listEgressFirewallRules", "Lists egress rules of isolated networks", egress: true),
  ]

  private static let packets: [Parameter] = [
    .strings("cidrlist", "the prefixes that connections may come from"),
    .integer("endport", "the last port; the first by default"),
    .integer("icmpcode", "the ICMP code; -1 for any"),
    .integer("icmptype", "the ICMP type; -1 for any"),
    .string("protocol", "tcp, udp, icmp, a number or all", required: true),
    .integer("startport", "the first port"),
  ]

  private static func list(_ name: String, _ description: String, egress: Bool) -> Command {
    Command(
      name, description,
      [
        .id("id", .firewallRule, "the rule's id"),
        .id("ipaddressid", .publicIPAddress, "the public address's id"),
        .id("networkid", .network, "the network's id"),
        .tags,
      ] + Parameter.scope, response: .firewallRule
    ) { request in
      let isNamed = request.arguments.has("ipaddressid") || request.arguments.has("networkid")
      let rows = try request.visible(request.state.firewallRules, byName: isNamed) { $0.account }.filter { rule in
        (rule.address == nil) == egress && request.shows(rule.isHidden) && request.matches("ipaddressid", rule.address)
          && request.matches("networkid", rule.network)
      }
      return try request.page("firewallrule", rows.oldestFirst(\.created)) {
        [$0.id.description]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  }
}
