package import FoundationEssentials

/// CPU and memory of an instance.
package struct ServiceOffering: Resource {
  package static let kind = "serviceoffering"
  package static var table: TablePath<ServiceOffering> { \.serviceOfferings }
  package static let indexes: [Index<ServiceOffering>] = [
    Index("name") { [.text($0.name.lowercased())] }
  ]

  package let id: ID<ServiceOffering>
  package var name: String
  package var displayText: String
  package var cpuNumber: Int
  package var cpuSpeedMHz: Int
  package var memoryMiB: Int
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
