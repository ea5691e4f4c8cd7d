package import CloudModel
import FoundationEssentials

/// A traffic type with the physical network it belongs to.
package struct HeldTrafficType: Sendable {
  let network: PhysicalNetwork
  let type: TrafficType

  /// nil if there is none of this id.
  init?(_ id: UUID, in state: CloudState) {
    guard let network = state.physicalNetworks.first("traffictype", .uuid(id)),
      let type = network.trafficTypes.first(where: { $0.id == id })
    else { return nil }
    self.init(network, type)
  }

  init(_ network: PhysicalNetwork, _ type: TrafficType) {
    self.network = network
    self.type = type
  }
}

/// A service provider with the physical network it belongs to.
package struct HeldProvider: Sendable {
  let network: PhysicalNetwork
  let provider: ServiceProvider

  /// nil if there is none of this id.
  init?(_ id: UUID, in state: CloudState) {
    guard let network = state.physicalNetworks.first("provider", .uuid(id)),
      let provider = network.providers.first(where: { $0.id == id })
    else { return nil }
    self.init(network, provider)
  }

  init(_ network: PhysicalNetwork, _ provider: ServiceProvider) {
    self.network = network
    self.provider = provider
  }
}

/// A provider's element with the provider.
package struct HeldElement: Sendable {
  let provider: ServiceProvider
  let element: ProviderElement

  /// nil if there is none of this id.
  init?(_ id: UUID, in state: CloudState) {
    for provider in state.physicalNetworks.first("element", .uuid(id))?.providers ?? [] {
      if let element = provider.elements.first(where: { $0.id == id }) {
        self.init(provider, element)
        return
      }
    }
    return nil
  }

  init(_ provider: ServiceProvider, _ element: ProviderElement) {
    self.provider = provider
    self.element = element
  }
}

/// CloudStack's parameter and field of the link's name for each hypervisor.
let trafficLabels = ["kvm", "xen", "vmware", "hyperv", "ovm3"]

extension UUID {
  var wireText: String { uuidString.lowercased() }
}

extension View {
  package func fields(of network: PhysicalNetwork) -> Fields {
    var fields = Fields()
    fields.add("id", network.id.description)
    fields.add("name", network.name)
    addZone(network.zone, to: &fields)
    fields.add("broadcastdomainrange", state.zones[network.zone]?.series == .basic ? "POD" : "ZONE")
    fields.add(
      "isolationmethods", network.isolationMethods.isEmpty ? nil : network.isolationMethods.joined(separator: ","))
    fields.add("networkspeed", network.speed)
    fields.add("state", Self.allocation(network.isEnabled))
    fields.add("tags", network.tags.isEmpty ? nil : network.tags.joined(separator: ","))
    fields.add("vlan", network.vlan)
    addJob(network.id, to: &fields)
    return fields
  }

  package func fields(of held: HeldTrafficType) -> Fields {
    var fields = Fields()
    fields.add("id", held.type.id.wireText)
    fields.add("physicalnetworkid", held.network.id.description)
    fields.add("traffictype", held.type.kind.rawValue)
    for hypervisor in trafficLabels { fields.add("\(hypervisor)networklabel", held.type.labels[hypervisor]) }
    return fields
  }

  package func fields(of held: HeldProvider) -> Fields {
    var fields = Fields()
    fields.add("id", held.provider.id.wireText)
    fields.add("name", held.provider.name)
    fields.add("physicalnetworkid", held.network.id.description)
    fields.add("state", Self.allocation(held.provider.isEnabled))
    fields.add("servicelist", texts: held.provider.services)
    fields.add("canenableindividualservice", true)
    return fields
  }

  package func fields(of held: HeldElement) -> Fields {
    var fields = Fields()
    fields.add("id", held.element.id.wireText)
    fields.add("nspid", held.provider.id.wireText)
    fields.add("enabled", held.element.isEnabled)
    return fields
  }
}
