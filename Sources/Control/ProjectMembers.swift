package import CloudModel
package import FoundationEssentials
import Ledger

extension Control {
  private static let memberLimit = 1000

  /// Adds an account, or one of its users, to a project: at once, or by an invitation where `project.invite.required` says so.
  ///
  /// - Parameter account: By name, in the project's domain; or `username` of a user there.
  package func addToProject(
    _ id: ID<Project>, account: String? = nil, username: String? = nil, isAdmin: Bool, role: UUID?, by caller: Caller
  ) async throws -> Started {
    let (command, what) = username == nil ? ("addAccountToProject", "ACCOUNT") : ("addUserToProject", "USER")
    let isInvitation = state.flag(.projectInviteRequired)
    return try await changeProject(
      id, command, "PROJECT.\(what).\(isInvitation ? "INVITE" : "ADD")", by: caller
    ) { project, draft in
      let user = try username.map { try Self.user(named: $0, project, in: draft.state) }
      let (holder, own) = try Self.invitee(account, user, project, in: draft.state)
      guard project.members.allSatisfy({ $0.account != holder.id || $0.user != own }) else {
        throw ControlError(.invalidParameter, "\(username ?? holder.name) is in the project \(project.name) already")
      }
      if let role { _ = try Self.projectRole(role, project) }
      if isAdmin { try ResourceLimits.require(.project, for: holder, in: draft.state) }
      guard project.members.count + project.invitations.count < Self.memberLimit else {
        throw ControlError(.resourceLimit, "A project has at most \(Self.memberLimit) members and invitations")
      }
      let member = ProjectMember(account: holder.id, user: own, isAdmin: isAdmin, role: role)
      guard isInvitation else { return project.members.append(member) }
      project.invitations.removeAll { $0.account == holder.id && $0.user == own }
      project.invitations.append(ProjectInvitation(id: draft.newUUID(), member: member, created: draft.now))
    }
  }

  /// - Parameters:
  ///   - account: Its name, in the project's domain; or
  ///   - user: One who takes part alone.
  package func deleteFromProject(
    _ id: ID<Project>, account: String? = nil, user: ID<User>? = nil, by caller: Caller
  ) async throws -> Started {
    let (command, what) = user == nil ? ("deleteAccountFromProject", "ACCOUNT") : ("deleteUserFromProject", "USER")
    return try await changeProject(id, command, "PROJECT.\(what).REMOVE", by: caller) { project, draft in
      let (holder, own) = try Self.invitee(account, user, project, in: draft.state)
      guard let place = project.members.firstIndex(where: { $0.account == holder.id && $0.user == own }) else {
        throw ControlError(.invalidParameter, "\(holder.name) does not belong to the project \(project.name)")
      }
      project.members.remove(at: place)
      try Self.requireOwner(project)
    }
  }

  /// Answers an invitation for oneself, or for somebody whom one may act for.
  package func updateProjectInvitation(
    _ id: ID<Project>, account: String?, user: ID<User>?, accepts: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("updateProjectInvitation", .project, by: caller) { draft in
      var project = try Self.project(id, in: draft.state)
      let wanted = try user.map { user throws -> ID<Account> in
        guard let held = draft.get(user) else { throw ControlError(.invalidParameter, "The user does not exist") }
        return held.account
      }
      let holder =
        try wanted
        ?? Access.owner(for: caller, account: account, domain: account == nil ? nil : project.domain, in: draft.state)
        .id
      try Access.require(caller, owner: holder, in: draft.state)
      // Without a user, one of the account's or the caller's own.
      let users: [ID<User>?] = user.map { [$0] } ?? [nil, caller.user]
      guard
        let place = project.invitations.firstIndex(where: {
          $0.account == holder && users.contains($0.user) && $0.state == .pending
        })
      else { throw ControlError(.invalidParameter, "There is no pending invitation to the project") }
      guard !Self.isExpired(project.invitations[place], draft.now, in: draft.state) else {
        throw ControlError(.invalidParameter, "The invitation to the project has expired; ask for another")
      }
      project.invitations[place].state = accepts ? .completed : .declined
      if accepts { project.members.append(project.invitations[place].member) }
      try draft.put(project)
      try draft.put(
        Self.event(
          "PROJECT.INVITATION.UPDATE", "\(accepts ? "Accepted" : "Declined") an invitation to \(project.name)",
          project.account, id, caller, draft))
      return id.uuid
    }
  }

  package func deleteProjectInvitation(_ invitation: UUID, by caller: Caller) async throws -> Started {
    guard let project = state.projects.first("invitation", .uuid(invitation)) else {
      throw ControlError(.invalidParameter, "The invitation does not exist")
    }
    return try await changeProject(
      project.id, "deleteProjectInvitation", "PROJECT.INVITATION.REMOVE", by: caller
    ) { project, _ in
      project.invitations.removeAll { $0.id == invitation }
    }
  }

  package static func isExpired(_ invitation: ProjectInvitation, _ now: Date, in state: CloudState) -> Bool {
    invitation.created.addingTimeInterval(Double(state.integer(.projectInviteTimeout))) < now
  }

  /// The account, and the user if it is one alone, that is meant.
  static func invitee(
    _ account: String?, _ user: ID<User>?, _ project: Project, in state: CloudState
  ) throws -> (Account, ID<User>?) {
    if let user {
      guard let held = state.users[user], let holder = state.accounts[held.account], holder.domain == project.domain
      else { throw ControlError(.invalidParameter, "There is no such user in the project's domain") }
      return (holder, user)
    }
    guard let account else { throw ControlError(.invalidParameter, "account is missing") }
    guard let holder = state.accounts.first("name", .scoped(project.domain.uuid, account.lowercased())),
      holder.type != .project, holder.state != .removing
    else { throw ControlError(.invalidParameter, "There is no account \(account) in the project's domain") }
    return (holder, nil)
  }

  private static func user(named username: String, _ project: Project, in state: CloudState) throws -> ID<User> {
    guard let user = state.users.first("username", .scoped(project.domain.uuid, username.lowercased())) else {
      throw ControlError(.invalidParameter, "There is no user \(username) in the project's domain")
    }
    return user.id
  }
}
