package import Addresses
package import FoundationEssentials

/// A VPC's end of connections to other sites.
package struct VPNGateway: Resource {
  package static let kind = "vpngateway"
  package static var table: TablePath<VPNGateway> { \.vpnGateways }
  package static let indexes: [Index<VPNGateway>] = [
    Index("account", of: { $0.account }),
    Index("vpc", unique: true, of: { $0.vpc }),
    Index("address", of: { $0.address }),
  ]
  package static let references: [Reference<VPNGateway>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("vpc", to: VPC.self) { [$0.vpc] },
    Reference("address", to: PublicIPAddress.self) { [$0.address] },
  ]

  package let id: ID<VPNGateway>
  package var account: ID<Account>
  package var vpc: ID<VPC>
  package var address: ID<PublicIPAddress>
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<VPNGateway>, account: ID<Account>, vpc: ID<VPC>, address: ID<PublicIPAddress>, created: Date
  ) {
    self.id = id
    self.account = account
    self.vpc = vpc
    self.address = address
    self.created = created
  }
}

/// The other site's end. Lifetimes are in seconds; the policies are as CloudStack writes them.
package struct VPNCustomerGateway: Resource {
  package static let kind = "vpncustomergateway"
  package static var table: TablePath<VPNCustomerGateway> { \.vpnCustomerGateways }
  package static let indexes: [Index<VPNCustomerGateway>] = [
    Index("account", of: { $0.account }),
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
  ]
  package static let references: [Reference<VPNCustomerGateway>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]
  package static let secretFields: Set<String> = ["presharedKey"]

  package let id: ID<VPNCustomerGateway>
  package var account: ID<Account>
  package var name: String
  package var gateway: String
  package var prefixes: [IPv4Prefix]
  package var presharedKey: String?
  package var ikePolicy: String
  package var espPolicy: String
  package var ikeLifetime = 86400
  package var espLifetime = 3600
  package var ikeVersion = "ike"
  package var detectsDeadPeers = false
  package var forcesEncapsulation = false
  package var splitsConnections = false
  package var created: Date

  package init(
    id: ID<VPNCustomerGateway>, account: ID<Account>, name: String, gateway: String, prefixes: [IPv4Prefix],
    presharedKey: String, ikePolicy: String, espPolicy: String, created: Date
  ) {
    self.id = id
    self.account = account
    self.name = name
    self.gateway = gateway
    self.prefixes = prefixes
    self.presharedKey = presharedKey
    self.ikePolicy = ikePolicy
    self.espPolicy = espPolicy
    self.created = created
  }
}

/// A tunnel between a VPC and another site. A passive one waits for the other site.
package struct VPNConnection: Resource {
  package static let kind = "vpnconnection"
  package static var table: TablePath<VPNConnection> { \.vpnConnections }
  package static let indexes: [Index<VPNConnection>] = [
    Index("account", of: { $0.account }),
    Index("gateway", of: { $0.gateway }),
    Index("customergateway", of: { $0.customerGateway }),
  ]
  package static let references: [Reference<VPNConnection>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("gateway", to: VPNGateway.self) { [$0.gateway] },
    Reference("customergateway", to: VPNCustomerGateway.self) { [$0.customerGateway] },
  ]

  package let id: ID<VPNConnection>
  package var account: ID<Account>
  package var gateway: ID<VPNGateway>
  package var customerGateway: ID<VPNCustomerGateway>
  package var isPassive: Bool
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<VPNConnection>, account: ID<Account>, gateway: ID<VPNGateway>, customerGateway: ID<VPNCustomerGateway>,
    isPassive: Bool, created: Date
  ) {
    self.id = id
    self.account = account
    self.gateway = gateway
    self.customerGateway = customerGateway
    self.isPassive = isPassive
    self.created = created
  }
}
