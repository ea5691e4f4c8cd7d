import CloudModel

extension Commands {
  static let zones = [
    Command(
      "listZones", "Lists zones",
      [
        .id("id", .zone, "the zone's id"),
        .ids("ids", .zone, "the zones' ids"),
        .string("name", "the zone's name"),
        .string("networktype", "Basic or Advanced"),
      ] + Parameter.paging,
      refused: ["domainid", "storageaccessgroup", "tags", "showcapacities"], response: .zone
    ) { request in
      let ids = request.arguments.ids("ids", Zone.self)
      let rows = request.state.zones.all.filter { zone in
        request.matches("id", zone.id) && request.matches("name", zone.name)
          && request.matches("networktype", zone.series.rawValue) && ids?.contains(zone.id) ?? true
      }
      return try request.page("zone", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  ]
}
