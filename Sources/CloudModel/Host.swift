package import FoundationEssentials

/// A hypervisor of one zone. `node` is the machine, and so the agent, that carries it; it is empty for a simulated host that
/// no agent carries: what is on such a host is in the ledger alone.
package struct Host: Resource {
  package static let kind = "host"
  package static var table: TablePath<Host> { \.hosts }
  package static let indexes: [Index<Host>] = [
    Index("zone", of: { $0.zone }),
    Index("node") { [.text($0.node)] },
    Index("pod", of: { $0.pod }),
    Index("cluster", of: { $0.cluster }),
  ]
  package static let references: [Reference<Host>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("pod", to: Pod.self) { $0.pod.map { [$0] } ?? [] },
    Reference("cluster", to: Cluster.self) { $0.cluster.map { [$0] } ?? [] },
  ]

  package let id: ID<Host>
  package var name: String
  package var zone: ID<Zone>
  package var node: String
  package var hypervisor: HypervisorType
  package var cpuNumber: Int
  package var memoryMiB: Int
  package var created: Date
  package var pod: ID<Pod>?
  package var cluster: ID<Cluster>?
  /// nil is `enabled`.
  package var resourceState: HostResourceState?
  package var tags: [String]?
  /// How a simulated host was named when it was added.
  package var url: String?
  package var address: String?
  /// Of each CPU; nil where nobody told.
  package var cpuSpeedMHz: Int?

  package init(
    id: ID<Host>, name: String, zone: ID<Zone>, node: String, hypervisor: HypervisorType, cpuNumber: Int,
    memoryMiB: Int, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.node = node
    self.hypervisor = hypervisor
    self.cpuNumber = cpuNumber
    self.memoryMiB = memoryMiB
    self.created = created
  }
}

extension Host {
  /// Whether an agent makes real what is on the host.
  package var isCarried: Bool { !node.isEmpty }
}

/// Raw values are CloudStack's names.
package enum HostResourceState: String, Codable, Hashable, Sendable {
  case enabled = "Enabled"
  case disabled = "Disabled"
  case preparing = "PrepareForMaintenance"
  case maintenance = "Maintenance"
}

package enum HypervisorType: String, Codable, Hashable, Sendable, CaseIterable {
  case kvm = "KVM"
  case simulator = "Simulator"
}
