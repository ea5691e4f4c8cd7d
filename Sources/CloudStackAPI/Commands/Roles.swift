import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let roles = [
    Command(
      "listRoles", "Lists roles", roles: .admins,
      [
        .id("id", .role, "the role's id"),
        .string("name", "the role's name"),
        .string("state", "enabled or disabled"),
        .string("type", types),
      ] + Parameter.paging, response: .role
    ) { request in
      let type = try type(request)
      let caller = request.caller
      let rows = (Role.builtIn + request.state.roles.all.oldestFirst(\.created)).filter { role in
        (caller.isRootAdmin || role.isPublic && role.type != .rootAdmin) && request.matches("id", role.id)
          && request.matches("name", role.name) && request.matches("state", role.isEnabled ? "enabled" : "disabled")
          && (type == nil || type == role.type)
      }
      return try request.page("role", rows) {
        [$0.name, $0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "createRole", "Creates a role", roles: .admin,
      [
        .string("description", "what it is for"),
        isPublic,
        .string("name", "the role's name", required: true),
        .id("roleid", .role, "the role that it begins as a copy of; instead of type"),
        .string("type", types),
      ], response: .role
    ) { request in
      let arguments = request.arguments
      let model = arguments.id("roleid", Role.self).flatMap(request.state.role)
      guard (model == nil) != (try type(request) == nil), let type = try model?.type ?? type(request) else {
        throw APIError.value("Specify either type or roleid, and not both")
      }
      let rules = model.map { RoleRules.of($0).map { NewRolePermission(rule: $0.rule, isAllowed: $0.isAllowed) } }
      let id = try await request.control.createRole(
        request.string("name"), type: type, description: arguments.string("description") ?? "",
        isPublic: arguments.boolean("ispublic") ?? true, permissions: rules ?? [], by: request.caller)
      return try request.created(id, "role") { request.latest.fields(of: $0) }
    },
    Command(
      "importRole", "Creates a role with its rules", roles: .admin,
      [
        .string("description", "what it is for"),
        .boolean("forced", "replace the role of this name and type if there is one"),
        isPublic,
        .string("name", "the role's name", required: true),
        .requiredMap("rules", "the rules in their order: rule, permission (allow or deny) and description"),
        .string("type", types),
      ], response: .role
    ) { request in
      let arguments = request.arguments
      let rules = try (arguments.rows("rules") ?? []).map { row in
        guard let rule = row["rule"], let permission = row["permission"] else {
          throw APIError.value("Each entry of rules needs rule and permission")
        }
        return NewRolePermission(
          rule: rule, isAllowed: try isAllowed(permission), description: row["description"] ?? "")
      }
      guard let type = try type(request) else { throw APIError.missing("type", request.command) }
      let id = try await request.control.createRole(
        request.string("name"), type: type, description: arguments.string("description") ?? "",
        isPublic: arguments.boolean("ispublic") ?? true, permissions: rules, replacing: arguments.flag("forced"),
        command: "importRole", by: request.caller)
      return try request.created(id, "role") { request.latest.fields(of: $0) }
    },
    Command(
      "updateRole", "Changes a role", roles: .admin,
      [
        .string("description", "what it is for"),
        role, isPublic,
        .string("name", "the new name"),
        .string("type", types),
      ], response: .role
    ) { request in
      let id: ID<Role> = try request.id("id")
      var change = RoleChange()
      change.name = request.arguments.string("name")
      change.description = request.arguments.string("description")
      change.isPublic = request.arguments.boolean("ispublic")
      change.type = try type(request)
      try await request.control.updateRole(id, change, by: request.caller)
      return try request.created(id, "role") { request.latest.fields(of: $0) }
    },
    switching("enableRole", "Lets the accounts of a role call its commands again", isEnabled: true),
    switching("disableRole", "Has the accounts of a role call nothing", isEnabled: false),
    Command("deleteRole", "Deletes a role that no account has", roles: .admin, [role], response: .success) { request in
      try await request.control.deleteRole(request.id("id"), by: request.caller)
      return .success()
    },
  ]

  private static let types = "Admin, ResourceAdmin, DomainAdmin or User"
  private static let role = Parameter.id("id", .role, "the role's id", required: true)
  private static let isPublic = Parameter.boolean(
    "ispublic", "whether administrators of domains may give it to their accounts; true by default")

  private static func switching(_ name: String, _ description: String, isEnabled: Bool) -> Command {
    Command(name, description, roles: .admin, [role], response: .success) { request in
      var change = RoleChange()
      change.isEnabled = isEnabled
      try await request.control.updateRole(request.id("id"), change, by: request.caller)
      return .success()
    }
  }

  private static func type(_ request: Request) throws -> AccountType? {
    guard let text = request.arguments.string("type"), !text.isEmpty else { return nil }
    guard let role = Role.builtIn.first(where: { $0.type.roleType.lowercased() == text.lowercased() }) else {
      throw APIError.invalid("type", text, "it is \(types)")
    }
    return role.type
  }

  static func isAllowed(_ permission: String) throws(APIError) -> Bool {
    switch permission.lowercased() {
    case "allow": return true
    case "deny": return false
    default: throw .invalid("permission", permission, "it is allow or deny")
    }
  }
}
