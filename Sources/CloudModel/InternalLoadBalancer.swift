package import Addresses
package import FoundationEssentials

/// A port of an address inside of a network that is spread over instances.
package struct InternalLoadBalancer: Resource {
  package static let kind = "internalloadbalancer"
  package static var table: TablePath<InternalLoadBalancer> { \.internalLoadBalancers }
  package static let indexes: [Index<InternalLoadBalancer>] = [
    Index("account", of: { $0.account }),
    Index("network", of: { $0.networks }),
    Index("source") { [.scoped($0.sourceNetwork.uuid, $0.sourceAddress.description)] },
    Index("port", unique: true) { [.scoped($0.sourceNetwork.uuid, "\($0.sourceAddress):\($0.sourcePort)")] },
    Index("instance", of: { $0.members.map { $0.virtualMachine } }),
  ]
  package static let references: [Reference<InternalLoadBalancer>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("network", to: Network.self) { $0.networks },
    Reference("instance", to: VirtualMachine.self) { $0.members.map(\.virtualMachine) },
  ]

  package let id: ID<InternalLoadBalancer>
  package var name: String
  package var description: String
  package var account: ID<Account>
  /// Of the instances.
  package var network: ID<Network>
  /// Of the address that clients connect to.
  package var sourceNetwork: ID<Network>
  package var sourceAddress: IPv4
  package var sourcePort: UInt16
  package var instancePort: UInt16
  package var algorithm: LoadBalancerAlgorithm
  package var members: [LoadBalancerMember] = []
  package var state: RuleState = .add
  /// Shown to root administrators only.
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<InternalLoadBalancer>, name: String, description: String, account: ID<Account>, network: ID<Network>,
    sourceNetwork: ID<Network>, sourceAddress: IPv4, sourcePort: UInt16, instancePort: UInt16,
    algorithm: LoadBalancerAlgorithm, created: Date
  ) {
    self.id = id
    self.name = name
    self.description = description
    self.account = account
    self.network = network
    self.sourceNetwork = sourceNetwork
    self.sourceAddress = sourceAddress
    self.sourcePort = sourcePort
    self.instancePort = instancePort
    self.algorithm = algorithm
    self.created = created
  }

  private var networks: [ID<Network>] { network == sourceNetwork ? [network] : [network, sourceNetwork] }
}
