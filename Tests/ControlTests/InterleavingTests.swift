import CloudModel
import FoundationEssentials
import NodePlan
import Synchronization
import Testing

@testable import Control

/// Numbers that are the same for the same seed.
struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}

/// A manager's board and a node of a few scopes, between them a line that may break at any time. What the node really is
/// decides whether a job ended rightly.
private struct Course {
  struct Job {
    let id = ID<AsyncJob>(UUID())
    let revision: UInt64
    let scopes: Set<String>
    let key: String
    let isWithdrawal: Bool
    /// The scopes that were right for the job at some time after the node had done its part.
    var right: Set<String> = []
    /// The node could not put the job's key in place.
    var hasFailed = false
  }

  enum Said {
    case scope(ScopeReport)
    case hold(UInt64, isHeld: Bool)
    case received(UInt64)
  }

  static let scopes = ["a", "b", "c"]

  var dice: Dice
  let board = NodeBoard(fed: 0)
  var jobs: [Job] = []
  var ended: Set<ID<AsyncJob>> = []
  var session = 0
  /// What is on its way to the node, and from it.
  var down: [UInt64] = []
  var up: [Said] = []

  // The node.
  var followed: UInt64 = 0
  var generations = Dictionary(uniqueKeysWithValues: scopes.map { ($0, UInt64(0)) })
  var inDoubt: Set<String> = []
  var failing: Set<String> = []
  var keys: [String: Set<String>] = [:]
  var held: Set<UInt64> = []

  init(seed: UInt64) {
    dice = Dice(state: seed)
    connect()
  }

  // MARK: the manager

  mutating func begin() {
    let revision = UInt64(jobs.count + 1)
    let isWithdrawal = Bool.random(using: &dice)
    let key = "k\(isWithdrawal ? UInt64.random(in: 1...revision, using: &dice) : revision)"
    let first = Self.scopes.randomElement(using: &dice) ?? ""
    let scopes: Set<String> = Bool.random(using: &dice) ? [first] : [first, "c"]
    let job = Job(revision: revision, scopes: scopes, key: key, isWithdrawal: isWithdrawal)
    jobs.append(job)
    // The plan is sent first, as the feed does it.
    if session > 0 { down.append(revision) }
    if Bool.random(using: &dice) { nodeReads() }
    note(
      board.wait(
        job.id,
        .init(
          revision, scopes, putting: isWithdrawal ? [] : [key], removing: isWithdrawal ? [key] : [],
          mayFail: !isWithdrawal)))
  }

  mutating func connect() {
    session += 1
    up = []
    let joined = UInt64(jobs.count)
    down = joined > followed ? [joined] : []
    board.connect(session: session, joined: joined, scopes: Set(Self.scopes))
    for revision in held { up.append(.hold(revision, isHeld: true)) }
    for scope in Self.scopes { say(scope) }
    if down.isEmpty { up.append(.received(followed)) }
  }

  mutating func managerReads() {
    if up.isEmpty { return }
    switch up.removeFirst() {
    case .scope(let report): note(board.take(report, from: "n", session: session))
    case .hold(let revision, let isHeld):
      note(board.hold(isHeld ? [revision] : [], named: "\(revision)", session: session))
    case .received(let generation): note(board.follow("n", generation, session: session))
    }
  }

  mutating func note(_ outcomes: [NodeBoard.Outcome]) {
    for outcome in outcomes {
      switch outcome {
      case .verified(let id):
        guard let job = jobs.first(where: { $0.id == id }) else { continue }
        #expect(job.right == job.scopes, "job \(job.revision) ended too early")
        #expect(!held.contains(job.revision), "job \(job.revision) ended though its removal is held")
        #expect(ended.insert(id).inserted)
      case .failed(let id, _):
        guard let job = jobs.first(where: { $0.id == id }) else { continue }
        #expect(job.hasFailed && !job.isWithdrawal, "job \(job.revision) was taken back")
        #expect(ended.insert(id).inserted)
      }
    }
  }

  // MARK: the node

