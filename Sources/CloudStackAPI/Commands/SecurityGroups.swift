import Addresses
import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let securityGroups = [
    Command(
      "createSecurityGroup", "Creates a security group",
      [
        .string("description", "what it is for"),
        .string("name", "the group's name, unique in the account", required: true),
      ] + Parameter.owner, response: .securityGroup
    ) { request in
      let id = try await request.control.createSecurityGroup(
        name: request.string("name"), description: request.arguments.string("description") ?? "",
        account: request.arguments.string("account"), domain: request.arguments.id("domainid"), by: request.caller)
      return try request.created(id, "securitygroup") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteSecurityGroup", "Deletes a security group that nothing uses",
      [
        .id("id", .securityGroup, "the group's id"),
        .string("name", "the group's name, instead of the id"),
      ] + Parameter.owner, response: .success
    ) { request in
      let id = try securityGroup(request, id: "id", name: "name")
      try await request.control.deleteSecurityGroup(id, by: request.caller)
      return .success()
    },
    authorize("authorizeSecurityGroupIngress", "Lets packets in to the members of a group", .ingress),
    authorize("authorizeSecurityGroupEgress", "Lets packets out of the members of a group", .egress),
    revoke("revokeSecurityGroupIngress", "Takes back what lets packets in", .ingress),
    revoke("revokeSecurityGroupEgress", "Takes back what lets packets out", .egress),
    Command(
      "listSecurityGroups", "Lists security groups",
      [
        .id("id", .securityGroup, "the group's id"),
        .string("securitygroupname", "the group's name"),
        .id("virtualmachineid", .virtualMachine, "groups that this instance is in"),
        .tags,
      ] + Parameter.scope, response: .securityGroup
    ) { request in
      let machine = request.arguments.id("virtualmachineid", VirtualMachine.self)
      let groups = machine.map { request.state.virtualMachines[$0]?.securityGroups ?? [] }
      let rows = try request.visible(request.state.securityGroups, byName: machine != nil) { $0.account }.filter {
        request.matches("securitygroupname", $0.name) && groups?.contains($0.id) ?? true
      }
      return try request.page("securitygroup", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static func authorize(_ name: String, _ description: String, _ direction: Control.Direction) -> Command {
    .job(
      name, description,
      [
        .strings("cidrlist", "the prefixes of the other end"),
        .integer("endport", "the last port; the first by default"),
        .integer("icmpcode", "the ICMP code; -1 for any"),
        .integer("icmptype", "the ICMP type; -1 for any"),
        .string("protocol", "tcp, udp, icmp, a number, or all, which is the default"),
        .id("securitygroupid", .securityGroup, "the group's id"),
        .string("securitygroupname", "the group's name, instead of the id"),
        .integer("startport", "the first port"),
        .map("usersecuritygrouplist", "groups whose members are the other end: account and group by name"),
      ] + Parameter.owner, response: .securityGroupRule, object: "securitygroup"
    ) { request in
      try await request.control.authorizeSecurityGroup(
        securityGroup(request, id: "securitygroupid", name: "securitygroupname"), direction: direction,
        match: request.arguments.match(fallback: "all", needsPorts: true),
        prefixes: request.arguments.prefixes("cidrlist"), groups: peers(request), by: request.caller)
    }
  }

  private static func revoke(_ name: String, _ description: String, _ direction: Control.Direction) -> Command {
    .job(name, description, [.id("id", .securityGroupRule, "the rule's id", required: true)]) { request in
      guard let rule = request.arguments.uuid("id") else { throw APIError.missing("id", request.command) }
      return try await request.control.revokeSecurityGroup(rule: rule, direction: direction, by: request.caller)
    }
  }

  /// A group of the caller's, or of the account that it acts for, by id or by name.
  private static func securityGroup(_ request: Request, id: String, name: String) throws -> ID<SecurityGroup> {
    if let id: ID<SecurityGroup> = request.arguments.id(id) { return id }
    guard let text = request.arguments.string(name), !text.isEmpty else {
      throw APIError.value("Either \(id) or \(name) is required by \(request.command.name)")
    }
    let owner = try Access.owner(
      for: request.caller, account: request.arguments.string("account"), domain: request.arguments.id("domainid"),
      in: request.state)
    return try securityGroup(named: text, of: owner, request)
  }

  private static func securityGroup(named name: String, of owner: Account, _ request: Request) throws -> ID<
    SecurityGroup
  > {
    guard let group = request.state.securityGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) else {
      throw APIError.value("Unable to find security group \(name) of account \(owner.name)")
    }
    return group.id
  }

  private static func peers(_ request: Request) throws -> [ID<SecurityGroup>] {
    try (request.arguments.rows("usersecuritygrouplist") ?? []).map { row in
      guard let account = row["account"], let group = row["group"] else {
        throw APIError.value("Each entry of usersecuritygrouplist needs account and group")
      }
      let owner = try Access.owner(
        for: request.caller, account: account, domain: request.arguments.id("domainid"), in: request.state)
      return try securityGroup(named: group, of: owner, request)
    }
  }
}
