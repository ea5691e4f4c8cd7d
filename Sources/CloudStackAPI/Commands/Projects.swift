import CloudModel
import Control

extension Commands {
  static let projects = [
    Command.job(
      "createProject", "Creates a project", creates: true,
      [
        .string("account", "who answers for it; the caller's account by default"),
        .id("accountid", .account, "the same by id"),
        .string("displaytext", "what it is for; its name by default"),
        .id("domainid", .domain, "the domain of the account"),
        .string("name", "the project's name, unique in the domain", required: true),
        .id("userid", .user, "the user of the account who alone answers for it"),
      ], response: .project
    ) { request in
      let arguments = request.arguments
      let named = arguments.id("accountid", Account.self).flatMap { request.state.accounts[$0] }
      return try await request.control.createProject(
        request.string("name"), displayText: arguments.string("displaytext"),
        account: named?.name ?? arguments.string("account"), domain: named?.domain ?? arguments.id("domainid"),
        user: arguments.id("userid"), by: request.caller)
    },
    Command(
      "listProjects", "Lists the projects that the caller works on",
      [
        .string("account", "projects of this account; needs domainid for an account of another domain"),
        .strings("details", "all, resource (what it has and may have) or min; all by default"),
        .string("displaytext", "what it is for"),
        .id("domainid", .domain, "list the projects of this domain"),
        .id("id", .project, "the project's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every project that the caller may see"),
        .string("name", "the project's name"),
        .boolean("showicon", "whether to show icons; there are none"),
        .string("state", "Active, Suspended or Disabled"),
        .tags,
        .string("username", "projects that this user works on"),
      ] + Parameter.paging, response: .project
    ) { request in
      let rows = try projects(request).filter { project in
        request.matches("name", project.name) && request.matches("displaytext", project.displayText)
          && request.matches("state", project.state.rawValue) && request.matchesTags(project.id)
      }
      return try request.page("project", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "updateProject", "Changes a project, or who answers for it",
      [
        .string("account", "a member whose part changes; it becomes the administrator"),
        .string("displaytext", "what it is for"),
        project,
        .string("name", "the new name"),
        .string("roletype", "Admin or Regular, with swapowner=false"),
        .boolean("swapowner", "whether it takes the place of the administrators there are; true by default"),
        .id("userid", .projectUser, "the same of a user who is a member"),
      ], response: .project
    ) { request in
      let arguments = request.arguments
      var change = ProjectChange()
      change.name = arguments.string("name")
      change.displayText = arguments.string("displaytext")
      change.account = arguments.string("account")
      change.user = arguments.id("userid")
      change.swapsOwner = arguments.boolean("swapowner") ?? true
      if arguments.has("roletype") { change.isAdmin = try isProjectAdmin(request) }
      return try await request.control.updateProject(request.id("id"), change, by: request.caller)
    },
    .job("activateProject", "Lets things be made in a suspended project again", [project], response: .project) {
      try await $0.control.activateProject($0.id("id"), by: $0.caller)
    },
    .job("suspendProject", "Stops a project's instances and lets nothing be made in it", [project], response: .project)
    {
      try await $0.control.suspendProject($0.id("id"), by: $0.caller)
    },
    .job(
      "deleteProject", "Deletes a project",
      [.boolean("cleanup", "with all that it has; otherwise only one that has nothing"), project]
    ) { request in
      try await request.control.deleteProject(
        request.id("id"), cleanup: request.arguments.flag("cleanup"), by: request.caller)
    },
  ]

  private static let project = Parameter.id("id", .project, "the project's id", required: true)

  /// Administrators see with `listall` all that they act for, everybody else what they work on.
  private static func projects(_ request: Request) throws -> [Project] {
    let (state, caller, scope) = (request.state, request.caller, request.scope)
    if let id: ID<Project> = request.arguments.id("id") { return state.projects[id].map { [$0] } ?? [] }
    let isVisible = { (project: Project) in Access.allows(caller, owner: project.account, in: state) }
    if let username = request.arguments.string("username"), !username.isEmpty {
      let domain = scope.domain ?? caller.domain
      guard let user = state.users.first("username", .scoped(domain.uuid, username.lowercased())) else { return [] }
      return state.projects.matching("member", .id(user.account)).filter {
        isVisible($0) && $0.member(user.account, user.id) != nil
      }
    }
    if scope.account != nil {
      let account = try Access.owner(for: caller, account: scope.account, domain: scope.domain, in: state)
      return state.projects.matching("member", .id(account.id)).filter(isVisible)
    }
    if let domain = scope.domain, caller.type != .user {
      guard Access.administers(caller, domain, in: state) else { throw APIError.denied() }
      let domains = scope.isRecursive ? state.subtree(of: domain).map(\.id) : [domain]
      return domains.flatMap { state.projects.matching("domain", .id($0)) }.filter(isVisible)
    }
    if scope.listAll, caller.type != .user { return state.projects.all.filter(isVisible) }
    return Access.projectAccounts(of: caller, in: state).compactMap(state.project)
  }

  /// What `roletype` says.
  static func isProjectAdmin(_ request: Request) throws -> Bool {
    switch request.arguments.string("roletype")?.lowercased() {
    case nil, "regular": false
    case "admin": true
    case let text?: throw APIError.invalid("roletype", text, "it is Admin or Regular")
    }
  }
}
