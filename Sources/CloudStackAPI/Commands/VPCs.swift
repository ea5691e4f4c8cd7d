import Addresses
import CloudModel
import Control

extension Commands {
  static let vpcs = [
    Command.job(
      "createVPC", "Creates a virtual private cloud, in a zone of simulated hosts", creates: true,
      [
        .string("cidr", "the prefix that its tiers divide among them"),
        .string("displaytext", "a description; the name by default"),
        .string("dns1", "the first resolver"),
        .string("dns2", "the second resolver"),
        .forDisplay,
        .string("name", "the VPC's name", required: true),
        .string("networkdomain", "the DNS domain of the instances"),
        .string("sourcenatipaddress", "the public address for source NAT; any free one by default"),
        .boolean("start", "start it at once, as is done in any case"),
        .id("vpcofferingid", .vpcOffering, "what the VPC can do", required: true),
        .id("zoneid", .zone, "the zone of the VPC", required: true),
      ] + Parameter.owner,
      refused: [
        "asnumber", .admin("bgppeerids"), "cidrsize", "ip6dns1", "ip6dns2", "publicmtu",
        "userouteripresolver",
      ], response: .vpc
    ) { request in
      let arguments = request.arguments
      try request.requireRecipient()
      guard let text = arguments.string("cidr"), !text.isEmpty else { throw APIError.missing("cidr", request.command) }
      guard let cidr = IPv4Prefix(text) else {
        throw APIError.invalid("cidr", text, "it is not a prefix such as 10.1.0.0/16")
      }
      var vpc = try NewVPC(
        name: request.string("name"), zone: request.id("zoneid"), offering: request.id("vpcofferingid"), cidr: cidr)
      vpc.displayText = arguments.string("displaytext")
      vpc.domainName = arguments.string("networkdomain")
      vpc.dns = try [arguments.address("dns1"), arguments.address("dns2")].compactMap { $0 }
      vpc.sourceNAT = try arguments.address("sourcenatipaddress")
      vpc.isDisplayed = request.isDisplayed
      vpc.account = arguments.string("account")
      vpc.domain = arguments.id("domainid")
      return try await request.control.createVPC(vpc, by: request.caller)
    },
    .job(
      "updateVPC", "Changes a VPC's name or description",
      [.string("displaytext", "a description"), .forDisplay, cloud, .string("name", "the VPC's name")],
      refused: [.admin("customid"), "publicmtu", "sourcenatipaddress"], response: .vpc
    ) { request in
      try await request.control.updateVPC(
        request.id("id"), name: request.arguments.string("name"),
        displayText: request.arguments.string("displaytext"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteVPC", "Deletes a VPC that has no tiers", [cloud]) { request in
      try await request.control.deleteVPC(request.id("id"), by: request.caller)
    },
    .job(
      "restartVPC", "Restarts a VPC",
      [
        .boolean("cleanup", "make the router from nothing"), cloud,
        .boolean("livepatch", "patch the running router"),
      ], refused: ["makeredundant"]
    ) { request in
      try await request.control.restartVPC(request.id("id"), by: request.caller)
    },
    Command(
      "listVPCs", "Lists VPCs",
      [
        .string("cidr", "the VPC's prefix"), .string("displaytext", "the description"), .forDisplay,
        .id("id", .vpc, "the VPC's id"), .string("name", "the VPC's name"),
        .boolean("restartrequired", "whether it must be restarted; none must"),
        .string("state", "Enabled, as all VPCs are"),
        .strings("supportedservices", "VPCs that have all of these services"),
        .id("vpcofferingid", .vpcOffering, "what the VPC can do"), .id("zoneid", .zone, "the zone of the VPC"),
      ] + Parameter.scope, refused: ["showicon", "tags"], response: .vpc
    ) { request in
      let state = request.state
      let wanted = Set((request.arguments.strings("supportedservices") ?? []).map { $0.lowercased() })
      return try request.list("vpc", state.vpcs) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.name, $0.displayText]
      } where: { vpc in
        let services = Set((state.vpcOfferings[vpc.offering]?.services ?? []).map { $0.lowercased() })
        return request.matches("cidr", vpc.cidr.description) && request.matches("displaytext", vpc.displayText)
          && request.matches("name", vpc.name) && request.matches("restartrequired", false)
          && request.matches("state", "Enabled") && wanted.isSubset(of: services)
          && request.matches("vpcofferingid", vpc.offering) && request.matches("zoneid", vpc.zone)
          && request.shows(vpc.isHidden)
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let cloud = Parameter.id("id", .vpc, "the VPC's id", required: true)

  static let vpcOfferings = [
    Command.job(
      "createVPCOffering", "Creates an offering of VPCs", roles: .admin, creates: true,
      [
        .string("displaytext", "a description; the name by default"),
        .boolean("enable", "whether it can be used at once"),
        .string("internetprotocol", "IPv4"),
        .string("name", "the offering's name", required: true),
        .map("servicecapabilitylist", "capabilities of services: service, capabilitytype, capabilityvalue"),
        .map("serviceproviderlist", "who does which service: service, provider, which is VpcVirtualRouter"),
        .strings("supportedservices", "what its VPCs can do; everything by default"),
      ],
      refused: [
        "domainid", "fornsx", "networkmode", "nsxsupportlb", "provider", "routingmode", "serviceofferingid",
        "specifyasnumber", "zoneid",
      ], response: .vpcOffering
    ) { request in
      try requireUsualCapabilities(request)
      if let text = request.arguments.string("internetprotocol"), !text.isEmpty, text.lowercased() != "ipv4" {
        throw APIError.invalid("internetprotocol", text, "only IPv4 is supported")
      }
      return try await request.control.createVPCOffering(
        name: request.string("name"), displayText: request.arguments.string("displaytext"),
        services: try vpcServices(request), isEnabled: request.arguments.flag("enable"), by: request.caller)
    },
    .job(
      "updateVPCOffering", "Changes an offering of VPCs", roles: .admin,
      [
        .string("displaytext", "a description"), offering, .string("name", "the offering's name"),
        .string("state", "Enabled or Disabled"),
      ], refused: ["domainid", "sortkey", "zoneid"], response: .vpcOffering
    ) { request in
      let isEnabled = try request.arguments.string("state").map { text in
        guard ["enabled", "disabled"].contains(text.lowercased()) else {
          throw APIError.invalid("state", text, "it is Enabled or Disabled")
        }
        return text.lowercased() == "enabled"
      }
      return try await request.control.updateVPCOffering(
        request.id("id"), name: request.arguments.string("name"),
        displayText: request.arguments.string("displaytext"), isEnabled: isEnabled, by: request.caller)
    },
    .job("deleteVPCOffering", "Deletes an offering that no VPC has", roles: .admin, [offering]) { request in
      try await request.control.deleteVPCOffering(request.id("id"), by: request.caller)
    },
    Command(
      "listVPCOfferings", "Lists what VPCs can do",
      [
        .string("displaytext", "the description"), .id("id", .vpcOffering, "the offering's id"),
        .boolean("isdefault", "whether it came with the cloud"), .string("name", "the offering's name"),
        .string("state", "Enabled or Disabled"),
        .strings("supportedservices", "offerings that have all of these services"),
        .id("zoneid", .zone, "offerings that can be used in this zone; all can"),
      ] + Parameter.paging, refused: ["domainid"], response: .vpcOffering
    ) { request in
      let wanted = Set((request.arguments.strings("supportedservices") ?? []).map { $0.lowercased() })
      let rows = request.state.vpcOfferings.all.filter { offering in
        request.matches("displaytext", offering.displayText) && request.matches("id", offering.id)
          && request.matches("isdefault", offering.isDefault) && request.matches("name", offering.name)
          && request.matches("state", offering.isEnabled ? "Enabled" : "Disabled")
          && wanted.isSubset(of: Set(offering.services.map { $0.lowercased() }))
      }
      return try request.page("vpcoffering", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let offering = Parameter.id("id", .vpcOffering, "the offering's id", required: true)

  /// Those that are asked for by themselves or with the one provider that there is.
  private static func vpcServices(_ request: Request) throws -> [String] {
    var services = request.arguments.strings("supportedservices") ?? []
    for row in request.arguments.rows("serviceproviderlist") ?? [] {
      guard let service = row["service"], let provider = row["provider"] else {
        throw APIError.value("The rows of serviceproviderlist have service and provider")
      }
      guard provider.lowercased() == "vpcvirtualrouter" else {
        throw ControlError(.unsupported, "\(service) of VPCs is done by VpcVirtualRouter; \(provider) is not supported")
      }
      services.append(service)
    }
    return services
  }
}
