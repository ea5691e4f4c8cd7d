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

/// *Basic*: a shared layer-3 network with security groups and edge gateways. *Isolate*: a virtual layer-2 network and a
/// virtual router per customer network (CloudStack's basic and advanced zones).
package enum Series: String, Codable, Hashable, Sendable {
  case basic = "Basic"
  case isolate = "Advanced"
}
