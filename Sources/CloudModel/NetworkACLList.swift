package import Addresses
package import FoundationEssentials

/// What may pass between tiers of a VPC and the world: items in the order of their numbers, the first that matches decides.
/// The two lists that every VPC can use have neither VPC nor account.
package struct NetworkACLList: Resource {
  package static let kind = "networkacllist"
  package static var table: TablePath<NetworkACLList> { \.networkACLLists }
  package static let indexes: [Index<NetworkACLList>] = [
    Index("account", of: { $0.account }),
    Index("vpc", of: { $0.vpc }),
    Index("item", of: { $0.items.map { $0.id } }),
    Index("common") { $0.account == nil ? [.text($0.name)] : [] },
  ]
  package static let references: [Reference<NetworkACLList>] = [
    Reference("account", to: Account.self) { $0.account.map { [$0] } ?? [] },
    Reference("vpc", to: VPC.self) { $0.vpc.map { [$0] } ?? [] },
  ]

  package let id: ID<NetworkACLList>
  package var name: String
  package var description: String
  package var vpc: ID<VPC>?
  package var account: ID<Account>?
  package var items: [NetworkACLItem]
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<NetworkACLList>, name: String, description: String, vpc: ID<VPC>?, account: ID<Account>?,
    items: [NetworkACLItem] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.vpc = vpc
    self.account = account
    self.items = items
    self.created = created
  }
}

package struct NetworkACLItem: Codable, Hashable, Sendable {
  package var id: UUID
  package var number: Int
  package var isAllowing: Bool
  package var isIngress: Bool
  package var match: PacketMatch
  package var prefixes: [IPv4Prefix]
  package var reason: String
  package var isHidden: Bool?

  package init(
    id: UUID, number: Int, isAllowing: Bool, isIngress: Bool, match: PacketMatch, prefixes: [IPv4Prefix],
    reason: String
  ) {
    self.id = id
    self.number = number
    self.isAllowing = isAllowing
    self.isIngress = isIngress
    self.match = match
    self.prefixes = prefixes
    self.reason = reason
  }
}
