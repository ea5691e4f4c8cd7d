import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

/// Folding part by part against a checkpoint that is a dictionary.
@Suite struct UnfoldedTests {
  @Test(arguments: [1, 7, 8, 40, 300, 5000])
  func `what is up to the checkpoint is folded, and no more is left than a round and a part`(window: UInt64) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let ids = (0..<200).map { _ in UUID.random(using: &random) }
    /// What each revision left of what it changed; the first is 1.
    var history: [[StoredChange]] = []
    var current: [UUID: UInt64] = [:]
    var folded: [UUID: (revision: UInt64, body: [UInt8]?)] = [:]
    var checkpoint: UInt64 = 0
    var unfolded = Unfolded([], last: 0, window: window)
    var most: UInt64 = 0
    var pieces = 0
    for _ in 0..<Int(window) * 4 + 2000 {
      let changed = Set(
        (0..<Int.random(in: 1...5, using: &random)).map { _ in ids.randomElement(using: &random) ?? UUID() })
      let number = UInt64(history.count) + 1
      let changes = changed.sorted().map { id in
        let removes = current[id] != nil && Int.random(in: 0..<4, using: &random) == 0
        let body: [UInt8]? = removes ? nil : Array(String(number).utf8)
        defer { current[id] = removes ? nil : number }
        return StoredChange(kind: "thing", id: id, previous: current[id] ?? 0, body: body?[...])
      }
      history.append(changes)
      unfolded.add([changes])
      if unfolded.isDue(checkpoint, of: number, isIdle: false) { unfolded.begin() }
      let piece = unfolded.next(unfolded.pace)
      if !piece.isEmpty {
        let after = piece.count == unfolded.readyCount ? unfolded.checkpoint : nil
        for change in piece {
          // The checkpoint's digest depends on it.
          #expect(change.folded == folded[change.key.id]?.revision ?? 0, "seed \(seed) revision \(number)")
          folded[change.key.id] = change.body.map { (change.revision, $0) }
        }
        unfolded.drop(piece.count)
        if let after {
          #expect(after >= checkpoint && after <= number, "seed \(seed) revision \(number)")
          checkpoint = after
        }
        pieces += 1
      }
      if number > window { most = max(most, number - checkpoint) }
      guard number % 97 == 0 || number == 1 else { continue }
      check(history, folded, checkpoint, "seed \(seed) revision \(number)")
      // As after a crash: only what came after the checkpoint is known, and what that holds already is noted.
      guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
      unfolded = Unfolded(Self.later(history, folded, checkpoint), last: number, window: window)
    }
    #expect(pieces > 0 && checkpoint > 0)
    // What was being folded at a crash waits for another turn.
    #expect(most <= 2 * window + window / 4 + 16, "seed \(seed)")
    while unfolded.readyCount > 0 { fold(&unfolded, &folded) }
    repeat {
      unfolded.begin()
      fold(&unfolded, &folded)
    } while unfolded.checkpoint < UInt64(history.count)
    check(history, folded, UInt64(history.count), "seed \(seed) end")
  }

  @Test func `a window of many parts leaves little more than itself`() {
    var random = SplitMix(state: 1)
    let window: UInt64 = 6400
    var unfolded = Unfolded([], last: 0, window: window)
    var checkpoint: UInt64 = 0
    for number in 1...(window * 5) {
      unfolded.add([[StoredChange(kind: "thing", id: .random(using: &random), previous: 0, body: [1])]])
      if unfolded.isDue(checkpoint, of: number, isIdle: false) { unfolded.begin() }
      let count = unfolded.next(unfolded.pace).count
      let after = count > 0 && count == unfolded.readyCount ? unfolded.checkpoint : nil
      unfolded.drop(count)
      checkpoint = after ?? checkpoint
      #expect(number - checkpoint <= window + window / 32)
    }
    #expect(checkpoint > window * 3)
  }

  @Test func `folding keeps up with many callers, however small the parts are`() async throws {
    let folder = Folder()
    let window: UInt64 = 512
    let ledger = try folder.open(
      create: true, retention: Retention(age: .seconds(1000), count: 1_000_000, window: window))
    let most = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for caller in 0..<64 {
        group.addTask {
          var most: UInt64 = 0
          for number in 0..<150 {
            try await ledger.put(offering("o\(caller)-\(number)"))
            let standing = ledger.standing
            most = max(most, standing.head.revision - standing.checkpoint)
          }
          return most
        }
      }
      return try await group.reduce(0) { max($0, $1) }
    }
    #expect(ledger.snapshot.revision == 64 * 150)
    // Beside the window what the writer may be ahead of the folding, and what it writes meanwhile.
    #expect(most >= window / 2 && most <= 2 * window + 512, "\(most)")
    await ledger.close()
    let again = try folder.open()
    #expect(again.snapshot.state.serviceOfferings.count == 64 * 150)
    #expect(again.standing.checkpoint == again.snapshot.revision)
    await again.close()
  }

  private func fold(_ unfolded: inout Unfolded, _ folded: inout [UUID: (revision: UInt64, body: [UInt8]?)]) {
    let piece = unfolded.next(.max)
    for change in piece { folded[change.key.id] = change.body.map { (change.revision, $0) } }
    unfolded.drop(piece.count)
  }

  /// Every resource is in the checkpoint as the last revision up to `checkpoint` left it, or as a later one did.
  private func check(
    _ history: [[StoredChange]], _ folded: [UUID: (revision: UInt64, body: [UInt8]?)], _ checkpoint: UInt64,
    _ comment: Comment
  ) {
    var last: [UUID: (revision: UInt64, isThere: Bool)] = [:]
    for (place, changes) in history.prefix(Int(checkpoint)).enumerated() {
      for change in changes { last[change.id] = (UInt64(place) + 1, change.body != nil) }
    }
    for (id, last) in last {
      if let found = folded[id] {
        #expect(found.revision >= last.revision && found.body == Array(String(found.revision).utf8), comment)
      } else if last.isThere {
        // A later one removed it.
        let removed = history[Int(checkpoint)...].contains { $0.contains { $0.id == id && $0.body == nil } }
        #expect(removed, comment)
      }
    }
  }

  private static func later(
    _ history: [[StoredChange]], _ folded: [UUID: (revision: UInt64, body: [UInt8]?)], _ checkpoint: UInt64
  ) -> [LackingChange] {
    var changes: [UUID: LackingChange] = [:]
    for (place, revision) in history.enumerated().dropFirst(Int(checkpoint)) {
      for change in revision {
        let held = folded[change.id]?.revision ?? 0
        let number = UInt64(place) + 1
        let first = changes[change.id]?.checkpoint ?? (held >= number ? held : number - 1)
        let last = Unfolded.Change(
          key: change.key, folded: held, revision: number, body: change.body.map { Array($0) })
        changes[change.id] = (last, first)
      }
    }
    return Array(changes.values)
  }
}
