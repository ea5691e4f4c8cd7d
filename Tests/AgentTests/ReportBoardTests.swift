import NodePlan
import Testing

@testable import Agent

@Suite("Report board")
struct ReportBoardTests {
  private let board = ReportBoard()

  private func post(_ scope: String, _ generation: UInt64, _ phase: ScopePhase = .verified) {
    var report = ScopeReport()
    report.scope = scope
    report.generation = generation
    report.phase = phase
    board.post(report)
  }

  private func hold(_ name: String, _ revisions: [UInt64]) -> GuardReport {
    var report = GuardReport()
    report.confirmation = name
    report.held = UInt32(revisions.count)
    report.revisions = revisions
    return report
  }

  /// All that waits, in words.
  private func told() async -> [String] {
    var told: [String] = []
    while let report = await board.next(within: .milliseconds(30)) {
      switch report.body {
      case .hello: told.append("hello")
      case .scope(let scope): told.append("\(scope.scope) \(scope.generation)")
      case .guard(let held): told.append("\(held.confirmation) \(held.revisions)")
      case .refusal: told.append("refusal")
      case .received(let received): told.append("received \(received.generation)")
      case nil: told.append("nothing")
      }
    }
    return told
  }

  @Test func `an acknowledgement waits behind the scopes that were reported before it`() async {
    board.connect(Hello())
    post("a", 1)
    post("b", 1)
    board.postReceived(1)
    post("a", 2)
    post("c", 2)
    board.postReceived(2)
    board.postReceived(3)
    #expect(await told() == ["hello", "a 2", "b 1", "received 1", "c 2", "received 3"])
  }

  @Test func `more that is held overtakes everything, less waits for its turn`() async {
    board.connect(Hello())
    #expect(await told() == ["hello"])
    post("a", 1)
    board.postReceived(1)
    board.post(holds: [hold("h", [1, 2])])
    #expect(await told() == ["h [1, 2]", "a 1", "received 1"])
    post("a", 3)
    board.post(holds: [hold("h", [2])])
    post("b", 3)
    board.post(holds: [])
    board.postReceived(3)
    #expect(await told() == ["a 3", "h []", "b 3", "h []", "received 3"])
  }

  @Test func `what is held again before its release was told is held`() async {
    board.connect(Hello())
    post("a", 1)
    board.post(holds: [hold("h", [1])])
    board.post(holds: [])
    board.post(holds: [hold("h", [1])])
    #expect(await told() == ["hello", "h [1]", "h [1]", "a 1", "h [1]"])
  }

  @Test func `a new connection hears what is held and how scopes stand, and nothing of what was on its way`() async {
    board.connect(Hello())
    post("b", 1)
    post("a", 1)
    board.post(holds: [hold("h", [1]), hold("i", [2])])
    board.postReceived(1)
    board.post(holds: [hold("h", [1])])
    board.disconnect()
    board.postReceived(2)
    board.connect(Hello())
    #expect(await told() == ["hello", "h [1]", "b 1", "a 1"])
  }

  @Test func `of scopes that left the plan those that have not ended yet are kept`() async {
    post("stays", 1, .failed)
    board.retire(["stays"])
    for number in 0..<5000 {
      post("s\(number)", 1)
      board.retire(["s\(number)"])
    }
    board.connect(Hello())
    let told = await told()
    #expect(told.count == 4097 && told.contains("stays 1") && !told.contains("s0 1"))
    board.revive(["stays"])
  }
}
