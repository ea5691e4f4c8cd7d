import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let events = [
    Command(
      "listEvents", "Lists what happened, newest first",
      [
        .boolean("archived", "only archived events; others are listed by default"),
        .date("enddate", "events until then"),
        .id("id", .event, "the event's id"),
        .string("level", "INFO, WARN or ERROR"),
        .string("resourceid", "the id of the resource that it happened to"),
        .string("resourcetype", "the type of that resource"),
        .date("startdate", "events since then"),
        .id("startid", .event, "events that this one began"),
        .string("state", "such as Completed"),
        .string("type", "such as VM.START"),
      ] + Parameter.scope,
      refused: ["duration", "entrytime"], response: .event
    ) { request in
      let arguments = request.arguments
      let rows = try request.visible(request.state.events) { $0.account }.filter { event in
        request.matches("level", event.level) && request.matches("state", event.state)
          && request.matches("type", event.type) && request.matches("resourcetype", event.resourceType ?? "")
          && request.matches("resourceid", event.resource?.uuidString ?? "")
          && (event.archived == true) == arguments.flag("archived")
          && arguments.id("startid").map { $0 == event.parent || $0 == event.id } ?? true
          && arguments.date("startdate").map { event.created >= $0 } ?? true
          && arguments.date("enddate").map { event.created <= $0 } ?? true
      }
      let newestFirst = Array(rows.oldestFirst(\.created).reversed())
      return try request.page("event", newestFirst) {
        [$0.type, $0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command("listEventTypes", "Lists the types that events have", response: .eventType) { _ in
      let rows = EventTypes.all.map { name in
        var fields = Fields()
        fields.add("name", name)
        return fields
      }
      return .list("eventtype", rows, count: rows.count)
    },
    Command("archiveEvents", "Puts events away", selection, response: .success) { request in
      try await request.control.archiveEvents(selected(request), by: request.caller)
      return .success()
    },
    Command("deleteEvents", "Deletes events", selection, response: .success) { request in
      try await request.control.deleteEvents(selected(request), by: request.caller)
      return .success()
    },
  ]

  private static let selection: [Parameter] = [
    .date("enddate", "events until then"),
    .ids("ids", .event, "the events' ids"),
    .date("startdate", "events since then"),
    .string("type", "such as VM.START"),
  ]

  private static func selected(_ request: Request) -> EventSelection {
    var selection = EventSelection()
    selection.ids = request.arguments.ids("ids")
    selection.type = request.arguments.string("type")
    selection.start = request.arguments.date("startdate")
    selection.end = request.arguments.date("enddate")
    return selection
  }
}
