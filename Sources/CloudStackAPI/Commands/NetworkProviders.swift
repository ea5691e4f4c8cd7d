import CloudModel
import Control

extension Commands {
  static let networkProviders = [
    Command.job(
      "addNetworkServiceProvider", "Adds a provider of services to a physical network", roles: .admin, creates: true,
      [
        .string("name", "VirtualRouter, VpcVirtualRouter, InternalLbVm or SecurityGroupProvider", required: true),
        .id("physicalnetworkid", .physicalNetwork, "the physical network", required: true),
        .strings("servicelist", "what it is to do; all it can by default"),
      ], refused: ["destinationphysicalnetworkid"], response: .networkServiceProvider
    ) { request in
      try await request.control.addNetworkServiceProvider(
        request.string("name"), services: request.arguments.strings("servicelist"),
        network: request.id("physicalnetworkid"), by: request.caller)
    },
    .job(
      "updateNetworkServiceProvider", "Changes a provider of services", roles: .admin,
      [
        .id("id", .serviceProvider, "the provider's id", required: true),
        .strings("servicelist", "what it is to do"),
        .string("state", "Enabled, Disabled or Shutdown"),
      ], response: .networkServiceProvider
    ) { request in
      try await request.control.updateNetworkServiceProvider(
        request.require("id", Arguments.uuid),
        state: request.arguments.string("state").flatMap { $0.isEmpty ? nil : $0 },
        services: request.arguments.strings("servicelist"), by: request.caller)
    },
    .job(
      "deleteNetworkServiceProvider", "Removes a provider of services", roles: .admin,
      [.id("id", .serviceProvider, "the provider's id", required: true)]
    ) { request in
      try await request.control.deleteNetworkServiceProvider(
        request.require("id", Arguments.uuid), by: request.caller)
    },
    Command(
      "listNetworkServiceProviders", "Lists providers of services of physical networks", roles: .admin,
      [
        .string("name", "the provider's name"),
        .id("physicalnetworkid", .physicalNetwork, "the physical network"),
        .string("state", "Enabled or Disabled"),
      ] + Parameter.paging, response: .networkServiceProvider
    ) { request in
      let networks = request.state.physicalNetworks.all.filter { request.matches("physicalnetworkid", $0.id) }
      let rows = networks.oldestFirst(\.created).flatMap { network in
        network.providers.map { HeldProvider(network, $0) }
      }.filter {
        request.matches("name", $0.provider.name)
          && request.matches("state", View.allocation($0.provider.isEnabled))
      }
      return try request.page("networkserviceprovider", rows) {
        [$0.provider.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "listSupportedNetworkServices", "Lists services of networks and who does them", roles: .admin,
      [.string("provider", "who does them"), .string("service", "the service's name")] + Parameter.paging,
      response: .networkService
    ) { request in
      let services = Providers.networkServices + ["NetworkACL"]
      let rows = services.map { service in
        (service, Providers.all.filter { Providers.services(of: $0)?.contains(service) == true })
      }.filter { service, providers in
        request.matches("service", service) && providers.contains { request.matches("provider", $0) }
      }
      return try request.page("networkservice", rows) {
        [$0.0]
      } fields: { service, providers in
        var fields = Fields()
        fields.add("name", service)
        fields.add(
          "provider",
          providers.map { name in
            var provider = Fields()
            provider.add("name", name)
            provider.add("state", "Enabled")
            provider.add("servicelist", texts: Providers.services(of: name) ?? [])
            provider.add("canenableindividualservice", true)
            return provider
          })
        fields.add("capability", [Fields]())
        return fields
      }
    },
  ]

  static let routerElements = [
    Command.job(
      "createVirtualRouterElement", "Gives a provider what makes its routers", roles: .admins, creates: true,
      [.id("nspid", .serviceProvider, "the provider's id", required: true)], refused: ["providertype"],
      response: .routerElement
    ) { request in
      try await request.control.createVirtualRouterElement(
        provider: request.require("nspid", Arguments.uuid), by: request.caller)
    },
    .job(
      "configureVirtualRouterElement", "Enables or disables what makes a provider's routers", roles: .admins,
      [
        .boolean("enabled", "whether it is to make routers", required: true),
        .id("id", .routerElement, "the element's id", required: true),
      ], response: .routerElement
    ) { request in
      try await request.control.configureVirtualRouterElement(
        request.require("id", Arguments.uuid), enabled: request.arguments.flag("enabled"), by: request.caller)
    },
    Command(
      "listVirtualRouterElements", "Lists what makes the routers of providers", roles: .admins,
      [
        .boolean("enabled", "whether it may make routers"),
        .id("id", .routerElement, "the element's id"),
        .id("nspid", .serviceProvider, "the provider's id"),
      ] + Parameter.paging, response: .routerElement
    ) { request in
      try elements(request, balancing: false)
    },
    .job(
      "configureInternalLoadBalancerElement", "Enables or disables what makes a provider's internal load balancers",
      roles: .admins,
      [
        .boolean("enabled", "whether it is to make load balancers", required: true),
        .id("id", .internalLoadBalancerElement, "the element's id", required: true),
      ], response: .internalLoadBalancerElement
    ) { request in
      try await request.control.configureInternalLoadBalancerElement(
        request.require("id", Arguments.uuid), enabled: request.arguments.flag("enabled"), by: request.caller)
    },
    Command(
      "listInternalLoadBalancerElements", "Lists what makes the internal load balancers of providers", roles: .admins,
      [
        .boolean("enabled", "whether it may make load balancers"),
        .id("id", .internalLoadBalancerElement, "the element's id"),
        .id("nspid", .serviceProvider, "the provider's id"),
      ] + Parameter.paging, response: .internalLoadBalancerElement
    ) { request in
      try elements(request, balancing: true)
    },
  ]

  private static func elements(_ request: Request, balancing: Bool) throws -> Reply {
    let name = balancing ? "internalloadbalancerelement" : "virtualrouterelement"
    guard request.caller.isRootAdmin else { return .list(name, [], count: 0) }
    let id = request.arguments.uuid("id")
    let nsp = request.arguments.uuid("nspid")
    let providers = request.state.physicalNetworks.all.oldestFirst(\.created).flatMap(\.providers).filter {
      ($0.name == Providers.internalBalancer) == balancing && (nsp == nil || $0.id == nsp)
    }
    let rows = providers.flatMap { held in held.elements.map { HeldElement(held, $0) } }.filter { held in
      (id == nil || held.element.id == id) && request.matches("enabled", held.element.isEnabled)
    }
    return try request.page(name, rows) {
      [$0.provider.name]
    } fields: {
      request.view.fields(of: $0)
    }
  }
}
