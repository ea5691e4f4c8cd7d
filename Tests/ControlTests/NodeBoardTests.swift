import CloudModel
import FoundationEssentials
import NodePlan
import Synchronization
import Testing

@testable import Control

extension NodeBoard {
  /// A node connects and gets the complete plan of generation `joined`.
  func connect(_ node: String = "n", session: Int = 1, joined: UInt64 = 0, scopes: Set<String> = ["a", "b"]) {
    state.withLock {
      $0.sessions[node] = .init(
        number: session, send: AsyncStream.makeStream(of: PlanUpdate.self).continuation, generation: joined,
        joined: joined, scopes: scopes)
    }
  }

  func report(
    _ scope: String, _ generation: UInt64, _ phase: ScopePhase = .verified, failing: [String] = [], session: Int = 1
  ) -> [NodeBoard.Outcome] {
    var report = ScopeReport()
    report.scope = scope
    report.generation = generation
    report.phase = phase
    report.failedKeys = failing
    report.message = phase == .failed ? "broken" : ""
    return take(report, from: "n", session: session)
  }

  func hold(_ revisions: [UInt64], named name: String = "hold", session: Int = 1) -> [NodeBoard.Outcome] {
    var report = GuardReport()
    report.confirmation = name
    report.held = UInt32(revisions.count)
    report.revisions = revisions
    return hold(report, on: "n", session: session)
  }

  var waitingJobs: Set<ID<AsyncJob>> { state.withLock { Set($0.waiting.keys) } }
}

extension NodeBoard.Waiting {
  init(
    _ generation: UInt64, _ scopes: Set<String>, putting keys: Set<String> = [], removing removed: Set<String> = [],
    mayFail: Bool = true
  ) {
    self.init(generation: generation, scopes: [], keys: keys, removed: removed, mayFail: mayFail)
    insert(scopes, on: "n")
  }
}

extension [NodeBoard.Outcome] {
  var verified: [ID<AsyncJob>] { compactMap { if case .verified(let job) = $0 { job } else { nil } } }
  var failed: [ID<AsyncJob>] { compactMap { if case .failed(let job, _) = $0 { job } else { nil } } }
}

/// Stands still until it is told to go on.
private final class ManualClock: Sendable {
  private let time = Mutex(ContinuousClock.now)
  var now: ContinuousClock.Instant { time.withLock { $0 } }
  func advance(by duration: Duration) { time.withLock { $0 += duration } }
}

@Suite("Node board")
struct NodeBoardTests {
  private let clock: ManualClock
  private let board: NodeBoard
  private let job = ID<AsyncJob>(UUID())

  init() {
    let clock = ManualClock()
    self.clock = clock
    board = NodeBoard(fed: 0) { clock.now }
    board.connect()
  }

  @Test func `a job that changed nothing has nothing to wait for`() {
    #expect(board.wait(job, .init(5, [])).verified == [job])
    #expect(board.waitingJobs.isEmpty)
  }

  @Test func `a job ends when every scope is verified at its revision or later`() {
    #expect(board.wait(job, .init(5, ["a", "b"])).isEmpty)
    #expect(board.report("a", 4).isEmpty)
    #expect(board.report("a", 5, .applying).isEmpty)
    #expect(board.report("a", 5, .applied).isEmpty)
    #expect(board.report("b", 7).isEmpty)
    #expect(board.report("a", 5, .lost).isEmpty)
    #expect(board.report("a", 5).verified == [job])
    #expect(board.state.withLock { $0.waitingByScope.isEmpty })
  }

  @Test func `what was reported before the job is waited for counts`() {
    #expect(board.report("a", 6).isEmpty)
    #expect(board.wait(job, .init(5, ["a"])).verified == [job])
  }

  @Test func `a scope that the node has not touched counts once a later generation is acknowledged`() {
    #expect(board.report("a", 3).isEmpty)
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    #expect(board.follow("n", 4, session: 1).isEmpty)
    #expect(board.follow("n", 6, session: 1).verified == [job])
  }

