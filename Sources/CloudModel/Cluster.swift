package import FoundationEssentials

/// Hosts of one hypervisor in a pod.
package struct Cluster: Resource {
  package static let kind = "cluster"
  package static var table: TablePath<Cluster> { \.clusters }
  package static let indexes: [Index<Cluster>] = [
    Index("zone", of: { $0.zone }),
    Index("pod", of: { $0.pod }),
    Index("name", unique: true) { [.scoped($0.pod.uuid, $0.name.lowercased())] },
  ]
  package static let references: [Reference<Cluster>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("pod", to: Pod.self) { [$0.pod] },
  ]

  package let id: ID<Cluster>
  package var name: String
  package var zone: ID<Zone>
  package var pod: ID<Pod>
  package var hypervisor: HypervisorType
  package var isEnabled: Bool
  package var isManaged: Bool
  package var created: Date

  package init(
    id: ID<Cluster>, name: String, zone: ID<Zone>, pod: ID<Pod>, hypervisor: HypervisorType, isEnabled: Bool = true,
    isManaged: Bool = true, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.pod = pod
    self.hypervisor = hypervisor
    self.isEnabled = isEnabled
    self.isManaged = isManaged
    self.created = created
  }
}
