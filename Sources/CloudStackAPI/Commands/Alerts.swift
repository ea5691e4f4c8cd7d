package import CloudModel
import Control

extension Commands {
  static let alerts = [
    Command(
      "listAlerts", "Lists alerts that are not archived, newest first", roles: .admin,
      [
        .id("id", .alert, "the alert's id"), .string("name", "the alert's name"),
        .string("type", "the number of the kind; see listAlertTypes"),
      ] + Parameter.paging, response: .alert
    ) { request in
      let rows = request.state.alerts.all.filter { alert in
        !alert.isArchived && request.matches("id", alert.id) && request.matches("name", alert.name)
          && request.matches("type", String(alert.type))
      }
      return try request.page("alert", Array(rows.oldestFirst(\.sent).reversed())) {
        [$0.name, $0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command("listAlertTypes", "Lists kinds of alerts", roles: .admin, response: .alertType) { _ in
      let rows = AlertTypes.names.enumerated().map { number, name in
        var fields = Fields()
        fields.add("alerttypeid", number)
        fields.add("name", name)
        return fields
      }
      return .list("alerttype", rows, count: rows.count)
    },
    .job(
      "generateAlert", "Makes an alert", roles: .admin,
      [
        .string("description", "what it says", required: true, length: 999),
        .string("name", "the alert's name", required: true), .id("podid", .pod, "the pod that it is of"),
        .integer("type", "the number of the kind", required: true), .id("zoneid", .zone, "the zone that it is of"),
      ]
    ) { request in
      try await request.control.generateAlert(
        type: request.require("type", Arguments.integer), name: request.string("name"),
        description: request.string("description"), zone: request.arguments.id("zoneid"),
        pod: request.arguments.id("podid"), by: request.caller)
    },
    Command("archiveAlerts", "Takes alerts off the list", roles: .admin, choice, response: .success) { request in
      try await request.control.archiveAlerts(try chosen(request), by: request.caller)
      return .success()
    },
    Command("deleteAlerts", "Deletes alerts", roles: .admin, choice, response: .success) { request in
      try await request.control.deleteAlerts(try chosen(request), by: request.caller)
      return .success()
    },
  ]

  private static let choice: [Parameter] = [
    .date("enddate", "not later than this"), .ids("ids", .alert, "these alerts"),
    .date("startdate", "not earlier than this"), .string("type", "the number of the kind"),
  ]

  private static func chosen(_ request: Request) throws(APIError) -> AlertChoice {
    var choice = AlertChoice()
    choice.ids = request.arguments.ids("ids")
    choice.from = request.arguments.date("startdate")
    choice.to = request.arguments.date("enddate")
    if let text = request.arguments.string("type"), !text.isEmpty {
      guard let type = Int(text) else { throw .invalid("type", text, "it is a number; see listAlertTypes") }
      choice.type = type
    }
    return choice
  }
}

extension View {
  package func fields(of alert: Alert) -> Fields {
    var fields = Fields()
    fields.add("id", alert.id.description)
    fields.add("type", alert.type)
    fields.add("name", alert.name)
    fields.add("description", alert.description)
    fields.add("sent", WireDate.text(alert.sent))
    return fields
  }
}
