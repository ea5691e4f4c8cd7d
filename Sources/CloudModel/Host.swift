package import FoundationEssentials

/// A hypervisor of one zone. `node` is the machine, and so the agent, that carries it.
package struct Host: Resource {
  package static let kind = "host"
  package static var table: TablePath<Host> { \.hosts }
  package static let indexes: [Index<Host>] = [
    Index("zone") { [.id($0.zone)] },
    Index("node") { [.text($0.node)] },
  ]
  package static let references: [Reference<Host>] = [
    Reference("zone", to: Zone.self) { [$0.zone] }
  ]

  package let id: ID<Host>
  package var name: String
  package var zone: ID<Zone>
  package var node: String
  package var hypervisor: HypervisorType
  package var cpuNumber: Int
  package var memoryMiB: Int
  package var created: Date

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

package enum HypervisorType: String, Codable, Hashable, Sendable, CaseIterable {
  case kvm = "KVM"
  case simulator = "Simulator"
}
