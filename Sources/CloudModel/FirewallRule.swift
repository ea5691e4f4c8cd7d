package import Addresses
package import FoundationEssentials

/// A firewall rule of an isolated network: ingress to one public address, or egress of the network (`address` is nil).
package struct FirewallRule: Resource {
  package static let kind = "firewallrule"
  package static var table: TablePath<FirewallRule> { \.firewallRules }
  package static let indexes: [Index<FirewallRule>] = [
    Index("network", of: { $0.network }),
    Index("address", of: { $0.address }),
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<FirewallRule>] = [
    Reference("network", to: Network.self) { [$0.network] },
    Reference("address", to: PublicIPAddress.self) { $0.address.map { [$0] } ?? [] },
    Reference("account", to: Account.self) { [$0.account] },
  ]

  package let id: ID<FirewallRule>
  package var network: ID<Network>
  package var account: ID<Account>
  package var address: ID<PublicIPAddress>?
  package var match: PacketMatch
  package var sources: [IPv4Prefix]
  package var destinations: [IPv4Prefix]
  package var state: RuleState
  package var created: Date
  /// Shown to root administrators only.
  package var isHidden: Bool?

  package init(
    id: ID<FirewallRule>, network: ID<Network>, account: ID<Account>, address: ID<PublicIPAddress>?,
    match: PacketMatch, sources: [IPv4Prefix], destinations: [IPv4Prefix] = [], state: RuleState = .add, created: Date
  ) {
    self.id = id
    self.network = network
    self.account = account
    self.address = address
    self.match = match
    self.sources = sources
    self.destinations = destinations
    self.state = state
    self.created = created
  }
}

extension FirewallRule: FieldCoded {
  package init(reading id: ID<FirewallRule>) {
    self.init(
      id: id, network: .zero, account: .zero, address: nil, match: .all, sources: [],
      created: Date(timeIntervalSinceReferenceDate: 0))
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("network", &network)
    try coder.field("account", &account)
    try coder.field("address", &address)
    try coder.field("match", &match)
    try coder.field("sources", &sources)
    try coder.field("destinations", &destinations)
    try coder.field("state", &state)
    try coder.field("created", &created)
    try coder.field("isHidden", &isHidden)
  }
}
