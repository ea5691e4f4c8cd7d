import CloudModel
import FoundationEssentials
import Ledger
import Logging
import NodePlan
import Planning
import Synchronization

extension Control {
  /// Carries a revision that goes in stages on.
  func takeOnChange(_ rollout: Rollout) async throws {
    guard let number = rollout.change, let holds = nodes.state.withLock({ $0.holds }), holds.position >= number else {
      return
    }
    guard let change = holds.changes[number] else {
      let reason = "What was before revision \(number) is no longer kept; all follow it"
      return try await endChange(rollout, .failed, reason)
    }
    let course = ChangeCourse(
      patience: settings.stagePatience.seconds, doubt: settings.stageDoubt.seconds, calm: settings.stageCalm.seconds,
      now: Date(), keys: change.keys)
    switch course.next(rollout, { nodes.standing(of: $0, on: $1, since: $2) }) {
    case .wait: return
    case .begin(let stage): try await beginStage(stage, of: rollout)
    case .complete:
      try await endChange(rollout, .completed, "")
    case .takeBack(let reason):
      logger.error("a change is halted", metadata: ["revision": "\(number)", "reason": "\(reason)"])
      if rollout.isForced == true { return try await endChange(rollout, .failed, reason) }
      try await takeBack(rollout, number, reason)
    case .end:
      let taken = rollout.reverted.map { "; revision \(number) was taken back by revision \($0)" } ?? ""
      try await endChange(rollout, rollout.isCancelled ? .cancelled : .failed, rollout.reason + taken)
    }
  }

  /// The stage begins with this revision, by which the nodes get what waits for it.
  private func beginStage(_ stage: Int, of rollout: Rollout) async throws {
    try await enter(stage, of: rollout, Self.onChange("rolloutStage")) { step, draft in
      step.number = Int(draft.nextRevision)
      step.faults = self.nodes.faults(of: step.scopes ?? [])
    }
  }

  static func markVerified(_ rollout: inout Rollout, _ now: Date) {
    guard rollout.stages.indices.contains(rollout.stage) else { return }
    for index in rollout.stages[rollout.stage].indices { rollout.stages[rollout.stage][index].verified = now }
  }

  private static func onChange(_ command: String, job: UUID? = nil) -> Cause {
    Cause(actor: "system/rollout", command: command, job: job)
  }

  /// Takes the revision back by a new one, as `revertRevision` does. Where later changes stand in the way, it stays as it is
  /// until somebody decides.
  private func takeBack(_ rollout: Rollout, _ number: UInt64, _ reason: String) async throws {
    let job = ID<AsyncJob>(.random())
    do {
      let changes = try revisions(from: number, to: number).flatMap(\.changes)
      guard !changes.isEmpty, !changes.contains(where: \.isBeforeUnknown) else {
        throw ControlError(.invalidParameter, "What was before revision \(number) is no longer kept")
      }
      let merged = try Self.merge(changes)
      try await transact(Self.onChange("revertRevision", job: job.uuid)) { draft in
        guard var current = draft.get(rollout.id), current.state == rollout.state, current.stage == rollout.stage else {
          return
        }
        let references = try Self.takeBack(merged, &draft) { resource, _ in
          guard Revert.kinds.contains(resource.kindName) else {
            throw ControlError(.unsupported, "A \(resource.kindName) cannot be brought back by a revert")
          }
        }
        if let user = current.user ?? draft.state.users.matching("account", .id(current.account)).first?.id {
          var own = AsyncJob(
            id: job, command: "revertRevision", account: current.account, user: user,
            instanceType: JobSubject.revision.rawValue, revision: draft.nextRevision, created: draft.now)
          own.references = references
          try draft.put(own)
        }
        current.state = .returning
        current.message = reason
        current.reverted = draft.nextRevision
        current.stageBegan = draft.now
        try draft.put(current)
      }
    } catch let error as ControlError where error.code != .internalError && error.code != .resourceUnavailable {
      try await halt(rollout, number, reason, error.message)
    }
  }

