package import FoundationEssentials

/// CPU and memory of an instance.
package struct ServiceOffering: Resource {
  package static let kind = "serviceoffering"
  package static var table: TablePath<ServiceOffering> { \.serviceOfferings }
  package static let indexes: [Index<ServiceOffering>] = [
    Index("name") { [.text($0.name.lowercased())] },
    Index("domain") { ($0.domains ?? []).map(IndexKey.id) },
    Index("zone") { ($0.zones ?? []).map(IndexKey.id) },
  ]
  package static let references: [Reference<ServiceOffering>] = [
    Reference("domain", to: Domain.self) { $0.domains ?? [] },
    Reference("zone", to: Zone.self) { $0.zones ?? [] },
  ]

  package let id: ID<ServiceOffering>
  package var name: String
  package var displayText: String
  package var cpuNumber: Int
  package var cpuSpeedMHz: Int
  package var memoryMiB: Int
  /// The least size of the ROOT volume.
  package var rootDiskGiB: Int?
  /// Whose it is, with all domains below; everybody's if there are none.
  package var domains: [ID<Domain>]?
  /// Where it can be used; everywhere if there are none.
  package var zones: [ID<Zone>]?
  package var isInactive: Bool?
  /// No instance of it can be made any more, but some still are of it.
  package var isRemoved: Bool?
  package var sortKey: Int?
  package var created: Date

  package init(
    id: ID<ServiceOffering>, name: String, displayText: String, cpuNumber: Int, cpuSpeedMHz: Int, memoryMiB: Int,
    created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.cpuNumber = cpuNumber
    self.cpuSpeedMHz = cpuSpeedMHz
    self.memoryMiB = memoryMiB
    self.created = created
  }
}
