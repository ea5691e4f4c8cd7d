import CloudModel
import Control
import FoundationEssentials

extension Commands {
  /// Making routers from nothing, a few at a time.
  static let rebuilds = [
    Command.job(
      "rebuildNetwork",
      "Makes routers from nothing again, at most a quarter of a zone's at once, each stage verified before the next",
      [
        .id("zoneid", .zone, "all routers of the zone; the root administrator only"),
        .id("cellid", .cell, "the gateway of the cell", roles: .admin),
        .id("routerid", .router, "a virtual router", roles: .admin),
        .id("networkid", .network, "the virtual router of the network"),
        .id("accountid", .account, "the account's routers; for the root administrator also its cells' gateways"),
        .integer("renderer", "the version of the rules from then on; the root administrator only"),
      ]
    ) { request in
      try await request.control.rebuildNetwork(
        try subject(request), renderer: request.arguments.integer("renderer"), by: request.caller)
    },
    Command(
      "listRebuilds",
      "Lists rebuilds and changes that go in stages, newest first, and how far they have come",
      [
        .id("id", .rollout, "the rebuild's id"), .id("jobid", .asyncJob, "the job that ends with it"),
        .id("zoneid", .zone, "rebuilds in this zone"), .string("state", "such as Running"),
      ] + Parameter.scope, response: .rebuild, isOfNodes: true
    ) { request in
      let job: ID<AsyncJob>? = request.arguments.id("jobid")
      let meant = job.flatMap { request.state.jobs[$0]?.instance }
      let rows = try request.visible(request.state.rollouts) { $0.account }.filter { rollout in
        (job == nil || rollout.id.uuid == meant || rollout.job == job) && request.matches("zoneid", rollout.zone)
          && request.matches("state", rollout.state.rawValue)
      }
      return try request.page("rebuild", Array(rows.oldestFirst(\.created).reversed())) {
        [$0.message]
      } fields: {
        fields(of: $0, request)
      }
    },
    Command(
      "cancelRebuild", "Lets no further stage of a rebuild begin; a change that goes in stages is taken back",
      [
        .id("id", .rollout, "the rebuild's id", required: true),
        .boolean("release", "what waits behind a change that is halted follows it instead"),
      ], response: .success
    ) { request in
      try await request.control.cancelRebuild(
        try request.id("id"), releasing: request.arguments.boolean("release") ?? false, by: request.caller)
      return .success()
    },
  ]

  private static func subject(_ request: Request) throws -> RebuildSubject {
    let arguments = request.arguments
    let named: [RebuildSubject?] = [
      arguments.id("zoneid").map(RebuildSubject.zone), arguments.id("cellid").map(RebuildSubject.cell),
      arguments.id("routerid").map(RebuildSubject.router), arguments.id("networkid").map(RebuildSubject.network),
      arguments.id("accountid").map(RebuildSubject.account),
    ]
    let subjects = named.compactMap { $0 }
    guard subjects.count == 1 else {
      throw APIError.value("Name one of zoneid, cellid, routerid, networkid and accountid")
    }
    return subjects[0]
  }

  private static func fields(of rollout: Rollout, _ request: Request) -> Fields {
    let view = request.latest
    let progress = request.control.progress(of: rollout, countingAccounts: request.caller.isRootAdmin)
    var fields = Fields()
    fields.add("id", rollout.id.description)
    view.addZone(rollout.zone, to: &fields)
    view.addOwner(rollout.account, to: &fields)
    fields.add("state", rollout.state.rawValue)
    fields.add("message", rollout.message)
    fields.add("kind", rollout.change == nil ? "rebuild" : "change")
    fields.add("revision", rollout.change.map { Int($0) })
    fields.add("revertedby", rollout.reverted.map { Int($0) })
    fields.add("renderer", rollout.renderer)
    fields.add("created", WireDate.text(rollout.created))
    fields.add("completed", rollout.completed.map { WireDate.text($0) })
    fields.add("stage", rollout.state == .waiting ? 0 : rollout.stage + 1)
    fields.add("stages", rollout.stages.count)
    fields.add("wanted", progress.total.wanted)
    fields.add("verified", progress.total.verified)
    fields.add("remainingseconds", progress.remainingSeconds)
    fields.add("service", progress.services.sorted { $0.key < $1.key }.map { count($0.key, $0.value) })
    fields.add("router", progress.routers.map(router))
    if request.caller.isRootAdmin {
      let accounts = progress.accounts.map { (request.state.accounts[$0.key]?.name ?? "", $0.value) }
      fields.add("customer", accounts.sorted { $0.0 < $1.0 }.map { count($0.0, $0.1) })
    }
    fields.add(
      "jobid", (rollout.job ?? request.state.jobs.first("instance", .uuid(rollout.id.uuid))?.id)?.description)
    return fields
  }

  private static func count(_ name: String, _ count: RolloutProgress.Count) -> Fields {
    var fields = Fields()
    fields.add("name", name)
    fields.add("wanted", count.wanted)
    fields.add("verified", count.verified)
    return fields
  }

  private static func router(_ router: RolloutProgress.Router) -> Fields {
    var fields = Fields()
    fields.add("id", router.id)
    fields.add("name", router.name)
    fields.add("stage", router.stage)
    fields.add("state", router.state)
    fields.add("wanted", router.count.wanted)
    fields.add("verified", router.count.verified)
    return fields
  }
}
