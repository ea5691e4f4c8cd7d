package import FoundationEssentials

/// A disk. An instance's ROOT volume comes and goes with it; a DATADISK can be attached to one instance after the other.
package struct Volume: Resource {
  package static let kind = "volume"
  package static var table: TablePath<Volume> { \.volumes }
  package static let indexes: [Index<Volume>] = [
    Index("account", of: { $0.account }),
    Index("data", of: { $0.type == .data ? $0.account : nil }),
    Index("instance", of: { $0.virtualMachine }),
    Index(
      "device", unique: true, same: { $0.virtualMachine == $1.virtualMachine && $0.deviceID == $1.deviceID }
    ) { volume in
      volume.virtualMachine.flatMap { id in volume.deviceID.map { [.scoped(id.uuid, String($0))] } } ?? []
    },
    Index("diskoffering", of: { $0.diskOffering }),
    Index("pool", of: { $0.pool }),
    Index("expunging", same: { $0.expungeAfter == $1.expungeAfter }) { $0.expungeAfter == nil ? [] : [.number(1)] },
  ]
  package static let references: [Reference<Volume>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("instance", to: VirtualMachine.self) { $0.virtualMachine.map { [$0] } ?? [] },
    Reference("diskoffering", to: DiskOffering.self) { $0.diskOffering.map { [$0] } ?? [] },
    Reference("pool", to: StoragePool.self) { $0.pool.map { [$0] } ?? [] },
  ]

  package let id: ID<Volume>
  package var name: String
  package var account: ID<Account>
  package var zone: ID<Zone>
  package var type: VolumeType
  package var state: VolumeState
  package var sizeBytes: Int
  /// Of what kind of hypervisor the instance is that has or had it.
  package var hypervisor: HypervisorType?
  package var diskOffering: ID<DiskOffering>?
  package var virtualMachine: ID<VirtualMachine>?
  package var deviceID: Int?
  package var attached: Date?
  /// What it was made from.
  package var snapshot: ID<VolumeSnapshot>?
  /// Where it was uploaded from.
  package var url: String?
  package var format: String?
  package var isShown = true
  package var isProtected = false
  package var expungeAfter: Date?
  /// The primary storage that it was moved to; nil where its instance is.
  package var pool: ID<StoragePool>?
  package var created: Date

  package init(
    id: ID<Volume>, name: String, account: ID<Account>, zone: ID<Zone>, type: VolumeType, state: VolumeState,
    sizeBytes: Int, created: Date
  ) {
    self.id = id
    self.name = name
    self.account = account
    self.zone = zone
    self.type = type
    self.state = state
    self.sizeBytes = sizeBytes
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum VolumeType: String, Codable, Hashable, Sendable {
  case root = "ROOT"
  case data = "DATADISK"
}

/// Raw values are CloudStack's names. `allocated`: nothing has used it yet, so it takes no room.
package enum VolumeState: String, Codable, Hashable, Sendable {
  case allocated = "Allocated"
  case uploaded = "Uploaded"
  case ready = "Ready"
  case destroyed = "Destroy"
}

extension Volume {
  package static let bytesPerGiB = 1_073_741_824

  /// The ROOT volume of an instance.
  package static func root(of machine: VirtualMachine, id: ID<Volume>, sizeBytes: Int) -> Volume {
    var volume = Volume(
      id: id, name: "ROOT-\(machine.id.description.prefix(8))", account: machine.account, zone: machine.zone,
      type: .root, state: .allocated, sizeBytes: sizeBytes, created: machine.created)
    volume.hypervisor = machine.hypervisor
    volume.virtualMachine = machine.id
    volume.deviceID = 0
    volume.attached = machine.created
    return volume
  }
}
