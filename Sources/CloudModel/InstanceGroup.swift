package import FoundationEssentials

/// A name that an account's instances share.
package struct InstanceGroup: Resource {
  package static let kind = "instancegroup"
  package static var table: TablePath<InstanceGroup> { \.instanceGroups }
  package static let indexes: [Index<InstanceGroup>] = [
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<InstanceGroup>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]

  package let id: ID<InstanceGroup>
  package var name: String
  package var account: ID<Account>
  package var created: Date

  package init(id: ID<InstanceGroup>, name: String, account: ID<Account>, created: Date) {
    self.id = id
    self.name = name
    self.account = account
    self.created = created
  }
}
