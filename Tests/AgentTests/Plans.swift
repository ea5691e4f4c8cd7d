import Agent
import FoundationEssentials
import Glibc
import NodePlan
import Testing

func nat(_ number: Int, account: String = "alice", router: String = "r1", revision: UInt64 = 5, to: UInt32? = nil)
  -> PlanObject
{
  var object = PlanObject()
  object.key = "staticnat/\(number)"
  object.scope = "router/" + router
  object.revision = revision
  object.account = account
  var rule = StaticNAT()
  rule.router = router
  rule.public = 0xcb00_7100 + UInt32(number)
  rule.private = to ?? 0x0a01_0000 + UInt32(number)
  object.staticNat = rule
  return object
}

func plan(_ objects: [PlanObject], generation: UInt64 = 10, epoch: UInt64 = 1) -> Plan {
  var plan = Plan()
  plan.ledger = "ledger"
  plan.epoch = epoch
  plan.generation = generation
  for object in objects { plan.objects[object.key] = object }
  return plan
}

func complete(_ objects: [PlanObject], generation: UInt64 = 11, epoch: UInt64 = 1) -> PlanUpdate {
  var update = PlanUpdate()
  update.ledger = "ledger"
  update.epoch = epoch
  update.generation = generation
  update.complete = true
  update.upserts = objects
  update.lastPart = true
  return update
}

func difference(
  _ upserts: [PlanObject] = [], removing removals: [(String, UInt64)] = [], base: UInt64 = 10, generation: UInt64 = 11
) -> PlanUpdate {
  var update = complete(upserts, generation: generation)
  update.complete = false
  update.base = base
  update.removals = removals.map { key, revision in
    var removal = Removal()
    removal.key = key
    removal.revision = revision
    return removal
  }
  return update
}

/// A folder of its own that is gone afterwards.
func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
  let path = "/tmp/daruma-agent-test-" + String(UInt64.random(in: 0...UInt64.max), radix: 16)
  mkdir(path, 0o700)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

/// Waits until the condition holds, for at most a minute.
func settles(
  _ comment: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < deadline {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  Issue.record("it did not come true: \(comment())", sourceLocation: sourceLocation)
}

extension ReportBoard {
  /// The next report, or nil if there is none within the time.
  func next(within limit: Duration) async -> NodeReport? {
    let next = Task { await self.next() }
    let clock = Task {
      try await Task.sleep(for: limit)
      next.cancel()
    }
    defer { clock.cancel() }
    return await next.value
  }
}
