import Control
import FoundationEssentials
import NodePlan
import Synchronization

/// Stands in for an agent that rebuilds routers: it takes its time, and can be told to fail.
final class RebuildingNode: Sendable {
  struct Seen: Sendable {
    /// Routers asked for and not answered yet.
    var open: Set<String> = []
    var mostAtOnce = 0
    /// In the order in which they were asked for, with the version of the rules.
    var asked: [(router: String, renderer: UInt32)] = []
    /// The version of the rules that each router has.
    var renderers: [String: UInt32] = [:]
    fileprivate var rebuilds: [String: UInt32] = [:]
    fileprivate var generation: UInt64 = 0
    fileprivate var ledger = ""
    fileprivate var epoch: UInt64 = 0
  }

  private let seen = Mutex(Seen())
  private let newest: UInt32
  private let fails: @Sendable (String, UInt32) -> Bool

  /// - Parameter fails: whether a rebuild of the router with this version of the rules goes wrong.
  init(newest: UInt32 = 1, fails: @escaping @Sendable (String, UInt32) -> Bool = { _, _ in false }) {
    self.newest = newest
    self.fails = fails
  }

  var state: Seen { seen.withLock { $0 } }

  func connect(to control: Control) -> Task<Void, any Error> {
    let (reports, link) = AsyncStream.makeStream(of: NodeReport.self)
    var hello = NodeReport()
    hello.hello.node = "node"
    hello.hello.renderer = newest
    seen.withLock { seen in
      hello.hello.ledger = seen.ledger
      hello.hello.epoch = seen.epoch
      hello.hello.generation = seen.generation
    }
    link.yield(hello)
    return Task { try await control.serve(reports: reports) { self.follow($0, link) } }
  }

  private func follow(_ update: PlanUpdate, _ link: AsyncStream<NodeReport>.Continuation) {
    var routers: [Router] = []
    var others: Set<String> = []
    for object in update.upserts {
      if case .router(let router) = object.body { routers.append(router) } else { others.insert(object.scope) }
    }
    for router in routers {
      let isDue = seen.withLock { seen in
        seen.generation = update.generation
        seen.ledger = update.ledger
        seen.epoch = update.epoch
        guard router.rebuilds > seen.rebuilds[router.id] ?? 0 else { return false }
        seen.rebuilds[router.id] = router.rebuilds
        seen.asked.append((router.id, router.renderer))
        seen.open.insert(router.id)
        seen.mostAtOnce = max(seen.mostAtOnce, seen.open.count)
        return true
      }
      guard isDue else {
        link.yield(report(router, update.generation, failed: false))
        continue
      }
      Task {
        try await Task.sleep(for: .milliseconds(20))
        let isFailing = fails(router.id, router.renderer)
        seen.withLock { seen in
          seen.open.remove(router.id)
          if !isFailing { seen.renderers[router.id] = router.renderer }
        }
        link.yield(report(router, update.generation, failed: isFailing))
      }
    }
    for scope in others { link.yield(verified(scope, update.generation)) }
    var received = NodeReport()
    received.received.generation = update.generation
    link.yield(received)
  }

  private func verified(_ scope: String, _ generation: UInt64) -> NodeReport {
    var report = NodeReport()
    report.scope.scope = scope
    report.scope.generation = generation
    report.scope.phase = .verified
    return report
  }

  private func report(_ router: Router, _ generation: UInt64, failed: Bool) -> NodeReport {
    var report = verified("router/\(router.id)", generation)
    report.scope.verifiedAtNs = Int64(Date().timeIntervalSince1970 * 1e9)
    report.scope.renderer = seen.withLock { $0.renderers[router.id] ?? 1 }
    if failed {
      report.scope.rebuildFailed = router.rebuilds
      report.scope.rebuildFailure = "it leads astray"
      report.scope.rebuilt = router.rebuilds - 1
    } else {
      report.scope.rebuilt = router.rebuilds
    }
    var nat = ServiceCount()
    nat.service = "staticnat"
    nat.wanted = 10
    nat.applied = 10
    nat.verified = 10
    report.scope.services = [nat]
    return report
  }
}
