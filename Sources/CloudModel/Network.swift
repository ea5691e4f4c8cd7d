package import Addresses
package import FoundationEssentials

/// A guest network: the one shared network of a Basic zone, or a customer's isolated network with a VXLAN of its own.
package struct Network: Resource {
  package static let kind = "network"
  package static var table: TablePath<Network> { \.networks }
  package static let indexes: [Index<Network>] = [
    Index("zone", of: { $0.zone }),
    Index("account", of: { $0.account }),
    Index("vni", unique: true) { $0.vni.map { [.number(UInt64($0))] } ?? [] },
    Index("vpc", of: { $0.vpc }),
    Index("acl", of: { $0.acl }),
    Index("permitted") { ($0.permitted ?? []).map(IndexKey.id) },
  ]
  package static let references: [Reference<Network>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("account", to: Account.self) { [$0.account] },
    Reference("vpc", to: VPC.self) { $0.vpc.map { [$0] } ?? [] },
    Reference("acl", to: NetworkACLList.self) { $0.acl.map { [$0] } ?? [] },
    Reference("permitted", to: Account.self) { $0.permitted ?? [] },
  ]

  package let id: ID<Network>
  package var name: String
  package var displayText: String
  package var zone: ID<Zone>
  package var offering: ID<NetworkOffering>
  package var account: ID<Account>
  package var guestType: GuestType
  package var cidr: IPv4Prefix
  package var gateway: IPv4
  package var domainName: String
  package var vni: Int?
  package var state: NetworkState
  package var created: Date
  /// The VPC that the network is a tier of, and the rules between its tiers.
  package var vpc: ID<VPC>?
  package var acl: ID<NetworkACLList>?
  /// Other accounts whose instances may be in the network.
  package var permitted: [ID<Account>]?

  package init(
    id: ID<Network>, name: String, displayText: String, zone: ID<Zone>, offering: ID<NetworkOffering>,
    account: ID<Account>, guestType: GuestType, cidr: IPv4Prefix, gateway: IPv4, domainName: String, vni: Int? = nil,
    state: NetworkState = .allocated, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.zone = zone
    self.offering = offering
    self.account = account
    self.guestType = guestType
    self.cidr = cidr
    self.gateway = gateway
    self.domainName = domainName
    self.vni = vni
    self.state = state
    self.created = created
  }
}

package enum NetworkState: String, Codable, Hashable, Sendable {
  case allocated = "Allocated"
  case implemented = "Implemented"
  case destroying = "Destroy"
}
