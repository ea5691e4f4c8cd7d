package import FoundationEssentials

/// Primary storage: where volumes of instances lie.
package struct StoragePool: Resource {
  package static let kind = "storagepool"
  package static var table: TablePath<StoragePool> { \.storagePools }
  package static let indexes: [Index<StoragePool>] = [
    Index("zone", of: { $0.zone }),
    Index("pod", of: { $0.pod }),
    Index("cluster", of: { $0.cluster }),
    Index("place", unique: true) { [.scoped($0.zone.uuid, "\($0.server)/\($0.path)")] },
  ]
  package static let references: [Reference<StoragePool>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("pod", to: Pod.self) { $0.pod.map { [$0] } ?? [] },
    Reference("cluster", to: Cluster.self) { $0.cluster.map { [$0] } ?? [] },
  ]

  package let id: ID<StoragePool>
  package var name: String
  package var zone: ID<Zone>
  /// Both or neither: a pool is a cluster's or the zone's.
  package var pod: ID<Pod>?
  package var cluster: ID<Cluster>?
  package var hypervisor: HypervisorType
  package var server: String
  package var path: String
  package var tags: [String]
  package var capacityBytes: Int
  package var capacityIOPS: Int?
  package var state: StoragePoolState
  package var created: Date

  package init(
    id: ID<StoragePool>, name: String, zone: ID<Zone>, pod: ID<Pod>? = nil, cluster: ID<Cluster>? = nil,
    hypervisor: HypervisorType, server: String, path: String, tags: [String] = [], capacityBytes: Int,
    capacityIOPS: Int? = nil, state: StoragePoolState = .up, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.pod = pod
    self.cluster = cluster
    self.hypervisor = hypervisor
    self.server = server
    self.path = path
    self.tags = tags
    self.capacityBytes = capacityBytes
    self.capacityIOPS = capacityIOPS
    self.state = state
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum StoragePoolState: String, Codable, Hashable, Sendable {
  case up = "Up"
  case disabled = "Disabled"
  case preparing = "PrepareForMaintenance"
  case maintenance = "Maintenance"
}
