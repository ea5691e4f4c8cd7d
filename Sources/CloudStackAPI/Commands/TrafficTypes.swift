import CloudModel
import Control

extension Commands {
  static let trafficTypes = [
    Command.job(
      "addTrafficType", "Lets a kind of traffic go over a physical network", roles: .admin, creates: true,
      [
        .id("physicalnetworkid", .physicalNetwork, "the physical network", required: true),
        .string("traffictype", "Guest, Management, Public or Storage", required: true),
      ] + labels, refused: ["isolationmethod", "vlan"], response: .trafficType
    ) { request in
      let text = try request.string("traffictype")
      guard let kind = TrafficKind.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
        throw APIError.invalid("traffictype", text, "it is Guest, Management, Public or Storage")
      }
      return try await request.control.addTrafficType(
        kind, labels: given(request), network: request.id("physicalnetworkid"), by: request.caller)
    },
    .job(
      "updateTrafficType", "Changes the links of a kind of traffic", roles: .admin,
      [.id("id", .trafficType, "the traffic type's id", required: true)] + labels, response: .trafficType
    ) { request in
      try await request.control.updateTrafficType(
        request.require("id", Arguments.uuid), labels: given(request), by: request.caller)
    },
    .job(
      "deleteTrafficType", "Lets a kind of traffic no longer go over a physical network", roles: .admin,
      [.id("id", .trafficType, "the traffic type's id", required: true)]
    ) { request in
      try await request.control.deleteTrafficType(request.require("id", Arguments.uuid), by: request.caller)
    },
    Command(
      "listTrafficTypes", "Lists the kinds of traffic of a physical network", roles: .admin,
      [.id("physicalnetworkid", .physicalNetwork, "the physical network", required: true)] + Parameter.paging,
      response: .trafficType
    ) { request in
      guard let network = request.state.physicalNetworks[try request.id("physicalnetworkid")] else {
        return .list("traffictype", [], count: 0)
      }
      return try request.page("traffictype", network.trafficTypes) {
        [$0.kind.rawValue]
      } fields: {
        request.view.fields(of: HeldTrafficType(network, $0))
      }
    },
    Command(
      "listTrafficTypeImplementors", "Lists what carries kinds of traffic", roles: .admin,
      [.string("traffictype", "Guest, Management, Public or Storage")] + Parameter.paging,
      response: .trafficTypeImplementor
    ) { request in
      let rows = TrafficKind.allCases.filter { request.matches("traffictype", $0.rawValue) }
      return try request.page("traffictypeimplementorresponse", rows) {
        [$0.rawValue]
      } fields: { kind in
        var fields = Fields()
        fields.add("traffictype", kind.rawValue)
        fields.add("traffictypeimplementor", "Daruma")
        return fields
      }
    },
  ]

  private static let labels = trafficLabels.map {
    Parameter.string("\($0)networklabel", "the name of the link on such hosts")
  }

  private static func given(_ request: Request) -> [String: String] {
    var labels: [String: String] = [:]
    for hypervisor in trafficLabels { labels[hypervisor] = request.arguments.string("\(hypervisor)networklabel") }
    return labels
  }
}
