import Addresses
import CloudModel
import Control

extension Commands {
  static let networks = [
    Command(
      "createNetwork", "Creates an isolated network",
      [
        .string("displaytext", "a description; the name by default"),
        .string("gateway", "the gateway's address; needs netmask"),
        .string("name", "the network's name", required: true),
        .string("netmask", "the netmask; needs gateway"),
        .string("networkdomain", "the DNS domain of the instances"),
        .id("networkofferingid", .networkOffering, "what the network can do", required: true),
        .id("zoneid", .zone, "the zone of the network", required: true),
      ] + Parameter.owner,
      refused: [
        "aclid", .unless("acltype", "account"), "asnumber", "associatednetworkid", .admin("bgppeerids"),
        .admin("bypassvlanoverlapcheck"), "cidrsize", "dns1", "dns2", "endip", "endipv6", "externalid",
        .admin("hideipaddressusage"), "ip6cidr", "ip6dns1", "ip6dns2", "ip6gateway", "isolatedpvlan",
        "isolatedpvlantype", "physicalnetworkid", "privatemtu", "projectid", "publicmtu", .admin("routerip"),
        .admin("routeripv6"), "sourcenatipaddress", "startip", "startipv6", "subdomainaccess",
        "tungstenvirtualrouteruuid", .admin("vlan"), "vpcid",
      ], response: .network
    ) { request in
      let id = try await request.control.createNetwork(
        NewNetwork(
          name: request.string("name"), displayText: request.arguments.string("displaytext"),
          offering: request.id("networkofferingid"), zone: request.id("zoneid"),
          gateway: request.arguments.address("gateway"), netmask: request.arguments.address("netmask"),
          domainName: request.arguments.string("networkdomain"), account: request.arguments.string("account"),
          domain: request.arguments.id("domainid")),
        by: request.caller)
      return try request.created(id, "network") { request.latest.fields(of: $0) }
    },
    Command(
      "listNetworks", "Lists guest networks",
      [
        .string("acltype", "Account or Domain"),
        .boolean("canusefordeploy", "whether instances can be deployed in it"),
        .boolean("forvpc", "tiers of VPCs; there are none"),
        .id("id", .network, "the network's id"),
        .boolean("issystem", "networks of the system; there are none"),
        .string("name", "the network's name"),
        .id("networkofferingid", .networkOffering, "what the network can do"),
        .boolean("restartrequired", "whether it must be restarted; none must"),
        .boolean("specifyipranges", "whether it has address ranges of its own"),
        .strings("supportedservices", "networks that have all of these services"),
        .string("traffictype", "Guest, as all networks are"),
        .string("type", "Shared or Isolated"),
        .id("zoneid", .zone, "the zone of the network"),
      ] + Parameter.scope,
      refused: [
        "associatednetworkid", .unless("networkfilter", "all"), "physicalnetworkid", "retrieveonlyresourcecount",
        "tags", .admin("vlan"), "vpcid",
      ], response: .network
    ) { request in
      let state = request.state
      let wanted = Set((request.arguments.strings("supportedservices") ?? []).map { $0.lowercased() })
      // What a shared network's account is does not matter: it is there for everybody.
      let own = try request.visible(state.networks) { $0.guestType == .shared ? nil : $0.account }
      let shared =
        request.arguments.has("id") || request.arguments.isEvery("projectid")
        ? [] : state.networks.all.filter { $0.guestType == .shared }
      let rows = (own + shared).filter { network in
        let services = Set((state.networkOfferings[network.offering]?.services ?? []).map { $0.lowercased() })
        let isShared = network.guestType == .shared
        return request.matches("acltype", isShared ? "Domain" : "Account") && request.matches("forvpc", false)
          && request.matches("canusefordeploy", network.state != .destroying) && request.matches("issystem", false)
          && request.matches("name", network.name) && request.matches("networkofferingid", network.offering)
          && request.matches("restartrequired", false) && request.matches("specifyipranges", isShared)
          && wanted.isSubset(of: services) && request.matches("traffictype", "Guest")
          && request.matches("type", network.guestType.rawValue) && request.matches("zoneid", network.zone)
      }
      return try request.page("network", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "deleteNetwork", "Deletes a network that no instance is in",
      [.id("id", .network, "the network's id", required: true)], refused: ["forced"]
    ) { request in
      try await request.control.deleteNetwork(request.id("id"), by: request.caller)
    },
  ]
}
