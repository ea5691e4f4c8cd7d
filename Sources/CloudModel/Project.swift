package import FoundationEssentials

/// What several accounts work on together. What it has belongs to an account of its own, which has no users: whoever is a
/// member acts for it.
package struct Project: Resource {
  package static let kind = "project"
  package static var table: TablePath<Project> { \.projects }
  package static let indexes: [Index<Project>] = [
    Index("account", unique: true, of: { $0.account }),
    Index("domain", of: { $0.domain }),
    Index("invitation", unique: true, of: { $0.invitations.map { $0.id } }),
    Index("invited") { project in Set(project.invitations.map(\.account)).map(IndexKey.id) },
    Index("member") { project in Set(project.members.map(\.account)).map(IndexKey.id) },
    Index("name", unique: true) { [.scoped($0.domain.uuid, $0.name.lowercased())] },
    Index("permission", unique: true) { $0.roles.flatMap(\.permissions).map { .uuid($0.id) } },
    Index("role", unique: true, of: { $0.roles.map { $0.id } }),
    Index("user", of: { $0.users }),
  ]
  package static let references: [Reference<Project>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("domain", to: Domain.self) { [$0.domain] },
    Reference("invited", to: Account.self) { $0.invitations.map(\.account) },
    Reference("member", to: Account.self) { $0.members.map(\.account) },
    Reference("user", to: User.self) { $0.users },
  ]

  package let id: ID<Project>
  package var name: String
  package var displayText: String
  package var domain: ID<Domain>
  package let account: ID<Account>
  package var state: ProjectState
  package var members: [ProjectMember]
  package var invitations: [ProjectInvitation]
  package var roles: [ProjectRole]
  package var created: Date

  package init(
    id: ID<Project>, name: String, displayText: String, domain: ID<Domain>, account: ID<Account>,
    state: ProjectState = .active, members: [ProjectMember], invitations: [ProjectInvitation] = [],
    roles: [ProjectRole] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.domain = domain
    self.account = account
    self.state = state
    self.members = members
    self.invitations = invitations
    self.roles = roles
    self.created = created
  }

  private var users: [ID<User>] { Array(Set(members.compactMap(\.user) + invitations.compactMap(\.user))) }

  /// As whom the user takes part: by itself, or else by its account.
  package func member(_ account: ID<Account>, _ user: ID<User>?) -> ProjectMember? {
    members.first { $0.user != nil && $0.user == user } ?? members.first { $0.account == account && $0.user == nil }
  }

  /// Those who answer for it.
  package var owners: [ProjectMember] { members.filter(\.isAdmin) }

  package func role(_ id: UUID) -> ProjectRole? { roles.first { $0.id == id } }
}

/// Raw values are CloudStack's names.
package enum ProjectState: String, Codable, Hashable, Sendable {
  case active = "Active"
  case suspended = "Suspended"
  /// It goes as soon as what it had is gone.
  case disabled = "Disabled"
}

/// An account, or one of its users alone, that works on a project.
package struct ProjectMember: Codable, Hashable, Sendable {
  package var account: ID<Account>
  package var user: ID<User>?
  package var isAdmin: Bool
  /// One of the project's roles.
  package var role: UUID?

  package init(account: ID<Account>, user: ID<User>? = nil, isAdmin: Bool, role: UUID? = nil) {
    self.account = account
    self.user = user
    self.isAdmin = isAdmin
    self.role = role
  }
}

package struct ProjectInvitation: Codable, Hashable, Sendable {
  package let id: UUID
  /// As whom they would work on the project.
  package var member: ProjectMember
  package var state: ProjectInvitationState
  package var created: Date

  package init(id: UUID, member: ProjectMember, state: ProjectInvitationState = .pending, created: Date) {
    self.id = id
    self.member = member
    self.state = state
    self.created = created
  }

  package var account: ID<Account> { member.account }
  package var user: ID<User>? { member.user }
}

/// Raw values are CloudStack's names.
package enum ProjectInvitationState: String, Codable, Hashable, Sendable {
  case pending = "Pending"
  case completed = "Completed"
  case declined = "Declined"
  case expired = "Expired"
}

/// What members of a project may call for it: of its rules the first that fits a command decides; where none does, nothing is
/// forbidden.
package struct ProjectRole: Codable, Hashable, Sendable {
  package let id: UUID
  package var name: String
  package var description: String
  package var permissions: [RolePermission]

  package init(id: UUID, name: String, description: String, permissions: [RolePermission] = []) {
    self.id = id
    self.name = name
    self.description = description
    self.permissions = permissions
  }

  package func allows(_ command: String) -> Bool { permissions.first { $0.fits(command) }?.isAllowed ?? true }
}

extension CloudState {
  /// The project that an account is the account of.
  package func project(of account: ID<Account>) -> Project? {
    guard accounts[account]?.type == .project else { return nil }
    return projects.first("account", .id(account))
  }
}
