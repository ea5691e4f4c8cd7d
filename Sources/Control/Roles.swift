package import CloudModel
package import FoundationEssentials
import Ledger

/// A rule as it is asked for.
package struct NewRolePermission: Hashable, Sendable {
  package var rule: String
  package var isAllowed: Bool
  package var description: String

  package init(rule: String, isAllowed: Bool, description: String = "") {
    self.rule = rule
    self.isAllowed = isAllowed
    self.description = description
  }
}

/// What is to be changed of a role; nil leaves it as it is.
package struct RoleChange: Sendable {
  package var name: String?
  package var type: AccountType?
  package var description: String?
  package var isPublic: Bool?
  package var isEnabled: Bool?

  package init() {}
}

extension Control {
  private static let roleLimit = 1000
  private static let ruleLimit = 2000

  /// - Parameter replacing: an existing role of the name and type is replaced rather than an error.
  package func createRole(
    _ name: String, type: AccountType, description: String, isPublic: Bool, permissions: [NewRolePermission],
    replacing: Bool = false, command: String = "createRole", by caller: Caller
  ) async throws -> ID<Role> {
    try Access.requireRootAdmin(caller)
    return try await transact(cause(caller, command)) { draft in
      try Self.requireName(name)
      let holder = Self.role(named: name, type, draft)
      guard holder == nil || replacing && holder?.isBuiltIn == false else {
        throw ControlError(.invalidParameter, "The role \(name) exists already")
      }
      guard draft.state.roles.count < Self.roleLimit, permissions.count <= Self.ruleLimit else {
        throw ControlError(
          .resourceLimit, "There are at most \(Self.roleLimit) roles, each of at most \(Self.ruleLimit) rules")
      }
      var role =
        holder ?? Role(id: draft.newID(), name: name, type: type, isPublic: isPublic, created: draft.now)
      role.description = description
      role.isPublic = isPublic
      role.permissions = try permissions.map { try Self.permission($0, draft) }
      try draft.put(role)
      try draft.put(Self.event("ROLE.CREATE", "Created role \(name)", role, caller, draft))
      return role.id
    }
  }

  package func updateRole(_ id: ID<Role>, _ change: RoleChange, by caller: Caller) async throws {
    try await self.change(id, "updateRole", caller) { role, draft in
      if let name = change.name { try Self.requireName(name) }
      if let type = change.type, type != role.type, draft.state.accounts.count("role", .id(id)) > 0 {
        throw ControlError(.invalidParameter, "The type of a role that accounts have cannot be changed")
      }
      role.name = change.name ?? role.name
      role.type = change.type ?? role.type
      role.description = change.description ?? role.description
      role.isPublic = change.isPublic ?? role.isPublic
      role.isEnabled = change.isEnabled ?? role.isEnabled
      if let holder = Self.role(named: role.name, role.type, draft), holder.id != id {
        throw ControlError(.invalidParameter, "The role \(role.name) exists already")
      }
    }
  }

  package func deleteRole(_ id: ID<Role>, by caller: Caller) async throws {
    try Access.requireRootAdmin(caller)
    try await transact(cause(caller, "deleteRole")) { draft in
      let role = try Self.changeableRole(id, draft)
      guard draft.state.accounts.count("role", .id(id)) == 0 else {
        throw ControlError(.permissionDenied, "Found accounts that have the role, it will not be deleted")
      }
      try draft.remove(id)
      try draft.put(Self.event("ROLE.DELETE", "Deleted role \(role.name)", role, caller, draft))
    }
  }

  /// The new rule is the last one.
  package func createRolePermission(
    _ id: ID<Role>, _ permission: NewRolePermission, by caller: Caller
  ) async throws -> UUID {
    let made = UUID.random()
    try await change(id, "createRolePermission", caller) { role, draft in
      guard role.permissions.count < Self.ruleLimit else {
        throw ControlError(.resourceLimit, "A role has at most \(Self.ruleLimit) rules")
      }
      guard !role.permissions.contains(where: { $0.rule.lowercased() == permission.rule.lowercased() }) else {
        throw ControlError(.invalidParameter, "The role has a rule \(permission.rule) already")
      }
      var new = try Self.permission(permission, draft)
      new.id = made
      role.permissions.append(new)
    }
    return made
  }

