import Control
import FoundationEssentials
import NodePlan
import Synchronization

/// Stands in for an agent: it takes every plan over as it is and reports all of it as verified, unless it keeps silent.
final class StandInNode: Sendable {
  private struct State {
    var ledger = ""
    var epoch: UInt64 = 0
    var generation: UInt64 = 0
    var objects: [String: PlanObject] = [:]
    var reported: [String: UInt64] = [:]
    var link: AsyncStream<NodeReport>.Continuation?
  }

  private let state = Mutex(State())
  private let name: String

  init(name: String) { self.name = name }

  var keys: Set<String> { state.withLock { Set($0.objects.keys) } }
  var generation: UInt64 { state.withLock { $0.generation } }

  /// Serves a manager until the task is cancelled. `isSilent`: it takes plans and never answers.
  func connect(to control: Control, isSilent: Bool = false) -> Task<Void, any Error> {
    let (reports, link) = AsyncStream.makeStream(of: NodeReport.self)
    state.withLock { state in
      var hello = NodeReport()
      hello.hello.node = name
      hello.hello.ledger = state.ledger
      hello.hello.epoch = state.epoch
      hello.hello.generation = state.generation
      link.yield(hello)
      for (scope, generation) in state.reported where !isSilent { link.yield(Self.verified(scope, generation)) }
    }
    return Task {
      try await control.serve(reports: reports) { update in self.follow(update, isSilent ? nil : link) }
    }
  }

  private func follow(_ update: PlanUpdate, _ link: AsyncStream<NodeReport>.Continuation?) {
    state.withLock { state in
      guard update.complete || update.base == state.generation else { return }
      var touched: Set<String> = []
      var removals = Set(update.removals.map(\.key))
      if update.complete { removals.formUnion(Set(state.objects.keys).subtracting(update.upserts.map(\.key))) }
      for key in removals.subtracting(update.upserts.map(\.key)) {
        if let old = state.objects.removeValue(forKey: key) { touched.insert(old.scope) }
      }
      for object in update.upserts {
        var old = state.objects[object.key]
        old?.revision = object.revision
        state.objects[object.key] = object
        if old == object { continue }
        touched.insert(object.scope)
        if case .port(let port) = object.body { touched.insert("instance/" + port.instance) }
      }
      state.ledger = update.ledger
      state.epoch = update.epoch
      state.generation = update.generation
      for scope in touched {
        state.reported[scope] = update.generation
        link?.yield(Self.verified(scope, update.generation))
      }
      var received = NodeReport()
      received.received.generation = update.generation
      link?.yield(received)
    }
  }

  private static func verified(_ scope: String, _ generation: UInt64) -> NodeReport {
    var report = NodeReport()
    report.scope.scope = scope
    report.scope.generation = generation
    report.scope.phase = .verified
    return report
  }
}
