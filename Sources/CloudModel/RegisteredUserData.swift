package import FoundationEssentials

/// User data that instances can be deployed with by name.
package struct RegisteredUserData: Resource {
  package static let kind = "userdata"
  package static var table: TablePath<RegisteredUserData> { \.registeredUserData }
  package static let indexes: [Index<RegisteredUserData>] = [
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<RegisteredUserData>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]
  package static let secretFields: Set<String> = ["content"]

  package let id: ID<RegisteredUserData>
  package var name: String
  package var account: ID<Account>
  package var content: [UInt8]
  /// Names of variables, separated by commas.
  package var parameters: String?
  package var created: Date

  package init(
    id: ID<RegisteredUserData>, name: String, account: ID<Account>, content: [UInt8], parameters: String? = nil,
    created: Date
  ) {
    self.id = id
    self.name = name
    self.account = account
    self.content = content
    self.parameters = parameters
    self.created = created
  }
}
