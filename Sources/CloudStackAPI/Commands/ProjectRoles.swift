import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let projectRoles = [
    Command(
      "createProjectRole", "Creates a role of a project",
      [
        .string("description", "what it is for"),
        .string("name", "the role's name, unique in the project", required: true),
        project,
      ], response: .projectRole
    ) { request in
      let id = try await request.control.createProjectRole(
        request.id("projectid"), name: request.string("name"),
        description: request.arguments.string("description") ?? "", by: request.caller)
      return try shown(id, request)
    },
    Command(
      "updateProjectRole", "Changes a role of a project",
      [.string("description", "what it is for"), .string("name", "the new name"), role("id"), project],
      response: .projectRole
    ) { request in
      let id = try request.require("id", Arguments.uuid)
      try await request.control.updateProjectRole(
        request.id("projectid"), id, name: request.arguments.string("name"),
        description: request.arguments.string("description"), by: request.caller)
      return try shown(id, request)
    },
    Command(
      "deleteProjectRole", "Deletes a role of a project that no member has", [role("id"), project], response: .success
    ) {
      try await $0.control.deleteProjectRole(
        $0.id("projectid"), $0.require("id", Arguments.uuid), by: $0.caller)
      return .success()
    },
    Command(
      "listProjectRoles", "Lists the roles of a project",
      [
        .string("name", "the role's name"), project,
        .id("projectroleid", .projectRole, "the role's id"),
      ] + Parameter.paging, response: .projectRole
    ) { request in
      let project = try held(request)
      let wanted = request.arguments.uuid("projectroleid")
      let rows = project.roles.filter { request.matches("name", $0.name) && (wanted == nil || wanted == $0.id) }
      return try request.page("projectrole", rows) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0, in: project)
      }
    },
    Command(
      "createProjectRolePermission", "Adds a rule to a role of a project, as its last",
      [
        .string("description", "why"),
        .string("permission", "allow or deny", required: true),
        project, role("projectroleid"),
        .string("rule", "a command's name, in which * stands for any letters", required: true),
      ], response: .projectRolePermission
    ) { request in
      let (project, role) = (
        try request.id("projectid", Project.self), try request.require("projectroleid", Arguments.uuid)
      )
      let id = try await request.control.createProjectRolePermission(
        project, role,
        NewRolePermission(
          rule: request.string("rule"), isAllowed: isAllowed(request.string("permission")),
          description: request.arguments.string("description") ?? ""), by: request.caller)
      guard let project = request.latest.state.projects[project], let role = project.role(role),
        let permission = role.permissions.first(where: { $0.id == id })
      else { throw ControlError(.internalError, "The new rule is gone already") }
      return .one("projectrolepermission", request.latest.fields(of: permission, of: role, in: project))
    },
    Command(
      "updateProjectRolePermission", "Changes a rule of a project's role, or the order of its rules",
      [
        .string("permission", "allow or deny"), project, role("projectroleid"),
        .id("projectrolepermissionid", .projectRolePermission, "the rule that changes"),
        .ids("ruleorder", .projectRolePermission, "all rules of the role as they are to be looked at"),
      ], response: .success
    ) { request in
      let (project, role) = (
        try request.id("projectid", Project.self), try request.require("projectroleid", Arguments.uuid)
      )
      let rule = request.arguments.uuid("projectrolepermissionid")
      let order = request.arguments.ids("ruleorder", Role.self)?.map(\.uuid)
      guard (order == nil) != (rule == nil) else {
        throw APIError.value("Specify either ruleorder, or projectrolepermissionid with permission")
      }
      if let order {
        try await request.control.orderProjectRolePermissions(project, role, order, by: request.caller)
      } else if let rule {
        try await request.control.updateProjectRolePermission(
          project, role, rule: rule, isAllowed: isAllowed(request.string("permission")), by: request.caller)
      }
      return .success()
    },
    Command(
      "deleteProjectRolePermission", "Takes a rule out of a project's role",
      [.id("id", .projectRolePermission, "the rule's id", required: true), project], response: .success
    ) { request in
      try await request.control.deleteProjectRolePermission(
        request.id("projectid"), rule: request.require("id", Arguments.uuid), by: request.caller)
      return .success()
    },
    Command(
      "listProjectRolePermissions", "Lists the rules of a project's roles, in their order",
      [project, .id("projectroleid", .projectRole, "the rules of this role")] + Parameter.paging,
      response: .projectRolePermission
    ) { request in
      let project = try held(request)
      let wanted = request.arguments.uuid("projectroleid")
      let rows = project.roles.filter { wanted == nil || wanted == $0.id }.flatMap { role in
        role.permissions.map { (role, $0) }
      }
      return try request.page("projectrolepermission", rows) {
        [$0.1.rule]
      } fields: {
        request.view.fields(of: $0.1, of: $0.0, in: project)
      }
    },
  ]

  private static let project = Parameter.id("projectid", .project, "the project", required: true)
  private static func role(_ name: String) -> Parameter {
    .id(name, .projectRole, "the project role's id", required: true)
  }

  private static func held(_ request: Request) throws -> Project {
    guard let project = request.state.projects[try request.id("projectid", Project.self)] else {
      throw APIError.missing("projectid", request.command)
    }
    return project
  }

  private static func shown(_ id: UUID, _ request: Request) throws -> Reply {
    let view = request.latest
    guard let project = view.state.projects.first("role", .uuid(id)), let role = project.role(id) else {
      throw ControlError(.internalError, "The new project role is gone already")
    }
    return .one("projectrole", view.fields(of: role, in: project))
  }
}
