import Addresses
import CloudModel
import Control

extension Commands {
  static let ruleChanges = [
    Command.job(
      "updateFirewallRule", "Changes whether users see an ingress rule", [firewallRule, .forDisplay],
      refused: [.admin("customid")], response: .firewallRule
    ) { request in
      try await request.control.updateFirewallRule(
        request.id("id"), isDisplayed: request.isDisplayed, egress: false, by: request.caller)
    },
    .job(
      "updateEgressFirewallRule", "Changes whether users see an egress rule", [firewallRule, .forDisplay],
      refused: [.admin("customid")], response: .firewallRule
    ) { request in
      try await request.control.updateFirewallRule(
        request.id("id"), isDisplayed: request.isDisplayed, egress: true, by: request.caller)
    },
    .job(
      "updatePortForwardingRule", "Leads a port forwarding rule elsewhere",
      [
        .forDisplay,
        .id("id", .portForwardingRule, "the rule's id", required: true),
        .integer("privateendport", "the last port of the instance"),
        .integer("privateport", "the first port of the instance"),
        .id("virtualmachineid", .virtualMachine, "the instance's id"),
        .string("vmguestip", "the instance's address"),
      ], refused: ["cidrlist", .admin("customid")], response: .portForwardingRule
    ) { request in
      var change = PortForwardingChange()
      change.privatePorts = try request.arguments.ports("privateport", "privateendport")
      change.virtualMachine = request.arguments.id("virtualmachineid")
      change.guestAddress = try request.arguments.address("vmguestip")
      change.isDisplayed = request.isDisplayed
      return try await request.control.updatePortForwardingRule(request.id("id"), change, by: request.caller)
    },
    .job(
      "updateLoadBalancerRule", "Changes a load balancer rule",
      [
        .string("algorithm", "roundrobin, leastconn or source"),
        .strings("cidrlist", "the prefixes that may connect"),
        .string("description", "what it is for", length: 4096),
        .forDisplay,
        .id("id", .loadBalancerRule, "the rule's id", required: true),
        .string("name", "the rule's name"),
        .string("protocol", "tcp or udp, as it is"),
      ], refused: [.admin("customid")], response: .loadBalancerRule, object: "loadbalancer"
    ) { request in
      let arguments = request.arguments
      var change = LoadBalancerChange()
      change.name = arguments.string("name")
      change.description = arguments.string("description")
      change.algorithm = try arguments.string("algorithm").map { text in
        guard let algorithm = LoadBalancerAlgorithm(rawValue: text.lowercased()) else {
          throw APIError.invalid("algorithm", text, "it is roundrobin, leastconn or source")
        }
        return algorithm
      }
      change.sources = arguments.has("cidrlist") ? try arguments.prefixes("cidrlist") : nil
      change.transport = arguments.has("protocol") ? try arguments.transport("protocol", .tcp) : nil
      change.isDisplayed = request.isDisplayed
      return try await request.control.updateLoadBalancerRule(request.id("id"), change, by: request.caller)
    },
    .job(
      "updateIpAddress", "Changes whether users see an address", [.forDisplay, address],
      refused: [.admin("customid")], response: .publicIPAddress
    ) { request in
      try await request.control.updateIPAddress(
        request.id("id"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    Command(
      "reserveIpAddress", "Keeps a free public address for an account", [.forDisplay, address] + Parameter.owner,
      response: .publicIPAddress
    ) { request in
      let id: ID<PublicIPAddress> = try request.id("id")
      try await request.control.reserveIPAddress(
        id, account: request.arguments.string("account"), domain: request.arguments.id("domainid"),
        isDisplayed: request.isDisplayed, by: request.caller)
      return try request.created(id, "ipaddress") { request.latest.fields(of: $0) }
    },
    Command("releaseIpAddress", "Gives a reserved address back", [address], response: .success) { request in
      try await request.control.releaseIPAddress(request.id("id"), by: request.caller)
      return .success()
    },
  ]

  private static let firewallRule = Parameter.id("id", .firewallRule, "the rule's id", required: true)
  private static let address = Parameter.id("id", .publicIPAddress, "the address's id", required: true)

  static let ipForwarding = [
    Command.job(
      "createIpForwardingRule", "Opens ports of a static NAT address", creates: true,
      [
        .strings("cidrlist", "the prefixes that the firewall is opened for; all by default"),
        .integer("endport", "the last port; the first by default"),
        .id("ipaddressid", .publicIPAddress, "the public address's id", required: true),
        .boolean("openfirewall", "open the firewall for it too; true by default"),
        .string("protocol", "tcp or udp", required: true),
        .integer("startport", "the first port", required: true),
      ], response: .ipForwardingRule
    ) { request in
      let arguments = request.arguments
      guard let ports = try arguments.ports("startport", "endport") else {
        throw APIError.missing("startport", request.command)
      }
      return try await request.control.createIPForwardingRule(
        address: request.id("ipaddressid"), transport: arguments.transport("protocol"), ports: ports,
        openFirewall: arguments.boolean("openfirewall") ?? true, sources: arguments.prefixes("cidrlist"),
        by: request.caller)
    },
    .job(
      "deleteIpForwardingRule", "Deletes a rule of a static NAT address",
      [.id("id", .ipForwardingRule, "the rule's id", required: true)]
    ) { request in
      try await request.control.deleteIPForwardingRule(request.id("id"), by: request.caller)
    },
    Command(
      "listIpForwardingRules", "Lists rules of static NAT addresses",
      [
        .id("id", .ipForwardingRule, "the rule's id"),
        .id("ipaddressid", .publicIPAddress, "the public address's id"),
        .id("virtualmachineid", .virtualMachine, "rules of the addresses of this instance"),
      ] + Parameter.scope, response: .ipForwardingRule
    ) { request in
      let isNamed = request.arguments.has("ipaddressid") || request.arguments.has("virtualmachineid")
      return try request.list("ipforwardingrule", request.state.ipForwardingRules, byName: isNamed) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.id.description]
      } where: {
        request.matches("ipaddressid", $0.address)
          && request.matches("virtualmachineid", request.state.publicIPs[$0.address]?.staticNAT?.virtualMachine)
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
