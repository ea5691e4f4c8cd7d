package import Addresses
package import FoundationEssentials

/// A block of public addresses given to a cell (Basic) or to a zone's virtual routers (Isolate), or the addresses that
/// instances of a shared network may have (`network` is set); CloudStack's "VLAN IP range".
package struct PublicIPRange: Resource {
  package static let kind = "publiciprange"
  package static var table: TablePath<PublicIPRange> { \.publicIPRanges }
  package static let indexes: [Index<PublicIPRange>] = [
    Index("zone", of: { $0.zone }),
    Index("cell", of: { $0.cell }),
    Index("network", of: { $0.network }),
    Index("pod", of: { $0.pod }),
    Index("physicalnetwork", of: { $0.physicalNetwork }),
  ]
  package static let references: [Reference<PublicIPRange>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("cell", to: Cell.self) { $0.cell.map { [$0] } ?? [] },
    Reference("network", to: Network.self) { $0.network.map { [$0] } ?? [] },
    Reference("pod", to: Pod.self) { $0.pod.map { [$0] } ?? [] },
    Reference("physicalnetwork", to: PhysicalNetwork.self) { $0.physicalNetwork.map { [$0] } ?? [] },
  ]

  package let id: ID<PublicIPRange>
  package var zone: ID<Zone>
  package var cell: ID<Cell>?
  package var first: IPv4
  package var last: IPv4
  package var created: Date
  package var network: ID<Network>?
  package var pod: ID<Pod>?
  package var physicalNetwork: ID<PhysicalNetwork>?
  /// How the range's network was described to the cloud; nothing follows from it.
  package var gateway: IPv4?
  package var netmask: IPv4?
  package var vlan: String?

  package init(id: ID<PublicIPRange>, zone: ID<Zone>, cell: ID<Cell>?, first: IPv4, last: IPv4, created: Date) {
    self.id = id
    self.zone = zone
    self.cell = cell
    self.first = first
    self.last = last
    self.created = created
  }
}
