import Agent
import NodePlan
import Testing

@Suite("Guard")
struct GuardTests {
  private func accepted(_ plan: Plan, _ update: PlanUpdate) throws -> (PlanAcceptance, Plan) {
    guard case .accepted(let acceptance) = PlanGuard.judge(plan, update) else {
      throw AgentError(.damaged, "the update was refused")
    }
    var next = plan
    next.apply(acceptance)
    return (acceptance, next)
  }

  private func refusal(_ plan: Plan, _ update: PlanUpdate) -> Bool? {
    if case .refused(_, let needsComplete) = PlanGuard.judge(plan, update) { return needsComplete }
    return nil
  }

  private let rules = (0..<100).map { nat($0, account: $0 < 50 ? "alice" : "bob") }

  @Test func `the first complete plan is accepted`() throws {
    let (acceptance, next) = try accepted(Plan(), complete(rules))
    #expect(acceptance.upserts.count == 100)
    #expect(next.objects.count == 100 && next.generation == 11 && next.ledger == "ledger")
  }

  @Test func `a foreign ledger, a lower epoch and an older generation are refused`() {
    var foreign = complete(rules)
    foreign.ledger = "another"
    #expect(refusal(plan(rules), foreign) == false)
    #expect(refusal(plan(rules, epoch: 2), complete(rules)) == false)
    #expect(refusal(plan(rules), complete(rules, generation: 9)) == false)
    var nameless = complete(rules)
    nameless.ledger = ""
    #expect(refusal(Plan(), nameless) == false)
  }

  @Test func `a manager that was overtaken is refused, until a restore counts anew`() throws {
    var second = complete(rules)
    second.fence = 2
    var (_, next) = try accepted(plan(rules), second)
    #expect(next.fence == 2)
    var first = complete(Array(rules.dropFirst()), generation: 15)
    first.fence = 1
    #expect(refusal(next, first) == false)
    (_, next) = try accepted(next, second)
    first.epoch = 2
    (_, next) = try accepted(next, first)
    #expect(next.epoch == 2 && next.fence == 1)
  }

  @Test func `a difference from another generation asks for a complete plan`() {
    #expect(refusal(plan(rules), difference(base: 9)) == true)
    #expect(refusal(Plan(), difference(base: 0)) == true)
  }

  @Test func `an empty complete plan removes nothing`() throws {
    let (acceptance, next) = try accepted(plan(rules), complete([]))
    #expect(acceptance.removals.isEmpty && acceptance.upserts.isEmpty)
    #expect(next.objects.count == 100 && next.held.count == 100)
    #expect(next.guardReports.count == 1 && next.guardReports.first?.held == 100)
  }

  @Test func `rules that vanish one by one are all held`() throws {
    var current = plan(rules)
    for step in 1...30 {
      (_, current) = try accepted(current, complete(Array(rules.dropFirst(step)), generation: 10 + UInt64(step)))
    }
    #expect(current.objects.count == 100 && current.held.count == 30)
  }

  @Test func `one rule of a router of three is held too`() throws {
    let three = Array(rules.prefix(3))
    let (_, next) = try accepted(plan(three), complete(Array(three.dropLast())))
    #expect(next.objects.count == 3 && Set(next.held.keys) == ["staticnat/2"])
  }

  @Test func `a removal counts only with a revision newer than the object and not of the future`() throws {
    for revision: UInt64 in [0, 4, 5, 12] {
      let (_, next) = try accepted(plan(rules), difference(removing: [("staticnat/1", revision)]))
      #expect(next.objects.count == 100 && next.held.count == 1, "revision \(revision)")
    }
    let (acceptance, next) = try accepted(plan(rules), difference(removing: [("staticnat/1", 11)]))
    #expect(acceptance.removals == ["staticnat/1"] && next.held.isEmpty && next.objects.count == 99)
  }

  @Test func `what is held goes when it is attributed, and stays when it reappears`() throws {
    let (_, held) = try accepted(plan(rules), complete(Array(rules.dropFirst(2))))
    #expect(held.held.count == 2)
    let update = difference([nat(0)], removing: [("staticnat/1", 12)], base: 11, generation: 12)
    let (_, next) = try accepted(held, update)
    #expect(next.held.isEmpty && next.objects.count == 99 && next.objects["staticnat/1"] == nil)
  }

