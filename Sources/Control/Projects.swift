package import CloudModel
import FoundationEssentials
import Ledger

/// What is to be changed of a project; nil leaves it as it is.
package struct ProjectChange: Sendable {
  package var name: String?
  package var displayText: String?
  /// A member, by the account's name or the user's id, whose part in the project changes.
  package var account: String?
  package var user: ID<User>?
  package var isAdmin: Bool?
  /// Whether the new administrator takes the place of those there are.
  package var swapsOwner = true

  package init() {}
}

extension Control {
  /// - Parameters:
  ///   - account: Who answers for it, with its domain; the caller by default.
  ///   - user: Of that account, the user who alone does.
  package func createProject(
    _ name: String, displayText: String?, account: String?, domain: ID<Domain>?, user: ID<User>?, by caller: Caller
  ) async throws -> Started {
    try await begin("createProject", .project, by: caller) { draft in
      let state = draft.state
      guard caller.type != .user || state.flag(.allowUserCreateProjects) else {
        throw ControlError(.permissionDenied, "Regular user is not permitted to create a project")
      }
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: state)
      guard owner.type != .project, owner.name != "system" else {
        throw ControlError(.invalidParameter, "The account \(owner.name) cannot answer for a project")
      }
      if let user { try Self.require(user, of: owner.id, in: state) }
      try Self.requireFree(projectName: name, owner.domain, in: state)
      try ResourceLimits.require(.project, for: owner, in: state)
      let id: ID<Project> = draft.newID()
      var holder = Account(
        id: draft.newID(), name: "PrjAcct-\(name)-\(id.description.prefix(8))", type: .project, domain: owner.domain,
        cells: Self.shuffledCells(state, seed: draft.newUUID()), created: draft.now)
      holder.networkDomain = owner.networkDomain
      try draft.put(holder)
      try draft.put(
        SecurityGroup(
          id: draft.newID(), name: "default", description: "Default Security Group", account: holder.id,
          domain: owner.domain, created: draft.now))
      try draft.put(
        Project(
          id: id, name: name, displayText: displayText ?? name, domain: owner.domain, account: holder.id,
          members: [ProjectMember(account: owner.id, user: user, isAdmin: true)], created: draft.now))
      try draft.put(Self.event("PROJECT.CREATE", "Created project \(name)", holder.id, id, caller, draft))
      return id.uuid
    }
  }

  package func updateProject(_ id: ID<Project>, _ change: ProjectChange, by caller: Caller) async throws -> Started {
    try await changeProject(id, "updateProject", "PROJECT.UPDATE", by: caller) { project, draft in
      if let name = change.name, name.lowercased() != project.name.lowercased() {
        try Self.requireFree(projectName: name, project.domain, in: draft.state)
      }
      project.name = change.name ?? project.name
      project.displayText = change.displayText ?? project.displayText
      guard change.account != nil || change.user != nil else { return }
      let (account, user) = try Self.invitee(change.account, change.user, project, in: draft.state)
      let isAdmin = change.isAdmin ?? true
      guard let place = project.members.firstIndex(where: { $0.account == account.id && $0.user == user }) else {
        throw ControlError(.invalidParameter, "\(account.name) does not belong to the project; add it first")
      }
      if isAdmin, change.swapsOwner {
        // Who answered for it stays a member.
        for other in project.members.indices { project.members[other].isAdmin = false }
      }
      if isAdmin { try ResourceLimits.require(.project, for: account, in: draft.state) }
      project.members[place].isAdmin = isAdmin
      try Self.requireOwner(project)
    }
  }

  /// Lets new things be made in it again.
  package func activateProject(_ id: ID<Project>, by caller: Caller) async throws -> Started {
    try await changeProject(id, "activateProject", "PROJECT.ACTIVATE", by: caller) { project, draft in
      project.state = .active
      try Self.set(.enabled, project, &draft)
    }
  }

  /// Stops its instances, and lets nothing new be made in it.
  package func suspendProject(_ id: ID<Project>, by caller: Caller) async throws -> Started {
    try await begin("suspendProject", .project, by: caller) { draft in
      var project = try Self.project(id, managedBy: caller, in: draft.state)
      project.state = .suspended
      try draft.put(project)
      try Self.set(.disabled, project, &draft)
      var stopped: [JobReference] = []
      for var machine in draft.state.virtualMachines.matching("account", .id(project.account))
      where machine.state.isPoweredOn {
        machine.state = .stopping
        try draft.put(machine)
        stopped.append(JobReference(type: JobSubject.virtualMachine.rawValue, id: machine.id.uuid))
      }
      try draft.put(
        Self.event("PROJECT.SUSPEND", "Suspended project \(project.name)", project.account, id, caller, draft))
      return (id.uuid, stopped)
    }
  }

  /// Without `cleanup` only one that has nothing.
  package func deleteProject(_ id: ID<Project>, cleanup: Bool, by caller: Caller) async throws -> Started {
    try await begin("deleteProject", .project, by: caller) { draft in
      var project = try Self.project(id, managedBy: caller, in: draft.state)
      guard let account = draft.get(project.account) else {
        throw ControlError(.internalError, "The project has no account")
      }
      if !cleanup,
        let held = LimitedResource.allCases.first(where: {
          ResourceLimits.count($0, of: account, in: draft.state) > 0
        })
      {
        throw ControlError(
          .resourceInUse,
          "The project \(project.name) still has resources of type \(held.name); delete them, or ask for cleanup=true")
      }
      project.state = .disabled
      project.invitations = []
      try draft.put(project)
      try Withdrawal.withdraw(account: account, &draft)
      try draft.put(
        Self.event("PROJECT.DELETE", "Deleting project \(project.name)", account.id, id, caller, draft))
      return (id.uuid, [JobReference(type: JobSubject.account.rawValue, id: account.id.uuid)])
    }
  }

  /// As a job that the revision which begins it has done.
  func changeProject(
    _ id: ID<Project>, _ command: String, _ eventType: String, by caller: Caller,
    _ body: @escaping @Sendable (inout Project, inout Draft) throws -> Void
  ) async throws -> Started {
    try await begin(command, .project, by: caller) { draft in
      var project = try Self.project(id, managedBy: caller, in: draft.state)
      try body(&project, &draft)
      try draft.put(project)
      try draft.put(
        Self.event(eventType, "\(command) of project \(project.name)", project.account, id, caller, draft))
      return id.uuid
    }
  }

  /// A project that the caller answers for.
  package static func managed(_ id: ID<Project>, by caller: Caller, in state: CloudState) throws -> Project {
    try project(id, managedBy: caller, in: state)
  }

  /// A project that is not on its way out, and that the caller answers for, by itself or as an administrator of its domain.
  static func project(_ id: ID<Project>, managedBy caller: Caller, in state: CloudState) throws -> Project {
    let project = try project(id, in: state)
    try Access.require(caller, owner: project.account, in: state)
    let isOwner = project.member(caller.account, caller.user)?.isAdmin ?? false
    guard isOwner || Access.administers(caller, project.domain, in: state) else {
      throw ControlError(.permissionDenied, "Only administrators of the project \(project.name) may do this")
    }
    return project
  }

  static func project(_ id: ID<Project>, in state: CloudState) throws -> Project {
    guard let project = state.projects[id] else {
      throw ControlError(.invalidParameter, "The project does not exist")
    }
    guard project.state != .disabled else {
      throw ControlError(.invalidParameter, "The project \(project.name) is being deleted")
    }
    return project
  }

  /// Somebody always answers for a project.
  static func requireOwner(_ project: Project) throws {
    guard !project.owners.isEmpty else {
      throw ControlError(
        .invalidParameter, "The project \(project.name) would have no administrator; make another member one first")
    }
  }

  static func require(_ user: ID<User>, of account: ID<Account>, in state: CloudState) throws {
    guard state.users[user]?.account == account else {
      throw ControlError(.invalidParameter, "The user does not belong to the account")
    }
  }

  private static func set(_ state: AccountState, _ project: Project, _ draft: inout Draft) throws {
    guard var account = draft.get(project.account) else { return }
    account.state = state
    try draft.put(account)
  }

  private static func requireFree(projectName name: String, _ domain: ID<Domain>, in state: CloudState) throws {
    guard (1...200).contains(name.utf16.count) else {
      throw ControlError(.invalidParameter, "A project's name has 1 to 200 characters")
    }
    guard state.projects.first("name", .scoped(domain.uuid, name.lowercased())) == nil else {
      throw ControlError(.invalidParameter, "Project with name \(name) already exists in the domain")
    }
  }

  static func event(
    _ type: String, _ text: String, _ account: ID<Account>, _ project: ID<Project>, _ caller: Caller,
    _ draft: borrowing Draft
  ) -> Event {
    event(type, text, account, caller.user, draft, resourceType: "Project", resource: project.uuid)
  }
}

