import Glibc
import NodePlan
import Testing

@testable import Agent

@Suite("Plan store")
struct PlanStoreTests {
  /// Follows updates the way the agent does.
  private func follow(_ store: inout PlanStore, _ plan: inout Plan, _ update: PlanUpdate) throws {
    guard case .accepted(let acceptance) = PlanGuard.judge(plan, update) else { throw AgentError(.damaged, "refused") }
    try store.add(acceptance, of: plan)
    var next = plan
    next.apply(acceptance)
    try store.flush(next)
    plan = next
  }

  private func fill(_ folder: String, steps: Int, smallLog: Int = 1 << 20) throws -> Plan {
    var store = PlanStore(folder: folder, smallLog: smallLog)
    var plan = try store.load().plan ?? Plan()
    try follow(&store, &plan, complete((0..<2000).map { nat($0) }, generation: 10))
    for step in 0..<steps {
      let generation = 11 + UInt64(step)
      try follow(
        &store, &plan,
        difference([nat(step, revision: generation, to: 1)], base: generation - 1, generation: generation))
    }
    return plan
  }

  private func load(_ folder: String) throws -> PlanStore.Loaded {
    var store = PlanStore(folder: folder)
    return try store.load()
  }

  @Test func `a new store is empty and has no plan`() async throws {
    try await withFolder { folder in
      let loaded = try load(folder + "/agent")
      #expect(loaded.plan == nil && loaded.problem == nil)
    }
  }

  @Test func `a restart finds the plan with what is held`() async throws {
    try await withFolder { folder in
      var store = PlanStore(folder: folder)
      var plan = try fill(folder, steps: 20)
      _ = try store.load()
      try follow(&store, &plan, complete((2..<2000).map { nat($0) }, generation: 40))
      #expect(plan.held.count > 0)
      let loaded = try load(folder)
      #expect(loaded.plan == plan && loaded.problem == nil)
    }
  }

  @Test func `a record that was not written to its end is dropped`() async throws {
    try await withFolder { folder in
      let plan = try fill(folder, steps: 5)
      var status = stat()
      stat(folder + "/plan.log", &status)
      truncate(folder + "/plan.log", status.st_size - 7)
      let loaded = try load(folder)
      #expect(loaded.problem == nil && loaded.plan?.generation == plan.generation - 1)
      // The store goes on where the whole records end.
      var store = PlanStore(folder: folder)
      var current = try #require(try store.load().plan)
      try follow(&store, &current, difference([nat(7, revision: 15, to: 3)], base: 14, generation: 15))
      #expect(try load(folder).plan == current)
    }
  }

  @Test func `what is added together is stored together, or not at all`() async throws {
    try await withFolder { folder in
      var plan = try fill(folder + "/agent", steps: 2)
      var store = PlanStore(folder: folder + "/agent")
      _ = try store.load()
      let stored = plan
      func add(_ generations: ClosedRange<UInt64>) throws {
        for generation in generations {
          let update = difference(
            [nat(Int(generation), revision: generation, to: 1)],
            removing: [(nat(Int(generation) + 100).key, generation)],
            base: generation - 1, generation: generation)
          guard case .accepted(let acceptance) = PlanGuard.judge(plan, update) else {
            throw AgentError(.damaged, "refused")
          }
          try store.add(acceptance, of: plan)
          inverses.append(plan.inverse(of: acceptance))
          plan.apply(acceptance)
        }
      }
      var inverses: [PlanAcceptance] = []
      try add(13...20)
      #expect(try load(folder + "/agent").plan == stored)
      rename(folder + "/agent", folder + "/elsewhere")
      #expect(throws: AgentError.self) { try store.flush(plan) }
      rename(folder + "/elsewhere", folder + "/agent")
      #expect(try load(folder + "/agent").plan == stored)
      for inverse in inverses.reversed() { plan.apply(inverse) }
      #expect(plan == stored)
      try add(13...16)
      try store.flush(plan)
      #expect(plan.generation == 16 && plan != stored)
      let loaded = try load(folder + "/agent")
      #expect(loaded.plan == plan && loaded.problem == nil)
    }
  }

  @Test func `a log larger than its base is compacted`() async throws {
    try await withFolder { folder in
      let plan = try fill(folder, steps: 3000, smallLog: 1024)
      var log = stat()
      var base = stat()
      stat(folder + "/plan.log", &log)
      stat(folder + "/plan.base", &base)
      #expect(log.st_size < base.st_size)
      let loaded = try load(folder)
      #expect(loaded.plan == plan && loaded.problem == nil)
    }
  }

  @Test func `a damaged log is reported and what precedes the damage is used`() async throws {
    try await withFolder { folder in
      _ = try fill(folder, steps: 5)
      var bytes = try #require(try StateFile.read(folder + "/plan.log"))
      bytes[bytes.count / 2] ^= 0x40
      try StateFile.write(bytes, to: folder + "/plan.log", at: 0)
      let loaded = try load(folder)
      #expect(loaded.problem?.code == .damaged && loaded.plan?.objects.count == 2000)
      #expect((10..<15).contains(loaded.plan?.generation ?? 0))
      #expect(try load(folder).problem == nil)
      #expect(try load(folder).plan == loaded.plan)
    }
  }

  @Test func `a damaged base is set aside and is not an empty plan`() async throws {
    try await withFolder { folder in
      _ = try fill(folder, steps: 5)
      var bytes = try #require(try StateFile.read(folder + "/plan.base"))
      bytes[bytes.count / 2] ^= 1
      try StateFile.write(bytes, to: folder + "/plan.base", at: 0)
      let loaded = try load(folder)
      #expect(loaded.problem?.code == .damaged && loaded.plan == nil)
      #expect(access(folder + "/plan.base.damaged", F_OK) == 0)
    }
  }

  @Test func `a change that cannot be written leaves the old plan`() async throws {
    try await withFolder { folder in
      let plan = try fill(folder + "/agent", steps: 2)
      var store = PlanStore(folder: folder + "/agent")
      var current = try #require(try store.load().plan)
      rename(folder + "/agent", folder + "/elsewhere")
      #expect(throws: AgentError.self) {
        try follow(&store, &current, difference([nat(1, revision: 13)], base: 12, generation: 13))
      }
      rename(folder + "/elsewhere", folder + "/agent")
      #expect(current == plan)
      #expect(try load(folder + "/agent").plan == plan)
    }
  }

  @Test func `a plan that was cut short anywhere is never a smaller plan`() async throws {
    try await withFolder { folder in
      _ = try fill(folder, steps: 0)
      let whole = try #require(try StateFile.read(folder + "/plan.base") ?? StateFile.read(folder + "/plan.log"))
      let name = access(folder + "/plan.base", F_OK) == 0 ? "/plan.base" : "/plan.log"
      for share in [0.0, 0.1, 0.5, 0.9, 0.999] {
        try StateFile.write(Array(whole.prefix(Int(Double(whole.count) * share))), to: folder + name, at: 0)
        let plan = try load(folder).plan
        #expect(plan == nil || plan?.objects.isEmpty == true && plan?.ledger.isEmpty == true, "cut to \(share)")
        unlink(folder + name + ".damaged")
      }
      try StateFile.write(whole, to: folder + name, at: 0)
      #expect(try load(folder).plan?.objects.count == 2000)
    }
  }
}
