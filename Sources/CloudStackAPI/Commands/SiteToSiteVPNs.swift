import Addresses
import CloudModel
import Control

extension Commands {
  static let siteToSiteVPNs = [
    Command.job(
      "createVpnGateway", "Gives a VPC an end for connections to other sites", creates: true,
      [
        .forDisplay, .id("ipaddressid", .publicIPAddress, "an address of the VPC; that of source NAT by default"),
        .id("vpcid", .vpc, "the VPC's id", required: true),
      ], response: .vpnGateway
    ) { request in
      try await request.control.createVPNGateway(
        request.id("vpcid"), address: request.arguments.id("ipaddressid"), isDisplayed: request.isDisplayed,
        by: request.caller)
    },
    .job(
      "updateVpnGateway", "Changes whether users see a VPN gateway", [.forDisplay, gateway],
      refused: [.admin("customid")], response: .vpnGateway
    ) { request in
      try await request.control.updateVPNGateway(
        request.id("id"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteVpnGateway", "Deletes a VPN gateway that has no connections", [gateway]) { request in
      try await request.control.deleteVPNGateway(request.id("id"), by: request.caller)
    },
    Command(
      "listVpnGateways", "Lists VPN gateways of VPCs",
      [.forDisplay, .id("id", .vpnGateway, "the gateway's id"), .id("vpcid", .vpc, "the VPC's id")] + Parameter.scope,
      response: .vpnGateway
    ) { request in
      try request.list("vpngateway", request.state.vpnGateways, byName: request.arguments.has("vpcid")) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [request.state.vpcs[$0.vpc]?.name ?? ""]
      } where: {
        request.matches("vpcid", $0.vpc) && request.shows($0.isHidden)
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "createVpnCustomerGateway", "Describes another site", creates: true, site + Parameter.owner,
      response: .vpnCustomerGateway
    ) { request in
      try await request.control.createVPNCustomerGateway(form(request), by: request.caller)
    },
    .job(
      "updateVpnCustomerGateway", "Describes another site anew", site + [customerGateway],
      refused: ["account", "domainid"], response: .vpnCustomerGateway
    ) { request in
      try await request.control.updateVPNCustomerGateway(request.id("id"), form(request), by: request.caller)
    },
    .job("deleteVpnCustomerGateway", "Deletes a site that has no connections", [customerGateway]) { request in
      try await request.control.deleteVPNCustomerGateway(request.id("id"), by: request.caller)
    },
    Command(
      "listVpnCustomerGateways", "Lists other sites",
      [.id("id", .vpnCustomerGateway, "the site's id")] + Parameter.scope, response: .vpnCustomerGateway
    ) { request in
      try request.list("vpncustomergateway", request.state.vpnCustomerGateways) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.name, $0.gateway]
      } where: { _ in
        true
      } fields: {
        request.view.fields(of: $0, withKey: true)
      }
    },
  ]

  private static let gateway = Parameter.id("id", .vpnGateway, "the gateway's id", required: true)
  private static let customerGateway = Parameter.id("id", .vpnCustomerGateway, "the site's id", required: true)

  private static let site: [Parameter] = [
    .string("cidrlist", "the site's prefixes, separated by commas", required: true, length: 4096),
    .boolean("dpd", "find out when the site is dead"),
    .long("esplifetime", "seconds that a key for packets lasts; 3600 by default"),
    .string("esppolicy", "proposals such as aes128-sha1;modp1536", required: true),
    .boolean("forceencap", "wrap packets in UDP in any case"),
    .string("gateway", "the site's address or host name", required: true),
    .long("ikelifetime", "seconds that an association lasts; 86400 by default"),
    .string("ikepolicy", "proposals such as aes128-sha1;modp1536", required: true),
    .string("ikeversion", "ike, ikev1 or ikev2"),
    .string("ipsecpsk", "the key that both sites know", required: true),
    .string("name", "the site's name; made of its address by default"),
    .boolean("splitconnections", "one association per prefix"),
  ]

  private static func form(_ request: Request) throws -> CustomerGatewayForm {
    let arguments = request.arguments
    try request.requireRecipient()
    let texts = try request.string("cidrlist").split(separator: ",").map { $0.filter { $0 != " " } }
    let prefixes = try texts.prefix(100).map { text in
      guard let prefix = IPv4Prefix(text) else { throw APIError.invalid("cidrlist", text, "it is not an IPv4 prefix") }
      return prefix
    }
    var form = try CustomerGatewayForm(
      gateway: request.string("gateway"), prefixes: prefixes, presharedKey: request.string("ipsecpsk"),
      ikePolicy: request.string("ikepolicy"), espPolicy: request.string("esppolicy"))
    form.name = arguments.string("name").flatMap { $0.isEmpty ? nil : $0 }
    form.ikeLifetime = arguments.integer("ikelifetime")
    form.espLifetime = arguments.integer("esplifetime")
    form.ikeVersion = arguments.string("ikeversion").flatMap { $0.isEmpty ? nil : $0 }
    form.detectsDeadPeers = arguments.boolean("dpd")
    form.forcesEncapsulation = arguments.boolean("forceencap")
    form.splitsConnections = arguments.boolean("splitconnections")
    form.account = arguments.string("account")
    form.domain = arguments.id("domainid")
    return form
  }

  static let vpnConnections = [
    Command.job(
      "createVpnConnection", "Connects a VPC with another site", creates: true,
      [
        .forDisplay, .boolean("passive", "wait for the other site"),
        .id("s2scustomergatewayid", .vpnCustomerGateway, "the site's id", required: true),
        .id("s2svpngatewayid", .vpnGateway, "the VPN gateway's id", required: true),
      ], response: .vpnConnection
    ) { request in
      try await request.control.createVPNConnection(
        gateway: request.id("s2svpngatewayid"), customerGateway: request.id("s2scustomergatewayid"),
        isPassive: request.arguments.flag("passive"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "updateVpnConnection", "Changes whether users see a connection", [.forDisplay, connection],
      refused: [.admin("customid")], response: .vpnConnection
    ) { request in
      try await request.control.updateVPNConnection(
        request.id("id"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "resetVpnConnection", "Connects anew", [connection], refused: ["account", "domainid"],
      response: .vpnConnection
    ) { request in
      try await request.control.resetVPNConnection(request.id("id"), by: request.caller)
    },
    .job("deleteVpnConnection", "Deletes a connection", [connection]) { request in
      try await request.control.deleteVPNConnection(request.id("id"), by: request.caller)
    },
    Command(
      "listVpnConnections", "Lists connections with other sites",
      [.forDisplay, .id("id", .vpnConnection, "the connection's id"), .id("vpcid", .vpc, "the VPC's id")]
        + Parameter.scope, response: .vpnConnection
    ) { request in
      let state = request.state
      return try request.list("vpnconnection", state.vpnConnections, byName: request.arguments.has("vpcid")) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [state.vpnCustomerGateways[$0.customerGateway]?.name ?? ""]
      } where: {
        request.matches("vpcid", state.vpnGateways[$0.gateway]?.vpc) && request.shows($0.isHidden)
      } fields: {
        request.view.fields(of: $0, withKey: true)
      }
    },
  ]

  private static let connection = Parameter.id("id", .vpnConnection, "the connection's id", required: true)
}
