import Dataplane
package import Hypervisor
package import Logging
package import NodePlan

/// The loop on a node: what is accepted is saved, then applied, then reported, with a manager or without.
package actor NodeAgent {
  package struct Configuration: Sendable {
    /// The node's name, as the manager knows it.
    package var node: String
    /// The state folder; the agent's own part is `agent` in it.
    package var state: String
    package var managerSocket: String
    /// The newest version of routers' rules that is rendered here.
    package var renderer: UInt32 = 1

    package init(node: String, state: String, managerSocket: String) {
      self.node = node
      self.state = state
      self.managerSocket = managerSocket
    }
  }

  private let configuration: Configuration
  private let network: any NetworkPlane
  private let instances: InstanceHost
  private let board: ReportBoard
  private let metadata: MetadataIndex
  private let logger: Logger
  private let bootID: String
  private var store: PlanStore
  private var plan = Plan()
  private var scopes: [String: Int] = [:]
  /// Puts the stored plan, if there is one, in place. What the manager sends meanwhile waits for it.
  private var restoration: Task<Void, any Error>?
  private(set) var isRestored = false
  /// A complete plan was asked for and did not come yet.
  private var isAwaitingPlan = false

  package init(
    configuration: Configuration, network: any NetworkPlane, instances: InstanceHost, board: ReportBoard,
    metadata: MetadataIndex, logger: Logger
  ) {
    self.configuration = configuration
    self.network = network
    self.instances = instances
    self.board = board
    self.metadata = metadata
    self.logger = logger
    store = PlanStore(folder: configuration.state + "/agent")
    bootID = BootID.current
  }

  /// Applies the stored plan and serves the manager until the task is cancelled. What forwards goes on afterwards.
  package func run() async throws {
    let start = Task.detached { [network] in try await network.start() }
    load()
    let restoration = Task {
      try await start.value
      await restore()
    }
    self.restoration = restoration
    let link = ManagerLink(
      socketPath: configuration.managerSocket, board: board, logger: logger, hello: { await self.hello() },
      receive: { await self.follow($0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await link.run() }
      group.addTask {
        try await restoration.value
        await self.instances.watch()
      }
      try await group.waitForAll()
    }
    await network.stop()
  }

  /// The manager answers it with what the plan lacks, or with a complete plan.
  private func hello() async -> Hello {
    var hello = Hello()
    hello.node = configuration.node
    hello.bootID = bootID
    hello.accelerator = await instances.accelerator
    hello.renderer = configuration.renderer
    hello.ledger = plan.ledger
    hello.epoch = plan.epoch
    hello.generation = plan.generation
    if !isAwaitingPlan, plan.held.isEmpty, let digest = try? PlanDigest(of: Array(plan.objects.values)) {
      hello.digest = digest.bytes
    }
    return hello
  }

  private func load() {
    do throws(AgentError) {
      let loaded = try store.load()
      if let problem = loaded.problem { report(problem, generation: loaded.plan?.generation ?? 0) }
      plan = loaded.plan ?? Plan()
    } catch {
      report(error, generation: 0)
    }
    for object in plan.objects.values { scopes[object.scope, default: 0] += 1 }
    board.post(holds: plan.guardReports)
  }

  /// Nothing is applied if nothing is stored: missing is not empty.
  private func restore() async {
    if !plan.ledger.isEmpty {
      logger.info("restoring generation \(plan.generation), \(plan.objects.count) objects")
      await apply(upserts: Array(plan.objects.values), removals: [], complete: true)
    }
    isRestored = true
  }

  /// Judges an update and does what is accepted of it.
  package func follow(_ update: PlanUpdate) async { await follow([update]) }

  /// Judges one update after the other, and saves and applies all that is accepted in one step.
  package func follow(_ updates: [PlanUpdate]) async {
    guard (try? await restoration?.value) != nil else { return }
    var step = Step()
    for update in updates { await follow(update, &step) }
    await carryOut(&step)
  }

  /// Whether it could be saved.
  @discardableResult
  private func carryOut(_ step: inout Step) async -> Bool {
    guard step.isAccepted else { return true }
    var whole = step
    step = Step()
    do throws(AgentError) {
      try store.flush(plan)
    } catch {
      forget(whole, error, generation: plan.generation)
      return false
    }
    whole.inverses = []
    await apply(
      upserts: Array(whole.upserts.values), removals: Array(whole.removals), complete: whole.isComplete)
    // Only now is what was released done.
    if whole.held != nil { board.post(holds: plan.guardReports) }
    board.postReceived(plan.generation)
    return true
  }

  /// What of a step could not be saved was never accepted, and what follows does not continue what is stored.
  private func forget(_ step: Step, _ error: AgentError, generation: UInt64) {
    report(error, generation: generation)
    for inverse in step.inverses.reversed() {
      count(inverse)
      plan.apply(inverse)
    }
    board.post(holds: plan.guardReports)
    isAwaitingPlan = true
    Task {
      try? await Task.sleep(for: .seconds(1))
      if self.isAwaitingPlan { await self.askForCompletePlan() }
    }
  }

  /// What several updates come to.
  private struct Step {
    var upserts: [String: PlanObject] = [:]
    var removals: Set<String> = []
    var isComplete = false
    var isAccepted = false
    /// What was held at some time since the step began; nil if nothing of it has changed.
    var held: [String: HeldKey]?
    /// What takes it back, the first last.
    var inverses: [PlanAcceptance] = []

    /// What was put in place only now goes again, or elsewhere: its scope is to be told of both.
    func isUndone(by acceptance: PlanAcceptance) -> Bool {
      acceptance.removals.contains { upserts[$0] != nil }
        || acceptance.upserts.contains { object in upserts[object.key].map { $0.scope != object.scope } ?? false }
    }

    /// What the step held before is in the plan, or is to go.
    mutating func replace(with plan: Plan, _ acceptance: PlanAcceptance) {
      isAccepted = true
      isComplete = true
      removals = removals.union(acceptance.removals).subtracting(plan.objects.keys)
      upserts = plan.objects
    }

    mutating func add(_ acceptance: PlanAcceptance, isFirst: Bool) {
      isAccepted = true
      isComplete = isComplete || isFirst
      removals.formUnion(acceptance.removals)
      for object in acceptance.upserts { upserts[object.key] = object }
    }
  }

  private func follow(_ update: PlanUpdate, _ step: inout Step) async {
    switch PlanGuard.judge(plan, update) {
    case .refused(let reason, let needsComplete):
      // What was on its way when a complete plan was asked for is of no use, and no surprise.
      if needsComplete && isAwaitingPlan { return }
      refuse(update.generation, reason)
      if needsComplete { await askForCompletePlan() }
    case .accepted(let acceptance):
      let heldBefore = plan.held
      let isFirst = plan.ledger.isEmpty
      // Revisions of different epochs do not compare, so all that is reported from now on is to be of the new one.
      let isAnew = !isFirst && update.epoch > plan.epoch
      if step.isUndone(by: acceptance) {
        guard await carryOut(&step) else { return }
      }
      if plan.isChanged(by: acceptance) {
        do throws(AgentError) {
          try store.add(acceptance, of: plan)
        } catch {
          await carryOut(&step)
          forget(Step(), error, generation: update.generation)
          return
        }
        step.inverses.append(plan.inverse(of: acceptance))
      }
      if update.complete { isAwaitingPlan = false }
      count(acceptance)
      plan.apply(acceptance)
      if plan.held != heldBefore {
        for report in plan.guardReports {
          logger.warning("held: \(report.reason) (\(report.held) keys); an operator can confirm \(report.confirmation)")
        }
        let held = (step.held ?? heldBefore).merging(plan.held, uniquingKeysWith: { $1 })
        step.held = held
        board.post(holds: Plan.guardReports(held))
      }
      if isAnew { step.replace(with: plan, acceptance) } else { step.add(acceptance, isFirst: isFirst) }
    }
  }

  private func apply(upserts: [PlanObject], removals: [String], complete: Bool) async {
    let change = PlanChange(generation: plan.generation, complete: complete, upserts: upserts, removals: removals)
    async let indexed: Void = metadata.apply(upserts: upserts, removals: removals)
    await network.apply(change)
    await indexed
    await instances.apply(
      upserts: upserts, removals: removals, complete: complete, generation: plan.generation)
  }

  /// Keeps track of which scopes there are, by the number of their objects.
  private func count(_ acceptance: PlanAcceptance) {
    var touched: Set<String> = []
    func change(_ scope: String, _ difference: Int) {
      scopes[scope, default: 0] += difference
      touched.insert(scope)
    }
    for key in acceptance.removals {
      if let old = plan.objects[key] { change(old.scope, -1) }
    }
    for object in acceptance.upserts {
      if let old = plan.objects[object.key] { change(old.scope, -1) }
      change(object.scope, 1)
    }
    let gone = touched.filter { scopes[$0, default: 0] <= 0 }
    for scope in gone { scopes[scope] = nil }
    board.revive(touched.subtracting(gone))
    board.retire(gone.sorted())
  }

  private func askForCompletePlan() async {
    isAwaitingPlan = true
    board.post(await hello())
  }

  private func refuse(_ generation: UInt64, _ reason: String) {
    logger.warning("generation \(generation) refused: \(reason)")
    var refusal = Refusal()
    refusal.generation = generation
    refusal.reason = reason
    board.post(refusal)
  }

  private func report(_ error: AgentError, generation: UInt64) { refuse(generation, error.description) }
}
