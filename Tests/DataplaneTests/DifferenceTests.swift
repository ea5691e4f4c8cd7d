import Addresses
import Dataplane
import Kernel
import NodePlan
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(3))) struct DifferenceTests {
  private func plan(_ random: inout Seeded) -> [PlanObject] {
    var result = Plans.base + [Plans.edge(1), Plans.edge(2)]
    var ports: [PlanObject] = []
    for number in 1...9 where Bool.random(using: &random) {
      var port = Plans.port(number)
      if Bool.random(using: &random) { port.securityGroups.append("e2000000-0000-0000-0000-000000000002") }
      ports.append(Plans.portObject(port))
      if Bool.random(using: &random) {
        var member = GroupMember()
        member.group = Plans.group
        member.address = port.address
        result.append(Plans.object("member/\(number)", "fabric", .groupMember(member)))
      }
      if Bool.random(using: &random) {
        let cell = Int.random(in: 0...1, using: &random)
        result.append(
          Plans.nat(
            Plans.cells[cell],
            "203.0.113.\(64 * (cell + 1) + 10 + Int.random(in: 0...1, using: &random) * 10 + number)",
            "10.1.0.1\(number - 1)"))
      }
    }
    for port in 1...12 where Bool.random(using: &random) {
      let members = (0..<Int.random(in: 0...9, using: &random)).map { "10.1.0.1\($0)" }
      result.append(
        Plans.balancer(
          Plans.cells[0], "203.0.113.120", UInt32(port), members, Bool.random(using: &random) ? .source : .roundRobin,
          sources: Bool.random(using: &random) ? ["192.0.2.0/24", "192.0.2.64/26", "10.0.0.0/8"] : [],
          // Nobody checks whether members of this transport live; there are none.
          transport: 17))
    }
    var group = Plans.securityGroup((1...3).map { _ in Plans.any(6, UInt32.random(in: 1...9, using: &random), 10) })
    if Bool.random(using: &random) {
      var rule = SecurityGroupRules.Rule()
      rule.match = Plans.any(256)
      rule.group = Plans.group
      group.securityGroup.egress = [rule]
    }
    if Bool.random(using: &random) { result.append(group) }
    return result + ports
  }

  /// Everything in the tables of a node, by name.
  private func contents(_ lab: Lab) throws -> [String: [String]] {
    var result: [String: [String]] = [:]
    for place in ["fabric", Names.router(Plans.cells[0]), Names.router(Plans.cells[1])] {
      let tables = try NFTables(in: lab.namespace(place))
      for set in try tables.sets(.ipv4, "daruma") {
        result["\(place) \(set.name)"] = try tables.elements(.ipv4, "daruma", set.name).map { "\($0)" }.sorted()
      }
      for chain in try tables.chains(.ipv4, "daruma") {
        result["\(place) \(chain.name)"] = try tables.rules(.ipv4, "daruma", chain: chain.name).map {
          "\($0.comment ?? "") \($0.digest)"
        }
      }
      let routes = try RouteSocket(in: lab.namespace(place))
      result["\(place) routes"] = try routes.routes(table: 1000).map { "\($0.destination) \($0.kind)" }.sorted()
    }
    return result
  }

  @Test func `a difference leads where a complete plan leads`() async throws {
    var random = Seeded(printing: "differences")
    let seed = random.seed
    var plans: [[PlanObject]] = []
    for _ in 0..<6 { plans.append(plan(&random)) }
    try await Lab.with { changed in
      await changed.apply(plans[0], complete: true)
      for (before, after) in zip(plans, plans.dropFirst()) {
        let old = Dictionary(before.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let upserts = after.filter { old[$0.key] != $0 }
        let kept = Set(after.map(\.key))
        let number = await changed.apply(upserts, removing: before.map(\.key).filter { !kept.contains($0) })
        for scope in Set(upserts.map(\.scope)) {
          let report = changed.last(scope)
          #expect(report?.phase == .verified && report?.generation == number, "\(scope) \(String(describing: report))")
        }
        try await Lab.with { fresh in
          await fresh.apply(after, complete: true)
          let wanted = try contents(fresh)
          let found = try contents(changed)
          for name in Set(wanted.keys).union(found.keys) {
            #expect(wanted[name] == found[name], "\(name), seed \(seed)")
          }
        }
      }
    }
  }

  @Test func `what contradicts is named, the rest goes in`() async throws {
    try await Lab.with { lab in
      var twin = Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.11")
      twin.key = "staticnat/zz-twin"
      let number = await lab.apply(
        EdgeTests.plan([
          Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"), twin,
          Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.12"),
          Plans.nat("00000000-0000-0000-0000-00000000dead", "203.0.113.72", "10.1.0.12"),
        ]), complete: true)
      let report = try #require(lab.last(Plans.edgeScopes[0]))
      #expect(report.phase == .failed && report.generation == number)
      #expect(report.failedKeys.count == 1)
      #expect(report.services.first { $0.service == "staticnat" }?.verified == 2)
      await lab.apply([], removing: [twin.key])
      #expect(lab.last(Plans.edgeScopes[0])?.phase == .verified)
    }
  }

  @Test func `a later agent takes over what it finds, dead members leave`() async throws {
    try await Lab.with { lab in
      let plan = EdgeTests.plan([
        Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"),
        Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.13"]),
      ])
      await lab.apply(plan, complete: true)
      _ = try await EdgeTests.instances(lab)
      #expect(
        await lab.wait {
          (0..<4).allSatisfy { _ in Talk.ask("203.0.113.80", 8080, in: lab.host, timeout: 200) != nil }
        },
        "nobody is sent to the dead member")
      let talk = try #require(Talk(to: IPv4(Plans.ip("203.0.113.70")), 80, in: lab.host))
      #expect(talk.hear() != nil)
      let name = Names.router(Plans.cells[0])
      let before = try NFTables(in: lab.namespace(name)).generation()
      let fabric = try NFTables(in: lab.namespace("fabric")).generation()
      let routes = try Set(RouteSocket(in: lab.namespace("fabric")).routes())
      await lab.network.stop()
      let later = NodeNetwork(
        configuration: lab.configuration, metadata: Lab.Metadata(), logger: lab.logger,
        report: { report in lab.reports.withLock { $0.append(report) } })
      try await later.start()
      // Until it knows a plan, whatever it finds may be wanted.
      for _ in 0..<30 {
        #expect(Talk.ask("203.0.113.70", 80, in: lab.host, timeout: 500) != nil)
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try NFTables(in: lab.namespace("fabric")).generation() == fabric)
      #expect(try Set(RouteSocket(in: lab.namespace("fabric")).routes()) == routes)
      await later.apply(PlanChange(generation: 99, complete: true, upserts: plan))
      #expect(try Set(RouteSocket(in: lab.namespace("fabric")).routes()) == routes)
      let report = try #require(lab.last(Plans.edgeScopes[0]))
      #expect(report.phase == .verified && report.generation == 99)
      talk.say("still")
      #expect(talk.hear() == "still")
      let after = try NFTables(in: lab.namespace(name)).generation()
      #expect(after - before <= 2, "only members that count as alive again")
      await later.stop()
    }
  }
}