/// What becomes of projects when somebody goes.
enum ProjectEnds {
  /// - Throws: when the account alone answers for a project.
  static func requireNone(ownedBy account: ID<Account>, in state: CloudState) throws {
    let alone = state.projects.matching("member", .id(account)).first { project in
      project.owners.allSatisfy { $0.account == account }
    }
    if let alone {
      throw ControlError(
        .resourceInUse,
        "The account manages the project \(alone.name); delete it, or make another member its administrator first")
    }
  }

  static func forget(account: ID<Account>, _ draft: inout Draft) throws {
    let state = draft.state
    for var project in state.projects.matching("member", .id(account))
      + state.projects.matching("invited", .id(account))
    {
      project = draft.get(project.id) ?? project
      project.members.removeAll { $0.account == account }
      project.invitations.removeAll { $0.account == account }
      try draft.put(project)
    }
  }

  static func forget(user: ID<User>, _ draft: inout Draft) throws {
    for var project in draft.state.projects.matching("user", .id(user)) {
      guard !project.owners.allSatisfy({ $0.user == user }) else {
        throw ControlError(
          .resourceInUse, "The user alone answers for the project \(project.name); make another member do so first")
      }
      project.members.removeAll { $0.user == user }
      project.invitations.removeAll { $0.user == user }
      try draft.put(project)
    }
  }
}