  @Test func `an acknowledgement says nothing of a scope that is not verified`() {
    #expect(board.report("a", 3, .lost).isEmpty)
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    #expect(board.follow("n", 6, session: 1).isEmpty)
    #expect(board.report("a", 3).verified == [job])
  }

  @Test func `an acknowledgement does not speak for a scope that was reported in another session`() {
    #expect(board.report("a", 3).isEmpty)
    board.connect(session: 2, joined: 4)
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    #expect(board.follow("n", 6, session: 2).isEmpty)
    #expect(board.report("a", 3, session: 2).verified == [job])
  }

  @Test func `a failure of keys ends only jobs that put them and can be taken back`() {
    let (other, withdrawal) = (ID<AsyncJob>(UUID()), ID<AsyncJob>(UUID()))
    #expect(board.wait(job, .init(5, ["a"], putting: ["k"])).isEmpty)
    #expect(board.wait(other, .init(5, ["a"], putting: ["l"])).isEmpty)
    #expect(board.wait(withdrawal, .init(5, ["a"], putting: ["k"], mayFail: false)).isEmpty)
    let outcomes = board.report("a", 5, .failed, failing: ["k"])
    #expect(outcomes.failed == [job] && outcomes.verified == [other])
    #expect(board.waitingJobs == [withdrawal])
    #expect(board.expire(.zero).isEmpty)
    #expect(board.report("a", 5).verified == [withdrawal])
  }

  @Test func `what a job takes out and the node cannot end is still there`() {
    #expect(board.wait(job, .init(5, ["instance/x"], removing: ["instance/x"], mayFail: false)).isEmpty)
    #expect(board.report("instance/x", 5, .failed, failing: ["instance/x"]).isEmpty)
    #expect(board.follow("n", 9, session: 1).isEmpty)
    #expect(board.waitingJobs == [job])
    #expect(board.report("instance/x", 5).verified == [job])
  }

  @Test func `a failure without keys keeps everybody waiting and takes back what can be`() {
    let withdrawal = ID<AsyncJob>(UUID())
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    #expect(board.wait(withdrawal, .init(5, ["a"], mayFail: false)).isEmpty)
    #expect(board.report("a", 5, .failed).isEmpty)
    #expect(board.expire(.seconds(30)).isEmpty)
    clock.advance(by: .milliseconds(20))
    // The gateway that does not come up is looked at and changed meanwhile.
    #expect(board.report("a", 5, .lost).isEmpty)
    #expect(board.report("a", 6, .applying).isEmpty)
    #expect(board.expire(.milliseconds(10)).isEmpty, "as long as it is being worked on")
    #expect(board.report("a", 6, .applied).isEmpty && board.report("a", 6, .failed).isEmpty)
    #expect(board.expire(.milliseconds(10)).failed == [job])
    #expect(board.waitingJobs == [withdrawal])
    #expect(board.report("a", 6).verified == [withdrawal])
  }

  @Test func `a gateway that is down for long gives a new job its time`() {
    #expect(board.report("a", 4, .failed).isEmpty)
    clock.advance(by: .milliseconds(20))
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    #expect(board.report("a", 5, .failed).isEmpty)
    #expect(board.expire(.milliseconds(15)).isEmpty)
    clock.advance(by: .milliseconds(20))
    #expect(board.expire(.milliseconds(15)).failed == [job])
  }

  @Test func `a fault that passed is forgotten`() {
    #expect(board.wait(job, .init(5, ["a", "b"])).isEmpty)
    #expect(board.report("b", 5, .failed).isEmpty)
    clock.advance(by: .milliseconds(20))
    #expect(board.report("b", 4).isEmpty && board.report("b", 5, .failed).isEmpty)
    #expect(board.expire(.milliseconds(15)).isEmpty)
  }

