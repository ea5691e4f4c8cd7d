import CloudModel
import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

/// Histories against a model that keeps everything, while the ledger folds, trims, is closed and opened.
@Suite struct HistoryTests {
  /// What every revision left behind; index 0 is the beginning.
  private typealias Model = [[UUID: Int]]

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)), arguments: Kept.allCases)
  func `random transactions end in the state of a plain dictionary`(kept: Kept) async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let ids = (0..<20).map { _ in UUID() }
    for _ in 0..<(isFull ? 20 : 2) {
      let folder = try await kept.place()
      let retention = Retention(
        age: .seconds(1000), count: UInt64.random(in: 1...80, using: &random),
        window: UInt64.random(in: 1...40, using: &random))
      var model: Model = [[:]]
      var ledger = try folder.open(create: true, retention: retention)
      for round in 0..<200 {
        try await step(ledger, ids, &model, &random, "seed \(seed) round \(round)")
        if Int.random(in: 0..<25, using: &random) == 0 {
          if Bool.random(using: &random) {
            await ledger.close()
          } else {
            try await folder.crash(ledger)
          }
          ledger = try await folder.reopened(retention: retention)
          #expect(Self.state(ledger.snapshot) == model.last, "seed \(seed) round \(round)")
        }
        if Int.random(in: 0..<10, using: &random) == 0 { try compare(ledger, model, "seed \(seed) round \(round)") }
      }
      try compare(ledger, model, "seed \(seed)")
      await ledger.close()
      ledger = try await folder.reopened(retention: retention)
      #expect(Self.state(ledger.snapshot) == model.last, "seed \(seed)")
      #expect(ledger.standing.checkpoint == ledger.snapshot.revision)
      #expect(ledger.snapshot.revision - ledger.standing.anchor.number <= retention.count)
      await ledger.close()
    }
  }

  private func step(
    _ ledger: Ledger, _ ids: [UUID], _ model: inout Model, _ random: inout SplitMix, _ comment: Comment
  ) async throws {
    let steps = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      (id: ids.randomElement(using: &random) ?? UUID(), cpus: Int.random(in: 0...3, using: &random))
    }
    let fails = Int.random(in: 0..<5, using: &random) == 0
    do {
      let done = try await ledger.transact(test) { draft in
        for step in steps {
          let id = ID<ServiceOffering>(step.id)
          if step.cpus == 0 { try draft.remove(id) } else { try draft.put(offering("o", cpus: step.cpus, id: id)) }
        }
        if fails { throw ModelError("no") }
      }
      var next = model.last ?? [:]
      for step in steps { next[step.id] = step.cpus == 0 ? nil : step.cpus }
      if next != model.last { model.append(next) }
      #expect(Int(done.revision.number) == model.count - 1, comment)
    } catch is ModelError {
      #expect(fails, comment)
    }
    #expect(Self.state(ledger.snapshot) == model.last, comment)
  }

  /// All that is kept of the history says what happened, or that it does not know.
  private func compare(_ ledger: Ledger, _ model: Model, _ comment: Comment) throws {
    let oldest = ledger.oldest
    let revisions: [Revision]
    do {
      revisions = try ledger.history(from: oldest, to: .max)
    } catch {
      // Trimming goes on meanwhile.
      guard error.code == .behind, ledger.oldest > oldest else { throw error }
      return try compare(ledger, model, comment)
    }
    for revision in revisions {
      let number = Int(revision.number)
      for change in revision.changes {
        #expect((change.after as? ServiceOffering)?.cpuNumber == model[number][change.id], comment)
        if change.isBeforeUnknown {
          #expect(change.previous < oldest && model[number - 1][change.id] != nil, comment)
        } else {
          #expect((change.before as? ServiceOffering)?.cpuNumber == model[number - 1][change.id], comment)
        }
      }
    }
    if oldest > 1 {
      let error = #expect(throws: LedgerError.self) { try ledger.history(from: oldest - 1, to: oldest) }
      #expect(error?.code == .behind, comment)
    }
  }

  private static func state(_ snapshot: Snapshot) -> [UUID: Int] {
    Dictionary(uniqueKeysWithValues: snapshot.state.serviceOfferings.all.map { ($0.id.uuid, $0.cpuNumber) })
  }

  @Test(arguments: Kept.allCases)
  func `a value that was changed and changed back is written by the revision that wrote it`(kept: Kept) async throws {
    let folder = try await kept.place()
    let ledger = try folder.open(create: true)
    let first = offering("first")
    try await ledger.put(first)
    _ = try await ledger.transact(test) { draft in
      try draft.put(offering("other", id: first.id))
      try draft.put(first)
      try draft.put(offering("second"))
    }
    try await ledger.put(offering("third", id: first.id))
    let change = try ledger.history(from: 3, to: 3).first?.changes.first
    #expect(change?.previous == 1)
    #expect(change?.before as? ServiceOffering == first)
    await ledger.close()
  }

  @Test(arguments: Kept.allCases) func `history that is too old is given up, but never what is not in the checkpoint`(
    kept: Kept
  ) async throws {
    let folder = try await kept.place()
    let time = Clock()
    var sources = Sources.system
    sources.now = { time.now }
    let retention = Retention(age: .seconds(100), count: 1000, window: 5)
    let ledger = try folder.open(create: true, retention: retention, sources: sources)
    for number in 1...10 { try await ledger.put(offering("o\(number)")) }
    #expect(ledger.oldest == 1)
    time.advance(by: 200)
    for number in 11...16 { try await ledger.put(offering("o\(number)")) }
    try await until { ledger.standing.checkpoint >= 10 }
    try await ledger.put(offering("p"))
    time.advance(by: 20)
    try await ledger.put(offering("q"))
    try await until { ledger.oldest == 11 }
    #expect(try ledger.history(from: 11, to: 100).map(\.number) == Array(11...18))
    await ledger.close()
    let again = try folder.open(retention: retention, sources: sources)
    #expect(again.snapshot.state.serviceOfferings.count == 18)
    let error = await #expect(throws: LedgerError.self) {
      for try await _ in again.revisions(after: 3) { return }
    }
    #expect(error?.code == .behind)
    await again.close()
  }
}

private final class Clock: Sendable {
  private let time = Mutex(epoch)
  var now: Date { time.withLock { $0 } }
  func advance(by seconds: Double) { time.withLock { $0 += seconds } }
}
