import CloudModel
import Control

extension Commands {
  static let routers = [
    Command(
      "listRouters", "Lists virtual routers", roles: .admins,
      [
        .boolean("fetchhealthcheckresults", "tell what the node verifies of each"),
        .boolean("forvpc", "routers of tiers of VPCs"),
        .boolean("healthchecksfailed", "routers of which the node does not verify everything"),
        .id("hostid", .host, "the host of the router"),
        .id("id", .router, "the router's id"),
        .string("name", "the router's name"),
        .id("networkid", .network, "the network of the router"),
        .string("state", "Running or Stopped"),
        .id("vpcid", .vpc, "routers of the tiers of this VPC"),
        .id("zoneid", .zone, "the zone of the router"),
      ] + Parameter.scope,
      refused: ["arch", "clusterid", "podid", "version"], response: .router, isOfNodes: true
    ) { request in
      let health = request.control.health()
      let failed = request.arguments.boolean("healthchecksfailed")
      let isFetching = request.arguments.flag("fetchhealthcheckresults")
      func checks(_ router: VirtualRouter) -> [RouterCheck] { RouterCheck.all(of: router.id.description, in: health) }
      let rows = try request.visible(request.state.routers) { $0.account }.filter { router in
        let vpc = request.state.networks[router.network]?.vpc
        return request.matches("forvpc", vpc != nil) && request.matches("vpcid", vpc)
          && request.matches("hostid", router.host)
          && request.matches("name", router.name) && request.matches("networkid", router.network)
          && request.matches("state", router.isStopped == true ? "Stopped" : "Running")
          && request.matches("zoneid", router.zone)
          && (failed.map { wanted in checks(router).contains { !$0.isHealthy } == wanted } ?? true)
      }
      return try request.page("router", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0, health: isFetching ? checks($0) : nil)
      }
    }
  ]

  static let routerChanges = [
    Command.job("startRouter", "Starts a router", roles: .admins, [router], response: .router) { request in
      try await request.control.startRouter(request.id("id"), by: request.caller)
    },
    .job(
      "stopRouter", "Stops a simulated router", roles: .admins,
      [.boolean("forced", "stop it at once, as always"), router], response: .router
    ) { request in
      try await request.control.stopRouter(request.id("id"), by: request.caller)
    },
    .job(
      "rebootRouter", "Makes a router from nothing, or boots a simulated one", roles: .admins,
      [.boolean("forced", "boot it at once, as always"), router], response: .router
    ) { request in
      try await request.control.rebootRouter(request.id("id"), by: request.caller)
    },
    .job(
      "destroyRouter", "Destroys a simulated router; its network gets another when it is needed", roles: .admins,
      [router], response: .router
    ) { request in
      try await request.control.destroyRouter(request.id("id"), by: request.caller)
    },
    Command(
      "changeServiceForRouter", "Gives a simulated router, which is stopped, another service offering",
      roles: .admins,
      [router, .id("serviceofferingid", .serviceOffering, "the offering's id", required: true)], response: .router
    ) { request in
      let id: ID<VirtualRouter> = try request.id("id")
      try await request.control.changeService(
        ofRouter: id, to: request.id("serviceofferingid"), by: request.caller)
      return try request.created(id, "router") { request.latest.fields(of: $0) }
    },
    Command(
      "getRouterHealthCheckResults", "Tells what a router's node verifies of it", roles: .admin,
      [
        .boolean("performfreshchecks", "nodes check all the time: the results are as fresh as can be"),
        .id("routerid", .router, "the router's id", required: true),
      ], response: .routerHealthChecks, isOfNodes: true
    ) { request in
      let id: ID<VirtualRouter> = try request.id("routerid")
      let checks = RouterCheck.all(of: id.description, in: request.control.health())
      var fields = Fields()
      fields.add("routerid", id.description)
      fields.add("healthchecks", checks.map { request.view.fields(of: $0) })
      return .one("routerhealthchecks", fields)
    },
  ]

  private static let router = Parameter.id("id", .router, "the router's id", required: true)
}
