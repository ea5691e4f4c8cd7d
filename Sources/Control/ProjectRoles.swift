package import CloudModel
package import FoundationEssentials
import Ledger

extension Control {
  private static let projectRoleLimit = 50
  private static let projectRuleLimit = 200

  package func createProjectRole(
    _ id: ID<Project>, name: String, description: String, by caller: Caller
  ) async throws -> UUID {
    let made = UUID.random()
    try await change(id, "createProjectRole", "PROJECT.ROLE.CREATE", by: caller) { project, _ in
      guard project.roles.count < Self.projectRoleLimit else {
        throw ControlError(.resourceLimit, "A project has at most \(Self.projectRoleLimit) roles")
      }
      try Self.requireFree(name, project)
      project.roles.append(ProjectRole(id: made, name: name, description: description))
    }
    return made
  }

  package func updateProjectRole(
    _ id: ID<Project>, _ role: UUID, name: String?, description: String?, by caller: Caller
  ) async throws {
    try await change(id, role, "updateProjectRole", "PROJECT.ROLE.UPDATE", by: caller) { role, project in
      if let name, name.lowercased() != role.name.lowercased() { try Self.requireFree(name, project) }
      role.name = name ?? role.name
      role.description = description ?? role.description
    }
  }

  package func deleteProjectRole(_ id: ID<Project>, _ role: UUID, by caller: Caller) async throws {
    try await change(id, "deleteProjectRole", "PROJECT.ROLE.DELETE", by: caller) { project, _ in
      let role = try Self.projectRole(role, project)
      guard !(project.members + project.invitations.map(\.member)).contains(where: { $0.role == role.id }) else {
        throw ControlError(.resourceInUse, "Found members that have the project role \(role.name)")
      }
      project.roles.removeAll { $0.id == role.id }
    }
  }

  /// The new rule is the last one.
  package func createProjectRolePermission(
    _ id: ID<Project>, _ role: UUID, _ permission: NewRolePermission, by caller: Caller
  ) async throws -> UUID {
    let made = UUID.random()
    guard RolePermission.isValid(permission.rule) else {
      throw ControlError(.invalidParameter, "Only API names and wildcards are allowed, invalid rule provided")
    }
    try await change(id, role, "createProjectRolePermission", "PROJECT.ROLE.PERMISSION.CREATE", by: caller) { role, _ in
      guard role.permissions.count < Self.projectRuleLimit else {
        throw ControlError(.resourceLimit, "A project role has at most \(Self.projectRuleLimit) rules")
      }
      guard !role.permissions.contains(where: { $0.rule.lowercased() == permission.rule.lowercased() }) else {
        throw ControlError(.invalidParameter, "The project role has a rule \(permission.rule) already")
      }
      role.permissions.append(
        RolePermission(
          id: made, rule: permission.rule, isAllowed: permission.isAllowed, description: permission.description))
    }
    return made
  }

  /// - Parameter order: All rules of the role as they are to be looked at.
  package func orderProjectRolePermissions(
    _ id: ID<Project>, _ role: UUID, _ order: [UUID], by caller: Caller
  ) async throws {
    let command = "updateProjectRolePermission"
    try await change(id, role, command, "PROJECT.ROLE.PERMISSION.UPDATE", by: caller) { role, _ in
      let byID = Dictionary(role.permissions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      guard order.count == role.permissions.count, Set(order) == Set(byID.keys) else {
        throw ControlError(.invalidParameter, "ruleorder must name each rule of the project role once")
      }
      role.permissions = order.compactMap { byID[$0] }
    }
  }

  package func updateProjectRolePermission(
    _ id: ID<Project>, _ role: UUID, rule: UUID, isAllowed: Bool, by caller: Caller
  ) async throws {
    let command = "updateProjectRolePermission"
    try await change(id, role, command, "PROJECT.ROLE.PERMISSION.UPDATE", by: caller) { role, _ in
      guard let place = role.permissions.firstIndex(where: { $0.id == rule }) else {
        throw ControlError(.invalidParameter, "The project role has no such rule")
      }
      role.permissions[place].isAllowed = isAllowed
    }
  }

  package func deleteProjectRolePermission(_ id: ID<Project>, rule: UUID, by caller: Caller) async throws {
    let command = "deleteProjectRolePermission"
    try await change(id, command, "PROJECT.ROLE.PERMISSION.DELETE", by: caller) { project, _ in
      guard let place = project.roles.firstIndex(where: { $0.permissions.contains { $0.id == rule } }) else {
        throw ControlError(.invalidParameter, "The project has no such rule")
      }
      project.roles[place].permissions.removeAll { $0.id == rule }
    }
  }

  static func projectRole(_ id: UUID, _ project: Project) throws -> ProjectRole {
    guard let role = project.role(id) else {
      throw ControlError(.invalidParameter, "The project \(project.name) has no such role")
    }
    return role
  }

  private func change(
    _ id: ID<Project>, _ role: UUID, _ command: String, _ eventType: String, by caller: Caller,
    _ body: @escaping @Sendable (inout ProjectRole, Project) throws -> Void
  ) async throws {
    try await change(id, command, eventType, by: caller) { project, _ in
      var held = try Self.projectRole(role, project)
      try body(&held, project)
      project.roles = project.roles.map { $0.id == role ? held : $0 }
    }
  }

  private func change(
    _ id: ID<Project>, _ command: String, _ eventType: String, by caller: Caller,
    _ body: @escaping @Sendable (inout Project, inout Draft) throws -> Void
  ) async throws {
    try await transact(cause(caller, command)) { draft in
      var project = try Self.project(id, managedBy: caller, in: draft.state)
      try body(&project, &draft)
      try draft.put(project)
      try draft.put(
        Self.event(eventType, "\(command) of project \(project.name)", project.account, id, caller, draft))
    }
  }

  private static func requireFree(_ name: String, _ project: Project) throws {
    guard (1...255).contains(name.utf16.count) else {
      throw ControlError(.invalidParameter, "A project role's name has 1 to 255 characters")
    }
    guard !project.roles.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
      throw ControlError(.invalidParameter, "The project has a role \(name) already")
    }
  }
}
