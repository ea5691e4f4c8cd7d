import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let jobs = [
    Command(
      "queryAsyncJobResult", "Tells how a job stands",
      [.id("jobid", .asyncJob, "the job's id", required: true)], response: .asyncJob, object: "asyncjobs"
    ) { request in
      let id: ID<AsyncJob> = try request.id("jobid")
      guard let job = request.state.jobs[id] else {
        throw APIError.unknown(id.description, parameter: "jobid", command: request.command)
      }
      return .object(request.view.fields(of: job))
    },
    Command(
      "listAsyncJobs", "Lists jobs",
      [.date("startdate", "jobs that began then or later")] + Parameter.scope, refused: ["managementserverid"],
      response: .asyncJob, object: "asyncjobs"
    ) { request in
      let start = request.arguments.date("startdate")
      let rows = try request.visible(request.state.jobs) { $0.account }.filter { job in
        start.map { job.created >= $0 } ?? true
      }
      return try request.page("asyncjobs", rows.oldestFirst(\.created)) {
        [$0.command]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  static let events = [
    Command(
      "listEvents", "Lists what happened, newest first",
      [
        .boolean("archived", "archived events; there are none"),
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
      if arguments.flag("archived") { return .list("event", [], count: 0) }
      let rows = try request.visible(request.state.events) { $0.account }.filter { event in
        request.matches("level", event.level) && request.matches("state", event.state)
          && request.matches("type", event.type) && request.matches("resourcetype", event.resourceType ?? "")
          && request.matches("resourceid", event.resource?.uuidString ?? "")
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
    }
  ]
}
