package import FoundationEssentials

/// That the cloud was brought back from a backup, written by the revision that did it. It accounts for what nodes have of
/// revisions that the backup never saw: with the epoch that it began, these are to go.
package struct Restoration: Resource {
  package static let kind = "restoration"
  package static var table: TablePath<Restoration> { \.restorations }

  package let id: ID<Restoration>
  /// The epoch that it began.
  package var epoch: UInt64
  /// The last revision of the backup; the restore's own follows it.
  package var last: UInt64
  /// The revision whose state was brought back.
  package var moment: UInt64
  package var created: Date

  package init(id: ID<Restoration>, epoch: UInt64, last: UInt64, moment: UInt64, created: Date) {
    self.id = id
    self.epoch = epoch
    self.last = last
    self.moment = moment
    self.created = created
  }

  /// The revision that wrote it.
  package var revision: UInt64 { last + 1 }
}

extension CloudState {
  /// The one that began `epoch`, if a restore did.
  package func restoration(of epoch: UInt64) -> Restoration? { restorations.all.first { $0.epoch == epoch } }
}
