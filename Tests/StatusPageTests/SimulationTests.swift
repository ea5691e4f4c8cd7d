import FoundationEssentials
import StatusPage
import Testing

@Suite struct SimulationTests {
  private static let isFull = ProcessInfo.processInfo.environment["DARUMA_FULL"] == "1"
  private static let seed = ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? 2018

  @Test func `a month of noise makes no public incident`() {
    print("seed \(Self.seed)")
    var random = Seeded(Self.seed)
    var cloud = SimulatedCloud()
    let end = Drill.at(30 * 86_400)
    var noises = 0
    while cloud.now < end {
      noises += 1
      noise(&cloud, &random)
      cloud.losses = []
      cloud.run(20)
      cloud.step(Double.random(in: 60...(Self.isFull ? 1500 : 9000), using: &random))
    }
    #expect(
      cloud.course.archive.incidents.isEmpty, "\(cloud.course.archive.incidents.first?.updates.first?.body.en ?? "")")
    #expect(cloud.course.archive.maintenances.allSatisfy { $0.status == .completed })
    #expect(noises > 300)
  }

  private func noise(_ cloud: inout SimulatedCloud, _ random: inout Seeded) {
    let kind = SimulatedCloud.kinds.randomElement(using: &random)?.0 ?? .api
    let second = Int.random(in: 1...2, using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      // One probe is lost, or two after each other.
      let source: LookSource = Bool.random(using: &random) ? .packets : .outside
      cloud.see(kind, [source], failing: true)
      cloud.run(second)
      cloud.see(kind, [source], failing: false)
    case 1:
      // Two sources lose one each, at nearly the same time.
      cloud.see(kind, [.packets], failing: true)
      cloud.run(1)
      cloud.see(kind, [.packets], failing: false)
      cloud.see(kind, [.outside], failing: true)
      cloud.run(1)
      cloud.see(kind, [.outside], failing: false)
    case 2:
      // A slow node: its looks are late.
      cloud.mute = [.packets, .agent]
      cloud.run(Int.random(in: 5...60, using: &random))
      cloud.mute = []
    case 3:
      // The manager is started again.
      cloud.see(.api, [.agent, .outside], failing: true)
      cloud.run(Int.random(in: 2...6, using: &random))
      cloud.see(.api, [.agent, .outside], failing: false)
    case 4:
      // An agent is started again.
      for kind in SimulatedCloud.kinds.map(\.0) { cloud.see(kind, [.agent], failing: true) }
      cloud.run(Int.random(in: 1...5, using: &random))
      for kind in SimulatedCloud.kinds.map(\.0) { cloud.see(kind, [.agent], failing: false) }
    case 5:
      // A rule drifts, and is repaired.
      let at = cloud.now
      var loss = ScopeLoss(
        scope: "router/1", role: .edgeGateway, cellName: "cell-1", zoneName: "tokyo-1", found: .elementsChanged,
        rulesLost: 1, rulesWanted: 1200, probesMissed: 0, accounts: 1, addresses: 1, lostAt: at, detectedAt: at)
      cloud.losses = [loss]
      cloud.step(0.2)
      loss.verifiedAt = Moment(milliseconds: at.milliseconds + 100)
      cloud.losses = [loss]
      cloud.step(0.2)
    case 6:
      // A router's own test packet is lost, nothing else.
      let at = cloud.now
      var loss = ScopeLoss(
        scope: "router/2", role: .edgeGateway, cellName: "cell-2", zoneName: "tokyo-1", found: .packetsLost,
        rulesLost: 0, rulesWanted: 1200, probesMissed: 1, accounts: 0, addresses: 0, lostAt: at, detectedAt: at)
      cloud.losses = [loss]
      cloud.run(second)
      loss.verifiedAt = cloud.now
      cloud.losses = [loss]
      cloud.step(0.2)
    default: plannedWork(kind, &cloud, &random)
    }
  }

  /// What is worked on fails as much as it likes within the announced time.
  private func plannedWork(_ kind: FaultKind, _ cloud: inout SimulatedCloud, _ random: inout Seeded) {
    let from = Moment(milliseconds: cloud.now.milliseconds + 5000)
    let until = Moment(milliseconds: from.milliseconds + 120_000)
    let isBound = Bool.random(using: &random)
    let plan = IncidentCourse.Plan(
      title: Wording(ja: "更新", en: "Update"), components: [kind.rawValue], from: from, until: until,
      action: isBound ? "gateway-update/1" : nil)
    #expect(throws: Never.self) { _ = try cloud.course.schedule(plan, by: "ops", now: cloud.now) }
    cloud.run(6)
    cloud.actions = [PlannedAction(id: "gateway-update/1", state: .running, at: cloud.now)]
    cloud.run(1)
    cloud.see(kind, [.packets, .agent, .outside], failing: true)
    cloud.run(Int.random(in: 10...90, using: &random))
    cloud.see(kind, [.packets, .agent, .outside], failing: false)
    cloud.run(8)
    cloud.actions = [PlannedAction(id: "gateway-update/1", state: .done, at: cloud.now)]
    cloud.run(130)
    cloud.actions = []
  }

  enum Course: CaseIterable { case seenByTwo, seenByOne, flapping }

  /// Ten kinds, each in three ways: thirty faults.
  static let faults = SimulatedCloud.kinds.map(\.0).filter { $0 != .node }.flatMap { kind in
    Course.allCases.map { (kind, $0) }
  }

  @Test(arguments: faults)
  func `each of thirty faults becomes one incident that ends with it`(kind: FaultKind, way: Course) throws {
    var cloud = SimulatedCloud()
    cloud.run(30)
    let began = cloud.now
    let sources: [LookSource] = way == .seenByOne ? [.outside] : [.packets, .outside]
    for _ in 0..<(way == .flapping ? 4 : 1) {
      cloud.see(kind, sources, failing: true)
      cloud.run(way == .flapping ? 25 : 60)
      if way != .flapping { #expect(cloud.course.archive.incidents.count { $0.isOpen } == 1) }
      cloud.see(kind, sources, failing: false)
      cloud.run(way == .flapping ? 6 : 1)
    }
    let ended = cloud.now
    cloud.run(120)
    let incident = try #require(cloud.course.archive.incidents.first)
    #expect(cloud.course.archive.incidents.count == 1)
    #expect(!incident.isOpen)
    #expect(incident.startedAt == began)
    #expect(incident.isPublic)
    #expect(incident.components == [kind.rawValue])
    let resolved = try #require(incident.resolvedAt)
    #expect(resolved.milliseconds >= ended.milliseconds - 7000 && resolved <= ended)
    #expect(incident.updates.last?.status == .resolved)
    #expect(incident.updates.count <= 12, "flapping is damped")
    let opened = incident.createdAt.milliseconds - began.milliseconds
    let limit: Int64 = way == .seenByOne ? 31_000 : 10_000
    #expect(opened <= limit, "opened after \(opened) ms")
  }

  private static let findings: [Finding] = [
    .tablesDeleted, .elementsChanged, .namespaceGone, .linkGone, .routesGone, .packetsLost,
  ]

  @Test(arguments: [ScopeRole.edgeGateway, .fabric, .virtualRouter], findings)
  func `each loss of a shared scope becomes one incident that ends with it`(role: ScopeRole, found: Finding) throws {
    var cloud = SimulatedCloud()
    cloud.run(30)
    let began = cloud.now
    var loss = ScopeLoss(
      scope: role == .fabric ? "fabric" : "router/1", role: role, cellName: role == .edgeGateway ? "cell-1" : nil,
      zoneName: "tokyo-1", found: found, rulesLost: found == .packetsLost ? 0 : 700, rulesWanted: 1200,
      probesMissed: found == .elementsChanged ? 0 : 1, accounts: 12, addresses: 700, lostAt: began, detectedAt: began)
    cloud.losses = [loss]
    cloud.run(40)
    #expect(cloud.course.archive.incidents.count { $0.isOpen && $0.isPublic } == 1)
    let opened = try #require(cloud.course.archive.incidents.first).createdAt.milliseconds - began.milliseconds
    #expect(opened <= 10_000)
    loss.appliedAt = cloud.now
    cloud.losses = [loss]
    cloud.run(5)
    #expect(cloud.course.archive.incidents.first?.isOpen == true, "not before packets pass")
    loss.verifiedAt = cloud.now
    cloud.losses = [loss]
    cloud.run(1)
    #expect(cloud.course.archive.incidents.map(\.resolvedAt) == [loss.verifiedAt])
  }

  @Test(arguments: 0..<20)
  func `no incident is resolved while its component fails, and none is told of twice`(round: Int) {
    let seed = Self.seed + UInt64(round)
    print("seed \(seed)")
    var random = Seeded(seed)
    var cloud = SimulatedCloud()
    var isDown = false
    var wasOpen = false
    for _ in 0..<(Self.isFull ? 20_000 : 3000) {
      if Double.random(in: 0..<1, using: &random) < 0.03 {
        isDown.toggle()
        cloud.see(.gateway, [.packets, .outside], failing: isDown)
      }
      // What one source sees now and then is not so.
      let stray = Double.random(in: 0..<1, using: &random) < 0.02
      if stray { cloud.see(.gateway, [.agent], failing: true) }
      cloud.step(1)
      if stray { cloud.see(.gateway, [.agent], failing: false) }
      let open = cloud.course.archive.incidents.filter(\.isOpen)
      #expect(open.count <= 1)
      if wasOpen, open.isEmpty { #expect(!isDown, "seed \(seed)") }
      wasOpen = !open.isEmpty
      for incident in cloud.course.archive.incidents.suffix(2) {
        #expect(incident.startedAt <= incident.createdAt)
        #expect(incident.updates.map(\.displayAt) == incident.updates.map(\.displayAt).sorted())
        if let resolved = incident.resolvedAt { #expect(resolved >= incident.startedAt) }
      }
    }
    #expect(!cloud.course.archive.incidents.isEmpty)
  }

  @Test func `what fails again at the moment when it would be over is not over`() {
    var cloud = SimulatedCloud()
    cloud.run(30)
    for _ in 0..<5 {
      cloud.see(.gateway, [.packets, .outside], failing: true)
      cloud.run(10)
      cloud.see(.gateway, [.packets, .outside], failing: false)
      cloud.run(20)
    }
    func isOpen(_ cloud: SimulatedCloud) -> Bool { cloud.course.archive.incidents.last?.isOpen == true }
    #expect(isOpen(cloud))
    var next = cloud
    next.step(1)
    while isOpen(next), next.now < Drill.at(3600) {
      cloud = next
      next.step(1)
    }
    #expect(!isOpen(next))
    cloud.see(.gateway, [.packets, .outside], failing: true)
    cloud.run(5)
    #expect(isOpen(cloud) && cloud.course.archive.incidents.count == 1)
    cloud.see(.gateway, [.packets, .outside], failing: false)
    cloud.run(600)
    #expect(!isOpen(cloud) && cloud.course.archive.incidents.count == 1)
  }

  @Test func `a component that nobody looks at any more is not well again`() throws {
    var cloud = SimulatedCloud()
    cloud.run(20)
    cloud.see(.gateway, [.packets, .outside], failing: true)
    cloud.run(10)
    #expect(cloud.course.archive.incidents.count == 1)
    cloud.mute = [.packets, .outside, .agent]
    cloud.run(300)
    #expect(cloud.course.archive.incidents.first?.isOpen == true)
    // The agent alone, which is no probe, does not end it either.
    cloud.mute = [.packets, .outside]
    cloud.run(30)
    #expect(cloud.course.archive.incidents.first?.isOpen == true)
    cloud.mute = []
    cloud.see(.gateway, [.packets, .outside], failing: false)
    cloud.run(5)
    #expect(cloud.course.archive.incidents.first?.isOpen == false)
  }

  @Test func `an incident of a kind set to drafts stays with the operators until it is published or its time has come`()
    throws
  {
    var policy = IncidentPolicy(publication: [.storage: .byOperator, .console: .after(300)])
    policy.publication[.api] = .atOnce
    var cloud = SimulatedCloud(policy: policy)
    cloud.run(20)
    cloud.see(.storage, [.packets, .outside], failing: true)
    cloud.run(40)
    let draft = try #require(cloud.course.archive.incidents.first)
    #expect(draft.isDraft && !draft.isPublic)
    try cloud.course.publish(draft.id)
    #expect(cloud.course.archive.incidents.first?.isPublic == true)
    cloud.see(.console, [.packets, .outside], failing: true)
    cloud.run(100)
    #expect(cloud.course.archive.incidents.last?.isDraft == true)
    cloud.run(250)
    #expect(cloud.course.archive.incidents.last?.isPublic == true)
  }
}
