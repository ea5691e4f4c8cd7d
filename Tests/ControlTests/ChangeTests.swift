import Addresses
import CloudModel
import FoundationEssentials
import Ledger
import NodePlan
import Planning
import Synchronization
import Testing

@testable import Control

/// Changes that concern many customers go in stages.
@Suite(.timeLimit(.minutes(2))) struct ChangeTests {
  private struct Timeout: Error {}
  private static let server = IPv4(192, 0, 2, 53)

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

  /// A cloud whose Isolate zone has eight customers with a router each.
  private func with(_ body: (Cloud, Zone) async throws -> Void) async throws {
    try await Cloud.with { cloud in
      let zone = try cloud.zone(.isolate)
      let host = try #require(cloud.state.hosts.matching("zone", .id(zone.id)).first)
      let offering = try #require(cloud.state.networkOfferings.all.first { $0.guestType == .isolated })
      let domain = try #require(cloud.state.domains.first("name", .text("root")))
      try await cloud.write { draft in
        for number in 1...8 {
          let account = Account(
            id: draft.newID(), name: "customer-\(number)", type: .user, domain: domain.id, created: draft.now)
          try draft.put(account)
          let network = Network(
            id: draft.newID(), name: "n", displayText: "n", zone: zone.id, offering: offering.id, account: account.id,
            guestType: .isolated, cidr: IPv4Prefix(IPv4(10, 1, 1, 0), length: 24), gateway: IPv4(10, 1, 1, 1),
            domainName: "x", vni: 100 + number, state: .implemented, created: draft.now)
          try draft.put(network)
          try draft.put(
            VirtualRouter(
              id: draft.newID(), name: "r-\(number)", network: network.id, zone: zone.id, account: account.id,
              host: host.id, created: draft.now))
        }
      }
      cloud.connect()
      try await wait("all are reported") { cloud.control.health().scopes.count { $0.key.hasPrefix("router/") } >= 8 }
      try await body(cloud, zone)
    }
  }

  private func change(_ cloud: Cloud, _ zone: Zone, _ dns: [IPv4] = [server]) async throws -> Rollout {
    var request = ZoneRequest()
    request.dns = dns
    try await cloud.control.updateZone(zone.id, request, by: cloud.caller)
    return try latest(cloud)
  }

  private func latest(_ cloud: Cloud) throws -> Rollout {
    try #require(cloud.state.rollouts.all.max { $0.created < $1.created })
  }

  private func router(_ step: RolloutStep) -> String { "router/\(ID<VirtualRouter>(step.router))" }

  private func dns(_ cloud: Cloud, _ step: RolloutStep) -> [UInt32] {
    guard case .router(let router)? = cloud.node.objects[router(step)]?.body else { return [] }
    return router.dns
  }

  /// The routers in a plan that have followed.
  private func changed(_ objects: [String: PlanObject]) -> Set<String> {
    Set(objects.filter { if case .router(let router)? = $0.value.body { !router.dns.isEmpty } else { false } }.keys)
  }

  /// Routers that are to follow are not done with it yet.
  private func pause(_ node: StandInNode) {
    node.answer { object in
      if case .router(let router)? = object.body, !router.dns.isEmpty { .applying } else { .verified }
    }
  }

  private func resume(_ cloud: Cloud) { cloud.node.answer { _ in .verified } }

  /// A change of one router that its customer asks for: it touches the key that waits.
  private func touch(_ cloud: Cloud, _ ids: [UUID]) async throws {
    try await cloud.control.transact(cloud.control.cause(cloud.caller, "test")) { draft in
      for id in ids {
        var router = try #require(draft.get(ID<VirtualRouter>(id)))
        router.rebuilds = (router.rebuilds ?? 0) + 1
        try draft.put(router)
      }
    }
  }

  @Test func `a wide change goes a quarter at a time, and its job ends with it`() async throws {
    try await with { cloud, zone in
      let before = cloud.node.updates.count
      let rollout = try await change(cloud, zone)
      #expect(rollout.stages.map(\.count) == [2, 2, 2, 2] && rollout.change != nil)
      try await wait("it ends") { try latest(cloud).state == .completed }
      let seen = cloud.node.updates.dropFirst(before).map { keys in keys.filter { $0.hasPrefix("router/") } }
      #expect(seen.map(\.count).max() == 2 && seen.map(\.count).reduce(0, +) == 8, "\(seen)")
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [Self.server.value] })
      #expect(try latest(cloud).steps.allSatisfy { $0.verified != nil })

      // The way back is as wide. Its job ends when all stages are verified.
      let back = try await cloud.control.revertRevision(try #require(rollout.change), by: cloud.caller)
      #expect(try latest(cloud).job == back.job && cloud.state.jobs[back.job]?.status == .pending)
      #expect(try await cloud.end(of: back.job) == .succeeded)
      try await wait("it ends") { try latest(cloud).state == .completed }
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [] } && cloud.state.zones[zone.id]?.dns == [])
      #expect(cloud.control.nodes.state.withLock { $0.holds?.changes.isEmpty } == true)
    }
  }

  @Test func `what concerns no more than the set share goes at once`() async throws {
    try await with { cloud, zone in
      let routers = cloud.state.routers.all.map(\.id.uuid)
      try await touch(cloud, Array(routers.prefix(1)))
      try await touch(cloud, Array(routers.prefix(2)))
      #expect(cloud.state.rollouts.isEmpty, "two of eight are a quarter")
      try await touch(cloud, Array(routers.prefix(3)))
      #expect(try latest(cloud).stages.map(\.count) == [2, 1])
      try await wait("it ends") { try latest(cloud).state == .completed }
    }
  }

  @Test func `a dry run tells the stages`() async throws {
    try await with { cloud, zone in
      var request = ZoneRequest()
      request.dns = [Self.server]
      let wanted = request
      do {
        try await Control.$isPreviewing.withValue(true) {
          try await cloud.control.updateZone(zone.id, wanted, by: cloud.caller)
        }
        Issue.record("a preview is thrown")
      } catch let preview as Preview {
        let rollout = preview.changes.compactMap { $0.after as? Rollout }.first
        #expect(rollout?.stages.map(\.count) == [2, 2, 2, 2] && cloud.state.rollouts.isEmpty)
      }
    }
  }

  @Test func `a stage that fails is taken back, and later ones never see anything`() async throws {
    try await with { cloud, zone in
      let control = cloud.control
      cloud.node.answer { object in
        guard case .router(let router)? = object.body, !router.dns.isEmpty else { return .verified }
        let rollout = control.state.rollouts.all.first { _ in true }
        return object.key == rollout.map { self.router($0.stages[1][1]) } ? .failed : .verified
      }
      let before = cloud.node.updates.count
      _ = try await change(cloud, zone)
      try await wait("it ends") { try !latest(cloud).state.isUnderWay }
      let rollout = try latest(cloud)
      let reverted = try #require(rollout.reverted)
      #expect(rollout.state == .failed && rollout.message.contains("taken back by revision \(reverted)"))
      #expect(rollout.message.contains("it cannot be done"), "\(rollout.message)")
      #expect(cloud.state.zones[zone.id]?.dns == [])
      let seen = cloud.node.updates.dropFirst(before).reduce(into: Set<String>()) { $0.formUnion($1) }
      #expect(rollout.stages[0...1].joined().allSatisfy { dns(cloud, $0) == [] })
      #expect(rollout.stages[2...3].joined().allSatisfy { !seen.contains(router($0)) }, "\(seen)")
    }
  }

  @Test func `customers' own changes go on, and a plan as a whole holds back the rest`() async throws {
    try await with { cloud, zone in
      pause(cloud.node)
      let rollout = try await change(cloud, zone)
      try await wait("the first stage is there") { rollout.stages[0].allSatisfy { dns(cloud, $0) != [] } }
      let (one, other) = (rollout.stages[3][0], rollout.stages[3][1])
      try await touch(cloud, [one.router])
      try await wait("it is there") { dns(cloud, one) == [Self.server.value] }
      #expect(dns(cloud, other) == [])
      // As a node that had to begin anew.
      await cloud.disconnect()
      let anew = StandInNode(name: "node")
      pause(anew)
      let link = anew.connect(to: cloud.control)
      try await wait("it has a plan") { !anew.objects.isEmpty }
      #expect(changed(anew.objects) == Set((rollout.stages[0] + [one]).map { router($0) }))
      anew.answer { _ in .verified }
      try await wait("it goes on and ends") { try latest(cloud).state == .completed }
      #expect(changed(anew.objects) == Set(rollout.steps.map { router($0) }))
      link.cancel()
      _ = await link.result
    }
  }

  @Test func `a manager that comes after one that was killed goes on`() async throws {
    try await with { cloud, zone in
      pause(cloud.node)
      let rollout = try await change(cloud, zone)
      try await wait("the first stage is there") { rollout.stages[0].allSatisfy { dns(cloud, $0) != [] } }
      try await cloud.restart()
      cloud.connect()
      try await touch(cloud, [rollout.stages[2][0].router])
      try await wait("it is there") { dns(cloud, rollout.stages[2][0]) != [] }
      #expect(rollout.stages[1].allSatisfy { dns(cloud, $0) == [] } && dns(cloud, rollout.stages[2][1]) == [])
      resume(cloud)
      try await wait("it ends") { try latest(cloud).state == .completed }
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [Self.server.value] })
    }
  }

  @Test func `a node that missed the stages gets them when it comes back`() async throws {
    try await with { cloud, zone in
      await cloud.disconnect()
      let rollout = try await change(cloud, zone)
      try await wait("the first stage waits for the node") { try latest(cloud).state == .running }
      cloud.connect()
      try await wait("it ends") { try latest(cloud).state == .completed }
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [Self.server.value] })
    }
  }

  @Test func `what cannot be taken back stays halted until an operator decides`() async throws {
    try await with { cloud, zone in
      cloud.node.answer { object in
        if case .router(let router)? = object.body, !router.dns.isEmpty { .failed } else { .verified }
      }
      await cloud.disconnect()
      _ = try await change(cloud, zone)
      try await wait("the first stage waits for the node") { try latest(cloud).state == .running }
      var later = ZoneRequest()
      later.domainName = "later.example.org"
      try await cloud.control.updateZone(zone.id, later, by: cloud.caller)
      cloud.connect()
      try await wait("it is halted") { try latest(cloud).state == .halted }
      let rollout = try latest(cloud)
      #expect(rollout.message.contains("a later revision changed zone"), "\(rollout.message)")
      #expect(cloud.state.alerts.count == 1)
      #expect(rollout.stages[1...].joined().allSatisfy { dns(cloud, $0) == [] })
      // Once more in vain, then the other way.
      try await cloud.control.cancelRebuild(rollout.id, by: cloud.caller)
      try await wait("it is halted again") { try latest(cloud).state == .halted && !latest(cloud).isCancelled }
      #expect(cloud.state.alerts.count == 1 && dns(cloud, rollout.stages[3][1]) == [])
      resume(cloud)
      try await cloud.control.cancelRebuild(rollout.id, releasing: true, by: cloud.caller)
      try await wait("it ends") { try latest(cloud).state == .completed }
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [Self.server.value] })
    }
  }

  @Test func `a cancelled change is taken back after its stage`() async throws {
    try await with { cloud, zone in
      pause(cloud.node)
      let rollout = try await change(cloud, zone)
      try await wait("the first stage is there") { rollout.stages[0].allSatisfy { dns(cloud, $0) != [] } }
      await #expect(throws: ControlError.self) {
        try await cloud.control.cancelRebuild(rollout.id, releasing: true, by: cloud.caller)
      }
      await #expect(throws: ControlError.self) {
        _ = try await cloud.control.revertRevision(rollout.change ?? 0, by: cloud.caller)
      }
      try await cloud.control.cancelRebuild(rollout.id, by: cloud.caller)
      resume(cloud)
      try await wait("it ends") { try !latest(cloud).state.isUnderWay }
      #expect(try latest(cloud).state == .cancelled && cloud.state.zones[zone.id]?.dns == [])
      #expect(rollout.steps.allSatisfy { dns(cloud, $0) == [] })
    }
  }

  @Test func `a change that overtakes another takes over what waits`() async throws {
    try await with { cloud, zone in
      pause(cloud.node)
      let first = try await change(cloud, zone)
      try await wait("the first stage is there") { first.stages[0].allSatisfy { dns(cloud, $0) != [] } }
      let next = IPv4(192, 0, 2, 54)
      let second = try await change(cloud, zone, [next])
      resume(cloud)
      try await wait("both end") {
        cloud.state.rollouts[first.id]?.state == .completed && cloud.state.rollouts[second.id]?.state == .completed
      }
      #expect(first.steps.allSatisfy { dns(cloud, $0) == [next.value] })
      let seen = cloud.node.updates.map { keys in keys.count { $0.hasPrefix("router/") } }.suffix(6)
      #expect(seen.allSatisfy { $0 <= 2 }, "\(seen)")
    }
  }
}

