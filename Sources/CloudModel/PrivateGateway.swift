package import Addresses
package import FoundationEssentials

/// A VPC's leg in a VLAN of the operator's.
package struct PrivateGateway: Resource {
  package static let kind = "privategateway"
  package static var table: TablePath<PrivateGateway> { \.privateGateways }
  package static let indexes: [Index<PrivateGateway>] = [
    Index("account", of: { $0.account }),
    Index("vpc", of: { $0.vpc }),
    Index("acl", of: { $0.acl }),
  ]
  package static let references: [Reference<PrivateGateway>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("vpc", to: VPC.self) { [$0.vpc] },
    Reference("acl", to: NetworkACLList.self) { $0.acl.map { [$0] } ?? [] },
  ]

  package let id: ID<PrivateGateway>
  package var vpc: ID<VPC>
  package var account: ID<Account>
  /// The VPC's own address in the VLAN, with the length of its prefix.
  package var address: IPv4
  package var length: Int
  package var gateway: IPv4
  package var vlan: Int?
  package var acl: ID<NetworkACLList>?
  package var isSourceNAT: Bool
  package var created: Date

  package init(
    id: ID<PrivateGateway>, vpc: ID<VPC>, account: ID<Account>, address: IPv4, length: Int, gateway: IPv4, vlan: Int?,
    acl: ID<NetworkACLList>?, isSourceNAT: Bool, created: Date
  ) {
    self.id = id
    self.vpc = vpc
    self.account = account
    self.address = address
    self.length = length
    self.gateway = gateway
    self.vlan = vlan
    self.acl = acl
    self.isSourceNAT = isSourceNAT
    self.created = created
  }
}

/// Where a VPC's router sends a prefix: through a private gateway, or to an address that it reaches.
package struct StaticRoute: Resource {
  package static let kind = "staticroute"
  package static var table: TablePath<StaticRoute> { \.staticRoutes }
  package static let indexes: [Index<StaticRoute>] = [
    Index("account", of: { $0.account }),
    Index("vpc", of: { $0.vpc }),
    Index("gateway", of: { $0.gateway }),
    Index("prefix", unique: true) { [.scoped($0.vpc.uuid, $0.cidr.description)] },
  ]
  package static let references: [Reference<StaticRoute>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("vpc", to: VPC.self) { [$0.vpc] },
    Reference("gateway", to: PrivateGateway.self) { $0.gateway.map { [$0] } ?? [] },
  ]

  package let id: ID<StaticRoute>
  package var vpc: ID<VPC>
  package var account: ID<Account>
  package var cidr: IPv4Prefix
  package var gateway: ID<PrivateGateway>?
  package var nextHop: IPv4
  package var created: Date

  package init(
    id: ID<StaticRoute>, vpc: ID<VPC>, account: ID<Account>, cidr: IPv4Prefix, gateway: ID<PrivateGateway>?,
    nextHop: IPv4, created: Date
  ) {
    self.id = id
    self.vpc = vpc
    self.account = account
    self.cidr = cidr
    self.gateway = gateway
    self.nextHop = nextHop
    self.created = created
  }
}
