package import FoundationEssentials

/// What a zone's kinds of traffic go over, and who serves the networks in it.
package struct PhysicalNetwork: Resource {
  package static let kind = "physicalnetwork"
  package static var table: TablePath<PhysicalNetwork> { \.physicalNetworks }
  package static let indexes: [Index<PhysicalNetwork>] = [
    Index("zone", of: { $0.zone }),
    Index("traffictype", unique: true, of: { $0.trafficTypes.map { $0.id } }),
    Index("provider", unique: true, of: { $0.providers.map { $0.id } }),
    Index("element", unique: true) { $0.providers.flatMap { $0.elements.map { .uuid($0.id) } } },
  ]
  package static let references: [Reference<PhysicalNetwork>] = [
    Reference("zone", to: Zone.self) { [$0.zone] }
  ]

  package let id: ID<PhysicalNetwork>
  package var name: String
  package var zone: ID<Zone>
  package var isEnabled: Bool
  package var isolationMethods: [String]
  package var vlan: String?
  package var speed: String?
  package var tags: [String]
  package var trafficTypes: [TrafficType]
  package var providers: [ServiceProvider]
  package var created: Date

  package init(
    id: ID<PhysicalNetwork>, name: String, zone: ID<Zone>, isEnabled: Bool = false, isolationMethods: [String] = [],
    vlan: String? = nil, speed: String? = nil, tags: [String] = [], trafficTypes: [TrafficType] = [],
    providers: [ServiceProvider] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.isEnabled = isEnabled
    self.isolationMethods = isolationMethods
    self.vlan = vlan
    self.speed = speed
    self.tags = tags
    self.trafficTypes = trafficTypes
    self.providers = providers
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum TrafficKind: String, Codable, Hashable, Sendable, CaseIterable {
  case guest = "Guest"
  case management = "Management"
  case `public` = "Public"
  case storage = "Storage"
}

package struct TrafficType: Codable, Hashable, Sendable {
  package var id: UUID
  package var kind: TrafficKind
  /// Names of links, by the hypervisor's prefix of CloudStack's parameter, such as `kvm`.
  package var labels: [String: String]

  package init(id: UUID, kind: TrafficKind, labels: [String: String] = [:]) {
    self.id = id
    self.kind = kind
    self.labels = labels
  }
}

/// Who does services for the networks of a physical network.
package struct ServiceProvider: Codable, Hashable, Sendable {
  package var id: UUID
  package var name: String
  package var isEnabled: Bool
  package var services: [String]
  package var elements: [ProviderElement]

  package init(
    id: UUID, name: String, isEnabled: Bool = false, services: [String], elements: [ProviderElement] = []
  ) {
    self.id = id
    self.name = name
    self.isEnabled = isEnabled
    self.services = services
    self.elements = elements
  }
}

/// The part of a provider that makes routers.
package struct ProviderElement: Codable, Hashable, Sendable {
  package var id: UUID
  package var isEnabled: Bool

  package init(id: UUID, isEnabled: Bool = false) {
    self.id = id
    self.isEnabled = isEnabled
  }
}
