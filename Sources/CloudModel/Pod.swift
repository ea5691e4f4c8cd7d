package import Addresses
package import FoundationEssentials

/// A part of a zone with private addresses of its own. What stands in it are its clusters.
package struct Pod: Resource {
  package static let kind = "pod"
  package static var table: TablePath<Pod> { \.pods }
  package static let indexes: [Index<Pod>] = [
    Index("zone", of: { $0.zone }),
    Index("name", unique: true) { [.scoped($0.zone.uuid, $0.name.lowercased())] },
  ]
  package static let references: [Reference<Pod>] = [
    Reference("zone", to: Zone.self) { [$0.zone] }
  ]

  package let id: ID<Pod>
  package var name: String
  package var zone: ID<Zone>
  /// The private network with the addresses that the pod may give out of it; nil where there is none.
  package var network: PrivateNetwork?
  package var isEnabled: Bool
  package var created: Date

  package init(
    id: ID<Pod>, name: String, zone: ID<Zone>, network: PrivateNetwork? = nil, isEnabled: Bool = true, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.network = network
    self.isEnabled = isEnabled
    self.created = created
  }
}

/// A network with a gateway, and the part of its addresses that may be given out.
package struct PrivateNetwork: Codable, Hashable, Sendable {
  package var prefix: IPv4Prefix
  package var gateway: IPv4
  package var first: IPv4
  package var last: IPv4

  package init(prefix: IPv4Prefix, gateway: IPv4, first: IPv4, last: IPv4) {
    self.prefix = prefix
    self.gateway = gateway
    self.first = first
    self.last = last
  }
}
