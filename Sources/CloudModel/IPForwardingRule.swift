package import FoundationEssentials

/// Ports of a static NAT address that an account has asked for by name; the firewall rule decides who reaches them.
package struct IPForwardingRule: Resource {
  package static let kind = "ipforwardingrule"
  package static var table: TablePath<IPForwardingRule> { \.ipForwardingRules }
  package static let indexes: [Index<IPForwardingRule>] = [
    Index("address", of: { $0.address }),
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<IPForwardingRule>] = [
    Reference("address", to: PublicIPAddress.self) { [$0.address] },
    Reference("account", to: Account.self) { [$0.account] },
  ]

  package let id: ID<IPForwardingRule>
  package var address: ID<PublicIPAddress>
  package var account: ID<Account>
  package var transport: IPProtocol
  package var ports: PortRange
  /// The firewall rule that was opened for this one and goes with it.
  package var firewall: ID<FirewallRule>?
  package var state: RuleState
  package var created: Date

  package init(
    id: ID<IPForwardingRule>, address: ID<PublicIPAddress>, account: ID<Account>, transport: IPProtocol,
    ports: PortRange, firewall: ID<FirewallRule>?, state: RuleState = .add, created: Date
  ) {
    self.id = id
    self.address = address
    self.account = account
    self.transport = transport
    self.ports = ports
    self.firewall = firewall
    self.state = state
    self.created = created
  }
}
