package import FoundationEssentials

/// Has snapshots of a volume made again and again.
package struct SnapshotPolicy: Resource {
  package static let kind = "snapshotpolicy"
  package static var table: TablePath<SnapshotPolicy> { \.snapshotPolicies }
  package static let indexes: [Index<SnapshotPolicy>] = [
    Index("account", of: { $0.account }),
    Index("volume", of: { $0.volume }),
    Index("interval", unique: true) { [.scoped($0.volume.uuid, $0.interval.rawValue)] },
  ]
  package static let references: [Reference<SnapshotPolicy>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("volume", to: Volume.self) { [$0.volume] },
  ]

  package let id: ID<SnapshotPolicy>
  package var account: ID<Account>
  package var volume: ID<Volume>
  package var interval: SnapshotInterval
  /// As it was asked for: `MM`, `MM:HH`, or `MM:HH:DD`.
  package var schedule: String
  package var timezone: String
  package var kept: Int
  package var isShown = true
  package var due: Date
  package var created: Date

  package init(
    id: ID<SnapshotPolicy>, volume: Volume, interval: SnapshotInterval, schedule: String, timezone: String, kept: Int,
    due: Date, created: Date
  ) {
    self.id = id
    self.account = volume.account
    self.volume = volume.id
    self.interval = interval
    self.schedule = schedule
    self.timezone = timezone
    self.kept = kept
    self.due = due
    self.created = created
  }
}

/// Raw values are CloudStack's names, in the order of their numbers.
package enum SnapshotInterval: String, Codable, Hashable, Sendable, CaseIterable {
  case hourly = "HOURLY"
  case daily = "DAILY"
  case weekly = "WEEKLY"
  case monthly = "MONTHLY"
}
