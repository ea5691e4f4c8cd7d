import Addresses
import CloudModel
import Control

extension Commands {
  static let networks = [
    Command(
      "createNetwork", "Creates an isolated network, or the shared network of a Basic zone",
      [
        .id("aclid", .networkACLList, "the ACL list of a tier; default_deny by default"),
        .string("acltype", "Account, or Domain for a shared network"),
        .boolean("displaynetwork", "accepted if true, as all networks are shown", roles: .admin),
        .string("endip", "the last address of a shared network's instances"),
        .id("physicalnetworkid", .physicalNetwork, "the physical network of a shared network", roles: .admin),
        .string("startip", "the first address of a shared network's instances"),
        .string("vlan", "how a shared network is told apart", roles: .admin),
        .string("displaytext", "a description; the name by default"),
        .string("gateway", "the gateway's address; needs netmask"),
        .string("name", "the network's name", required: true),
        .string("netmask", "the netmask; needs gateway"),
        .string("networkdomain", "the DNS domain of the instances"),
        .id("networkofferingid", .networkOffering, "what the network can do", required: true),
        .id("vpcid", .vpc, "the VPC that the network is a tier of"),
        .id("zoneid", .zone, "the zone of the network", required: true),
      ] + Parameter.owner,
      refused: [
        "asnumber", "associatednetworkid", .admin("bgppeerids"),
        .admin("bypassvlanoverlapcheck"), "cidrsize", "dns1", "dns2", "endipv6", "externalid",
        .admin("hideipaddressusage"), "ip6cidr", "ip6dns1", "ip6dns2", "ip6gateway", "isolatedpvlan",
        "isolatedpvlantype", "privatemtu", "publicmtu", .admin("routerip"),
        .admin("routeripv6"), "sourcenatipaddress", "startipv6", "subdomainaccess",
        "tungstenvirtualrouteruuid",
      ], response: .network
    ) { request in
      try requireUsual(request)
      var network = NewNetwork(
        name: try request.string("name"), displayText: request.arguments.string("displaytext"),
        offering: try request.id("networkofferingid"), zone: try request.id("zoneid"),
        gateway: try request.arguments.address("gateway"), netmask: try request.arguments.address("netmask"),
        domainName: request.arguments.string("networkdomain"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"))
      network.first = try request.arguments.address("startip")
      network.last = try request.arguments.address("endip")
      network.vlan = request.arguments.string("vlan").flatMap { $0.isEmpty ? nil : $0 }
      network.vpc = request.arguments.id("vpcid")
      network.acl = request.arguments.id("aclid")
      let id = try await request.control.createNetwork(network, by: request.caller)
      return try request.created(id, "network") { request.latest.fields(of: $0) }
    },
    Command(
      "listNetworks", "Lists guest networks",
      [
        .string("acltype", "Account or Domain"),
        .boolean("canusefordeploy", "whether instances can be deployed in it"),
        .boolean("forvpc", "whether it is a tier of a VPC"),
        .id("id", .usableNetwork, "the network's id"),
        .boolean("issystem", "networks of the system; there are none"),
        .string("name", "the network's name"),
        .string("networkfilter", "account, domain, shared or all"),
        .id("networkofferingid", .networkOffering, "what the network can do"),
        .boolean("restartrequired", "whether it must be restarted; none must"),
        .boolean("specifyipranges", "whether it has address ranges of its own"),
        .strings("supportedservices", "networks that have all of these services"),
        .tags,
        .string("traffictype", "Guest, as all networks are"),
        .string("type", "Shared or Isolated"),
        .string("vlan", "the network's VNI", roles: .admin),
        .id("vpcid", .vpc, "the VPC that the network is a tier of"),
        .id("zoneid", .zone, "the zone of the network"),
      ] + Parameter.scope,
      refused: ["associatednetworkid", "physicalnetworkid", "retrieveonlyresourcecount", "showicon"],
      response: .network
    ) { request in
      let state = request.state
      let wanted = Set((request.arguments.strings("supportedservices") ?? []).map { $0.lowercased() })
      // What a shared network's account is does not matter: it is there for everybody.
      let filter = request.arguments.string("networkfilter")?.lowercased() ?? ""
      guard ["", "account", "domain", "shared", "all"].contains(filter) else {
        throw APIError.invalid("networkfilter", filter, "it is account, domain, shared or all")
      }
      let own = try request.visible(state.networks) { $0.guestType == .shared ? nil : $0.account }
      let caller = request.caller.account
      let wide: [Network] =
        if let id: ID<Network> = request.arguments.id("id") {
          own.isEmpty ? state.networks[id].map { [$0] }?.filter { $0.permitted?.contains(caller) == true } ?? [] : []
        } else if request.arguments.isEvery("projectid") {
          []
        } else {
          state.networks.all.filter { $0.guestType == .shared }
            + state.networks.matching("permitted", .id(caller)).filter { network in
              !own.contains { $0.id == network.id } && !request.arguments.has("account")
            }
        }
      let rows = (own + wide).filter { network in
        let isOther = network.guestType == .shared || network.permitted?.contains(caller) == true
        if filter == "account" && isOther || (filter == "shared" || filter == "domain") && !isOther { return false }
        let services = Set((state.networkOfferings[network.offering]?.services ?? []).map { $0.lowercased() })
        let isShared = network.guestType == .shared
        return request.matches("acltype", isShared ? "Domain" : "Account")
          && request.matches("forvpc", network.vpc != nil) && request.matches("vpcid", network.vpc)
          && (request.arguments.string("vlan").map { $0 == network.vni.map(String.init) } ?? true)
          && request.matches("canusefordeploy", network.state != .destroying) && request.matches("issystem", false)
          && request.matches("name", network.name) && request.matches("networkofferingid", network.offering)
          && request.matches("restartrequired", false) && request.matches("specifyipranges", isShared)
          && wanted.isSubset(of: services) && request.matches("traffictype", "Guest")
          && request.matches("type", network.guestType.rawValue) && request.matches("zoneid", network.zone)
      }
      return try request.page("network", rows.filter { request.matchesTags($0.id) }.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "deleteNetwork", "Deletes a network that no instance is in",
      [
        .boolean("forced", "without waiting for its node, which is not supported"),
        .id("id", .network, "the network's id", required: true),
      ]
    ) { request in
      guard !request.arguments.flag("forced") else {
        throw ControlError(.unsupported, "A network is gone when its node says so; forced is not supported")
      }
      return try await request.control.deleteNetwork(request.id("id"), by: request.caller)
    },
  ]

  /// Parameters that say what is so anyway.
  private static func requireUsual(_ request: Request) throws {
    let isShared =
      request.arguments.id("networkofferingid", NetworkOffering.self).flatMap { request.state.networkOfferings[$0] }?
      .guestType == .shared
    if let type = request.arguments.string("acltype"), !type.isEmpty,
      type.lowercased() != (isShared ? "domain" : "account")
    {
      throw APIError.value("The acltype of an isolated network is Account, that of a shared one Domain")
    }
    if request.arguments.boolean("displaynetwork") == false {
      throw APIError.value("The parameter displaynetwork of createNetwork is not supported")
    }
    guard let physical = request.arguments.id("physicalnetworkid", PhysicalNetwork.self) else { return }
    guard isShared, request.matches("zoneid", request.state.physicalNetworks[physical]?.zone) else {
      throw APIError.value("physicalnetworkid names a physical network of the zone and is for shared networks")
    }
  }
}
