import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Testing

/// What holds for any plans and any damage.
@Suite(.serialized, .timeLimit(.minutes(120))) struct PropertyTests {
  /// Waits until everything is verified and as a node has it that never knew another plan.
  private func expect(_ lab: Lab, _ plan: [PlanObject], _ what: String) async throws {
    try await Lab.with { fresh in
      await fresh.apply(plan, complete: true)
      let wanted = try Listing.of(fresh)
      var difference: String?
      let scopes = Set(plan.map(\.scope))
      let isSame = await lab.wait(20) {
        difference = Listing.difference(lab, wanted)
        return difference == nil && scopes.allSatisfy { lab.last($0)?.phase == .verified }
      }
      let open = scopes.compactMap { lab.last($0) }.filter { $0.phase != .verified }
      #expect(isSame, "\(what): \(difference ?? "same"); \(open)")
      for scope in scopes {
        let report = fresh.last(scope)
        #expect(report?.phase == .verified, "\(what), fresh \(scope): \(String(describing: report))")
      }
    }
  }

  @Test func `whatever the plans and the damage, the difference leads where the plan alone leads`() async throws {
    var plans = RandomPlan(random: Seeded(printing: "plans and damage"))
    let seed = plans.random.seed
    var damage = Damage(random: Seeded(seed: seed &+ 1))
    try await Lab.with { lab in
      var before: [PlanObject] = []
      for round in 0..<Trial.count(5, full: 150) {
        let after = plans.next()
        var done: [String] = []
        for _ in 0..<Int.random(in: 0...4, using: &damage.random) { done.append(damage.strike(lab)) }
        let (upserts, removals) = RandomPlan.difference(before, after)
        let number = await lab.apply(upserts, removing: removals)
        for scope in Set(upserts.map(\.scope)) {
          let failed = lab.last(scope)?.failedKeys ?? []
          #expect(failed.isEmpty, "\(scope) \(failed), round \(round), seed \(seed)")
          #expect(lab.last(scope)?.generation == number)
        }
        if Bool.random(using: &damage.random) { done.append(damage.strike(lab)) }
        try await expect(lab, after, "round \(round), seed \(seed), \(done)")
        before = after
      }
    }
  }

  @Test func `a difference changes nothing but what is different, and a swap of addresses goes in at once`()
    async throws
  {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      let names = ["203.0.113.70", "203.0.113.71", "203.0.113.72"]
      let plan = { (order: [Int]) in
        zip(names, order).map { Plans.nat(Plans.cells[0], $0, "10.1.0.1\($1)") }
      }
      await lab.apply(EdgeTests.plan(plan([0, 1, 2])), complete: true)
      let router = try NFTables(in: lab.namespace(Names.router(Plans.cells[0])))
      for order in [[1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [0, 1, 2]] {
        let before = try router.generation()
        let number = await lab.apply(plan(order))
        let report = try #require(lab.last(scope))
        #expect(report.phase == .verified && report.generation == number, "\(report)")
        #expect(try router.generation() == before + 1, "one transaction")
      }
    }
  }
}
