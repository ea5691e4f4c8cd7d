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
      await request.control.waitWhileYoung(id)
      let view = request.latest
      guard let job = view.state.jobs[id] else {
        throw APIError.unknown(id.description, parameter: "jobid", command: request.command)
      }
      return .object(view.fields(of: job))
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
}
