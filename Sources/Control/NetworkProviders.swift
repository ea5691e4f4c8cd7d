package import CloudModel
package import FoundationEssentials
import Ledger

/// Who does the services of networks, and which.
package enum Providers {
  package static let router = "VirtualRouter"
  package static let vpcRouter = "VpcVirtualRouter"
  package static let securityGroups = "SecurityGroupProvider"

  package static let internalBalancer = "InternalLbVm"

  package static let all = [router, vpcRouter, securityGroups, internalBalancer]
  /// What an isolated or shared network can have.
  package static let networkServices = [
    "Dhcp", "Dns", "UserData", "Firewall", "SourceNat", "StaticNat", "PortForwarding", "Lb", "SecurityGroup",
  ]

  /// nil for a provider that Daruma has not.
  package static func services(of name: String) -> [String]? {
    switch name {
    case router: networkServices.filter { $0 != "SecurityGroup" }
    case vpcRouter: ["Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "PortForwarding", "Lb", "NetworkACL"]
    case securityGroups: ["SecurityGroup"]
    case internalBalancer: ["Lb"]
    default: nil
    }
  }

  static func hasElement(_ name: String) -> Bool { name != securityGroups }

  /// What a new physical network has.
  static func usual(_ series: Series) -> [String] {
    series == .basic ? [router, securityGroups] : [router, vpcRouter, internalBalancer]
  }
}

extension Control {
  package func addNetworkServiceProvider(
    _ name: String, services: [String]?, network: ID<PhysicalNetwork>, by caller: Caller
  ) async throws -> Started {
    try await administer("addNetworkServiceProvider", .serviceProvider, by: caller) { draft in
      var network = try Self.found(network, draft)
      guard let known = Providers.all.first(where: { $0.lowercased() == name.lowercased() }),
        let possible = Providers.services(of: known)
      else { throw ControlError(.unsupported, "There is no network service provider \(name) in this cloud") }
      guard !network.providers.contains(where: { $0.name == known }) else {
        throw ControlError(.invalidParameter, "The provider \(known) is in the physical network already")
      }
      // What makes its routers comes by createVirtualRouterElement; internal load balancers have no such command.
      let provider = ServiceProvider(
        id: draft.newUUID(), name: known, services: try Self.services(services, among: possible),
        elements: known == Providers.internalBalancer ? [ProviderElement(id: draft.newUUID())] : [])
      network.providers.append(provider)
      try draft.put(network)
      try Self.note(
        "SERVICE.PROVIDER.CREATE", "Added provider \(known)", by: caller, "PhysicalNetworkServiceProvider", provider.id,
        &draft)
      return provider.id
    }
  }

  private static func services(_ wanted: [String]?, among possible: [String]) throws -> [String] {
    guard let wanted else { return possible }
    return try wanted.map { name in
      guard let known = possible.first(where: { $0.lowercased() == name.lowercased() }) else {
        throw ControlError(.invalidParameter, "The provider does not do the service \(name)")
      }
      return known
    }
  }

  package func updateNetworkServiceProvider(
    _ id: UUID, state: String?, services: [String]?, by caller: Caller
  ) async throws -> Started {
    try await administer("updateNetworkServiceProvider", .serviceProvider, by: caller) { draft in
      try Self.changeProvider(id, &draft) { provider in
        if let services {
          provider.services = try Self.services(services, among: Providers.services(of: provider.name) ?? [])
        }
        guard let state else { return }
        provider.isEnabled = try state.lowercased() == "shutdown" ? false : Self.isEnabled(state)
        if provider.isEnabled, Providers.hasElement(provider.name), !provider.elements.contains(where: \.isEnabled) {
          throw ControlError(
            .invalidParameter,
            "Provider is not ready, cannot Enable the provider, please configure the provider first; see "
              + (provider.name == Providers.internalBalancer
                ? "configureInternalLoadBalancerElement"
                : "createVirtualRouterElement and configureVirtualRouterElement"))
        }
      }
      try Self.note(
        "SERVICE.PROVIDER.UPDATE", "Changed a provider", by: caller, "PhysicalNetworkServiceProvider", id, &draft)
      return id
    }
  }

  package func deleteNetworkServiceProvider(_ id: UUID, by caller: Caller) async throws -> Started {
    try await administer("deleteNetworkServiceProvider", .serviceProvider, by: caller) { draft in
      guard var network = draft.state.physicalNetworks.first("provider", .uuid(id)) else {
        throw ControlError(.invalidParameter, "Unable to find the network service provider \(id)")
      }
      try Self.requireUnused(network.zone, "The provider", draft)
      network.providers.removeAll { $0.id == id }
      try draft.put(network)
      try Self.note(
        "SERVICE.PROVIDER.DELETE", "Removed a provider", by: caller, "PhysicalNetworkServiceProvider", id, &draft)
      return id
    }
  }

  /// Gives the provider what makes its routers, if it lacks that.
  package func createVirtualRouterElement(provider: UUID, by caller: Caller) async throws -> Started {
    try await administer("createVirtualRouterElement", .routerElement, by: caller) { draft in
      let element = ProviderElement(id: draft.newUUID())
      try Self.changeProvider(provider, &draft) { provider in
        guard Providers.hasElement(provider.name), provider.name != Providers.internalBalancer,
          provider.elements.isEmpty
        else {
          throw ControlError(.resourceInUse, "The provider has its virtual router element already, or needs none")
        }
        provider.elements.append(element)
      }
      return element.id
    }
  }

  package func configureVirtualRouterElement(_ id: UUID, enabled: Bool, by caller: Caller) async throws -> Started {
    try await configure(id, "configureVirtualRouterElement", "virtual router", enabled, by: caller)
  }

  package func configureInternalLoadBalancerElement(
    _ id: UUID, enabled: Bool, by caller: Caller
  ) async throws -> Started {
    try await configure(id, "configureInternalLoadBalancerElement", "internal load balancer", enabled, by: caller)
  }

  private func configure(
    _ id: UUID, _ command: String, _ what: String, _ enabled: Bool, by caller: Caller
  ) async throws -> Started {
    try await administer(command, .routerElement, by: caller) { draft in
      let network = draft.state.physicalNetworks.first("element", .uuid(id))
      guard let holder = network?.providers.first(where: { $0.elements.contains { $0.id == id } }) else {
        throw ControlError(.invalidParameter, "Unable to find the \(what) element \(id)")
      }
      try Self.changeProvider(holder.id, &draft) { provider in
        for position in provider.elements.indices where provider.elements[position].id == id {
          provider.elements[position].isEnabled = enabled
        }
      }
      try Self.note(
        "NETWORK.ELEMENT.CONFIGURE", "Configured a \(what) element", by: caller, "VirtualRouterProvider", id, &draft)
      return id
    }
  }

  private static func changeProvider(
    _ id: UUID, _ draft: inout Draft, _ body: (inout ServiceProvider) throws -> Void
  ) throws {
    guard var network = draft.state.physicalNetworks.first("provider", .uuid(id)),
      let position = network.providers.firstIndex(where: { $0.id == id })
    else { throw ControlError(.invalidParameter, "Unable to find the network service provider \(id)") }
    try body(&network.providers[position])
    try draft.put(network)
  }
}
