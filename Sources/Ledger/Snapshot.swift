package import CloudModel
package import FoundationEssentials

/// The whole cloud at one revision. Immutable, and free to share and to keep.
package final class Snapshot: Sendable {
  package let ledger: UUID
  /// Rises when a ledger is restored from a backup, so that its lower revisions are believed.
  package let epoch: UInt64
  /// The number of the last revision in `state`; 0 before the first.
  package let revision: UInt64
  package let state: CloudState

  init(ledger: UUID, epoch: UInt64, revision: UInt64, state: CloudState) {
    self.ledger = ledger
    self.epoch = epoch
    self.revision = revision
    self.state = state
  }
}

/// Who wanted a revision and by what.
package struct Cause: Sendable, Codable, Hashable {
  /// `user/<id>` or `system/<part>`.
  package var actor: String
  package var command: String
  package var job: UUID?

  package init(actor: String, command: String, job: UUID? = nil) {
    self.actor = actor
    self.command = command
    self.job = job
  }
}

/// What a revision did to one resource: created it (`previous` is 0), replaced it or removed it (`after` is nil).
package struct ResourceChange: Sendable {
  package let kind: String
  package let id: UUID
  package let before: (any Resource)?
  package let after: (any Resource)?
  /// The revision that wrote `before`; 0 when there was nothing.
  package let previous: UInt64

  package init(kind: String, id: UUID, previous: UInt64, before: (any Resource)?, after: (any Resource)?) {
    self.kind = kind
    self.id = id
    self.previous = previous
    self.before = before
    self.after = after
  }

  /// There was something before, but the revision that wrote it is no longer kept.
  package var isBeforeUnknown: Bool { previous != 0 && before == nil }
}

/// One durable step. `changes` are sorted by kind and id, one per resource.
package struct Revision: Sendable {
  package let number: UInt64
  package let time: Date
  package let cause: Cause
  package let changes: [ResourceChange]
}

/// What came of a transaction. When it changed nothing there is no new revision: `revision.number` is the current one,
/// `revision.changes` is empty and `before` is `after`.
package struct Committed<Value: Sendable>: Sendable {
  package let value: Value
  package let revision: Revision
  package let before: Snapshot
  package let after: Snapshot
}
