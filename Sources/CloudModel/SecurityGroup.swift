package import FoundationEssentials

/// Filter rules that instances of Basic share. Without an egress rule everything may leave.
package struct SecurityGroup: Resource {
  package static let kind = "securitygroup"
  package static var table: TablePath<SecurityGroup> { \.securityGroups }
  package static let indexes: [Index<SecurityGroup>] = [
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
    Index("account", of: { $0.account }),
    Index("peer") { group in (group.ingress + group.egress).compactMap { $0.group.map(IndexKey.id) } },
    Index("rule", unique: true) { ($0.ingress + $0.egress).map { .uuid($0.id) } },
  ]
  package static let references: [Reference<SecurityGroup>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("peer", to: SecurityGroup.self) { group in (group.ingress + group.egress).compactMap(\.group) },
  ]

  package let id: ID<SecurityGroup>
  package var name: String
  package var description: String
  package var account: ID<Account>
  package var domain: ID<Domain>
  package var ingress: [SecurityGroupRule]
  package var egress: [SecurityGroupRule]
  package var created: Date

  package init(
    id: ID<SecurityGroup>, name: String, description: String = "", account: ID<Account>, domain: ID<Domain>,
    ingress: [SecurityGroupRule] = [], egress: [SecurityGroupRule] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.account = account
    self.domain = domain
    self.ingress = ingress
    self.egress = egress
    self.created = created
  }
}
