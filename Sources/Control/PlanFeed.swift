import CloudModel
import FoundationEssentials
import Ledger
import Logging
import NodePlan
import Planning
import Synchronization

extension Control {
  /// Turns every revision, in order, into differences for the nodes, and notes which scopes its job waits for.
  func feedPlans() async throws {
    var position = nodes.state.withLock { $0.fed }
    try takeUpHolds(upTo: position)
    try adoptPendingJobs(upTo: position)
    while !Task.isCancelled {
      if let error = await follow(&position) {
        guard error.code == .behind else { throw error }
        position = try startOver()
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func follow(_ position: inout UInt64) async -> LedgerError? {
    var revisions = ledger.revisions(after: position).makeAsyncIterator()
    do throws(LedgerError) {
      while let committed = try await revisions.next() {
        var revision = committed.revision
        var last = committed
        // No job waits for what ends of jobs change, so of several in a row the nodes are told what they come to.
        if Self.isPlainEnd(revision) {
          let limit = revision.number + Self.toldAtOnce
          while let next = revisions.ready(if: { $0.number < limit && Self.isPlainEnd($0) }) {
            revision = revision.joined(by: next.revision)
            last = next
          }
        }
        feed(revision, from: committed, to: last)
        position = revision.number
      }
      return nil
    } catch { return error }
  }

  private static let toldAtOnce: UInt64 = 64

  /// The end of a job that is no stage of a rollout.
  private static func isPlainEnd(_ revision: Revision) -> Bool {
    revision.cause.command == finishing && !revision.changes.contains { $0.kind == Rollout.kind }
  }

  /// Too many revisions to follow one by one: the nodes connect anew and get complete plans.
  private func startOver() throws -> UInt64 {
    let revision = ledger.snapshot.revision
    logger.warning("the nodes' plans are far behind; they start over", metadata: ["revision": "\(revision)"])
    nodes.state.withLock { state in
      state.fed = revision
      for session in state.sessions.values { session.send.finish() }
      state.sessions = [:]
      state.holds = nil
    }
    try takeUpHolds(upTo: revision)
    try adoptPendingJobs(upTo: revision)
    return revision
  }

  private func takeUpHolds(upTo position: UInt64) throws {
    let holds = try holds(nil, upTo: position, ledger.snapshot)
    nodes.state.withLock { $0.holds = holds }
  }

  private func feed(_ revision: Revision, from first: Committed<Void>, to last: Committed<Void>) {
    // The state between two revisions has to be made, which is not worth it for what only keeps the books.
    let resources = Self.planned(revision)
    let differences =
      resources.isEmpty ? [] : differences(resources, first.before.state, last.after.state, revision.number)
    nodes.state.withLock { state in
      for (node, passed) in state.pass(revision, differences) {
        guard let session = state.sessions[node], session.generation < revision.number else { continue }
        state.sessions[node]?.generation = revision.number
        let update = update(passed, revision, base: session.generation)
        if case .enqueued = session.send.yield(update) { continue }
        session.send.finish()
        state.sessions[node] = nil
      }
      state.fed = revision.number
    }
    if revision.cause.command != Self.finishing, let id = revision.cause.job {
      let after = last.after.state
      if let job = after.jobs[ID(id)], job.revision == revision.number { wait(for: job, differences, after) }
    }
  }

  private func wait(
    for job: AsyncJob, _ differences: [(node: String, PlanDifference)], _ state: CloudState
  ) {
    // Such a job ends with its rollout, whose stages are revisions of their own.
    let isStaged = state.rollouts.matching("underway", .number(1)).contains { $0.change == job.revision }
    if job.instanceType == JobSubject.rollout.rawValue || isStaged { return }
    let earlier = differences.isEmpty ? Settlement.pending(before: job, in: state) : []
    settleLater(nodes.wait(job.id, Self.waiting(for: job, differences), earlier: earlier))
  }

  /// What a revision changes on each node.
  func differences(
    _ revision: Revision, _ before: CloudState, _ after: CloudState
  ) -> [(node: String, PlanDifference)] {
    differences(Self.planned(revision), before, after, revision.number)
  }

  /// What a revision touched that plans may be made of.
  private static func planned(_ revision: Revision) -> [any Resource] {
    revision.changes.flatMap { [$0.before, $0.after] }.compactMap { resource in
      resource.flatMap { type(of: $0).isBookkeeping ? nil : $0 }
    }
  }

  func differences(
    _ resources: [any Resource], _ before: CloudState, _ after: CloudState, _ number: UInt64
  ) -> [(node: String, PlanDifference)] {
    Set(before.nodes.all.map(\.name)).union(after.nodes.all.map(\.name)).compactMap { node in
      let difference = Planner.difference(
        node: node, resources: resources, before: before, after: after, revision: number)
      return difference.isEmpty ? nil : (node, difference)
    }
  }

  private static func waiting(
    for job: AsyncJob, _ differences: [(node: String, PlanDifference)]
  ) -> NodeBoard.Waiting {
    var waiting = NodeBoard.Waiting(
      generation: job.revision, scopes: [], keys: [], mayFail: !Settlement.isWithdrawal(job))
    for (node, difference) in differences {
      waiting.insert(difference.scopes, on: node)
      waiting.keys.formUnion(difference.upserts.map(\.key))
      waiting.removed.formUnion(difference.removals.map(\.key))
      for case .port(let port)? in difference.upserts.map(\.body) {
        // Its instance follows a change of the port, and says so.
        waiting.insert(["instance/\(port.instance)"], on: node)
        waiting.keys.insert("instance/\(port.instance)")
      }
    }
    return waiting
  }

  private func update(_ passed: Holds.Passed, _ revision: Revision, base: UInt64) -> PlanUpdate {
    var update = newUpdate(ledger.snapshot, generation: revision.number)
    update.base = base
    update.upserts = passed.upserts
    update.removals = passed.removals
    return update
  }

  func newUpdate(_ snapshot: Snapshot, generation: UInt64) -> PlanUpdate {
    var update = PlanUpdate()
    update.ledger = snapshot.ledger.uuidString.lowercased()
    update.epoch = snapshot.epoch
    update.fence = fence
    update.generation = generation
    return update
  }

  static func removal(_ object: PlanObject, _ revision: Revision) -> Removal {
    removal(object, revision.number, revision.cause)
  }

  static func removal(_ object: PlanObject, _ revision: UInt64, _ cause: Cause) -> Removal {
    var removal = Removal()
    removal.key = object.key
    removal.revision = revision
    removal.cause = "\(cause.command) by \(cause.actor)"
    return removal
  }

  func settleLater(_ outcomes: [NodeBoard.Outcome]) {
    if outcomes.isEmpty { return }
    Task { await end(outcomes) }
  }

  /// Jobs that an earlier manager left pending wait for what their revision changed, as the nodes report it now.
  private func adoptPendingJobs(upTo last: UInt64) throws {
    let snapshot = ledger.snapshot
    var state = snapshot.state
    let pending = Dictionary(
      state.jobs.matching("pending", .number(1)).map { ($0.revision, $0) },
      uniquingKeysWith: { first, _ in first }
    ).filter { $0.key <= last }
    guard let first = pending.keys.min() else { return }
    var adopted: [(job: AsyncJob, differences: [(node: String, PlanDifference)])] = []
    for revision in try ledger.history(from: max(first, ledger.oldest), to: snapshot.revision).reversed() {
      let after = state
      guard (try? state.takeBack(revision)) != nil else { break }
      if let job = pending[revision.number] { adopted.append((job, differences(revision, state, after))) }
    }
    for (job, differences) in adopted.reversed() { wait(for: job, differences, snapshot.state) }
  }
}
