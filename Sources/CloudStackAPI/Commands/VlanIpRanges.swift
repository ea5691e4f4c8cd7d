import Addresses
import CloudModel
import Control

extension Commands {
  static let vlanIpRanges = [
    Command(
      "createVlanIpRange", "Adds public addresses to a cell's pool (Basic) or a zone's (Isolate)", roles: .admin,
      [
        .id("zoneid", .zone, "the zone", required: true),
        .id("cellid", .cell, "the cell of a Basic zone whose gateway is to have the addresses"),
        .string("startip", "the first address", required: true),
        .string("endip", "the last address; the first by default"),
        .string("gateway", "the gateway of the addresses; a shared network needs it with its first range"),
        .string("netmask", "the netmask of the addresses; a shared network needs it with its first range"),
        .boolean("forvirtualnetwork", "false in a Basic zone: the addresses are those of its instances"),
        .id("networkid", .network, "the shared network whose instances have the addresses"),
        .id("physicalnetworkid", .physicalNetwork, "the physical network of the addresses"),
        .id("podid", .pod, "the pod whose instances have the addresses"),
        .string("vlan", "how the addresses' network is told apart"),
      ],
      refused: [
        "account", "domainid", "projectid", "forsystemvms", "startipv6", "endipv6", "ip6cidr", "ip6gateway", "provider",
      ], response: .vlanIpRange
    ) { request in
      guard let first = try request.arguments.address("startip") else {
        throw APIError.missing("startip", request.command)
      }
      var range = NewAddressRange(
        zone: try request.id("zoneid"), first: first, last: try request.arguments.address("endip") ?? first)
      range.cell = request.arguments.id("cellid")
      range.network = request.arguments.id("networkid")
      range.pod = request.arguments.id("podid")
      range.physicalNetwork = request.arguments.id("physicalnetworkid")
      range.gateway = try request.arguments.address("gateway")
      range.netmask = try request.arguments.address("netmask")
      range.vlan = request.arguments.string("vlan")
      range.isPublic = range.cell != nil || range.pod == nil && request.arguments.boolean("forvirtualnetwork") != false
      let id = try await request.control.createAddressRange(range, by: request.caller)
      guard let range = request.control.state.publicIPRanges[id] else { return .success() }
      return .one("vlan", fields(of: range, request.control.state))
    },
    Command(
      "updateVlanIpRange", "Lets a range begin or end elsewhere", roles: .admin,
      [
        .string("endip", "the last address"), .id("id", .vlanIpRange, "the range", required: true),
        .string("startip", "the first address"),
      ],
      refused: ["endipv6", "forsystemvms", "gateway", "ip6cidr", "ip6gateway", "netmask", "startipv6"],
      response: .vlanIpRange
    ) { request in
      let id: ID<PublicIPRange> = try request.id("id")
      try await request.control.updateAddressRange(
        id, first: request.arguments.address("startip"), last: request.arguments.address("endip"), by: request.caller)
      guard let range = request.control.state.publicIPRanges[id] else { return .success() }
      return .one("vlan", fields(of: range, request.control.state))
    },
    Command(
      "deleteVlanIpRange", "Removes public addresses that nobody has", roles: .admin,
      [.id("id", .vlanIpRange, "the range", required: true)], response: .success
    ) { request in
      try await request.control.deletePublicIPRange(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listVlanIpRanges", "Lists ranges of public addresses", roles: .admin,
      [
        .boolean("forvirtualnetwork", "whether the addresses are public"), .id("id", .vlanIpRange, "the range"),
        .id("networkid", .network, "the shared network"),
        .id("physicalnetworkid", .physicalNetwork, "the physical network"), .id("podid", .pod, "the pod"),
        .string("vlan", "how the addresses' network is told apart"), .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, refused: ["account", "domainid", "projectid"], response: .vlanIpRange
    ) { request in
      let rows = request.state.publicIPRanges.all.filter {
        request.matches("id", $0.id) && request.matches("zoneid", $0.zone) && request.matches("networkid", $0.network)
          && request.matches("physicalnetworkid", $0.physicalNetwork) && request.matches("podid", $0.pod)
          && request.matches("forvirtualnetwork", $0.network == nil) && request.matches("vlan", vlan(of: $0))
      }
      return try request.page("vlaniprange", rows.oldestFirst(\.created)) {
        [$0.first.description]
      } fields: {
        fields(of: $0, request.state)
      }
    },
    Command(
      "listCells", "Lists the cells of Basic zones: gateways with the public addresses that they serve",
      roles: .admin, [.id("zoneid", .zone, "the zone")] + Parameter.paging, response: .cell
    ) { request in
      let rows = request.state.cells.all.filter { request.matches("zoneid", $0.zone) }
      return try request.page("cell", rows.sorted { $0.index < $1.index }) {
        [$0.name]
      } fields: { cell in
        var fields = Fields()
        fields.add("id", cell.id.description)
        fields.add("name", cell.name)
        fields.add("zoneid", cell.zone.description)
        fields.add("node", cell.node)
        fields.add("index", cell.index)
        return fields
      }
    },
  ]

  private static func fields(of range: PublicIPRange, _ state: CloudState) -> Fields {
    var fields = Fields()
    fields.add("id", range.id.description)
    fields.add("zoneid", range.zone.description)
    fields.add("startip", range.first.description)
    fields.add("endip", range.last.description)
    fields.add("forvirtualnetwork", range.network == nil)
    fields.add("vlan", vlan(of: range))
    fields.add("gateway", range.gateway?.description)
    fields.add("netmask", range.netmask?.description)
    if let gateway = range.gateway, let netmask = range.netmask {
      fields.add("cidr", IPv4Prefix(gateway, length: netmask.value.nonzeroBitCount).description)
    }
    if let pod = range.pod {
      fields.add("podid", pod.description)
      fields.add("podname", state.pods[pod]?.name)
    }
    fields.add("networkid", range.network?.description)
    fields.add("physicalnetworkid", range.physicalNetwork?.description)
    if let cell = range.cell { fields.add("cellid", cell.description) }
    return fields
  }

  private static func vlan(of range: PublicIPRange) -> String {
    guard let vlan = range.vlan, !vlan.isEmpty, vlan.lowercased() != "untagged" else { return "vlan://untagged" }
    return vlan.hasPrefix("vlan://") ? vlan : "vlan://\(vlan)"
  }
}
