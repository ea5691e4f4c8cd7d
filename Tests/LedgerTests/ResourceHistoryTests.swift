import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

/// The history of one resource is what a look through all of the history finds.
@Suite struct ResourceHistoryTests {
  @Test(.timeLimit(.minutes(isFull ? 60 : 5)), arguments: Kept.allCases)
  func `it is complete for what is there, gone, or came back, over crashes and trimming`(kept: Kept) async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let ids = (0..<12).map { _ in ID<ServiceOffering>(UUID()) }
    for _ in 0..<(isFull ? 10 : 1) {
      let place = try await kept.place()
      let retention = Retention(
        age: .seconds(1000), count: UInt64.random(in: 10...120, using: &random),
        window: UInt64.random(in: 1...30, using: &random))
      var ledger = try place.open(create: true, retention: retention)
      for round in 0..<200 {
        let steps = (0..<Int.random(in: 1...3, using: &random)).map { _ in
          (id: ids.randomElement(using: &random) ?? ids[0], cpus: Int.random(in: 0...2, using: &random))
        }
        _ = try await ledger.transact(test) { draft in
          for step in steps {
            if step.cpus == 0 {
              try draft.remove(step.id)
            } else {
              try draft.put(offering("o", cpus: step.cpus, id: step.id))
            }
          }
        }
        if Int.random(in: 0..<20, using: &random) == 0 {
          if Bool.random(using: &random) { await ledger.close() } else { try await place.crash(ledger) }
          ledger = try await place.reopened(retention: retention)
        }
        if round % 10 == 9 { try compare(ledger, ids, "seed \(seed) round \(round)") }
      }
      let follower = try (place as? PostgreSQLPlace).map { try Follower.open($0.access, logger: quiet) }
      for id in ids { try await ledger.delete(id) }
      try compare(ledger, ids, "seed \(seed)")
      if let follower {
        try await until { follower.snapshot.revision == ledger.snapshot.revision }
        for id in ids {
          let (told, own) = (try follower.stored(of: id.uuid), try ledger.history(of: id.uuid))
          let oldest = ledger.oldest
          let kept = [told, own].map { $0.map(\.number).filter { $0 >= oldest } }
          #expect(kept[0] == kept[1], "seed \(seed)")
        }
        follower.close()
      }
      await ledger.close()
    }
  }

  /// Old revisions may go at any time, so only those are compared that are there in the end.
  private func compare(_ ledger: Ledger, _ ids: [ID<ServiceOffering>], _ comment: Comment) throws {
    for id in ids {
      let told = try ledger.history(of: id.uuid)
      let all = try whole(ledger)
      let oldest = ledger.oldest
      let found = all.filter { $0.number >= oldest && $0.changes.contains { $0.id == id.uuid } }
      let kept = told.filter { $0.number >= oldest }
      #expect(kept.map(\.number) == found.map(\.number), comment)
      for (told, found) in zip(kept, found) {
        let change = try #require(found.changes.first { $0.id == id.uuid })
        #expect(told.changes.count == 1 && told.cause == found.cause && told.time == found.time, comment)
        #expect(told.changes.first?.previous == change.previous, comment)
        #expect(told.changes.first?.after as? ServiceOffering == change.after as? ServiceOffering, comment)
        guard change.previous == 0 || change.previous >= oldest else { continue }
        #expect(told.changes.first?.before as? ServiceOffering == change.before as? ServiceOffering, comment)
      }
    }
  }

  /// Newest first.
  private func whole(_ ledger: Ledger) throws -> [Revision] {
    while true {
      do throws(LedgerError) {
        return try ledger.history(from: ledger.oldest, to: .max).reversed()
      } catch {
        guard error.code == .behind else { throw error }
      }
    }
  }

  @Test(arguments: Kept.allCases) func `what was gone before all of the history is nothing, and leaves nothing behind`(
    kept: Kept
  ) async throws {
    let place = try await kept.place()
    let retention = Retention(age: .seconds(1000), count: 5, window: 2)
    var ledger = try place.open(create: true, retention: retention)
    let gone = (0..<10).map { offering("gone-\($0)") }
    for offering in gone { try await ledger.put(offering) }
    for offering in gone { try await ledger.delete(offering.id) }
    let last = offering("last")
    for number in 1...40 { try await ledger.put(offering("last", cpus: number, id: last.id)) }
    await ledger.close()
    ledger = try await place.reopened(retention: retention)
    for number in 41...50 { try await ledger.put(offering("last", cpus: number, id: last.id)) }
    await ledger.close()
    ledger = try await place.reopened(retention: retention)
    for offering in gone {
      #expect(try ledger.history(of: offering.id.uuid).isEmpty)
      #expect(try ledger.storage.read(kind: "-serviceoffering", id: offering.id.uuid) == nil)
    }
    #expect(try ledger.history(of: last.id.uuid).count == 5)
    #expect(try ledger.history(of: UUID()).isEmpty)
    await ledger.close()
  }
}
