import CloudModel
import Control
import Ledger
import NodePlan
import Testing

@Suite("Welcome of a node")
struct WelcomeTests {
  /// What a node that says this is told first.
  private func answer(_ hello: Hello, _ cloud: Cloud) async throws -> PlanUpdate {
    var report = NodeReport()
    report.hello = hello
    let (reports, link) = AsyncStream.makeStream(of: NodeReport.self)
    link.yield(report)
    let (updates, told) = AsyncStream.makeStream(of: PlanUpdate.self)
    let control = cloud.control
    let session = Task { try await control.serve(reports: reports) { told.yield($0) } }
    defer { session.cancel() }
    var iterator = updates.makeAsyncIterator()
    return try #require(await iterator.next())
  }

  @Test(.timeLimit(.minutes(1)))
  func `a node that has its plan is told what came since, any other the complete plan`() async throws {
    try await Cloud.with(isRunning: false) { cloud in
      var hello = Hello()
      hello.node = "node"
      let first = try await answer(hello, cloud)
      #expect(first.complete && first.upserts.count > 1)

      hello.ledger = first.ledger
      hello.epoch = first.epoch
      hello.generation = first.generation
      hello.digest = try PlanDigest(of: first.upserts.shuffled()).bytes
      let same = try await answer(hello, cloud)
      #expect(!same.complete && same.base == first.generation && same.upserts.isEmpty && same.removals.isEmpty)

      let cell = try #require(cloud.state.cells.all.first { _ in true })
      try await cloud.write { draft in
        var cell = cell
        cell.rebuilds = 1
        try draft.put(cell)
      }
      let later = try await answer(hello, cloud)
      #expect(!later.complete && later.base == first.generation && later.generation > first.generation)
      #expect(later.upserts.map(\.key) == ["router/\(cell.id)"])
      #expect(later.upserts.first?.revision == later.generation && later.upserts.first?.router.rebuilds == 1)

      hello.digest = try PlanDigest(of: Array(first.upserts.dropLast())).bytes
      #expect(try await answer(hello, cloud).complete)
    }
  }
}
