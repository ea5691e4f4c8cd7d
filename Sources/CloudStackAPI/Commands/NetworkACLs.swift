import Addresses
import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let networkACLs = [
    Command.job(
      "createNetworkACLList", "Creates a list of rules between the tiers of a VPC", creates: true,
      [
        .string("description", "what it is for"), .forDisplay, .string("name", "the list's name", required: true),
        .id("vpcid", .vpc, "the VPC's id", required: true),
      ], response: .networkACLList
    ) { request in
      try await request.control.createNetworkACLList(
        name: request.string("name"), description: request.arguments.string("description"),
        vpc: request.id("vpcid"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "updateNetworkACLList", "Changes a list's name or description",
      [.string("description", "what it is for"), .forDisplay, list, .string("name", "the list's name")],
      refused: [.admin("customid")]
    ) { request in
      try await request.control.updateNetworkACLList(
        request.id("id"), name: request.arguments.string("name"),
        description: request.arguments.string("description"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteNetworkACLList", "Deletes a list that nothing follows", [list]) { request in
      try await request.control.deleteNetworkACLList(request.id("id"), by: request.caller)
    },
    .job(
      "replaceNetworkACLList", "Has a tier or a private gateway follow another list",
      [
        .id("aclid", .networkACLList, "the list's id", required: true),
        .id("gatewayid", .privateGateway, "the private gateway"), .id("networkid", .network, "the tier"),
      ]
    ) { request in
      try await request.control.replaceNetworkACLList(
        request.id("aclid"), network: request.arguments.id("networkid"),
        gateway: request.arguments.id("gatewayid"), by: request.caller)
    },
    Command(
      "listNetworkACLLists", "Lists lists of rules between tiers, the default ones included",
      [
        .forDisplay, .id("id", .networkACLList, "the list's id"), .string("name", "the list's name"),
        .id("networkid", .network, "the list that this tier follows"), .id("vpcid", .vpc, "lists of this VPC"),
      ] + Parameter.scope, response: .networkACLList
    ) { request in
      let followed: ID<NetworkACLList>? = request.arguments.id("networkid").flatMap {
        (id: ID<Network>) in request.state.networks[id]?.acl
      }
      let rows = try lists(request).filter { list in
        request.matches("name", list.name) && (list.vpc == nil || request.matches("vpcid", list.vpc))
          && (!request.arguments.has("networkid") || list.id == followed) && request.shows(list.isHidden)
      }
      return try request.page("networkacllist", rows.oldestFirst(\.created)) {
        [$0.name, $0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let list = Parameter.id("id", .networkACLList, "the list's id", required: true)

  /// The lists that the caller may see: its own, and those that every VPC can use.
  private static func lists(_ request: Request, id: String = "id") throws -> [NetworkACLList] {
    let isNamed = request.arguments.has("networkid") || request.arguments.has("vpcid")
    let own = try request.visible(request.state.networkACLLists, id: id, byName: isNamed) { $0.account }
    let hasOwner = request.arguments.has("account") || request.arguments.isEvery("projectid")
    return request.arguments.has(id) || hasOwner
      ? own : own + request.state.networkACLLists.all.filter { $0.account == nil }
  }

  static let networkACLItems = [
    Command.job(
      "createNetworkACL", "Adds a rule to a list", creates: true,
      [
        .id("aclid", .networkACLList, "the list's id"), .id("networkid", .network, "instead: a tier that follows it"),
      ] + itemFields + [.string("protocol", "tcp, udp, icmp, a number or all", required: true)],
      response: .networkACL
    ) { request in
      try await request.control.createNetworkACL(
        list: request.arguments.id("aclid"), network: request.arguments.id("networkid"), change(request),
        by: request.caller)
    },
    .job(
      "updateNetworkACLItem", "Changes a rule of a list",
      [
        item, .boolean("partialupgrade", "leave what is not named as it is, which is the default"),
        .string("protocol", "tcp, udp, icmp, a number or all"),
      ] + itemFields, refused: [.admin("customid")], response: .networkACL
    ) { request in
      var change = try change(request)
      if request.arguments.boolean("partialupgrade") == false {
        change.prefixes = change.prefixes ?? [.any]
        change.isAllowing = change.isAllowing ?? true
        change.isIngress = change.isIngress ?? true
        change.reason = change.reason ?? ""
      }
      return try await request.control.updateNetworkACLItem(uuid(request), change, by: request.caller)
    },
    .job("deleteNetworkACL", "Deletes a rule of a list", [item]) { request in
      try await request.control.deleteNetworkACL(uuid(request), by: request.caller)
    },
    .job(
      "moveNetworkAclItem", "Moves a rule of a list between two others",
      [
        item, .id("nextaclruleid", .networkACLItem, "the rule that follows it"),
        .id("previousaclruleid", .networkACLItem, "the rule before it"),
      ], refused: ["aclconsistencyhash", .admin("customid")], response: .networkACL
    ) { request in
      try await request.control.moveNetworkACLItem(
        uuid(request), after: request.arguments.uuid("previousaclruleid"),
        before: request.arguments.uuid("nextaclruleid"), by: request.caller)
    },
    Command(
      "listNetworkACLs", "Lists rules of lists, each list's in their order",
      [
        .id("aclid", .networkACLList, "the list's id"), .string("action", "Allow or Deny"), .forDisplay,
        .id("id", .networkACLItem, "the rule's id"), .id("networkid", .network, "rules that this tier follows"),
        .string("protocol", "rules of this protocol"), .string("traffictype", "Ingress or Egress"),
      ] + Parameter.scope, refused: ["tags"], response: .networkACL
    ) { request in
      let state = request.state
      let tier: ID<Network>? = request.arguments.id("networkid")
      let listID: ID<NetworkACLList>? = request.arguments.id("aclid") ?? tier.flatMap { state.networks[$0]?.acl }
      let itemID = request.arguments.uuid("id")
      let named =
        listID.flatMap { state.networkACLLists[$0] }
        ?? itemID.flatMap { state.networkACLLists.first("item", .uuid($0)) }
      let found = tier != nil && listID == nil ? [] : try named.map { [$0] } ?? lists(request, id: "aclid")
      let rows = found.oldestFirst(\.created).flatMap { list in
        list.items.filter { item in
          let fields = request.view.fields(of: item, in: list)
          return (itemID == nil || itemID == item.id) && request.shows(item.isHidden)
            && ["action", "protocol", "traffictype"].allSatisfy { name in
              guard case .string(let text) = fields[name] else { return false }
              return request.matches(name, text)
            }
        }.map { (list, $0) }
      }
      return try request.page("networkacl", rows) {
        [$0.1.reason, $0.1.id.uuidString.lowercased()]
      } fields: {
        request.view.fields(of: $0.1, in: $0.0)
      }
    },
  ]

  private static let item = Parameter.id("id", .networkACLItem, "the rule's id", required: true)
  private static let itemFields: [Parameter] = [
    .string("action", "Allow or Deny"), .strings("cidrlist", "the prefixes on the other side; all by default"),
    .integer("endport", "the last port; the first by default"), .forDisplay,
    .integer("icmpcode", "the ICMP code; -1 for any"), .integer("icmptype", "the ICMP type; -1 for any"),
    .integer("number", "its place in the list"), .string("reason", "why it is there", length: 2500),
    .integer("startport", "the first port"), .string("traffictype", "Ingress, which is the default, or Egress"),
  ]

  private static func uuid(_ request: Request) throws -> UUID {
    guard let id = request.arguments.uuid("id") else { throw APIError.missing("id", request.command) }
    return id
  }

  private static func change(_ request: Request) throws -> NetworkACLChange {
    let arguments = request.arguments
    func choice(_ name: String, _ yes: String, _ no: String) throws -> Bool? {
      guard let text = arguments.string(name), !text.isEmpty else { return nil }
      guard [yes, no].contains(text.lowercased()) else { throw APIError.invalid(name, text, "it is \(yes) or \(no)") }
      return text.lowercased() == yes
    }
    var change = NetworkACLChange()
    change.number = arguments.integer("number")
    change.isAllowing = try choice("action", "allow", "deny")
    change.isIngress = try choice("traffictype", "ingress", "egress")
    if arguments.string("protocol").map({ !$0.isEmpty }) == true {
      change.match = try arguments.match(needsPorts: false)
    } else if ["startport", "endport", "icmptype", "icmpcode"].contains(where: { arguments.has($0) }) {
      throw APIError.value("Ports, icmptype and icmpcode need protocol")
    }
    change.prefixes = arguments.has("cidrlist") ? try arguments.prefixes("cidrlist") : nil
    change.reason = arguments.string("reason")
    change.isDisplayed = request.isDisplayed
    return change
  }
}
