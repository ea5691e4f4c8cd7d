package import Addresses
package import FoundationEssentials

/// A machine with an agent. It carries hosts and routers; its attachment to the outside is one link with routes for the
/// public prefixes.
package struct Node: Resource {
  package static let kind = "node"
  package static var table: TablePath<Node> { \.nodes }
  package static let indexes: [Index<Node>] = [
    Index("name", unique: true) { [.text($0.name)] }
  ]

  package let id: ID<Node>
  package var name: String
  package var hostLink: String
  package var hostAddress: IPv4
  package var wanAddress: IPv4
  package var hostRoutes: [IPv4Prefix]
  package var created: Date

  package init(
    id: ID<Node>, name: String, hostLink: String, hostAddress: IPv4, wanAddress: IPv4, hostRoutes: [IPv4Prefix],
    created: Date
  ) {
    self.id = id
    self.name = name
    self.hostLink = hostLink
    self.hostAddress = hostAddress
    self.wanAddress = wanAddress
    self.hostRoutes = hostRoutes
    self.created = created
  }
}
