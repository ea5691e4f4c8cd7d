package import Addresses
package import FoundationEssentials

/// A public port that is spread over instances.
package struct LoadBalancerRule: Resource {
  package static let kind = "loadbalancerrule"
  package static var table: TablePath<LoadBalancerRule> { \.loadBalancerRules }
  package static let indexes: [Index<LoadBalancerRule>] = [
    Index("address", of: { $0.address }),
    Index("network", of: { $0.network }),
    Index("account", of: { $0.account }),
    Index("instance", of: { $0.members.map { $0.virtualMachine } }),
    Index("policy") { [$0.stickiness?.id, $0.healthCheck?.id].compactMap { $0.map(IndexKey.uuid) } },
    Index("certificate", of: { $0.certificate }),
  ]
  package static let references: [Reference<LoadBalancerRule>] = [
    Reference("address", to: PublicIPAddress.self) { [$0.address] },
    Reference("network", to: Network.self) { $0.network.map { [$0] } ?? [] },
    Reference("account", to: Account.self) { [$0.account] },
    Reference("instance", to: VirtualMachine.self) { $0.members.map(\.virtualMachine) },
    Reference("certificate", to: SSLCertificate.self) { $0.certificate.map { [$0] } ?? [] },
  ]

  package let id: ID<LoadBalancerRule>
  package var name: String
  package var description: String
  package var address: ID<PublicIPAddress>
  package var network: ID<Network>?
  package var account: ID<Account>
  package var transport: IPProtocol
  package var publicPort: UInt16
  package var privatePort: UInt16
  package var algorithm: LoadBalancerAlgorithm
  package var sources: [IPv4Prefix]
  package var members: [LoadBalancerMember]
  /// The firewall rule that was opened for this one and goes with it.
  package var firewall: ID<FirewallRule>?
  package var state: RuleState
  package var created: Date
  /// Shown to root administrators only.
  package var isHidden: Bool?
  package var stickiness: StickinessPolicy?
  package var healthCheck: HealthCheckPolicy?
  package var certificate: ID<SSLCertificate>?

  package init(
    id: ID<LoadBalancerRule>, name: String, description: String = "", address: ID<PublicIPAddress>,
    network: ID<Network>?, account: ID<Account>, transport: IPProtocol, publicPort: UInt16, privatePort: UInt16,
    algorithm: LoadBalancerAlgorithm, sources: [IPv4Prefix] = [], members: [LoadBalancerMember] = [],
    firewall: ID<FirewallRule>? = nil, state: RuleState = .add, created: Date
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.address = address
    self.network = network
    self.account = account
    self.transport = transport
    self.publicPort = publicPort
    self.privatePort = privatePort
    self.algorithm = algorithm
    self.sources = sources
    self.members = members
    self.firewall = firewall
    self.state = state
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum LoadBalancerAlgorithm: String, Codable, Hashable, Sendable, CaseIterable {
  case roundRobin = "roundrobin"
  case leastConnections = "leastconn"
  case source = "source"
}

package struct LoadBalancerMember: Codable, Hashable, Sendable {
  package var virtualMachine: ID<VirtualMachine>
  package var guestAddress: IPv4

  package init(virtualMachine: ID<VirtualMachine>, guestAddress: IPv4) {
    self.virtualMachine = virtualMachine
    self.guestAddress = guestAddress
  }
}
