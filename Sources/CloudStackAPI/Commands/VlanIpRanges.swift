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
        .string("gateway", "accepted for CloudStack's clients; routes need none"),
        .string("netmask", "accepted for CloudStack's clients; routes need none"),
        .boolean("forvirtualnetwork", "accepted for CloudStack's clients; the addresses always serve guests"),
        .string("vlan", "accepted for CloudStack's clients if untagged"),
      ],
      refused: ["account", "domainid", "networkid", "podid", "projectid", "forsystemvms", "startipv6", "endipv6"],
      response: .vlanIpRange
    ) { request in
      guard let first = try request.arguments.address("startip") else {
        throw APIError.missing("startip", request.command)
      }
      let last = try request.arguments.address("endip") ?? first
      let id = try await request.control.createPublicIPRange(
        zone: request.id("zoneid"), cell: request.arguments.id("cellid"), first: first, last: last, by: request.caller)
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
      [.id("id", .vlanIpRange, "the range"), .id("zoneid", .zone, "the zone")] + Parameter.paging,
      refused: ["account", "domainid", "networkid", "podid", "projectid", "physicalnetworkid", "vlan"],
      response: .vlanIpRange
    ) { request in
      let rows = request.state.publicIPRanges.all.filter {
        request.matches("id", $0.id) && request.matches("zoneid", $0.zone)
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
    fields.add("forvirtualnetwork", true)
    fields.add("vlan", "vlan://untagged")
    if let cell = range.cell { fields.add("cellid", cell.description) }
    return fields
  }
}
