package import FoundationEssentials

/// Instances whose placement depends on each other's.
package struct AffinityGroup: Resource {
  package static let kind = "affinitygroup"
  package static var table: TablePath<AffinityGroup> { \.affinityGroups }
  package static let indexes: [Index<AffinityGroup>] = [
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<AffinityGroup>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]

  package let id: ID<AffinityGroup>
  package var name: String
  package var description: String
  package var type: AffinityType
  package var account: ID<Account>
  package var created: Date

  package init(
    id: ID<AffinityGroup>, name: String, description: String, type: AffinityType, account: ID<Account>, created: Date
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.type = type
    self.account = account
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum AffinityType: String, Codable, Hashable, Sendable, CaseIterable {
  case together = "host affinity"
  case apart = "host anti-affinity"
  case ratherTogether = "non-strict host affinity"
  case ratherApart = "non-strict host anti-affinity"
}
