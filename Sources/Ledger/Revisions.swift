internal import CloudModel

/// Every revision after a given one: in order, each once, with the snapshots before and after it. It ends when the
/// ledger is closed or the task is cancelled. A subscriber that falls too far behind gets the error `behind`.
package struct Revisions: AsyncSequence, Sendable {
  package typealias Element = Committed<Void>
  package typealias Failure = LedgerError

  let ledger: Ledger
  let after: UInt64

  package func makeAsyncIterator() -> Iterator { Iterator(ledger: ledger, seen: after) }

  package struct Iterator: AsyncIteratorProtocol {
    let ledger: Ledger
    var seen: UInt64
    /// Revisions from the disk, the next one last.
    private var older: [Committed<Void>] = []

    init(ledger: Ledger, seen: UInt64) {
      self.ledger = ledger
      self.seen = seen
    }

    package mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(LedgerError) -> Committed<Void>? {
      while !Task.isCancelled {
        if let step = older.popLast() { return pass(step) }
        switch ledger.log.position(after: seen) {
        case .step(let step): return pass(step)
        case .gone(let oldest): older = try ledger.older(after: seen, before: oldest)
        case .upToDate: await ledger.log.wait(after: seen)
        case .closed: return nil
        }
      }
      return nil
    }

    private mutating func pass(_ step: Committed<Void>) -> Committed<Void> {
      seen = step.revision.number
      return step
    }
  }
}

extension Ledger {
  /// How far back a subscriber may begin; beyond, reading the snapshot is cheaper.
  static let reach: UInt64 = 10_000

  /// The revisions after `number` that are no longer in memory, the first one last. Their snapshots come from
  /// taking the later revisions back, one by one.
  func older(after number: UInt64, before oldest: UInt64) throws(LedgerError) -> [Committed<Void>] {
    var snapshot = self.snapshot
    guard snapshot.revision - number <= Self.reach else {
      throw LedgerError(
        .behind, "revision \(number) is more than \(Self.reach) revisions old; read the snapshot and go on from there")
    }
    do {
      var steps: [Committed<Void>] = []
      for revision in try history(from: number + 1, to: snapshot.revision).reversed() {
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
