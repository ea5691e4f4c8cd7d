package import FoundationEssentials

/// Somebody who signs requests for an account.
package struct User: Resource {
  package static let kind = "user"
  package static var table: TablePath<User> { \.users }
  package static let indexes: [Index<User>] = [
    Index("apikey", unique: true) { $0.apiKey.map { [.text($0)] } ?? [] },
    Index("username", unique: true) { [.scoped($0.domain.uuid, $0.username.lowercased())] },
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<User>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]

  package static let secretFields: Set<String> = ["apiKey", "passwordHash", "secretKey"]

  package let id: ID<User>
  package var username: String
  package var account: ID<Account>
  package var domain: ID<Domain>
  package var firstname: String
  package var lastname: String
  package var email: String
  package var passwordHash: String
  package var apiKey: String?
  package var secretKey: String?
  package var enabled: Bool
  /// Of one that is not enabled: locked rather than disabled.
  package var locked: Bool?
  package var timezone: String?
  package var created: Date

  package init(
    id: ID<User>, username: String, account: ID<Account>, domain: ID<Domain>, firstname: String, lastname: String,
    email: String, passwordHash: String, apiKey: String? = nil, secretKey: String? = nil, enabled: Bool = true,
    created: Date
  ) {
    self.id = id
    self.username = username
    self.account = account
    self.domain = domain
    self.firstname = firstname
    self.lastname = lastname
    self.email = email
    self.passwordHash = passwordHash
    self.apiKey = apiKey
    self.secretKey = secretKey
    self.enabled = enabled
    self.created = created
  }
}
