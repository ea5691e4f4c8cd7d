import CloudModel
import FoundationEssentials
import Ledger
import Logging
import NodePlan
import Synchronization

extension Control {
  private static let idle = Duration.milliseconds(50)
  private static let busy = Duration.milliseconds(10)

  /// Carries rollouts on, one at a time in each zone, from what the ledger says of them: it does not matter which manager began.
  func driveRollouts() async throws {
    var looked = ContinuousClock.now
    while !Task.isCancelled {
      let underway = state.rollouts.matching("underway", .number(1))
      for (_, rollouts) in Dictionary(grouping: underway, by: \.zone) {
        let started = rollouts.filter { $0.state != .waiting }
        let due =
          started.isEmpty ? rollouts.min { ($0.created, $0.id) < ($1.created, $1.id) }.map { [$0] } ?? [] : started
        for rollout in due {
          do {
            if rollout.change == nil { try await advance(rollout) } else { try await takeOnChange(rollout) }
          } catch {
            if error is CancellationError { throw error }
            logger.error("a rollout cannot go on", metadata: ["rollout": "\(rollout.id)", "error": "\(error)"])
            try await Task.sleep(for: .seconds(1))
          }
        }
      }
      if ContinuousClock.now - looked > .seconds(1) {
        looked = .now
        do { try await leadToNewestRenderer() } catch {
          logger.error("routers cannot be led to new rules", metadata: ["error": "\(error)"])
        }
      }
      try await Task.sleep(for: underway.isEmpty ? Self.idle : Self.busy)
    }
  }

  /// How the router stands.
  func standing(of router: UUID) -> RolloutCourse.Standing? {
    nodes.state.withLock { board in
      guard let reported = board.reports["router/\(ID<Cell>(router))"] else { return nil }
      let isCurrent = board.sessions.values.contains { $0.number == reported.session }
      return RolloutCourse.Standing(report: reported.report, isCurrent: isCurrent)
    }
  }

  private func advance(_ stored: Rollout) async throws {
    let rollout = Self.withoutGone(stored, state)
    let course = RolloutCourse(
      patience: settings.stagePatience.seconds, calm: settings.stageCalm.seconds, now: Date())
    let next = course.next(rollout) { standing(of: $0) }
    switch next {
    case .wait: return
    case .begin(let stage): try await begin(stage, of: rollout)
    case .complete:
      try await verifyStage(of: rollout)
      try await end(rollout, .completed, "")
    case .cancel:
      if rollout.state == .running { try await verifyStage(of: rollout) }
      try await end(rollout, .cancelled, Rollouts.cancelled)
    case .halt(let reason):
      logger.error("a rollout is halted", metadata: ["rollout": "\(rollout.id)", "reason": "\(reason)"])
      if rollout.renderer == nil {
        try await end(rollout, .failed, reason)
      } else {
        try await giveBack(rollout, reason)
      }
    case .returned: try await end(rollout, .failed, rollout.message)
    }
  }

  /// What is no longer there is not waited for.
  private static func withoutGone(_ rollout: Rollout, _ state: CloudState) -> Rollout {
    guard rollout.stages.indices.contains(rollout.stage) else { return rollout }
    var rollout = rollout
    for index in rollout.stages[rollout.stage].indices {
      let router = rollout.stages[rollout.stage][index].router
      if state.cells[ID(router)] == nil && state.routers[ID(router)] == nil {
        rollout.stages[rollout.stage][index].number = 0
      }
    }
    return rollout
  }

  private func cause(of rollout: Rollout, _ command: String) -> Cause {
    Cause(actor: "system/rollout", command: command, job: nil)
  }

  /// Asks for the routers of a stage to be rebuilt.
  private func begin(_ stage: Int, of rollout: Rollout) async throws {
    let reports = reports(of: rollout.stages[stage])
    try await enter(stage, of: rollout, cause(of: rollout, "rolloutStage")) { step, draft in
      step.faults = Array((reports[step.router]?.failedKeys ?? []).prefix(1000))
      try Self.change(step.router, &draft) { rebuilds, renderer in
        step.number = Self.next(rebuilds, reports[step.router])
        rebuilds = step.number
        step.formerRenderer = renderer
        if let wanted = rollout.renderer { renderer = wanted }
      }
    }
  }

  /// Enters a stage, unless the rollout went on meanwhile; `ready` makes each of its steps ready.
  func enter(
    _ stage: Int, of rollout: Rollout, _ cause: Cause,
    _ ready: @escaping @Sendable (inout RolloutStep, inout Draft) throws -> Void
  ) async throws {
    try await transact(cause) { draft in
      guard var current = draft.get(rollout.id), current.state == rollout.state, current.stage == rollout.stage else {
        return
      }
      if current.state == .running { Self.markVerified(&current, draft.now) }
      current.state = .running
      current.stage = stage
      current.stageBegan = draft.now
      for index in current.stages[stage].indices { try ready(&current.stages[stage][index], &draft) }
      try draft.put(current)
    }
  }