  @Test func `what is held goes when its name is confirmed`() throws {
    let (_, held) = try accepted(plan(rules), complete(Array(rules.dropFirst(2))))
    var update = difference(base: 11, generation: 11)
    update.confirmations = ["hold-00000000"]
    #expect(try accepted(held, update).1.held.count == 2)
    update.confirmations = held.guardReports.map(\.confirmation)
    let (acceptance, next) = try accepted(held, update)
    #expect(acceptance.removals.count == 2 && next.held.isEmpty && next.objects.count == 98)
  }

  @Test func `a change of content needs a newer revision`() throws {
    let (_, held) = try accepted(plan(rules), difference([nat(1, to: 7)]))
    #expect(held.objects["staticnat/1"] == rules[1] && held.held.count == 1)
    let (_, changed) = try accepted(held, difference([nat(1, revision: 11, to: 7)], base: 11, generation: 12))
    #expect(changed.objects["staticnat/1"]?.staticNat.private == 7 && changed.held.isEmpty)
    let (same, _) = try accepted(plan(rules), difference([rules[1]]))
    #expect(same.upserts.isEmpty && same.held.isEmpty)
  }

  @Test func `a held change of content passes when it is confirmed`() throws {
    let (_, held) = try accepted(plan(rules), difference([nat(1, to: 7)]))
    var update = difference(base: 11, generation: 11)
    update.confirmations = held.guardReports.map(\.confirmation)
    let (_, next) = try accepted(held, update)
    #expect(next.objects["staticnat/1"]?.staticNat.private == 7 && next.held.isEmpty)
  }

  @Test func `a restore accounts once for all that its plan does not have`() throws {
    var update = complete(Array(rules.prefix(30)), generation: 7, epoch: 2)
    update.restored = 7
    let (acceptance, next) = try accepted(plan(rules, generation: 10), update)
    #expect(acceptance.removals.count == 70 && next.held.isEmpty && next.objects.count == 30)
    var again = complete(Array(rules.prefix(20)), generation: 8, epoch: 2)
    again.restored = 7
    #expect(try accepted(next, again).1.held.count == 10)
  }

  @Test func `a restore of the future, of a difference or of this epoch accounts for nothing`() throws {
    for (epoch, restored): (UInt64, UInt64) in [(2, 0), (2, 12), (1, 11)] {
      var update = complete(Array(rules.dropLast(2)), epoch: epoch)
      update.restored = restored
      #expect(try accepted(plan(rules), update).1.held.count == 2, "epoch \(epoch), restored \(restored)")
    }
    var older = complete([], generation: 7, epoch: 1)
    older.restored = 7
    #expect(refusal(plan(rules, epoch: 2), older) == false)
  }

  @Test func `what was held goes with a restore, and what is removed after it has its own account`() throws {
    let (_, held) = try accepted(plan(rules), complete(Array(rules.dropFirst(2))))
    var update = complete(Array(rules.dropFirst(2).prefix(50)), generation: 9, epoch: 2)
    update.restored = 7
    // Revision 8 took many rules of two accounts at once.
    update.removals = rules.suffix(40).map { rule in
      var removal = Removal()
      removal.key = rule.key
      removal.revision = 8
      return removal
    }
    update.removals += (0..<20).map { number in
      var removal = Removal()
      removal.key = "staticnat/\(number)"
      removal.revision = 8
      return removal
    }
    update.upserts.removeAll { object in (0..<20).contains { object.key == "staticnat/\($0)" } }
    let (acceptance, next) = try accepted(held, update)
    #expect(Set(acceptance.removals) == Set((52..<60).map { "staticnat/\($0)" }))
    #expect(next.held.count == 60)
  }

  @Test func `one account may remove all of its own rules`() throws {
    let removals = (0..<50).map { ("staticnat/\($0)", UInt64(11)) }
    let (acceptance, next) = try accepted(plan(rules), difference(removing: removals))
    #expect(acceptance.removals.count == 50 && next.held.isEmpty)
  }

  @Test func `many rules of two accounts at once wait for a confirmation`() throws {
    let removals = (40..<60).map { ("staticnat/\($0)", UInt64(11)) }
    let update = difference(removing: removals)
    let (acceptance, held) = try accepted(plan(rules), update)
    #expect(acceptance.removals.isEmpty && held.held.count == 20 && held.objects.count == 100)
    let name = try #require(held.guardReports.first?.confirmation)
    // The manager tells it again, as after a restart: still held, under the same name.
    let (_, again) = try accepted(held, difference(removing: removals, base: 11, generation: 12))
    #expect(again.guardReports.map(\.confirmation) == [name])
    var confirmed = difference(base: 12, generation: 13)
    confirmed.confirmations = [name]
    #expect(try accepted(again, confirmed).1.objects.count == 80)
    // Told and confirmed at once.
    var both = update
    both.confirmations = [name]
    #expect(try accepted(plan(rules), both).1.objects.count == 80)
  }

