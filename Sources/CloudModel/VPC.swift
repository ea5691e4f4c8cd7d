package import Addresses
package import FoundationEssentials

/// A customer's private cloud: networks (*tiers*) behind one router.
package struct VPC: Resource {
  package static let kind = "vpc"
  package static var table: TablePath<VPC> { \.vpcs }
  package static let indexes: [Index<VPC>] = [
    Index("account", of: { $0.account }),
    Index("zone", of: { $0.zone }),
    Index("offering", of: { $0.offering }),
  ]
  package static let references: [Reference<VPC>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("offering", to: VPCOffering.self) { [$0.offering] },
  ]

  package let id: ID<VPC>
  package var name: String
  package var displayText: String
  package var zone: ID<Zone>
  package var offering: ID<VPCOffering>
  package var account: ID<Account>
  package var cidr: IPv4Prefix
  package var domainName: String
  package var dns: [IPv4]
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<VPC>, name: String, displayText: String, zone: ID<Zone>, offering: ID<VPCOffering>, account: ID<Account>,
    cidr: IPv4Prefix, domainName: String, dns: [IPv4] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.zone = zone
    self.offering = offering
    self.account = account
    self.cidr = cidr
    self.domainName = domainName
    self.dns = dns
    self.created = created
  }
}

/// What a VPC's router does. `services` are CloudStack's service names.
package struct VPCOffering: Resource {
  package static let kind = "vpcoffering"
  package static var table: TablePath<VPCOffering> { \.vpcOfferings }
  package static let indexes: [Index<VPCOffering>] = [
    Index("name", unique: true) { [.text($0.name.lowercased())] }
  ]

  package let id: ID<VPCOffering>
  package var name: String
  package var displayText: String
  package var services: [String]
  package var isDefault: Bool
  package var isEnabled: Bool
  package var created: Date

  package init(
    id: ID<VPCOffering>, name: String, displayText: String, services: [String], isDefault: Bool = false,
    isEnabled: Bool, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.services = services
    self.isDefault = isDefault
    self.isEnabled = isEnabled
    self.created = created
  }
}