  private func reports(of stage: [RolloutStep]) -> [UUID: ScopeReport] {
    var reports: [UUID: ScopeReport] = [:]
    for step in stage { reports[step.router] = standing(of: step.router)?.report }
    return reports
  }

  /// A number that the node has not seen, though the ledger may be an earlier one that was brought back.
  private static func next(_ rebuilds: Int?, _ report: ScopeReport?) -> Int {
    max(rebuilds ?? 0, Int(report?.rebuilt ?? 0), Int(report?.rebuildFailed ?? 0)) + 1
  }

  private func verifyStage(of rollout: Rollout) async throws {
    try await transact(cause(of: rollout, "rolloutStage")) { draft in
      guard var current = draft.get(rollout.id), current.state == .running else { return }
      Self.markVerified(&current, draft.now)
      try draft.put(current)
    }
  }

  /// Takes the stage under way back to the version of the rules that it had. A router that came out wrong has returned by itself
  /// already; the others are rebuilt once more.
  private func giveBack(_ rollout: Rollout, _ reason: String) async throws {
    let reports = reports(of: rollout.stages[rollout.stage])
    try await transact(cause(of: rollout, "returnStage")) { draft in
      guard var current = draft.get(rollout.id), current.state == .running else { return }
      current.state = .returning
      current.message = reason
      current.stageBegan = draft.now
      for index in current.stages[current.stage].indices {
        var step = current.stages[current.stage][index]
        try Self.change(step.router, &draft) { rebuilds, renderer in
          renderer = step.formerRenderer
          let report = reports[step.router]
          if let report, Int(report.rebuildFailed) >= step.number { return }
          step.number = Self.next(rebuilds, report)
          rebuilds = step.number
        }
        current.stages[current.stage][index] = step
      }
      try draft.put(current)
    }
  }

  private static func change(
    _ router: UUID, _ draft: inout Draft, _ body: (inout Int?, inout Int?) -> Void
  ) throws {
    if var cell = draft.get(ID<Cell>(router)) {
      body(&cell.rebuilds, &cell.renderer)
      try draft.put(cell)
    } else if var virtual = draft.get(ID<VirtualRouter>(router)) {
      body(&virtual.rebuilds, &virtual.renderer)
      try draft.put(virtual)
    }
  }

  private func end(_ rollout: Rollout, _ end: RolloutState, _ message: String) async throws {
    let job = state.jobs.first("pending", .uuid(rollout.id.uuid))
    guard let job else {
      try await transact(cause(of: rollout, "endRollout")) { draft in
        try Rollouts.settle(rollout.id, end, message, &draft)
      }
      return
    }
    switch end {
    case .completed: await complete(job.id)
    default: await fail(job.id, message)
    }
  }

  /// Routers whose rules are older than what their nodes render are led to it, unless that was tried in vain.
  private func leadToNewestRenderer() async throws {
    let newest = newestRenderer
    guard newest > 1 else { return }
    let state = self.state
    for zone in state.zones.all where state.isCarried(zone.id) {
      let rollouts = state.rollouts.matching("zone", .id(zone.id))
      guard !rollouts.contains(where: { $0.state.isUnderWay || $0.renderer == newest && $0.state != .completed }) else {
        continue
      }
      let behind = Rollouts.all(in: zone.id, state).filter { Rollouts.renderer(of: $0, state) < newest }
      guard !behind.isEmpty,
        let system = state.accounts.all.filter({ $0.type == .rootAdmin }).min(by: { $0.created < $1.created })
      else { continue }
      let stages = Rollouts.stages(behind, share: settings.stageShare, of: zone.id, state)
      logger.notice(
        "leading routers to new rules", metadata: ["zone": "\(zone.name)", "renderer": "\(newest)"])
      try await transact(Cause(actor: "system/rollout", command: "beginRollout", job: nil)) { draft in
        try draft.put(
          Rollout(
            id: draft.newID(), zone: zone.id, account: system.id, renderer: newest, stages: stages, created: draft.now))
        try Rollouts.forgetOld(&draft)
      }
    }
  }
}

extension Rollouts {
  static func renderer(of router: UUID, _ state: CloudState) -> Int {
    state.cells[ID(router)]?.renderer ?? state.routers[ID(router)]?.renderer ?? 1
  }
}

extension Duration {
  var seconds: TimeInterval {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
