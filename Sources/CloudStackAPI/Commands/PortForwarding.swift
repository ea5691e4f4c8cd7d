import Addresses
import CloudModel
import Control

extension Commands {
  static let portForwarding = [
    .job(
      "createPortForwardingRule", "Leads ports of a public address to an instance", creates: true,
      [
        .strings("cidrlist", "the prefixes that the firewall is opened for; all by default"),
        .id("ipaddressid", .publicIPAddress, "the public address's id", required: true),
        .id("networkid", .network, "the tier, for an address of a VPC"),
        .boolean("openfirewall", "open the firewall for it too; true by default"),
        .integer("privateendport", "the last port of the instance"),
        .integer("privateport", "the first port of the instance", required: true),
        .string("protocol", "tcp or udp", required: true),
        .integer("publicendport", "the last public port"),
        .integer("publicport", "the first public port", required: true),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
        .string("vmguestip", "the instance's address; that of the network's NIC by default"),
      ],
      response: .portForwardingRule
    ) { request in
      let arguments = request.arguments
      guard let publicPorts = try arguments.ports("publicport", "publicendport"),
        let privatePorts = try arguments.ports("privateport", "privateendport")
      else { throw APIError.missing("publicport", request.command) }
      var rule = try NewPortForwarding(
        address: request.id("ipaddressid"), transport: arguments.transport("protocol"), publicPorts: publicPorts,
        privatePorts: privatePorts, virtualMachine: request.id("virtualmachineid"))
      rule.guestAddress = try arguments.address("vmguestip")
      rule.network = arguments.id("networkid")
      rule.openFirewall = arguments.boolean("openfirewall") ?? true
      rule.sources = try arguments.prefixes("cidrlist")
      if !rule.openFirewall && !rule.sources.isEmpty {
        throw APIError.value("The parameter cidrlist of createPortForwardingRule without openfirewall is not supported")
      }
      return try await request.control.createPortForwardingRule(rule, by: request.caller)
    },
    .job(
      "deletePortForwardingRule", "Deletes a port forwarding rule",
      [.id("id", .portForwardingRule, "the rule's id", required: true)]
    ) { request in
      try await request.control.deletePortForwardingRule(request.id("id"), by: request.caller)
    },
    Command(
      "listPortForwardingRules", "Lists port forwarding rules",
      [
        .id("id", .portForwardingRule, "the rule's id"),
        .id("ipaddressid", .publicIPAddress, "the public address's id"),
        .id("networkid", .network, "the network's id"),
        .tags,
      ] + Parameter.scope, response: .portForwardingRule
    ) { request in
      let isNamed = request.arguments.has("ipaddressid") || request.arguments.has("networkid")
      let rows = try request.visible(request.state.portForwardingRules, byName: isNamed) { $0.account }.filter { rule in
        request.shows(rule.isHidden) && request.matches("ipaddressid", rule.address)
          && request.matches("networkid", rule.network)
      }
      return try request.page("portforwardingrule", rows.oldestFirst(\.created)) {
        [$0.id.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
