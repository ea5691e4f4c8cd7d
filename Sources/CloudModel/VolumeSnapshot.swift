package import FoundationEssentials

/// What a volume held at one moment. It outlives its volume.
package struct VolumeSnapshot: Resource {
  package static let kind = "snapshot"
  package static var table: TablePath<VolumeSnapshot> { \.snapshots }
  package static let indexes: [Index<VolumeSnapshot>] = [
    Index("account", of: { $0.account }),
    Index("volume", of: { $0.volume }),
    Index("policy", of: { $0.policy }),
  ]
  package static let references: [Reference<VolumeSnapshot>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]

  package let id: ID<VolumeSnapshot>
  package var name: String
  package var account: ID<Account>
  package var zone: ID<Zone>
  package var volume: ID<Volume>
  package var volumeName: String
  package var volumeType: VolumeType
  package var sizeBytes: Int
  package var osType: UUID?
  /// The policy that had it made, if not somebody did.
  package var policy: ID<SnapshotPolicy>?
  package var interval: SnapshotInterval?
  package var state: VolumeSnapshotState
  package var created: Date

  package init(
    id: ID<VolumeSnapshot>, name: String, of volume: Volume, state: VolumeSnapshotState, created: Date
  ) {
    self.id = id
    self.name = name
    self.account = volume.account
    self.zone = volume.zone
    self.volume = volume.id
    self.volumeName = volume.name
    self.volumeType = volume.type
    self.sizeBytes = volume.sizeBytes
    self.state = state
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum VolumeSnapshotState: String, Codable, Hashable, Sendable {
  case backingUp = "BackingUp"
  case backedUp = "BackedUp"
}
