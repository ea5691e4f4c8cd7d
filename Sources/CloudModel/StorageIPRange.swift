package import Addresses
package import FoundationEssentials

/// Addresses of a pod's storage network.
package struct StorageIPRange: Resource {
  package static let kind = "storageiprange"
  package static var table: TablePath<StorageIPRange> { \.storageIPRanges }
  package static let indexes: [Index<StorageIPRange>] = [
    Index("zone", of: { $0.zone }),
    Index("pod", of: { $0.pod }),
  ]
  package static let references: [Reference<StorageIPRange>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("pod", to: Pod.self) { [$0.pod] },
  ]

  package let id: ID<StorageIPRange>
  package var zone: ID<Zone>
  package var pod: ID<Pod>
  package var first: IPv4
  package var last: IPv4
  package var gateway: IPv4
  package var length: Int
  package var vlan: Int?
  package var created: Date

  package init(
    id: ID<StorageIPRange>, zone: ID<Zone>, pod: ID<Pod>, first: IPv4, last: IPv4, gateway: IPv4, length: Int,
    vlan: Int? = nil, created: Date
  ) {
    self.id = id
    self.zone = zone
    self.pod = pod
    self.first = first
    self.last = last
    self.gateway = gateway
    self.length = length
    self.vlan = vlan
    self.created = created
  }
}
