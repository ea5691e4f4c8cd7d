import CloudModel
import Control
import Crypto
import FoundationEssentials

extension Commands {
  static let rolePermissions = [
    Command(
      "listRolePermissions", "Lists the rules of roles in their order", roles: .admin,
      [.id("roleid", .role, "the role; all by default")], response: .rolePermission
    ) { request in
      let wanted = request.arguments.id("roleid", Role.self).flatMap(request.state.role).map { [$0] }
      let roles = wanted ?? Role.builtIn + request.state.roles.all.oldestFirst(\.created)
      let rows = roles.flatMap { role in RoleRules.of(role).map { request.view.fields(of: $0, role) } }
      return .list("rolepermission", rows, count: rows.count)
    },
    Command(
      "createRolePermission", "Adds a rule to a role, as its last one", roles: .admin,
      [
        .string("description", "what it is for"),
        .string("permission", "allow or deny", required: true),
        roleID,
        .string("rule", "a command's name, in which * stands for any letters", required: true),
      ], response: .rolePermission
    ) { request in
      let id: ID<Role> = try request.id("roleid")
      let made = try await request.control.createRolePermission(
        id,
        NewRolePermission(
          rule: request.string("rule"), isAllowed: isAllowed(request.string("permission")),
          description: request.arguments.string("description") ?? ""), by: request.caller)
      guard let role = request.control.state.roles[id], let rule = role.permissions.first(where: { $0.id == made })
      else { throw ControlError(.internalError, "The new rule is gone already") }
      return .one("rolepermission", request.view.fields(of: rule, role))
    },
    Command(
      "updateRolePermission", "Changes the order of a role's rules, or what one says", roles: .admin,
      [
        .string("permission", "with ruleid: allow or deny"),
        roleID,
        .id("ruleid", .rolePermission, "the rule to change"),
        .ids("ruleorder", .rolePermission, "all rules of the role in their order"),
      ], response: .success
    ) { request in
      let (id, arguments) = (try request.id("roleid", Role.self), request.arguments)
      switch (arguments.ids("ruleorder", RolePermission.self), arguments.uuid("ruleid")) {
      case (let order?, nil):
        try await request.control.orderRolePermissions(id, order.map(\.uuid), by: request.caller)
      case (nil, let rule?):
        try await request.control.updateRolePermission(
          id, rule: rule, isAllowed: isAllowed(request.string("permission")), by: request.caller)
      default: throw APIError.value("Give either ruleorder, or ruleid and permission")
      }
      return .success()
    },
    Command(
      "deleteRolePermission", "Takes a rule from its role", roles: .admin,
      [.id("id", .rolePermission, "the rule's id", required: true)], response: .success
    ) { request in
      guard let rule = request.arguments.uuid("id") else { throw APIError.missing("id", request.command) }
      try await request.control.deleteRolePermission(rule, by: request.caller)
      return .success()
    },
  ]

  private static let roleID = Parameter.id("roleid", .role, "the role's id", required: true)
}

/// The rules of roles as they are told.
enum RoleRules {
  /// Built-in roles have none: what commands declare for their type is told as rules.
  static func of(_ role: Role) -> [RolePermission] {
    guard role.isBuiltIn else { return role.permissions }
    if role.type == .rootAdmin { return [RolePermission(id: id("*", role), rule: "*", isAllowed: true)] }
    return Catalog.all.filter { $0.roles.contains(Roles(role.type)) }.map {
      RolePermission(id: id($0.name, role), rule: $0.name, isAllowed: true)
    }
  }

  /// The same for ever: a UUID of the name.
  private static func id(_ rule: String, _ role: Role) -> UUID {
    var bytes = Array(SHA256.hash(data: Data("\(role.id)/\(rule)".utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }
}
