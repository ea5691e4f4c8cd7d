package import Addresses
package import FoundationEssentials

/// One failure domain of a Basic zone's edge: a gateway with the public addresses that it serves. `index` (1 to 250) is the
/// cell's mark in the fabric and never changes.
package struct Cell: Resource {
  package static let kind = "cell"
  package static var table: TablePath<Cell> { \.cells }
  package static let indexes: [Index<Cell>] = [
    Index("zone", of: { $0.zone }),
    Index("node") { [.text($0.node)] },
    Index("index", unique: true) { [.number(UInt64($0.index))] },
  ]
  package static let references: [Reference<Cell>] = [
    Reference("zone", to: Zone.self) { [$0.zone] }
  ]

  package let id: ID<Cell>
  package var name: String
  package var zone: ID<Zone>
  package var index: Int
  package var publicPrefixes: [IPv4Prefix]
  /// Name of the node that carries the gateway.
  package var node: String
  package var created: Date
  /// How often it was asked for that the router be rebuilt from nothing.
  package var rebuilds: Int?
  /// The version of the rules that its plan is rendered with; nil is the first.
  package var renderer: Int?

  package init(
    id: ID<Cell>, name: String, zone: ID<Zone>, index: Int, publicPrefixes: [IPv4Prefix], node: String, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.index = index
    self.publicPrefixes = publicPrefixes
    self.node = node
    self.created = created
  }
}