@Suite struct ChangeCourseTests {
  private let start = Date(timeIntervalSince1970: 1_500_000_000)

  private func rollout(_ state: RolloutState = .running) -> Rollout {
    var rollout = Rollout(
      id: ID(UUID()), zone: ID(UUID()), account: ID(UUID()),
      stages: (0..<2).map { _ in [RolloutStep(router: UUID(), faults: ["old"])] }, state: state, created: start)
    rollout.change = 5
    rollout.stageBegan = start
    for index in 0..<2 {
      rollout.stages[index][0].node = "n"
      rollout.stages[index][0].scopes = ["s\(index)"]
    }
    rollout.stages[0][0].number = 6
    return rollout
  }

  private func next(
    _ rollout: Rollout, after seconds: Double, _ standing: ChangeCourse.Standing
  ) -> ChangeCourse.Next {
    let course = ChangeCourse(
      patience: 100, doubt: 10, calm: 1, now: start.addingTimeInterval(seconds), keys: ["key", "old"])
    return course.next(rollout) { scope, node, revision in
      #expect(scope == "s0" && node == "n" && revision == 6)
      return standing
    }
  }

  @Test func `a stage counts when it has been verified for a while`() {
    #expect(next(rollout(), after: 5, .verified(0.5)) == .wait)
    #expect(next(rollout(), after: 0.5, .verified(.infinity)) == .wait)
    #expect(next(rollout(), after: 5, .verified(2)) == .begin(1))
  }

