package import Addresses
package import FoundationEssentials

/// A data centre of one series.
package struct Zone: Resource {
  package static let kind = "zone"
  package static var table: TablePath<Zone> { \.zones }
  package static let indexes: [Index<Zone>] = [
    Index("name", unique: true) { [.text($0.name.lowercased())] }
  ]

  package let id: ID<Zone>
  package var name: String
  package var series: Series
  package var guestPrefix: IPv4Prefix
  package var publicPrefixes: [IPv4Prefix]
  package var dns: [IPv4]
  package var created: Date
  /// Whether nobody but root administrators may use it; nil is no.
  package var isDisabled: Bool?
  /// Name servers of the zone's own systems; nil is those of the guests.
  package var internalDNS: [IPv4]?
  /// The DNS domain of networks that have none of their own.
  package var domainName: String?
  package var isEdge: Bool?
  package var hasNoLocalStorage: Bool?

  package init(
    id: ID<Zone>, name: String, series: Series, guestPrefix: IPv4Prefix, publicPrefixes: [IPv4Prefix],
    dns: [IPv4] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.series = series
    self.guestPrefix = guestPrefix
    self.publicPrefixes = publicPrefixes
    self.dns = dns
    self.created = created
  }
}

extension CloudState {
  /// Whether agents make real what is in the zone. Otherwise its hosts are simulated and all of it is in the ledger alone.
  package func isCarried(_ zone: ID<Zone>) -> Bool {
    hosts.matching("zone", .id(zone)).contains(where: \.isCarried)
      || cells.matching("zone", .id(zone)).contains { !$0.node.isEmpty }
  }
}

/// *Basic*: a shared layer-3 network with security groups and edge gateways. *Isolate*: a virtual layer-2 network and a
/// virtual router per customer network (CloudStack's basic and advanced zones).
package enum Series: String, Codable, Hashable, Sendable {
  case basic = "Basic"
  case isolate = "Advanced"
}
