package import FoundationEssentials

/// An instance as it was at one moment.
package struct InstanceSnapshot: Resource {
  package static let kind = "vmsnapshot"
  package static var table: TablePath<InstanceSnapshot> { \.instanceSnapshots }
  package static let indexes: [Index<InstanceSnapshot>] = [
    Index("account", of: { $0.account }),
    Index("virtualmachine", of: { $0.virtualMachine }),
    Index("offering", of: { $0.offering }),
    Index("parent", of: { $0.parent }),
  ]
  package static let references: [Reference<InstanceSnapshot>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("virtualmachine", to: VirtualMachine.self) { [$0.virtualMachine] },
    Reference("offering", to: ServiceOffering.self) { [$0.offering] },
    Reference("parent", to: InstanceSnapshot.self) { $0.parent.map { [$0] } ?? [] },
  ]

  package let id: ID<InstanceSnapshot>
  package var name: String
  package var displayName: String
  package var description: String
  package var account: ID<Account>
  package var virtualMachine: ID<VirtualMachine>
  package var offering: ID<ServiceOffering>
  package var hasMemory: Bool
  package var state: InstanceSnapshotState
  package var parent: ID<InstanceSnapshot>?
  /// The one that the instance went on from.
  package var isCurrent: Bool
  package var created: Date

  package init(
    id: ID<InstanceSnapshot>, name: String, displayName: String, description: String, account: ID<Account>,
    virtualMachine: ID<VirtualMachine>, offering: ID<ServiceOffering>, hasMemory: Bool,
    state: InstanceSnapshotState = .creating, parent: ID<InstanceSnapshot>? = nil, isCurrent: Bool = true,
    created: Date
  ) {
    self.id = id
    self.name = name
    self.displayName = displayName
    self.description = description
    self.account = account
    self.virtualMachine = virtualMachine
    self.offering = offering
    self.hasMemory = hasMemory
    self.state = state
    self.parent = parent
    self.isCurrent = isCurrent
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum InstanceSnapshotState: String, Codable, Hashable, Sendable {
  case creating = "Creating"
  case ready = "Ready"
  case reverting = "Reverting"
  case deleting = "Expunging"
}