  /// - Parameter order: all rules of the role as they are to be looked at.
  package func orderRolePermissions(_ id: ID<Role>, _ order: [UUID], by caller: Caller) async throws {
    try await change(id, "updateRolePermission", caller) { role, _ in
      let byID = Dictionary(role.permissions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      let ordered = order.compactMap { byID[$0] }
      guard order.count == role.permissions.count, Set(order) == Set(byID.keys) else {
        throw ControlError(.invalidParameter, "ruleorder must name each rule of the role once")
      }
      role.permissions = ordered
    }
  }

  package func updateRolePermission(
    _ id: ID<Role>, rule: UUID, isAllowed: Bool, by caller: Caller
  ) async throws {
    try await change(id, "updateRolePermission", caller) { role, _ in
      guard let position = role.permissions.firstIndex(where: { $0.id == rule }) else {
        throw ControlError(.invalidParameter, "The role has no such rule")
      }
      role.permissions[position].isAllowed = isAllowed
    }
  }

  package func deleteRolePermission(_ rule: UUID, by caller: Caller) async throws {
    guard let role = state.roles.first("permission", .uuid(rule)) else {
      throw ControlError(.invalidParameter, "There is no such rule, or it is one of a default role")
    }
    try await change(role.id, "deleteRolePermission", caller) { role, _ in
      role.permissions.removeAll { $0.id == rule }
    }
  }

  private func change(
    _ id: ID<Role>, _ command: String, _ caller: Caller,
    _ body: @escaping @Sendable (inout Role, inout Draft) throws -> Void
  ) async throws {
    try Access.requireRootAdmin(caller)
    try await transact(cause(caller, command)) { draft in
      var role = try Self.changeableRole(id, draft)
      try body(&role, &draft)
      try draft.put(role)
      try draft.put(Self.event("ROLE.UPDATE", "\(command) of \(role.name)", role, caller, draft))
    }
  }

  /// A role that `caller` may give to an account.
  static func role(_ id: ID<Role>, _ caller: Caller, _ draft: borrowing Draft) throws -> Role {
    guard let role = draft.state.role(id) else { throw ControlError(.invalidParameter, "The role does not exist") }
    guard caller.isRootAdmin || role.isPublic && role.type != .rootAdmin else {
      throw ControlError(.permissionDenied, "The role \(role.name) may be given by root administrators only")
    }
    guard role.isEnabled else { throw ControlError(.invalidParameter, "The role \(role.name) is disabled") }
    return role
  }

  private static func changeableRole(_ id: ID<Role>, _ draft: borrowing Draft) throws -> Role {
    guard Role.builtIn(id) == nil else {
      throw ControlError(.permissionDenied, "Default roles can neither be changed nor deleted")
    }
    guard let role = draft.get(id) else { throw ControlError(.invalidParameter, "The role does not exist") }
    return role
  }

  private static func role(named name: String, _ type: AccountType, _ draft: borrowing Draft) -> Role? {
    Role.builtIn.first { $0.name.lowercased() == name.lowercased() && $0.type == type }
      ?? draft.state.roles.first("name", .text("\(type.rawValue)/\(name.lowercased())"))
  }

  private static func requireName(_ name: String) throws {
    guard (1...255).contains(name.utf16.count) else {
      throw ControlError(.invalidParameter, "Invalid role name provided: it has 1 to 255 characters")
    }
  }

  private static func permission(
    _ wanted: NewRolePermission, _ draft: borrowing Draft
  ) throws -> RolePermission {
    guard RolePermission.isValid(wanted.rule) else {
      throw ControlError(
        .invalidParameter,
        "Only API names and wildcards are allowed, invalid rule provided: \(wanted.rule.prefix(64))")
    }
    return RolePermission(
      id: draft.newUUID(), rule: wanted.rule, isAllowed: wanted.isAllowed, description: wanted.description)
  }

  private static func event(
    _ type: String, _ text: String, _ role: Role, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(type, text, caller.account, caller.user, draft, resourceType: "Role", resource: role.id.uuid)
  }
}
