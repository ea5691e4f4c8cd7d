package import FoundationEssentials

/// What an instance boots from. `source` is a folder name under the template store of every node.
package struct Template: Resource {
  package static let kind = "template"
  package static var table: TablePath<Template> { \.templates }
  package static let indexes: [Index<Template>] = [
    Index("name") { [.text($0.name.lowercased())] }
  ]

  package let id: ID<Template>
  package var name: String
  package var displayText: String
  package var hypervisor: HypervisorType
  package var source: String
  package var zones: [ID<Zone>]
  package var account: ID<Account>
  package var sizeBytes: Int
  package var created: Date

  package init(
    id: ID<Template>, name: String, displayText: String, hypervisor: HypervisorType, source: String,
    zones: [ID<Zone>] = [], account: ID<Account>, sizeBytes: Int = 0, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.hypervisor = hypervisor
    self.source = source
    self.zones = zones
    self.account = account
    self.sizeBytes = sizeBytes
    self.created = created
  }
}
