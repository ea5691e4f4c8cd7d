import Addresses
import CloudModel
import Control

extension Commands {
  static let privateGateways = [
    Command.job(
      "createPrivateGateway", "Gives a VPC a leg in a VLAN of the operator's", creates: true,
      [
        .id("aclid", .networkACLList, "the ACL list; default_deny by default"),
        .string("gateway", "the gateway's address", required: true),
        .string("ipaddress", "the VPC's address", required: true),
        .string("netmask", "the netmask", required: true),
        .boolean("sourcenatsupported", "translate what leaves by it"),
        .string("vlan", "the VLAN's number", roles: .admin),
        .id("vpcid", .vpc, "the VPC's id", required: true),
      ],
      refused: [
        "associatednetworkid", .admin("bypassvlanoverlapcheck"), "networkofferingid", .admin("physicalnetworkid"),
      ], response: .privateGateway
    ) { request in
      let arguments = request.arguments
      guard let address = try arguments.address("ipaddress"), let gateway = try arguments.address("gateway"),
        let netmask = try arguments.address("netmask")
      else { throw APIError.missing("ipaddress", request.command) }
      var new = try NewPrivateGateway(vpc: request.id("vpcid"), address: address, gateway: gateway, netmask: netmask)
      new.vlan = try arguments.string("vlan").flatMap { text in
        if text.isEmpty { return nil }
        let digits = text.lowercased().hasPrefix("vlan://") ? text.dropFirst(7) : text[...]
        guard let vlan = Int(digits) else { throw APIError.invalid("vlan", text, "it is 1 to 4094") }
        return vlan
      }
      new.acl = arguments.id("aclid")
      new.isSourceNAT = arguments.flag("sourcenatsupported")
      return try await request.control.createPrivateGateway(new, by: request.caller)
    },
    .job(
      "deletePrivateGateway", "Deletes a private gateway that no route uses",
      [.id("id", .privateGateway, "the gateway's id", required: true)]
    ) { request in
      try await request.control.deletePrivateGateway(request.id("id"), by: request.caller)
    },
    Command(
      "listPrivateGateways", "Lists private gateways of VPCs",
      [
        .id("id", .privateGateway, "the gateway's id"), .string("ipaddress", "the VPC's address"),
        .string("state", "Ready, as all are"), .string("vlan", "the VLAN's number"), .id("vpcid", .vpc, "the VPC's id"),
      ] + Parameter.scope, response: .privateGateway
    ) { request in
      try request.list("privategateway", request.state.privateGateways, byName: request.arguments.has("vpcid")) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.address.description]
      } where: {
        request.matches("ipaddress", $0.address.description) && request.matches("state", "Ready")
          && request.matches("vlan", $0.vlan.map(String.init) ?? "") && request.matches("vpcid", $0.vpc)
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "createStaticRoute", "Has a VPC's router send a prefix elsewhere", creates: true,
      [
        .string("cidr", "the prefix", required: true), .id("gatewayid", .privateGateway, "the private gateway; or"),
        .string("nexthop", "the address to send to, with vpcid"), .id("vpcid", .vpc, "the VPC's id"),
      ], response: .staticRoute
    ) { request in
      let text = try request.string("cidr")
      guard let cidr = IPv4Prefix(text) else {
        throw APIError.invalid("cidr", text, "it is not a prefix such as 10.9.0.0/16")
      }
      return try await request.control.createStaticRoute(
        cidr, gateway: request.arguments.id("gatewayid"), vpc: request.arguments.id("vpcid"),
        nextHop: request.arguments.address("nexthop"), by: request.caller)
    },
    .job(
      "deleteStaticRoute", "Deletes a static route", [.id("id", .staticRoute, "the route's id", required: true)]
    ) { request in
      try await request.control.deleteStaticRoute(request.id("id"), by: request.caller)
    },
    Command(
      "listStaticRoutes", "Lists static routes of VPCs",
      [
        .id("gatewayid", .privateGateway, "the private gateway"), .id("id", .staticRoute, "the route's id"),
        .string("state", "Active, as all are"), .id("vpcid", .vpc, "the VPC's id"),
      ] + Parameter.scope, refused: ["tags"], response: .staticRoute
    ) { request in
      let isNamed = request.arguments.has("vpcid") || request.arguments.has("gatewayid")
      return try request.list("staticroute", request.state.staticRoutes, byName: isNamed) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.cidr.description]
      } where: {
        request.matches("gatewayid", $0.gateway) && request.matches("state", "Active")
          && request.matches("vpcid", $0.vpc)
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