  private func halt(_ rollout: Rollout, _ number: UInt64, _ reason: String, _ obstacle: String) async throws {
    try await transact(Self.onChange("haltRollout")) { draft in
      guard var current = draft.get(rollout.id), current.state == rollout.state else { return }
      let wasHalted = current.state == .halted
      current.state = .halted
      current.isCancelled = false
      current.message = reason + Rollouts.obstacle + obstacle
      try draft.put(current)
      guard !wasHalted, let type = AlertTypes.names.firstIndex(of: "ALERT.MANAGEMENT") else { return }
      try draft.put(
        Alert(
          id: draft.newID(), type: type, name: "Revision \(number) is halted",
          description: current.message
            + ". What has not followed it waits: cancelRebuild id=\(current.id) tries to take it back again, with "
            + "release=true the rest follows",
          zone: current.zone.uuid, sent: draft.now))
    }
  }

  /// The job of the revision ends first: whoever finds the rollout under way ends both.
  private func endChange(_ rollout: Rollout, _ end: RolloutState, _ message: String) async throws {
    if let job = rollout.job, state.jobs[job]?.status == .pending {
      if end == .completed { await complete(job) } else { await fail(job, message) }
    }
    try await transact(Self.onChange("endRollout")) { draft in
      guard var current = draft.get(rollout.id), current.state.isUnderWay else { return }
      if end == .completed {
        for stage in current.stages.indices {
          for step in current.stages[stage].indices where current.stages[stage][step].verified == nil {
            current.stages[stage][step].verified = draft.now
          }
        }
      }
      current.state = end
      current.message = message
      current.completed = draft.now
      current.ended = draft.nextRevision
      try draft.put(current)
    }
  }

  /// What waits behind a failure follows all the same, as one last stage.
  static func release(_ rollout: inout Rollout, _ draft: borrowing Draft) throws(ControlError) {
    guard rollout.change != nil, rollout.state == .halted else {
      throw ControlError(.invalidParameter, "Only what waits behind a change that is halted can be let through")
    }
    rollout.isForced = true
    var rest = rollout.steps.filter { $0.number == 0 }
    guard !rest.isEmpty else { return }
    for index in rest.indices { rest[index].number = Int(draft.nextRevision) }
    let begun = rollout.stages.filter { $0.contains { $0.number > 0 } }
    rollout.stages = begun + [rest]
    rollout.stage = begun.count
    rollout.state = .running
    rollout.stageBegan = draft.now
    rollout.message = rollout.reason
  }
}

extension NodeBoard {
  /// How a scope of a node stands since a revision.
  func standing(of scope: String, on node: String, since revision: UInt64) -> ChangeCourse.Standing {
    state.withLock { state in
      guard let session = state.sessions[node] else { return .silent }
      if state.guards[node]?.values.contains(where: { $0.revisions.contains(revision) }) == true {
        return .open("holds removals until somebody confirms them")
      }
      guard let reported = state.reports[scope], reported.session == session.number else {
        let isGone = session.followed >= max(revision, session.joined) && !session.scopes.contains(scope)
        return isGone ? .verified(.infinity) : .open("is not reported")
      }
      let report = reported.report
      guard max(report.generation, session.followed) >= revision else { return .open("has not followed yet") }
      let why = report.message.isEmpty ? report.lastDrift : report.message
      switch report.phase {
      case .verified: return .verified(Date().timeIntervalSince1970 - Double(report.verifiedAtNs) / 1e9)
      case .failed where !report.failedKeys.isEmpty: return .failed(why, Set(report.failedKeys))
      case .failed, .lost:
        let since = reported.failedSince.map { ($0.duration(to: .now)).seconds } ?? 0
        return .inDoubt(why.isEmpty ? "\(report.phase)" : why, since)
      default: return .open("is \(report.phase)")
      }
    }
  }

  /// What could not be put in place of scopes so far.
  func faults(of scopes: [String]) -> [String] {
    state.withLock { state in scopes.flatMap { Array((state.reports[$0]?.report.failedKeys ?? []).prefix(1000)) } }
  }
}