  mutating func nodeReads() {
    if down.isEmpty { return }
    let generation = down.removeFirst()
    var touched: Set<String> = []
    for job in jobs where job.revision > followed && job.revision <= generation {
      if job.isWithdrawal && UInt8.random(in: 0..<8, using: &dice) == 0 {
        held.insert(job.revision)
        // Holds overtake everything.
        up.insert(.hold(job.revision, isHeld: true), at: 0)
      } else {
        touched.formUnion(done(job))
      }
    }
    followed = generation
    for scope in touched {
      generations[scope] = generation
      say(scope, .applying)
    }
    for scope in touched { say(scope) }
    for scope in Self.scopes { look(scope) }
    up.append(.received(generation))
  }

  /// The scopes that it touches; nothing if there is nothing to do.
  mutating func done(_ job: Job) -> Set<String> {
    var touched: Set<String> = []
    for scope in job.scopes {
      let isNew =
        job.isWithdrawal
        ? keys[scope]?.remove(job.key) != nil : keys[scope, default: []].insert(job.key).inserted
      if isNew { touched.insert(scope) }
    }
    return touched
  }

  mutating func confirm() {
    guard !held.isEmpty else { return }
    let released = held
    held = []
    var touched: Set<String> = []
    for job in jobs where released.contains(job.revision) { touched.formUnion(done(job)) }
    for scope in touched {
      generations[scope] = followed
      say(scope, .applying)
      say(scope)
    }
    for scope in Self.scopes { look(scope) }
    for revision in released { up.append(.hold(revision, isHeld: false)) }
    up.append(.received(followed))
  }

  mutating func breakOrMend() {
    if Bool.random(using: &dice) {
      let scope = Self.scopes.randomElement(using: &dice) ?? ""
      inDoubt.formSymmetricDifference([scope])
      if inDoubt.contains(scope) { say(scope, .lost) }
      say(scope)
    } else if let job = jobs.randomElement(using: &dice) {
      failing.formSymmetricDifference([job.key])
      for scope in job.scopes { say(scope) }
    }
  }

  mutating func say(_ scope: String, _ phase: ScopePhase? = nil) {
    var report = ScopeReport()
    report.scope = scope
    report.generation = generations[scope] ?? 0
    report.failedKeys = inDoubt.contains(scope) ? [] : failing.intersection(keys[scope] ?? []).sorted()
    report.phase = phase ?? (inDoubt.contains(scope) || !report.failedKeys.isEmpty ? .failed : .verified)
    up.append(.scope(report))
    if phase == nil { look(scope) }
  }

  /// Notes for which jobs the scope is right, and for which it is not.
  mutating func look(_ scope: String) {
    if inDoubt.contains(scope) { return }
    for index in jobs.indices where jobs[index].revision <= followed && jobs[index].scopes.contains(scope) {
      let job = jobs[index]
      if held.contains(job.revision) { continue }
      let isBroken = failing.contains(job.key) && keys[scope]?.contains(job.key) == true
      if isBroken { jobs[index].hasFailed = true } else { jobs[index].right.insert(scope) }
    }
  }

  /// Faults end, and nothing is said again that was said before.
  mutating func heal() {
    let doubtful = inDoubt
    let broken = failing
    inDoubt = []
    failing = []
    while !down.isEmpty { nodeReads() }
    for scope in Self.scopes where doubtful.contains(scope) || !broken.isDisjoint(with: keys[scope] ?? []) {
      say(scope)
    }
    while !up.isEmpty { managerReads() }
    confirm()
    while !up.isEmpty { managerReads() }
  }
}

@Suite("Interleavings")
struct InterleavingTests {
  @Test(arguments: (0..<8).map { _ in UInt64.random(in: 0...UInt64.max) })
  func `whatever the order, no job ends before its time and none waits for ever`(_ seed: UInt64) {
    print("interleaving with seed \(seed)")
    var course = Course(seed: seed)
    for _ in 0..<3000 {
      switch UInt8.random(in: 0..<100, using: &course.dice) {
      case 0..<15: course.begin()
      case 15..<40: course.nodeReads()
      case 40..<85: course.managerReads()
      case 85..<95: course.breakOrMend()
      case 95..<98: course.confirm()
      default: course.connect()
      }
    }
    course.heal()
    #expect(course.ended.count == course.jobs.count, "\(course.jobs.filter { !course.ended.contains($0.id) })")
    #expect(course.board.state.withLock { $0.waiting.isEmpty && $0.waitingByScope.isEmpty })
  }
}
