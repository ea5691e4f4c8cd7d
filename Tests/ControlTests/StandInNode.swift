import Control
import FoundationEssentials
import NodePlan
import Synchronization

/// Stands in for an agent: it takes every plan over as it is and reports all of it as verified, unless it keeps silent or is
/// told to say something else.
final class StandInNode: Sendable {
  enum Answer: Sendable { case verified, applying, failed }

  private struct State {
    var ledger = ""
    var epoch: UInt64 = 0
    var generation: UInt64 = 0
    var objects: [String: PlanObject] = [:]
    var reported: [String: UInt64] = [:]
    var answer: @Sendable (PlanObject) -> Answer = { _ in .verified }
    /// The keys that each update changed.
    var updates: [Set<String>] = []
    var link: AsyncStream<NodeReport>.Continuation?
  }

  private let state = Mutex(State())
  private let name: String

  init(name: String) { self.name = name }

  var keys: Set<String> { state.withLock { Set($0.objects.keys) } }
  var generation: UInt64 { state.withLock { $0.generation } }
  var objects: [String: PlanObject] { state.withLock { $0.objects } }
  var updates: [Set<String>] { state.withLock { $0.updates } }

  /// What it says from now on of the scope that an object is in, also of what it has already.
  func answer(_ answer: @escaping @Sendable (PlanObject) -> Answer) {
    state.withLock { state in
      state.answer = answer
      for scope in Set(state.objects.values.map(\.scope)) { Self.report(scope, &state) }
    }
  }

  private static func report(_ scope: String, _ state: inout State) {
    let answers = state.objects.values.filter { $0.scope == scope }.map { ($0.key, state.answer($0)) }
    var report = verified(scope, state.generation)
    let failing = answers.filter { $0.1 == .failed }.map(\.0).sorted()
    let isApplying = answers.contains { $0.1 == .applying }
    state.reported[scope] = failing.isEmpty && !isApplying ? state.generation : nil
    if isApplying { report.scope.phase = .applying }
    if !failing.isEmpty {
      report.scope.phase = .failed
      report.scope.failedKeys = failing
      report.scope.message = "it cannot be done"
    }
    state.link?.yield(report)
  }

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
      state.link = isSilent ? nil : link
    }
    return Task {
      try await control.serve(reports: reports) { update in self.follow(update, isSilent ? nil : link) }
    }
  }

  private func follow(_ update: PlanUpdate, _ link: AsyncStream<NodeReport>.Continuation?) {
    state.withLock { state in
      guard update.complete || update.base == state.generation else { return }
      var touched: Set<String> = []
      var changed: Set<String> = []
      var removals = Set(update.removals.map(\.key))
      if update.complete { removals.formUnion(Set(state.objects.keys).subtracting(update.upserts.map(\.key))) }
      for key in removals.subtracting(update.upserts.map(\.key)) {
        if let old = state.objects.removeValue(forKey: key) {
          touched.insert(old.scope)
          changed.insert(key)
        }
      }
      for object in update.upserts {
        var old = state.objects[object.key]
        old?.revision = object.revision
        state.objects[object.key] = object
        if old == object { continue }
        touched.insert(object.scope)
        changed.insert(object.key)
        if case .port(let port) = object.body { touched.insert("instance/" + port.instance) }
      }
      state.ledger = update.ledger
      state.epoch = update.epoch
      state.generation = update.generation
      state.updates.append(changed)
      for scope in touched { Self.report(scope, &state) }
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
