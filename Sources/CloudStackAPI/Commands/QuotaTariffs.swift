import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let quotaTariffs = [
    Command(
      "quotaTariffCreate", "Adds a price of what accounts use", roles: .admin,
      [
        activationRule,
        .string("description", "what it is for", length: 65_535),
        .date("enddate", "until when it counts"),
        .string("name", "the tariff's name", required: true, length: 65_535),
        position,
        .date("startdate", "from when on it counts; at once by default"),
        .integer("usagetype", "the number of what is used", required: true),
        .double("value", "the price of one unit", required: true),
      ], response: .quotaTariff
    ) { request in
      let id = try await request.control.createQuotaTariff(
        request.string("name"), usageType: request.require("usagetype", Arguments.integer),
        change(request, start: request.arguments.date("startdate")), by: request.caller)
      return try request.created(id, "quotatariff") { request.latest.fields(of: $0) }
    },
    Command(
      "quotaTariffUpdate", "Changes a price, from now on", roles: .admin,
      [
        activationRule,
        .string("description", "what it is for; blank for nothing", length: 65_535),
        .date("enddate", "until when it counts"),
        .string("name", "the tariff's name", required: true, length: 65_535),
        position,
        .date("startdate", "ignored: a tariff keeps its own"),
        .integer("usagetype", "ignored: a tariff keeps its own"),
        .double("value", "the price of one unit"),
      ], response: .quotaTariff
    ) { request in
      let id = try await request.control.updateQuotaTariff(
        request.string("name"), change(request, start: nil), by: request.caller)
      return try request.created(id, "quotatariff") { request.latest.fields(of: $0) }
    },
    Command(
      "quotaTariffDelete", "Removes a price", roles: .admin, [.string("id", "the tariff's id", required: true)],
      response: .success
    ) { request in
      try await request.control.deleteQuotaTariff(request.string("id"), by: request.caller)
      return .success()
    },
    Command(
      "quotaTariffList", "Lists prices of what accounts use",
      [
        .date("enddate", "those that count until this day or less long"),
        .string("id", "the tariff's id"),
        .boolean("listall", "also those that were removed"),
        .boolean("listonlyremoved", "only those that were removed"),
        .string("name", "the tariff's name"),
        .date("startdate", "those that count from this day on or later"),
        .integer("usagetype", "the number of what is used"),
      ] + Parameter.paging, response: .quotaTariff
    ) { request in
      try request.state.requireQuota()
      let arguments = request.arguments
      let isRemovedWanted = arguments.flag("listonlyremoved") ? true : arguments.flag("listall") ? nil : false
      let rows = request.state.allQuotaTariffs.filter { tariff in
        (isRemovedWanted.map { $0 == (tariff.removed != nil) } ?? true)
          && request.matches("id", tariff.id.description) && request.matches("name", tariff.name)
          && (arguments.integer("usagetype").map { $0 == tariff.usageType } ?? true)
          && (arguments.date("startdate").map { tariff.start >= $0 } ?? true)
          && (arguments.date("enddate").map { latest in tariff.end.map { $0 <= latest } ?? false } ?? true)
      }
      let sorted = rows.sorted {
        ($1.usageType, $1.start, $1.created, $1.id) < ($0.usageType, $0.start, $0.created, $0.id)
      }
      return try request.page("quotatariff", sorted) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let activationRule = Parameter.string(
    "activationrule", "refused: tariffs count for all that is used", length: 65_535)
  private static let position = Parameter.integer("position", "its place among tariffs of its type; 1 by default")

  private static func change(_ request: Request, start: Date?) -> QuotaTariffChange {
    var change = QuotaTariffChange()
    change.value = request.arguments.double("value")
    change.description = request.arguments.string("description")
    change.activationRule = request.arguments.string("activationrule")
    change.start = start
    change.end = request.arguments.date("enddate")
    change.position = request.arguments.integer("position")
    return change
  }
}
