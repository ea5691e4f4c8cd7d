package import Addresses
package import FoundationEssentials

/// What answers at an address of internal load balancers.
package struct InternalLoadBalancerVM: Resource {
  package static let kind = "internalloadbalancervm"
  package static var table: TablePath<InternalLoadBalancerVM> { \.internalLoadBalancerVMs }
  package static let indexes: [Index<InternalLoadBalancerVM>] = [
    Index("source", unique: true) { [.scoped($0.network.uuid, $0.address.description)] },
    Index("network", of: { $0.network }),
    Index("account", of: { $0.account }),
    Index("host", of: { $0.host }),
  ]
  package static let references: [Reference<InternalLoadBalancerVM>] = [
    Reference("network", to: Network.self) { [$0.network] },
    Reference("account", to: Account.self) { [$0.account] },
    Reference("host", to: Host.self) { [$0.host] },
  ]

  package let id: ID<InternalLoadBalancerVM>
  package var name: String
  package var network: ID<Network>
  package var address: IPv4
  package var zone: ID<Zone>
  package var account: ID<Account>
  package var host: ID<Host>
  package var created: Date
  /// nil is running.
  package var isStopped: Bool?

  package init(
    id: ID<InternalLoadBalancerVM>, name: String, network: ID<Network>, address: IPv4, zone: ID<Zone>,
    account: ID<Account>, host: ID<Host>, created: Date
  ) {
    self.id = id
    self.name = name
    self.network = network
    self.address = address
    self.zone = zone
    self.account = account
    self.host = host
    self.created = created
  }
}
