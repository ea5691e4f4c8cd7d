import Control
import NodePlan
import Synchronization

/// A node that does at once whatever it is told and reports it as verified.
final class ObedientNode: Sendable {
  private let scopes = Mutex<[String: String]>([:])
  private let reports: AsyncStream<NodeReport>
  private let send: AsyncStream<NodeReport>.Continuation

  init(_ name: String) {
    (reports, send) = AsyncStream.makeStream(of: NodeReport.self)
    var report = NodeReport()
    report.hello.node = name
    send.yield(report)
  }

  /// Serves until the task is cancelled.
  func run(_ control: Control) async throws {
    try await control.serve(reports: reports) { update in self.follow(update) }
  }

  private func follow(_ update: PlanUpdate) {
    let touched = scopes.withLock { scopes in
      var touched: Set<String> = []
      for object in update.upserts {
        touched.insert(object.scope)
        if let old = scopes.updateValue(object.scope, forKey: object.key) { touched.insert(old) }
        if case .port(let port) = object.body { touched.insert("instance/\(port.instance)") }
      }
      for removal in update.removals {
        if let scope = scopes.removeValue(forKey: removal.key) { touched.insert(scope) }
      }
      return touched
    }
    for scope in touched.sorted() {
      var report = NodeReport()
      report.scope.scope = scope
      report.scope.generation = update.generation
      report.scope.phase = .verified
      send.yield(report)
    }
    var report = NodeReport()
    report.received.generation = update.generation
    send.yield(report)
  }
}
