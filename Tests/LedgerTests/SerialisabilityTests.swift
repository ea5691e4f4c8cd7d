import CloudModel
import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

/// What concurrent callers read and did, against the one order that the revisions' numbers give. The ledger folds, trims
/// and is closed or crashes meanwhile.
@Suite struct SerialisabilityTests {
  private static let registers = (0..<12).map { _ in ID<ServiceOffering>(UUID()) }
  private typealias Values = [ID<ServiceOffering>: Int]

  /// One call, as its caller saw it. `begin` and `end` are moments of one clock for all callers.
  private struct Call: Sendable {
    let begin: Int
    var end = 0
    /// The revision that it made, or that it found.
    var number: UInt64 = 0
    var isWriting = false
    var read: Values = [:]
    var wrote: [ID<ServiceOffering>: Int?] = [:]
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 10)), arguments: Kept.allCases)
  func `concurrent callers see and make the states of one order, which is that of time`(kept: Kept) async throws {
    let seed = Self.seed
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let place = try await kept.place()
    let retention = Retention(age: .seconds(1000), count: 100_000, window: 30)
    let counters = Counters()
    var calls: [Call] = []
    var history: [Revision] = []
    for phase in 0..<(isFull ? 40 : 3) {
      let ledger = try place.open(create: phase == 0, retention: retention)
      let done = try await withThrowingTaskGroup(of: [Call].self) { group in
        for _ in 0..<8 {
          var own = SplitMix(state: random.next())
          group.addTask {
            var calls: [Call] = []
            for _ in 0..<25 { calls.append(try await Self.call(ledger, counters, &own)) }
            return calls
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      calls += done
      history = try ledger.history(from: 1, to: .max)
      if Bool.random(using: &random) { await ledger.close() } else { try await place.crash(ledger) }
    }
    try Self.check(calls, history, "seed \(seed)")
  }

  private final class Counters: Sendable {
    private let clock = Atomic(0)
    private let value = Atomic(0)

    func now() -> Int { clock.add(1, ordering: .sequentiallyConsistent).newValue }
    func newValue() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }
  }

  /// A snapshot is read, or a transaction reads some registers and writes others; some change their mind.
  private static func call(
    _ ledger: Ledger, _ counters: Counters, _ random: inout SplitMix
  ) async throws -> Call {
    var call = Call(begin: counters.now())
    let reads = (0..<3).compactMap { _ in registers.randomElement(using: &random) }
    if Int.random(in: 0..<3, using: &random) == 0 {
      let snapshot = ledger.snapshot
      call.number = snapshot.revision
      for id in registers { call.read[id] = snapshot.state.serviceOfferings[id]?.cpuNumber ?? 0 }
    } else {
      let writes = Dictionary(
        (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
          registers.randomElement(using: &random).map {
            (
              $0,
              Int.random(in: 0..<4, using: &random) == 0
                ? nil : counters.newValue()
            )
          }
        }, uniquingKeysWith: { $1 })
      let regrets = Int.random(in: 0..<6, using: &random) == 0
      do {
        let done = try await ledger.transact(test) { draft in
          let found = Dictionary(reads.map { ($0, draft.get($0)?.cpuNumber ?? 0) }, uniquingKeysWith: { $1 })
          for (id, value) in writes {
            if let value { try draft.put(offering("r", cpus: value, id: id)) } else { try draft.remove(id) }
          }
          if regrets { throw ModelError("no") }
          return found
        }
        call.read = done.value
        call.number = done.revision.number
        call.isWriting = !done.revision.changes.isEmpty
        call.wrote = writes
      } catch is ModelError {
        call.number = ledger.snapshot.revision
      }
    }
    call.end = counters.now()
    return call
  }

  private static func check(_ calls: [Call], _ history: [Revision], _ comment: Comment) throws {
    var states: [Values] = [[:]]
    for revision in history {
      #expect(Int(revision.number) == states.count, comment)
      var next = states[states.count - 1]
      for change in revision.changes { next[ID(change.id)] = (change.after as? ServiceOffering)?.cpuNumber }
      states.append(next)
    }
    for call in calls {
      // A writer read what was before its own revision.
      let found = states[Int(call.number) - (call.isWriting ? 1 : 0)]
      for (id, value) in call.read { #expect(found[id] ?? 0 == value, comment) }
      guard call.isWriting else { continue }
      for (id, value) in call.wrote { #expect(states[Int(call.number)][id] == value, comment) }
    }
    let writers = calls.filter(\.isWriting).map(\.number)
    #expect(writers.count == history.count && Set(writers).count == writers.count, comment)
    // Whoever began after somebody was told sees what that one was told of.
    let ends = calls.sorted { $0.end < $1.end }
    var next = 0
    var told: UInt64 = 0
    for call in calls.sorted(by: { $0.begin < $1.begin }) {
      while next < ends.count, ends[next].end < call.begin {
        told = max(told, ends[next].number)
        next += 1
      }
      #expect(call.isWriting ? call.number > told : call.number >= told, comment)
    }
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)), arguments: Kept.allCases)
  func `subscribers that come, go and resume see every revision once and in order`(kept: Kept) async throws {
    let seed = Self.seed
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let place = try await kept.place()
    let subscribers = 6
    var positions = [UInt64](repeating: 0, count: subscribers)
    for phase in 0..<4 {
      let ledger = try place.open(
        create: phase == 0, retention: Retention(age: .seconds(1000), count: 5000, window: 50))
      let first = ledger.snapshot.revision
      let goal = first + (isFull ? 5000 : 150)
      positions = try await withThrowingTaskGroup(of: (Int, UInt64).self) { group in
        for index in 0..<subscribers {
          let (own, start) = (SplitMix(state: random.next()), positions[index])
          group.addTask { (index, try await Self.follow(ledger, from: start, to: goal, own, "seed \(seed)")) }
        }
        for writer in 0..<3 {
          group.addTask {
            while ledger.snapshot.revision < goal {
              try await ledger.put(
                offering("w\(writer)", id: Self.registers[writer]).with(Int(ledger.snapshot.revision)))
            }
            return (-1, 0)
          }
        }
        var reached = positions
        for try await (index, position) in group where index >= 0 { reached[index] = position }
        return reached
      }
      await ledger.close()
      #expect(positions.allSatisfy { $0 >= goal })
    }
  }

  /// Follows in pieces, pausing now and then; returns where it stopped.
  private static func follow(
    _ ledger: Ledger, from start: UInt64, to goal: UInt64, _ random: SplitMix, _ comment: Comment
  ) async throws -> UInt64 {
    var random = random
    var seen = start
    while seen < goal {
      let piece = Int.random(in: 1...80, using: &random)
      var count = 0
      for try await step in ledger.revisions(after: seen) {
        #expect(step.revision.number == seen + 1 && step.before.revision == seen, comment)
        #expect(step.after.revision == seen + 1, comment)
        for change in step.revision.changes {
          let id = ID<ServiceOffering>(change.id)
          #expect(change.before as? ServiceOffering == step.before.state.serviceOfferings[id], comment)
          #expect(change.after as? ServiceOffering == step.after.state.serviceOfferings[id], comment)
        }
        seen = step.revision.number
        count += 1
        if count == piece || seen >= goal { break }
      }
      if Bool.random(using: &random) { await Task.yield() }
    }
    return seen
  }

  private static var seed: UInt64 {
    ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64.max)
  }
}

/// Random tests run in full counts.
let isFull = ProcessInfo.processInfo.environment["DARUMA_FULL"] != nil

extension ServiceOffering {
  fileprivate func with(_ cpus: Int) -> ServiceOffering {
    var other = self
    other.cpuNumber = cpus
    return other
  }
}