  @Test func `an untouched scope in doubt is given up too`() {
    #expect(board.report("a", 3, .failed).isEmpty)
    #expect(board.wait(job, .init(5, ["a"])).isEmpty)
    clock.advance(by: .milliseconds(5))
    #expect(board.expire(.zero).isEmpty, "nobody knows yet whether the job touches the scope")
    #expect(board.follow("n", 5, session: 1).isEmpty)
    #expect(board.expire(.zero).failed == [job])
  }

  @Test func `a job whose removals are held waits for their release`() {
    #expect(board.wait(job, .init(5, ["a"], mayFail: false)).isEmpty)
    #expect(board.hold([4, 5]).isEmpty)
    #expect(board.report("a", 6).isEmpty)
    #expect(board.follow("n", 6, session: 1).isEmpty)
    #expect(board.hold([5]).isEmpty)
    #expect(board.hold([]).verified == [job])
  }

  @Test func `a hold is known until the node has said in a new session that it is no more`() {
    #expect(board.hold([5]).isEmpty)
    #expect(board.report("a", 6).isEmpty)
    #expect(board.wait(job, .init(5, ["a"], mayFail: false)).isEmpty)
    board.connect(session: 2, joined: 6)
    #expect(board.hold([5], session: 2).isEmpty)
    #expect(board.report("a", 6, session: 2).isEmpty)
    #expect(board.follow("n", 6, session: 2).isEmpty)
    board.connect(session: 3, joined: 6)
    #expect(board.report("a", 6, session: 3).isEmpty)
    #expect(board.follow("n", 6, session: 3).verified == [job])
    #expect(board.state.withLock { $0.guards["n"]?.isEmpty } == true)
  }

  @Test func `what an ended session still had to say does not count`() {
    board.connect(session: 2)
    #expect(board.report("a", 6, session: 2).isEmpty)
    #expect(board.report("a", 6, .applying, session: 1).isEmpty)
    #expect(board.hold([5], session: 1).isEmpty && board.follow("n", 9, session: 1).isEmpty)
    #expect(board.wait(job, .init(5, ["a"])).verified == [job])
  }

  @Test func `a scope that went before the session is gone unless the node still speaks of it`() {
    let other = ID<AsyncJob>(UUID())
    #expect(board.wait(job, .init(5, ["gone"], mayFail: false)).isEmpty)
    #expect(board.wait(other, .init(5, ["instance/x"], removing: ["instance/x"], mayFail: false)).isEmpty)
    board.connect(session: 2, joined: 6)
    #expect(board.report("instance/x", 6, .applying, session: 2).isEmpty)
    #expect(board.follow("n", 6, session: 2).verified == [job])
    #expect(board.follow("n", 7, session: 2).isEmpty)
    #expect(board.report("instance/x", 6, session: 2).verified == [other])
  }

  @Test func `who asks again for what is on its way waits for the same`() {
    let again = ID<AsyncJob>(UUID())
    #expect(board.wait(job, .init(5, ["a"], putting: ["k"], mayFail: false)).isEmpty)
    #expect(board.wait(again, .init(6, []), earlier: [ID(UUID()), job]).isEmpty)
    #expect(board.follow("n", 6, session: 1).isEmpty)
    #expect(Set(board.report("a", 5).verified) == [job, again])
    #expect(board.wait(again, .init(7, []), earlier: [job]).verified == [again])
  }

  @Test func `a job of ten thousand scopes costs no more for each of them`() {
    let scopes = Set((0..<10_000).map { "instance/\($0)" })
    #expect(board.wait(job, .init(5, scopes)).isEmpty)
    let start = ContinuousClock.now
    var outcomes: [NodeBoard.Outcome] = []
    for scope in scopes { outcomes += board.report(scope, 5) }
    print("10,000 reports for one job: \(ContinuousClock.now - start)")
    #expect(outcomes.verified == [job])
  }
}
