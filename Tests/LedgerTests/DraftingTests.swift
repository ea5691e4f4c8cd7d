import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

@Suite struct DraftingTests {
  /// Closures that wait together are run on one state, which is changed in place.
  @Test func `transactions that are drafted together are as if each was alone`() throws {
    var source = SeededSource()
    let ids = (0..<12).map { _ in ID<Domain>(UUID()) }
    var model: [ID<Domain>: String] = [:]
    var base = Snapshot(ledger: UUID(), epoch: 1, revision: 0, state: CloudState())
    for _ in 0..<40 {
      var waiting: [Pending] = []
      var expected: [[ID<Domain>: String]?] = []
      for _ in 0..<Int.random(in: 1...20, using: &source) {
        let steps = (0..<Int.random(in: 1...4, using: &source)).map { _ in
          (ids.randomElement(using: &source), Int.random(in: 0..<8, using: &source))
        }
        let fails = Int.random(in: 0..<4, using: &source) == 0
        waiting.append(
          Pending(
            cause: test,
            { draft in
              for case (let id?, let path) in steps {
                if path == 0 { try draft.remove(id) } else { try draft.put(Self.domain(id, "d\(path)")) }
              }
              if fails { throw ModelError("no") }
            }, { (_: Result<Committed<Void>, any Error>) in }))
        var after: [ID<Domain>: String]? = model
        for case (let id?, let path) in steps where after != nil {
          if path == 0 {
            after?[id] = nil
          } else if after?.contains(where: { $0.value == "d\(path)" && $0.key != id }) == true {
            after = nil
          } else {
            after?[id] = "d\(path)"
          }
        }
        if fails { after = nil }
        expected.append(after)
        model = after ?? model
      }
      let piece = DraftedPiece(waiting[...], on: base, sources: .system)
      var last = Self.content(base)
      var number = base.revision
      for (drafted, after) in zip(piece.transactions, expected) {
        guard let after, after != last else {
          #expect(drafted.step == nil)
          continue
        }
        let stored = try #require(drafted.step)
        let step = stored.committed
        number += 1
        #expect(step.revision.number == number)
        #expect(step.before.revision == number - 1 && step.after.revision == number)
        #expect(Self.content(step.before) == last)
        #expect(Self.content(step.after) == after)
        for change in step.revision.changes {
          #expect((change.before as? Domain)?.path == last[ID(change.id)])
          #expect((change.after as? Domain)?.path == after[ID(change.id)])
          #expect((change.previous == 0) == (change.before == nil))
        }
        last = after
      }
      #expect(Self.content(piece.end) == model)
      #expect(piece.end.revision == number)
      base = piece.end
    }
  }

  private static func domain(_ id: ID<Domain>, _ path: String) -> Domain {
    Domain(id: id, name: path, path: path, parent: nil, created: Date(timeIntervalSinceReferenceDate: 0))
  }

  private static func content(_ snapshot: Snapshot) -> [ID<Domain>: String] {
    Dictionary(uniqueKeysWithValues: snapshot.state.domains.all.map { ($0.id, $0.path) })
  }
}
