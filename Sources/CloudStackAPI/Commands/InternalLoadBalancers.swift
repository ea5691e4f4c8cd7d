import Addresses
import CloudModel
import Control

extension Commands {
  static let internalLoadBalancers = [
    Command.job(
      "createLoadBalancer", "Spreads a port of an address inside of a network over instances", creates: true,
      [
        .string("algorithm", "roundrobin, leastconn or source", required: true),
        .string("description", "what it is for", length: 4096),
        .forDisplay,
        .integer("instanceport", "the port of the instances", required: true),
        .string("name", "the load balancer's name", required: true),
        .id("networkid", .network, "the network of the instances", required: true),
        .string("scheme", "Internal", required: true),
        .string("sourceipaddress", "the address; a free one of its network by default"),
        .id("sourceipaddressnetworkid", .network, "the network of the address", required: true),
        .integer("sourceport", "the port of the address", required: true),
      ], response: .internalLoadBalancer
    ) { request in
      let arguments = request.arguments
      try request.requireInternalScheme()
      guard let sourcePort = try arguments.port("sourceport"), let instancePort = try arguments.port("instanceport")
      else { throw APIError.missing("sourceport", request.command) }
      let text = try request.string("algorithm")
      guard let algorithm = LoadBalancerAlgorithm(rawValue: text.lowercased()) else {
        throw APIError.invalid("algorithm", text, "it is roundrobin, leastconn or source")
      }
      var balancer = try NewInternalLoadBalancer(
        name: request.string("name"), network: request.id("networkid"),
        sourceNetwork: request.id("sourceipaddressnetworkid"), sourcePort: sourcePort, instancePort: instancePort,
        algorithm: algorithm)
      balancer.description = arguments.string("description") ?? ""
      balancer.sourceAddress = try arguments.address("sourceipaddress")
      balancer.isDisplayed = request.isDisplayed
      return try await request.control.createInternalLoadBalancer(balancer, by: request.caller)
    },
    .job(
      "updateLoadBalancer", "Changes whether users see an internal load balancer", [balancer, .forDisplay],
      refused: [.admin("customid")], response: .internalLoadBalancer
    ) { request in
      try await request.control.updateInternalLoadBalancer(
        request.id("id"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteLoadBalancer", "Deletes an internal load balancer", [balancer]) { request in
      try await request.control.deleteInternalLoadBalancer(request.id("id"), by: request.caller)
    },
    Command(
      "listLoadBalancers", "Lists internal load balancers",
      [
        .forDisplay,
        .id("id", .internalLoadBalancer, "the load balancer's id"),
        .string("name", "the load balancer's name"),
        .id("networkid", .network, "the network of the instances"),
        .string("scheme", "Internal"),
        .string("sourceipaddress", "the address"),
        .id("sourceipaddressnetworkid", .network, "the network of the address"),
        .tags,
      ] + Parameter.scope, response: .internalLoadBalancer
    ) { request in
      try request.requireInternalScheme()
      let isNamed = ["networkid", "sourceipaddressnetworkid"].contains { request.arguments.has($0) }
      return try request.list("loadbalancer", request.state.internalLoadBalancers, byName: isNamed) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.name, $0.description]
      } where: {
        request.shows($0.isHidden) && request.matches("name", $0.name) && request.matches("networkid", $0.network)
          && request.matches("sourceipaddress", $0.sourceAddress.description)
          && request.matches("sourceipaddressnetworkid", $0.sourceNetwork)
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let balancer = Parameter.id(
    "id", .internalLoadBalancer, "the load balancer's id", required: true)
}

extension Request {
  /// Of the two schemes of CloudStack's only one is for these commands, there as here.
  fileprivate func requireInternalScheme() throws(APIError) {
    guard let scheme = arguments.string("scheme"), !scheme.isEmpty else { return }
    guard scheme.lowercased() == "internal" else { throw .invalid("scheme", scheme, "it is Internal") }
  }
}