  @Test func `only what the change touched and worked before is held against it`() {
    #expect(next(rollout(), after: 5, .failed("x", ["customer's"])) == .begin(1))
    #expect(next(rollout(), after: 5, .failed("x", ["old"])) == .begin(1))
    #expect(next(rollout(), after: 5, .failed("x", ["key"])) == .takeBack("s0: x"))
  }

  @Test func `patience ends`() {
    #expect(next(rollout(), after: 99, .silent) == .wait)
    #expect(next(rollout(), after: 101, .silent) == .takeBack("not verified after 100 s: node n says nothing"))
    #expect(next(rollout(), after: 5, .inDoubt("x", 50)) == .wait)
    #expect(next(rollout(), after: 50, .inDoubt("x", 5)) == .wait)
    #expect(next(rollout(), after: 50, .inDoubt("x", 11)) == .takeBack("s0: x"))
  }

  @Test func `a cancelled one ends after its stage, a halted one by a decision`() {
    var rollout = rollout()
    rollout.isCancelled = true
    #expect(next(rollout, after: 5, .open("x")) == .wait)
    #expect(next(rollout, after: 5, .verified(2)) == .takeBack(Rollouts.changeCancelled))
    rollout.state = .halted
    rollout.message = "why" + Rollouts.obstacle + "this"
    #expect(next(rollout, after: 5, .silent) == .takeBack("why"))
    rollout.isCancelled = false
    #expect(next(rollout, after: 5, .silent) == .wait)
    rollout.isForced = true
    #expect(next(rollout, after: 5, .silent) == .end)
  }
}
