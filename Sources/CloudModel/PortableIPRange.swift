package import Addresses
package import FoundationEssentials

/// A block of public addresses of a region that belong to no zone yet.
package struct PortableIPRange: Resource {
  package static let kind = "portableiprange"
  package static var table: TablePath<PortableIPRange> { \.portableIPRanges }

  package let id: ID<PortableIPRange>
  package var region: Int
  package var first: IPv4
  package var last: IPv4
  package var gateway: IPv4
  package var length: Int
  package var vlan: String
  package var created: Date

  package init(
    id: ID<PortableIPRange>, region: Int, first: IPv4, last: IPv4, gateway: IPv4, length: Int, vlan: String,
    created: Date
  ) {
    self.id = id
    self.region = region
    self.first = first
    self.last = last
    self.gateway = gateway
    self.length = length
    self.vlan = vlan
    self.created = created
  }
}
