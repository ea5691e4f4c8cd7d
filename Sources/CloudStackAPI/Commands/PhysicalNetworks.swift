import CloudModel
import Control

extension Commands {
  static let physicalNetworks = [
    Command.job(
      "createPhysicalNetwork", "Makes a physical network in a zone; it is disabled at first", roles: .admin,
      creates: true,
      [
        .string("broadcastdomainrange", "ZONE in an Advanced zone, POD in a Basic one"),
        .strings("isolationmethods", "how networks are kept apart; see listNetworkIsolationMethods"),
        .string("name", "the network's name", required: true),
        .string("networkspeed", "such as 1G"),
        .strings("tags", "names by which offerings ask for it"),
        .string("vlan", "ranges of numbers such as 100-200"),
        .id("zoneid", .zone, "the zone", required: true),
      ], refused: ["domainid"], response: .physicalNetwork
    ) { request in
      let zone: ID<Zone> = try request.id("zoneid")
      let range = request.state.zones[zone]?.series == .basic ? "POD" : "ZONE"
      if let wanted = request.arguments.string("broadcastdomainrange"), !wanted.isEmpty, wanted.uppercased() != range {
        throw APIError.invalid("broadcastdomainrange", wanted, "it is \(range) in this zone")
      }
      return try await request.control.createPhysicalNetwork(
        try physicalNetworkRequest(request), zone: zone, by: request.caller)
    },
    .job(
      "updatePhysicalNetwork", "Changes a physical network", roles: .admin,
      [
        .id("id", .physicalNetwork, "the network's id", required: true),
        .string("networkspeed", "such as 1G"),
        .string("state", "Enabled or Disabled"),
        .strings("tags", "names by which offerings ask for it"),
        .string("vlan", "ranges of numbers such as 100-200"),
      ], response: .physicalNetwork
    ) { request in
      try await request.control.updatePhysicalNetwork(
        request.id("id"), try physicalNetworkRequest(request), by: request.caller)
    },
    .job(
      "deletePhysicalNetwork", "Deletes a physical network of a zone without networks", roles: .admin,
      [.id("id", .physicalNetwork, "the network's id", required: true)]
    ) { request in
      try await request.control.deletePhysicalNetwork(request.id("id"), by: request.caller)
    },
    Command(
      "listPhysicalNetworks", "Lists physical networks", roles: .admin,
      [
        .id("id", .physicalNetwork, "the network's id"),
        .string("name", "the network's name"),
        .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, response: .physicalNetwork
    ) { request in
      let rows = request.state.physicalNetworks.all.filter { network in
        request.matches("id", network.id) && request.matches("name", network.name)
          && request.matches("zoneid", network.zone)
      }
      return try request.page("physicalnetwork", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "listNetworkIsolationMethods", "Lists ways of keeping networks apart", roles: .admin, Parameter.paging,
      response: .isolationMethod
    ) { request in
      try request.page("isolationmethod", NetworkIsolation.methods) {
        [$0]
      } fields: { method in
        var fields = Fields()
        fields.add("name", method)
        return fields
      }
    },
  ]

  private static func physicalNetworkRequest(_ request: Request) throws -> PhysicalNetworkRequest {
    var network = PhysicalNetworkRequest()
    network.name = request.arguments.string("name")
    network.isolationMethods = request.arguments.strings("isolationmethods")
    network.vlan = request.arguments.string("vlan")
    network.speed = request.arguments.string("networkspeed")
    network.tags = request.arguments.strings("tags")
    network.isEnabled = try request.isEnabled("state")
    return network
  }
}
