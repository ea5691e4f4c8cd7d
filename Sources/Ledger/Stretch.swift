internal import CloudModel
internal import FoundationEssentials
import Synchronization

/// Consecutive revisions that were drafted in one go. Only the states at both ends were kept then; those between are made
/// when somebody asks for them.
final class Stretch: Sendable {
  private let first: Snapshot
  private let last: Snapshot
  private let revisions: [Revision]
  /// The states after all revisions but the last, where somebody asked for them.
  private let between: Mutex<[Snapshot?]>

  init(from first: Snapshot, to last: Snapshot, _ revisions: [Revision]) {
    self.first = first
    self.last = last
    self.revisions = revisions
    between = Mutex(Array(repeating: nil, count: max(0, revisions.count - 1)))
  }

  /// The state after `count` of the revisions.
  func snapshot(after count: Int) -> Snapshot {
    if count == 0 { return first }
    if count >= revisions.count { return last }
    return between.withLock { between in
      if let known = between[count - 1] { return known }
      let begin = (0..<count - 1).last { between[$0] != nil }
      let snapshot = (begin.flatMap { between[$0] } ?? first).followed(
        by: revisions[(begin.map { $0 + 1 } ?? 0)..<count])
      between[count - 1] = snapshot
      return snapshot
    }
  }
}

extension Snapshot {
  /// The state after all of the revisions, made in place but for the nodes that this one has.
  fileprivate func followed(by revisions: ArraySlice<Revision>) -> Snapshot {
    var state = state
    for revision in revisions {
      do {
        // First away, then back: what must be unique may have passed from one resource to another.
        for change in revision.changes { _ = RevisionContent.kinds[change.kind]?.remove(change.id, from: &state) }
        for change in revision.changes { try change.after?.put(into: &state, revision.number) }
      } catch {
        preconditionFailure("revision \(revision.number) was drafted and cannot be repeated: \(error)")
      }
    }
    return Snapshot(ledger: ledger, epoch: epoch, revision: revisions.last?.number ?? revision, state: state)
  }
}

extension Resource {
  func put(into state: inout CloudState, _ revision: UInt64) throws {
    _ = try Self.put(self, revision: revision, in: &state)
  }
}
