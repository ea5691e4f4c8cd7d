package import CloudModel
import Control

extension Commands {
  static let regions = [
    Command(
      "listRegions", "Lists clouds that know of each other; this one is 1",
      [.integer("id", "the region's id"), .string("name", "the region's name")] + Parameter.paging, response: .region
    ) { request in
      let rows = request.state.regions.all.filter { region in
        request.matches("name", region.name) && request.arguments.integer("id").map { $0 == region.number } ?? true
      }
      return try request.page("region", rows.sorted { $0.number < $1.number }) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "addRegion", "Adds another cloud", roles: .admin,
      [
        .string("endpoint", "where its API is", required: true), .integer("id", "the region's id", required: true),
        .string("name", "the region's name", required: true),
      ], response: .region
    ) { request in
      let id = try await request.control.addRegion(
        request.require("id", Arguments.integer), name: request.string("name"), endpoint: request.string("endpoint"),
        by: request.caller)
      return try request.created(id, "region") { request.latest.fields(of: $0) }
    },
    Command(
      "updateRegion", "Changes what is known of a cloud", roles: .admin,
      [
        .string("endpoint", "where its API is"), .integer("id", "the region's id", required: true),
        .string("name", "the region's name"),
      ], response: .region
    ) { request in
      let id = try await request.control.updateRegion(
        request.require("id", Arguments.integer), name: request.arguments.string("name"),
        endpoint: request.arguments.string("endpoint"), by: request.caller)
      return try request.created(id, "region") { request.latest.fields(of: $0) }
    },
    Command(
      "removeRegion", "Forgets another cloud", roles: .admin,
      [.integer("id", "the region's id", required: true)], response: .success
    ) { request in
      try await request.control.removeRegion(request.require("id", Arguments.integer), by: request.caller)
      return .success()
    },
  ]
}

extension View {
  package func fields(of region: Region) -> Fields {
    var fields = Fields()
    fields.add("id", region.number)
    fields.add("name", region.name)
    fields.add("endpoint", region.endpoint)
    fields.add("gslbserviceenabled", false)
    fields.add("portableipserviceenabled", false)
    return fields
  }
}