  @Test func `nineteen rules, or a tenth of a router, may go at once`() throws {
    let nineteen = (40..<59).map { ("staticnat/\($0)", UInt64(11)) }
    #expect(try accepted(plan(rules), difference(removing: nineteen)).1.objects.count == 81)
    let many = (0..<300).map { nat($0, account: "account\($0 % 7)") }
    let tenth = (0..<30).map { ("staticnat/\($0)", UInt64(11)) }
    #expect(try accepted(plan(many), difference(removing: tenth)).1.objects.count == 270)
  }

  @Test func `a router does not go while its rules are held`() throws {
    var router = PlanObject()
    router.key = "router/r1"
    router.scope = "router/r1"
    router.revision = 3
    router.router.id = "r1"
    let removals = [("router/r1", UInt64(11))] + (0..<100).map { ("staticnat/\($0)", UInt64(11)) }
    let (_, next) = try accepted(plan(rules + [router]), difference(removing: removals))
    #expect(next.objects.count == 101 && next.held.count == 101)
  }

  @Test func `a restore is followed, but what it removes must be attributed all the same`() throws {
    var restored = complete([nat(0, revision: 2, to: 9)], generation: 4, epoch: 2)
    restored.removals = difference(removing: [("staticnat/1", 4)]).removals
    let (_, next) = try accepted(plan(Array(rules.prefix(3))), restored)
    #expect(next.epoch == 2 && next.generation == 4 && next.objects["staticnat/0"]?.staticNat.private == 9)
    #expect(next.objects["staticnat/1"] == nil && Set(next.held.keys) == ["staticnat/2"])
    var later = complete([nat(0, revision: 2, to: 9)], generation: 6, epoch: 2)
    later.removals = difference(removing: [("staticnat/2", 5)]).removals
    #expect(try accepted(next, later).1.objects.count == 1)
  }

  /// What a manager sends that plans with a fault: a complete plan, or the difference to it, as it would account for that.
  private func planned(_ rules: [PlanObject], instead wanted: [PlanObject]) -> PlanUpdate {
    var update = complete(wanted)
    let kept = Set(wanted.map(\.key))
    // A planner that forgets objects knows of no revision that removed them.
    update.removals = rules.filter { !kept.contains($0.key) }.map { object in
      var removal = Removal()
      removal.key = object.key
      return removal
    }
    return update
  }

  @Test func `a planner that drops every third rule takes nothing away`() throws {
    let survivors = rules.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
    for update in [complete(survivors), planned(rules, instead: survivors)] {
      let (acceptance, next) = try accepted(plan(rules), update)
      #expect(acceptance.removals.isEmpty && next.objects.count == 100 && next.held.count == 34)
    }
    // The planner that is right again ends the hold.
    let (_, held) = try accepted(plan(rules), complete(survivors))
    let (_, next) = try accepted(held, complete(rules, generation: 12))
    #expect(next.held.isEmpty && next.objects.count == 100)
  }

  @Test func `a planner that drops every third rule with somebody else's revision is stopped by the amount`() throws {
    let removals = stride(from: 0, to: 100, by: 3).map { ("staticnat/\($0)", UInt64(11)) }
    let (acceptance, next) = try accepted(plan(rules), difference(removing: removals))
    #expect(acceptance.removals.isEmpty && next.objects.count == 100 && next.held.count == 34)
  }

  @Test func `a snapshot that was loaded by half takes nothing away`() throws {
    let half = Array(rules.prefix(50))
    let (acceptance, next) = try accepted(plan(rules), complete(half))
    #expect(acceptance.removals.isEmpty && next.objects.count == 100 && next.held.count == 50)
    // Nor do rules that lead to nowhere because what they lead to was not loaded.
    let hollow = (0..<100).map { nat($0, account: $0 < 50 ? "alice" : "bob", to: 0) }
    let (changed, kept) = try accepted(plan(rules), complete(hollow))
    #expect(changed.upserts.isEmpty && kept.objects["staticnat/7"] == rules[7] && kept.held.count == 100)
  }

  @Test func `the plan of another zone adds what it has and takes nothing away`() throws {
    let foreign = (200..<300).map { nat($0, account: "carol", router: "r2") }
    let (acceptance, next) = try accepted(plan(rules), complete(foreign))
    #expect(acceptance.removals.isEmpty && next.objects.count == 200 && next.held.count == 100)
  }
}
