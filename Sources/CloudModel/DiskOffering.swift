package import FoundationEssentials

/// Kinds of disks that customers can have.
package struct DiskOffering: Resource {
  package static let kind = "diskoffering"
  package static var table: TablePath<DiskOffering> { \.diskOfferings }
  package static let indexes: [Index<DiskOffering>] = [
    Index("name") { [.text($0.name.lowercased())] },
    Index("domain", of: { $0.domains }),
    Index("zone", of: { $0.zones }),
  ]
  package static let references: [Reference<DiskOffering>] = [
    Reference("domain", to: Domain.self) { $0.domains },
    Reference("zone", to: Zone.self) { $0.zones },
  ]

  package let id: ID<DiskOffering>
  package var name: String
  package var displayText: String
  /// `nil`: whoever makes the disk says how large it is.
  package var sizeGiB: Int?
  /// Whose it is, with all domains below; everybody's if empty.
  package var domains: [ID<Domain>] = []
  /// Where it can be used; everywhere if empty.
  package var zones: [ID<Zone>] = []
  package var isShown = true
  package var isActive = true
  /// No disk of it can be made any more, but some still are of it.
  package var isRemoved = false
  package var sortKey = 0
  package var created: Date

  package init(id: ID<DiskOffering>, name: String, displayText: String, sizeGiB: Int?, created: Date) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.sizeGiB = sizeGiB
    self.created = created
  }
}
