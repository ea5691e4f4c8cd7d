import CloudModel
import FoundationEssentials
import Ledger
import Logging
package import NodePlan
import Planning
import Synchronization

extension Control {
  /// Serves one agent until its stream ends: brings it to the newest plan, then sends differences as they arise.
  package func serve<Reports: AsyncSequence & Sendable>(
    reports: Reports, send: @escaping @Sendable (PlanUpdate) async throws -> Void
  ) async throws where Reports.Element == NodeReport {
    let (updates, continuation) = AsyncStream.makeStream(
      of: PlanUpdate.self, bufferingPolicy: .bufferingOldest(Self.queuedUpdates))
    let number = nodes.state.withLock { state in
      state.sessionCount += 1
      return state.sessionCount
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await update in updates { try await send(update) }
      }
      group.addTask {
        var node: String?
        defer {
          if let node { self.leave(node, number) }
          continuation.finish()
        }
        for try await report in reports {
          switch report.body {
          case .hello(let hello):
            try self.welcome(hello, continuation, number)
            node = hello.node
          case .scope(let scope):
            if let node { self.settleLater(self.nodes.take(scope, from: node, session: number)) }
          case .`guard`(let held): self.note(held, of: node, number)
          case .refusal(let refusal): self.note(refusal, of: node)
          case .received(let received):
            if let node { self.settleLater(self.nodes.follow(node, received.generation, session: number)) }
          case nil: break
          }
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Updates that may wait for a node that is slow to read. One that is slower connects anew and gets a complete plan.
  private static let queuedUpdates = 8192

  private func leave(_ node: String, _ number: Int) {
    nodes.state.withLock { state in
      if state.sessions[node]?.number == number { state.sessions[node] = nil }
    }
    logger.notice("agent left", metadata: ["node": "\(node)"])
  }

  private func note(_ held: GuardReport, of node: String?, _ number: Int) {
    guard let node else { return }
    settleLater(nodes.hold(held, on: node, session: number))
    if held.held > 0 {
      logger.critical(
        "the agent holds removals that nothing accounts for; traffic flows on",
        metadata: ["node": "\(node)", "held": "\(held.held)", "reason": "\(held.reason)"])
    }
  }

  private func note(_ refusal: Refusal, of node: String?) {
    guard let node else { return }
    nodes.state.withLock { $0.refusals[node] = refusal }
    logger.critical(
      "the agent refuses this manager's plan; traffic flows on",
      metadata: ["node": "\(node)", "reason": "\(refusal.reason)"])
  }

  /// Queues what brings a node that just connected to the newest plan. What happened since the generation it knows is
  /// attributed revision by revision; nothing else may take anything away.
  private func welcome(
    _ hello: Hello, _ send: AsyncStream<PlanUpdate>.Continuation, _ number: Int
  ) throws {
    let stranger = whyNotOurs(hello, ledger.snapshot) ?? nodes.state.withLock { $0.distrust }
    var refusal = Refusal()
    refusal.generation = hello.generation
    refusal.reason = stranger ?? ""
    let told = refusal
    nodes.state.withLock { state in
      state.hellos[hello.node] = hello
      state.refusals[hello.node] = nil
      state.sessions[hello.node] = nil
      if let stranger {
        state.distrust = state.distrust ?? stranger
        state.refusals[hello.node] = told
      }
    }
    if let stranger {
      logger.critical(
        "this ledger is not what the node was told last; nothing can be changed, traffic flows on",
        metadata: ["node": "\(hello.node)", "reason": "\(stranger)"])
    }
    for _ in 0..<Self.joinAttempts {
      let holds = nodes.state.withLock { $0.holds }
      let plan = try newestPlan(for: hello, ledger.snapshot, holds)
      if nodes.state.withLock({ join(&$0, hello, plan, send, number) }) { return }
    }
    // While changes come faster than plans are made, they have to wait for this one.
    try nodes.state.withLock { state in
      let plan = try newestPlan(for: hello, ledger.snapshot, state.holds)
      _ = join(&state, hello, plan, send, number)
    }
  }

  private static let joinAttempts = 3

  /// A node that saw more than the ledger holds proves that the ledger is an old copy or another cloud's. Whatever was
  /// written into it would have to be given up with it.
  private func whyNotOurs(_ hello: Hello, _ snapshot: Snapshot) -> String? {
    let ledger = snapshot.ledger.uuidString.lowercased()
    let remedy = "; put the right ledger back and restart the manager"
    if hello.ledger.isEmpty { return nil }
    if hello.ledger != ledger {
      return "node \(hello.node) belongs to ledger \(hello.ledger), not to \(ledger)" + remedy
    }
    if hello.epoch > snapshot.epoch {
      return "node \(hello.node) has seen epoch \(hello.epoch), the ledger is of epoch \(snapshot.epoch)" + remedy
    }
    if hello.epoch == snapshot.epoch && hello.generation > snapshot.revision {
      return "node \(hello.node) has seen revision \(hello.generation), the ledger ends at \(snapshot.revision)"
        + remedy
    }
    return nil
  }

  /// A node that has what it was to have at its generation is told the difference since then, any other the complete plan. And
  /// the scopes of the newest plan.
  private func newestPlan(
    for hello: Hello, _ snapshot: Snapshot, _ holds: Holds?
  ) throws -> (update: PlanUpdate, scopes: Set<String>) {
    let staged = snapshot.state.rollouts.all.filter { rollout in
      rollout.change != nil && (rollout.state.isUnderWay || rollout.ended ?? 0 > hello.generation)
    }
    if staged.isEmpty, let difference = try difference(for: hello, snapshot) { return difference }
    let plan = try completePlan(for: hello, snapshot, staged, holds)
    return (plan, Set(plan.upserts.map(\.scope)))
  }

  /// nil if the node does not have what it was to have, or nobody knows.
  private func difference(
    for hello: Hello, _ snapshot: Snapshot
  ) throws -> (update: PlanUpdate, scopes: Set<String>)? {
    guard !hello.digest.isEmpty, hello.ledger == snapshot.ledger.uuidString.lowercased(),
      hello.epoch == snapshot.epoch, hello.generation <= snapshot.revision
    else { return nil }
    let (earlier, attribution) = try reconstruct(hello.generation, snapshot)
    var outline = try Planner.outline(node: hello.node, state: earlier)
    guard outline.digest.bytes == hello.digest else { return nil }
    var update = newUpdate(snapshot, generation: snapshot.revision)
    update.base = hello.generation
    var upserts: [String: PlanObject] = [:]
    for (revision, resources) in attribution {
      let difference = Planner.difference(
        node: hello.node, resources: resources, before: earlier, after: snapshot.state, revision: revision.number)
      for object in difference.upserts { upserts[object.key] = object }
      update.removals += difference.removals.map { Self.removal($0, revision) }
    }
    update.upserts = upserts.values.sorted { $0.key < $1.key }
    if !upserts.isEmpty || !update.removals.isEmpty {
      outline = try Planner.outline(node: hello.node, state: snapshot.state)
    }
    return (update, outline.scopes)
  }

  /// - Parameter staged: changes that go in stages, or have since the generation that the node knows.
  private func completePlan(
    for hello: Hello, _ snapshot: Snapshot, _ staged: [Rollout], _ holds: Holds?
  ) throws -> PlanUpdate {
    let isOurs = hello.ledger == snapshot.ledger.uuidString.lowercased()
    let restoration =
      isOurs && hello.epoch < snapshot.epoch ? snapshot.state.restoration(of: snapshot.epoch) : nil
    // What the node saw of revisions after the backup's last one was given up.
    let known = isOurs ? min(hello.generation, restoration?.last ?? snapshot.revision) : 0
    // What a stage brought is accounted for by the change, which the node may have followed long before.
    let first = staged.compactMap(\.change).map { max($0, ledger.oldest) - 1 }.reduce(known, min)
    let (earlier, attribution) = try reconstruct(first, snapshot)
    var plan = Planner.plan(node: hello.node, state: snapshot.state, revision: known == 0 ? snapshot.revision : known)
    var removals: [Removal] = []
    for (revision, resources) in attribution {
      let difference = Planner.difference(
        node: hello.node, resources: resources, before: earlier, after: snapshot.state, revision: revision.number)
      let stages = staged.first { $0.change == revision.number }?.revisions ?? [:]
      for object in difference.upserts {
        guard let present = plan[object.key]?.revision else { continue }
        plan[object.key]?.revision = max(present, revision.number, stages[object.scope] ?? 0)
      }
      removals += difference.removals.map { object in
        Self.removal(object, max(revision.number, stages[object.scope] ?? 0), revision.cause)
      }
    }
    if !staged.isEmpty {
      for (key, held) in try self.holds(holds, upTo: snapshot.revision, snapshot).held(on: hello.node) {
        plan[key] = held.before
        plan[key]?.revision = held.change - 1
      }
      removals.removeAll { plan[$0.key] != nil }
    }
    var update = newUpdate(snapshot, generation: snapshot.revision)
    update.complete = true
    update.upserts = plan.sorted { $0.key < $1.key }.map(\.value)
    update.removals = removals
    update.restored = restoration?.revision ?? 0
    return update
  }

  /// Queues the plan and registers the session, unless newer revisions were fed to the nodes meanwhile.
  private func join(
    _ state: inout NodeBoard.State, _ hello: Hello, _ newest: (update: PlanUpdate, scopes: Set<String>),
    _ send: AsyncStream<PlanUpdate>.Continuation, _ number: Int
  ) -> Bool {
    let plan = newest.update
    guard state.fed <= plan.generation else { return false }
    guard case .enqueued = send.yield(plan) else {
      // The node reads too slowly; it connects anew.
      send.finish()
      return true
    }
    state.sessions[hello.node] = .init(
      number: number, send: send, generation: plan.generation, joined: plan.generation,
      scopes: newest.scopes, isOfEarlierEpoch: hello.epoch < plan.epoch)
    logger.notice(
      "agent connected",
      metadata: [
        "node": "\(hello.node)", "generation": "\(hello.generation)", "objects": "\(plan.upserts.count)",
        "complete": "\(plan.complete)",
      ])
    return true
  }

  /// The state as it was at `revision`, by taking back what came after, and what came after. What is no longer kept
  /// accounts for nothing: the node then holds back the removals among it.
  private func reconstruct(
    _ revision: UInt64, _ snapshot: Snapshot
  ) throws -> (state: CloudState, changes: [(Revision, [any Resource])]) {
    guard revision < snapshot.revision, revision > 0 else { return (snapshot.state, []) }
    let history: [Revision]
    var state = snapshot.state
    do {
      history = try ledger.history(from: revision + 1, to: snapshot.revision)
      for revision in history.reversed() { try state.takeBack(revision) }
    } catch let error as LedgerError where error.code == .behind {
      return (snapshot.state, [])
    }
    return (state, history.map { ($0, $0.changes.flatMap { [$0.before, $0.after].compactMap { $0 } }) })
  }
}

extension CloudState {
  /// Makes this, the state after a revision, the state before it.
  mutating func takeBack(_ revision: Revision) throws {
    guard !revision.changes.contains(where: \.isBeforeUnknown) else {
      throw LedgerError(.behind, "what was before revision \(revision.number) is no longer kept")
    }
    // First away, then back: what must be unique may have passed from one resource to another.
    for change in revision.changes { change.after?.remove(from: &self) }
    for change in revision.changes { try change.before?.put(into: &self) }
  }
}
