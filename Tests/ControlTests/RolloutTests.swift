import Addresses
import CloudModel
import Control
import FoundationEssentials
import Ledger
import NodePlan
import Synchronization
import Testing

/// True the first time it is asked.
private final class Once: Sendable {
  private let asked = Atomic(false)
  func isFirst() -> Bool { !asked.exchange(true, ordering: .relaxed) }
}

@Suite(.timeLimit(.minutes(2))) struct RolloutTests {
  private struct Timeout: Error {}

  /// Waits, for at most twenty seconds.
  private func wait(_ what: String, _ condition: () throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(20)
    while try !condition() {
      guard ContinuousClock.now < limit else {
        Issue.record("not within 20 s: \(what)")
        throw Timeout()
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// A cloud whose Basic zone has eight cells, and a node.
  private func with(_ node: RebuildingNode, _ body: (Cloud, ID<Zone>) async throws -> Void) async throws {
    try await Cloud.with { cloud in
      let zone = try cloud.zone(.basic)
      try await cloud.write { draft in
        for index in 3...8 {
          try draft.put(
            Cell(
              id: draft.newID(), name: "cell-\(index)", zone: zone.id, index: index, publicPrefixes: [], node: "node",
              created: draft.now))
        }
      }
      let link = node.connect(to: cloud.control)
      defer { link.cancel() }
      try await wait("all are reported") { cloud.control.health().scopes.count >= 8 }
      try await body(cloud, zone.id)
      link.cancel()
      _ = await link.result
    }
  }

  private func latest(_ cloud: Cloud) throws -> Rollout {
    try #require(cloud.state.rollouts.all.max { $0.created < $1.created })
  }

  @Test func `a zone is rebuilt a quarter at a time`() async throws {
    let node = RebuildingNode()
    try await with(node) { cloud, zone in
      let started = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      #expect(try await cloud.end(of: started.job) == .succeeded)
      let seen = node.state
      #expect(seen.asked.count == 8 && seen.mostAtOnce <= 2, "\(seen.mostAtOnce) at once")
      let rollout = try latest(cloud)
      #expect(rollout.state == .completed && rollout.stages.map(\.count) == [2, 2, 2, 2])
      #expect(rollout.steps.allSatisfy { $0.verified != nil })
      let progress = cloud.control.progress(of: rollout, countingAccounts: true)
      #expect(progress.services["staticnat"]?.wanted == 80 && progress.services["staticnat"]?.verified == 80)
      #expect(cloud.state.cells.all.allSatisfy { $0.rebuilds == 1 && $0.renderer == nil })
    }
  }

  @Test func `the first failure halts it, and what it has not reached stays untouched`() async throws {
    let node = RebuildingNode { _, _ in true }
    try await with(node) { cloud, zone in
      let started = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      #expect(try await cloud.end(of: started.job) == .failed)
      #expect(try latest(cloud).message == "it leads astray")
      #expect(node.state.asked.count <= 2)
      #expect(cloud.state.cells.all.count { $0.rebuilds == nil } == 6)
    }
  }

  @Test func `new rules that fail are taken back in their stage and not tried again`() async throws {
    let node = RebuildingNode(newest: 2) { _, renderer in renderer == 2 }
    try await with(node) { cloud, zone in
      try await wait("it ends") { try !cloud.state.rollouts.isEmpty && !latest(cloud).state.isUnderWay }
      let rollout = try latest(cloud)
      #expect(rollout.state == .failed && rollout.renderer == 2 && rollout.stage == 0)
      #expect(Set(node.state.asked.map(\.router)).count <= 2, "other cells never see it")
      #expect(cloud.state.cells.all.allSatisfy { ($0.renderer ?? 1) == 1 }, "what is wanted is what was verified last")
      // Somebody has to ask for it again.
      let again = try await cloud.control.rebuildNetwork(.zone(zone), renderer: 2, by: cloud.caller)
      #expect(try await cloud.end(of: again.job) == .failed)
      #expect(cloud.state.rollouts.count == 2)
    }
  }

  @Test func `of a stage that half succeeded the other half is rebuilt as it was`() async throws {
    let first = Once()
    let node = RebuildingNode(newest: 2) { _, renderer in renderer == 2 && first.isFirst() }
    try await with(node) { cloud, zone in
      try await wait("it ends") { try !cloud.state.rollouts.isEmpty && !latest(cloud).state.isUnderWay }
      #expect(try latest(cloud).state == .failed)
      #expect(node.state.renderers.values.allSatisfy { $0 < 2 }, "\(node.state.renderers)")
      #expect(cloud.state.cells.all.allSatisfy { ($0.renderer ?? 1) == 1 })
    }
  }

  @Test func `new rules go through all cells by themselves`() async throws {
    let node = RebuildingNode(newest: 2)
    try await with(node) { cloud, zone in
      try await wait("it ends") { try !cloud.state.rollouts.isEmpty && !latest(cloud).state.isUnderWay }
      #expect(try latest(cloud).state == .completed)
      #expect(node.state.mostAtOnce <= 2 && cloud.state.cells.all.allSatisfy { $0.renderer == 2 })
    }
  }

  @Test func `a manager that comes after one that died goes on`() async throws {
    let node = RebuildingNode()
    try await Cloud.with { cloud in
      let zone = try cloud.zone(.basic).id
      // No node is there: the first stage waits.
      let started = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      try await wait("the first stage has begun") { try latest(cloud).state == .running }
      try await cloud.restart()
      let link = node.connect(to: cloud.control)
      #expect(try await cloud.end(of: started.job) == .succeeded)
      #expect(try latest(cloud).state == .completed)
      link.cancel()
      _ = await link.result
    }
  }

  @Test func `a cancelled rebuild ends with its stage`() async throws {
    let node = RebuildingNode()
    try await with(node) { cloud, zone in
      let started = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      let id: ID<Rollout> = try started.id()
      try await cloud.control.cancelRebuild(id, by: cloud.caller)
      #expect(try await cloud.end(of: started.job) == .failed)
      #expect(try latest(cloud).state == .cancelled && node.state.asked.count < 8)
      await #expect(throws: ControlError.self) { try await cloud.control.cancelRebuild(id, by: cloud.caller) }
    }
  }

  @Test func `customers' changes do not wait for a rebuild`() async throws {
    let node = RebuildingNode()
    try await with(node) { cloud, zone in
      let started = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      for number in 0..<5 {
        let machine = try await cloud.control.deployVirtualMachine(
          cloud.deployment(.basic, "vm-\(number)"), by: cloud.caller)
        #expect(try await cloud.end(of: machine.job) == .succeeded)
      }
      #expect(try await cloud.end(of: started.job) == .succeeded)
    }
  }

  @Test func `one at a time goes through a zone, and the same not twice`() async throws {
    let node = RebuildingNode()
    try await with(node) { cloud, zone in
      let first = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      await #expect(throws: ControlError.self) {
        try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      }
      #expect(try await cloud.end(of: first.job) == .succeeded)
      let second = try await cloud.control.rebuildNetwork(.zone(zone), renderer: nil, by: cloud.caller)
      #expect(try await cloud.end(of: second.job) == .succeeded)
      #expect(node.state.mostAtOnce <= 2)
    }
  }
}
