package import FoundationEssentials

/// A cloud of several that know of each other. `number` is its id on the wire; this cloud itself is 1.
package struct Region: Resource {
  package static let kind = "region"
  package static var table: TablePath<Region> { \.regions }
  package static let indexes: [Index<Region>] = [
    Index("number", unique: true) { [.number(UInt64($0.number))] },
    Index("name", unique: true) { [.text($0.name.lowercased())] },
  ]

  package let id: ID<Region>
  package let number: Int
  package var name: String
  package var endpoint: String
  package var created: Date

  package init(id: ID<Region>, number: Int, name: String, endpoint: String, created: Date) {
    self.id = id
    self.number = number
    self.name = name
    self.endpoint = endpoint
    self.created = created
  }
}
