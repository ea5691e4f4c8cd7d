import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let projectInvitations = [
    Command(
      "listProjectInvitations", "Lists invitations to projects: the caller's own, or a project's",
      [
        .string("account", "invitations of this account; needs domainid for an account of another domain"),
        .boolean("activeonly", "only what can still be accepted"),
        .id("domainid", .domain, "invitations to projects of this domain"),
        .id("id", .projectInvitation, "the invitation's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every invitation that the caller may see"),
        .id("projectid", .project, "invitations to this project; for those who answer for it"),
        .string("state", "Pending, Completed, Declined or Expired"),
        .id("userid", .user, "invitations of this user"),
      ] + Parameter.paging, response: .projectInvitation
    ) { request in
      let now = Date()
      let state = request.state
      let rows = try invitations(request).filter { project, invitation in
        let shown = invitation.state(now, in: state)
        return request.matches("state", shown.rawValue)
          && (!request.arguments.flag("activeonly") || shown == .pending)
          && (request.arguments.uuid("userid") == nil || request.arguments.id("userid") == invitation.user)
      }.sorted { ($0.1.created, $0.1.id) < ($1.1.created, $1.1.id) }
      return try request.page("projectinvitation", rows) {
        [$0.0.name, state.accounts[$0.1.account]?.name ?? ""]
      } fields: {
        request.view.fields(of: $0.1, in: $0.0, now: now)
      }
    },
    .job(
      "updateProjectInvitation", "Accepts or declines an invitation",
      [
        .boolean("accept", "whether to accept; true by default"),
        .string("account", "the account that is invited; the caller's by default"),
        .id("projectid", .invitingProject, "the project", required: true),
        .id("userid", .user, "the user who is invited"),
      ], refused: ["token"]
    ) { request in
      try await request.control.updateProjectInvitation(
        request.id("projectid"), account: request.arguments.string("account"), user: request.arguments.id("userid"),
        accepts: request.arguments.boolean("accept") ?? true, by: request.caller)
    },
    .job(
      "deleteProjectInvitation", "Takes an invitation back",
      [.id("id", .projectInvitation, "the invitation's id", required: true)]
    ) { request in
      try await request.control.deleteProjectInvitation(request.arguments.uuid("id") ?? UUID(), by: request.caller)
    },
  ]

  private static func invitations(_ request: Request) throws -> [(Project, ProjectInvitation)] {
    let (state, caller, arguments) = (request.state, request.caller, request.arguments)
    func all(_ projects: [Project]) -> [(Project, ProjectInvitation)] {
      projects.flatMap { project in project.invitations.map { (project, $0) } }
    }
    if let id = arguments.uuid("id") {
      return all(state.projects.first("invitation", .uuid(id)).map { [$0] } ?? []).filter { $0.1.id == id }
    }
    if let id: ID<Project> = arguments.id("projectid") {
      return all([try Control.managed(id, by: caller, in: state)])
    }
    let scope = request.scope
    if caller.type != .user, scope.listAll || scope.domain != nil, scope.account == nil {
      let isVisible = try request.visibility(scope)
      return all(Array(state.projects.all)).filter { isVisible($0.1.account) }
    }
    let owner = try Access.owner(for: caller, account: scope.account, domain: scope.domain, in: state).id
    return all(state.projects.matching("invited", .id(owner))).filter { $0.1.account == owner }
  }
}
