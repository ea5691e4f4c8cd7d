internal import CloudModel

/// Every revision after a given one: in order, each once, with the snapshots before and after it. It ends when the
/// ledger is closed or the task is cancelled. A subscriber that falls too far behind gets the error `behind`.
package struct Revisions: AsyncSequence, Sendable {
  package typealias Element = Committed<Void>
  package typealias Failure = LedgerError

  let chronicle: any Chronicle
  let after: UInt64

  package func makeAsyncIterator() -> Iterator { Iterator(chronicle: chronicle, seen: after) }

  package struct Iterator: AsyncIteratorProtocol {
    let chronicle: any Chronicle
    var seen: UInt64
    /// Revisions from the disk, the next one last.
    private var older: [Committed<Void>] = []

    init(chronicle: any Chronicle, seen: UInt64) {
      self.chronicle = chronicle
      self.seen = seen
    }

    package mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(LedgerError) -> Committed<Void>? {
      while !Task.isCancelled {
        if let step = older.popLast() { return pass(step) }
        switch chronicle.log.position(after: seen) {
        case .step(let step): return pass(step)
        case .gone(let oldest): older = try chronicle.older(after: seen, before: oldest)
        case .upToDate: await chronicle.log.wait(after: seen)
        case .closed: return nil
        }
      }
      return nil
    }

    /// The next revision if it is in memory already and `isWanted`; else it stays the next one.
    package mutating func ready(if isWanted: (Revision) -> Bool) -> Committed<Void>? {
      guard older.isEmpty, case .step(let step) = chronicle.log.position(after: seen), isWanted(step.revision) else {
        return nil
      }
      return pass(step)
    }

    private mutating func pass(_ step: Committed<Void>) -> Committed<Void> {
      seen = step.revision.number
      return step
    }
  }
}

extension Chronicle {
  /// How far back a subscriber may begin; beyond, reading the snapshot is cheaper.
  private var reach: UInt64 { 10_000 }

  /// The revisions after `number` that are no longer in memory, the first one last. Their snapshots come from
  /// taking the later revisions back, one by one.
  func older(after number: UInt64, before oldest: UInt64) throws(LedgerError) -> [Committed<Void>] {
    var snapshot = self.snapshot
    guard snapshot.revision - number <= reach else {
      throw LedgerError(
        .behind, "revision \(number) is more than \(reach) revisions old; read the snapshot and go on from there")
    }
    do {
      var steps: [Committed<Void>] = []
      for revision in try stored(from: number + 1, to: snapshot.revision).reversed() {
        var state = snapshot.state
        try state.undo(revision)
        let before = Snapshot(
          ledger: snapshot.ledger, epoch: snapshot.epoch, revision: revision.number - 1, state: state)
        steps.append(Committed(value: (), revision: revision, before: before, after: snapshot))
        snapshot = before
      }
      return steps
    } catch let error as LedgerError {
      throw error
    } catch {
      throw .damaged("the history after revision \(number) does not lead to the present", underlying: error)
    }
  }
}
