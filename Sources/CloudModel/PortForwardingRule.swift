package import Addresses
package import FoundationEssentials

/// Ports of a public address that lead to ports of one instance; both ranges have the same length.
package struct PortForwardingRule: Resource {
  package static let kind = "portforwardingrule"
  package static var table: TablePath<PortForwardingRule> { \.portForwardingRules }
  package static let indexes: [Index<PortForwardingRule>] = [
    Index("address", of: { $0.address }),
    Index("network", of: { $0.network }),
    Index("account", of: { $0.account }),
    Index("instance", of: { $0.virtualMachine }),
  ]
  package static let references: [Reference<PortForwardingRule>] = [
    Reference("address", to: PublicIPAddress.self) { [$0.address] },
    Reference("network", to: Network.self) { [$0.network] },
    Reference("account", to: Account.self) { [$0.account] },
    Reference("instance", to: VirtualMachine.self) { [$0.virtualMachine] },
  ]

  package let id: ID<PortForwardingRule>
  package var address: ID<PublicIPAddress>
  package var network: ID<Network>
  package var account: ID<Account>
  package var transport: IPProtocol
  package var publicPorts: PortRange
  package var privatePorts: PortRange
  package var virtualMachine: ID<VirtualMachine>
  package var guestAddress: IPv4
  /// The firewall rule that was opened for this one and goes with it.
  package var firewall: ID<FirewallRule>?
  package var state: RuleState
  package var created: Date
  /// Shown to root administrators only.
  package var isHidden: Bool?

  package init(
    id: ID<PortForwardingRule>, address: ID<PublicIPAddress>, network: ID<Network>, account: ID<Account>,
    transport: IPProtocol, publicPorts: PortRange, privatePorts: PortRange, virtualMachine: ID<VirtualMachine>,
    guestAddress: IPv4, firewall: ID<FirewallRule>? = nil, state: RuleState = .add, created: Date
  ) {
    self.id = id
    self.address = address
    self.network = network
    self.account = account
    self.transport = transport
    self.publicPorts = publicPorts
    self.privatePorts = privatePorts
    self.virtualMachine = virtualMachine
    self.guestAddress = guestAddress
    self.firewall = firewall
    self.state = state
    self.created = created
  }
}

extension PortForwardingRule: FieldCoded {
  package init(reading id: ID<PortForwardingRule>) {
    self.init(
      id: id, address: .zero, network: .zero, account: .zero, transport: .tcp, publicPorts: PortRange(0, 0),
      privatePorts: PortRange(0, 0), virtualMachine: .zero, guestAddress: .any,
      created: Date(timeIntervalSinceReferenceDate: 0))
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("address", &address)
    try coder.field("network", &network)
    try coder.field("account", &account)
    try coder.field("transport", &transport)
    try coder.field("publicPorts", &publicPorts)
    try coder.field("privatePorts", &privatePorts)
    try coder.field("virtualMachine", &virtualMachine)
    try coder.field("guestAddress", &guestAddress)
    try coder.field("firewall", &firewall)
    try coder.field("state", &state)
    try coder.field("created", &created)
    try coder.field("isHidden", &isHidden)
  }
}
