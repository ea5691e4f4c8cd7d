import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let projectMembers = [
    Command.job(
      "addAccountToProject", "Adds an account to a project, or invites it",
      [.string("account", "the account, of the project's domain", required: true)] + part, refused: ["email"]
    ) { request in
      try await request.control.addToProject(
        request.id("projectid"), account: request.string("account"), isAdmin: isProjectAdmin(request),
        role: request.arguments.uuid("projectroleid"), by: request.caller)
    },
    .job(
      "addUserToProject", "Adds one user of an account to a project, or invites it",
      part + [.string("username", "the user, of the project's domain", required: true)], refused: ["email"]
    ) { request in
      try await request.control.addToProject(
        request.id("projectid"), username: request.string("username"), isAdmin: isProjectAdmin(request),
        role: request.arguments.uuid("projectroleid"), by: request.caller)
    },
    .job(
      "deleteAccountFromProject", "Takes an account out of a project",
      [.string("account", "the account", required: true), project]
    ) { request in
      try await request.control.deleteFromProject(
        request.id("projectid"), account: request.string("account"), by: request.caller)
    },
    .job(
      "deleteUserFromProject", "Takes a user that takes part alone out of a project",
      [project, .id("userid", .projectUser, "the user", required: true)]
    ) { request in
      try await request.control.deleteFromProject(
        request.id("projectid"), user: request.id("userid"), by: request.caller)
    },
    Command(
      "listProjectAccounts", "Lists who works on a project",
      [
        .string("account", "the account's name"),
        project,
        .id("projectroleid", .projectRole, "who has this project role"),
        .string("role", "Admin or Regular"),
        .id("userid", .projectUser, "as whom this user takes part"),
      ] + Parameter.paging, response: .projectAccount
    ) { request in
      let state = request.state
      guard let project = state.projects[try request.id("projectid", Project.self)] else {
        throw APIError.unknown("", parameter: "projectid", command: request.command)
      }
      let user: User? = request.arguments.id("userid").flatMap { state.users[$0] }
      let wanted = user.map { project.member($0.account, $0.id) }
      let role = request.arguments.uuid("projectroleid")
      let rows = project.members.filter { member in
        request.matches("account", state.accounts[member.account]?.name ?? "")
          && request.matches("role", member.isAdmin ? "Admin" : "Regular") && (role == nil || member.role == role)
          && (wanted == nil || wanted == member)
      }
      return try request.page("projectaccount", rows) {
        [state.accounts[$0.account]?.name ?? ""]
      } fields: {
        request.view.fields(of: $0, in: project)
      }
    },
  ]

  private static let project = Parameter.id("projectid", .project, "the project", required: true)
  private static let part = [
    project,
    .id("projectroleid", .projectRole, "what it may call for the project; all that it may anyway by default"),
    Parameter.string("roletype", "Admin, who answers for it, or Regular, the default"),
  ]
}
