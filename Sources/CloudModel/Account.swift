package import FoundationEssentials

/// A customer: the owner of resources. Users act for it.
package struct Account: Resource {
  package static let kind = "account"
  package static var table: TablePath<Account> { \.accounts }
  package static let indexes: [Index<Account>] = [
    Index("name", unique: true) { [.scoped($0.domain.uuid, $0.name.lowercased())] },
    Index("domain", of: { $0.domain }),
    Index("role", of: { $0.ownRole }),
  ]
  package static let references: [Reference<Account>] = [
    Reference("domain", to: Domain.self) { [$0.domain] },
    Reference("role", to: Role.self) { $0.ownRole },
  ]

  package let id: ID<Account>
  package var name: String
  package var type: AccountType
  package var domain: ID<Domain>
  package var state: AccountState
  package var cells: [ID<Cell>]
  /// Whose rules apply to it; nil for the built-in role of its type.
  package var role: ID<Role>?
  /// The DNS domain of its networks, unless they say otherwise.
  package var networkDomain: String?
  package var created: Date

  package init(
    id: ID<Account>, name: String, type: AccountType, domain: ID<Domain>, state: AccountState = .enabled,
    cells: [ID<Cell>] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.domain = domain
    self.state = state
    self.cells = cells
    self.created = created
  }
}

extension Account {
  /// Its role, if that is one that has a row.
  fileprivate var ownRole: [ID<Role>] { role.map { Role.builtIn($0) == nil ? [$0] : [] } ?? [] }
}

/// Raw values are CloudStack's account types.
package enum AccountType: Int, Codable, Hashable, Sendable {
  case user = 0
  case rootAdmin = 1
  case domainAdmin = 2
  case resourceDomainAdmin = 3
  /// Of a project: nobody signs for it.
  case project = 5
}

package enum AccountState: String, Codable, Hashable, Sendable {
  case enabled, disabled, locked, removing
}
