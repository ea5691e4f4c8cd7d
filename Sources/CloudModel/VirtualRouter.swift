package import FoundationEssentials

/// The router of an isolated network.
package struct VirtualRouter: Resource {
  package static let kind = "router"
  package static var table: TablePath<VirtualRouter> { \.routers }
  package static let indexes: [Index<VirtualRouter>] = [
    Index("network", unique: true, of: { $0.network }),
    Index("account", of: { $0.account }),
    Index("host", of: { $0.host }),
    Index("offering", of: { $0.offering }),
  ]
  package static let references: [Reference<VirtualRouter>] = [
    Reference("network", to: Network.self) { [$0.network] },
    Reference("account", to: Account.self) { [$0.account] },
    Reference("host", to: Host.self) { [$0.host] },
    Reference("offering", to: ServiceOffering.self) { $0.offering.map { [$0] } ?? [] },
  ]

  package let id: ID<VirtualRouter>
  package var name: String
  package var network: ID<Network>
  package var zone: ID<Zone>
  package var account: ID<Account>
  package var host: ID<Host>
  package var created: Date
  /// How often it was asked for that the router be rebuilt from nothing.
  package var rebuilds: Int?
  /// The version of the rules that its plan is rendered with; nil is the first.
  package var renderer: Int?
  /// nil is running. Only routers that no node carries are anything else.
  package var isStopped: Bool?
  package var offering: ID<ServiceOffering>?

  package init(
    id: ID<VirtualRouter>, name: String, network: ID<Network>, zone: ID<Zone>, account: ID<Account>, host: ID<Host>,
    created: Date
  ) {
    self.id = id
    self.name = name
    self.network = network
    self.zone = zone
    self.account = account
    self.host = host
    self.created = created
  }
}
