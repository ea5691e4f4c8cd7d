import CloudModel

extension Commands {
  static let routers = [
    Command(
      "listRouters", "Lists virtual routers", roles: .admins,
      [
        .boolean("forvpc", "routers of VPCs; there are none"),
        .id("hostid", .host, "the host of the router"),
        .id("id", .router, "the router's id"),
        .string("name", "the router's name"),
        .id("networkid", .network, "the network of the router"),
        .string("state", "Running, as all routers are wanted to be"),
        .id("zoneid", .zone, "the zone of the router"),
      ] + Parameter.scope,
      refused: [
        "arch", "clusterid", "fetchhealthcheckresults", "healthchecksfailed", "podid", "version", "vpcid",
      ], response: .router
    ) { request in
      let rows = try request.visible(request.state.routers) { $0.account }.filter { router in
        request.matches("forvpc", false) && request.matches("hostid", router.host)
          && request.matches("name", router.name) && request.matches("networkid", router.network)
          && request.matches("state", "Running") && request.matches("zoneid", router.zone)
      }
      return try request.page("router", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  ]
}
