import Addresses
import CloudModel
import Control
import FoundationEssentials

extension Commands {
  /// Networks, their rules, addresses and routers beyond creating, listing and deleting them; VPCs and VPNs.
  static let networking: [Command] =
    networkChanges + ruleChanges + ipForwarding + balancingPolicies + routerChanges + certificates + vpcs + vpcOfferings
    + networkACLs + networkACLItems + privateGateways + remoteAccessVPNs + siteToSiteVPNs + vpnConnections
    + networkPermissions + portableIPRanges

  static let networkChanges = [
    Command.job(
      "updateNetwork", "Changes a network's name, description, DNS domain or offering",
      [
        .string("displaytext", "a description"),
        .id("id", .network, "the network's id", required: true),
        .string("name", "the network's name"),
        .string("networkdomain", "the DNS domain of the instances"),
        .id("networkofferingid", .networkOffering, "another offering of the same kind"),
      ],
      refused: [
        "changecidr", .admin("customid"), .admin("displaynetwork"), "dns1", "dns2", .admin("forced"), "guestvmcidr",
        "hideipaddressusage", "ip6dns1", "ip6dns2", "privatemtu", "publicmtu", "sourcenatipaddress",
        "updateinsequence",
      ], response: .network
    ) { request in
      var change = NetworkChange()
      change.name = request.arguments.string("name")
      change.displayText = request.arguments.string("displaytext")
      change.domainName = request.arguments.string("networkdomain")
      change.offering = request.arguments.id("networkofferingid")
      return try await request.control.updateNetwork(request.id("id"), change, by: request.caller)
    },
    .job(
      "restartNetwork", "Restarts a network; with cleanup its router is made from nothing",
      [
        .boolean("cleanup", "make the router from nothing"),
        .id("id", .network, "the network's id", required: true),
        .boolean("livepatch", "patch the running router, which is what happens without cleanup"),
      ], refused: ["makeredundant"]
    ) { request in
      let cleanup = request.arguments.flag("cleanup")
      if cleanup && request.arguments.flag("livepatch") {
        throw APIError.value("livepatch and cleanup exclude each other")
      }
      return try await request.control.restartNetwork(request.id("id"), cleanup: cleanup, by: request.caller)
    },
  ]

  static let networkPermissions = [
    Command(
      "createNetworkPermissions", "Lets other accounts have instances in a network", permitted,
      refused: ["projectids"], response: .success
    ) { request in
      try await request.control.createNetworkPermissions(
        request.id("networkid"), accounts: request.arguments.ids("accountids") ?? [],
        names: request.arguments.strings("accounts") ?? [], by: request.caller)
      return .success()
    },
    Command(
      "listNetworkPermissions", "Lists the accounts that may have instances in a network",
      [.id("networkid", .network, "the network's id", required: true)], response: .networkPermission
    ) { request in
      let id: ID<Network> = try request.id("networkid")
      let permitted = request.state.networks[id]?.permitted ?? []
      return .list(
        "networkpermission", permitted.map { request.view.fields(of: $0, in: id) }, count: permitted.count)
    },
    Command(
      "removeNetworkPermissions", "Takes the permission to have instances in a network from accounts", permitted,
      refused: ["projectids"], response: .success
    ) { request in
      try await request.control.removeNetworkPermissions(
        request.id("networkid"), accounts: request.arguments.ids("accountids") ?? [],
        names: request.arguments.strings("accounts") ?? [], by: request.caller)
      return .success()
    },
    Command(
      "resetNetworkPermissions", "Takes all permissions to have instances in a network",
      [.id("networkid", .network, "the network's id", required: true)], response: .success
    ) { request in
      try await request.control.resetNetworkPermissions(request.id("networkid"), by: request.caller)
      return .success()
    },
  ]

  private static let permitted: [Parameter] = [
    .ids("accountids", .fellowAccount, "the accounts' ids"),
    .strings("accounts", "the accounts' names, in the network's domain"),
    .id("networkid", .network, "the network's id", required: true),
  ]

  static let portableIPRanges = [
    Command.job(
      "createPortableIpRange", "Keeps a range of public addresses of a region that no zone has", roles: .admin,
      creates: true,
      [
        .string("endip", "the last address", required: true),
        .string("gateway", "the gateway's address", required: true),
        .string("netmask", "the netmask", required: true),
        .integer("regionid", "the region's number", required: true),
        .string("startip", "the first address", required: true),
        .string("vlan", "the VLAN; untagged by default"),
      ], response: .portableIPRange
    ) { request in
      let arguments = request.arguments
      guard let first = try arguments.address("startip"), let last = try arguments.address("endip"),
        let gateway = try arguments.address("gateway"), let netmask = try arguments.address("netmask"),
        let region = arguments.integer("regionid")
      else { throw APIError.missing("startip", request.command) }
      return try await request.control.createPortableIPRange(
        region: region, first: first, last: last, gateway: gateway, netmask: netmask,
        vlan: arguments.string("vlan") ?? "untagged", by: request.caller)
    },
    .job(
      "deletePortableIpRange", "Gives up a portable range", roles: .admin,
      [.id("id", .portableIPRange, "the range's id", required: true)]
    ) { request in
      try await request.control.deletePortableIPRange(request.id("id"), by: request.caller)
    },
    Command(
      "listPortableIpRanges", "Lists portable ranges", roles: .admin,
      [.id("id", .portableIPRange, "the range's id"), .integer("regionid", "the region's number")] + Parameter.paging,
      response: .portableIPRange
    ) { request in
      let rows = request.state.portableIPRanges.all.filter { range in
        request.matches("id", range.id) && request.arguments.integer("regionid").map { $0 == range.region } ?? true
      }
      return try request.page("portableiprange", rows.oldestFirst(\.created)) {
        [$0.first.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}

extension Parameter {
  /// Whether users see the thing.
  static let forDisplay = Parameter.boolean("fordisplay", "whether users see it", roles: .admin)
}

extension Request {
  /// Whether the list shows what is hidden from users or not.
  func shows(_ isHidden: Bool?) -> Bool {
    (isHidden != true || caller.isRootAdmin) && matches("fordisplay", isHidden != true)
  }

  /// Refuses to act for an account that is not the caller's to act for, before the call is looked at any closer.
  func requireRecipient() throws {
    _ = try Access.recipient(
      for: caller, account: arguments.string("account"), domain: arguments.id("domainid"), in: state)
  }

  /// What `fordisplay` says.
  var isDisplayed: Bool? { arguments.boolean("fordisplay") }

  /// Rows of `table` that the caller may see, oldest first, under `name`.
  func list<R: Resource>(
    _ name: String, _ table: Table<R>, byName: Bool = false, created: (R) -> Date, owner: (R) -> ID<Account>?,
    texts: (R) -> [String], where isWanted: (R) -> Bool, fields: (R) -> Fields
  ) throws -> Reply {
    let rows = try visible(table, byName: byName, owner: owner).filter(isWanted)
    return try page(name, rows.oldestFirst(created), keyword: texts, fields: fields)
  }
}
