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
  /// The number of the key that secrets of the next revision are sealed under; 0 when there is none.
  let sealingKey: Int

  /// - Parameter sealingKey: looked up in `state` unless it is known.
  init(ledger: UUID, epoch: UInt64, revision: UInt64, state: CloudState, sealingKey: Int? = nil) {
    self.ledger = ledger
    self.epoch = epoch
    self.revision = revision
    self.state = state
    self.sealingKey = sealingKey ?? SealingKey.newestNumber(in: state)
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
  /// The revision that wrote `before`; 0 when there was nothing.
  package let previous: UInt64
  private let old: Side?
  private let new: Side?

  /// A resource, or the row of a table that holds it and need not be copied.
  private enum Side: Sendable {
    case resource(any Resource)
    case row(any ResourceRow)

    var resource: any Resource {
      switch self {
      case .resource(let resource): resource
      case .row(let row): row.resource
      }
    }
  }

  package init(kind: String, id: UUID, previous: UInt64, before: (any Resource)?, after: (any Resource)?) {
    self.kind = kind
    self.id = id
    self.previous = previous
    old = before.map(Side.resource)
    new = after.map(Side.resource)
  }

  init(_ key: ResourceKey, before: (any ResourceRow)?, after: (any ResourceRow)?) {
    kind = key.kind
    id = key.id
    previous = before?.revision ?? 0
    old = before.map(Side.row)
    new = after.map(Side.row)
  }

  package var before: (any Resource)? { old?.resource }
  package var after: (any Resource)? { new?.resource }

  /// Writes the plain form of what is there afterwards; false when nothing is.
  func writeAfter(to encoder: BodyEncoder) throws -> Bool {
    switch new {
    case nil: return false
    case .resource(let resource): try resource.write(to: encoder)
    case .row(let row): try row.write(to: encoder)
    }
    return true
  }

  /// There was something before, but the revision that wrote it is no longer kept.
  package var isBeforeUnknown: Bool { previous != 0 && old == nil }
}

/// One durable step. `changes` are sorted by kind and id, one per resource.
package struct Revision: Sendable {
  package let number: UInt64
  package let time: Date
  package let cause: Cause
  package let changes: [ResourceChange]

  /// The changes of both, under number, time and cause of the later.
  package func joined(by next: Revision) -> Revision {
    Revision(number: next.number, time: next.time, cause: next.cause, changes: changes + next.changes)
  }
}

/// What came of a transaction. When it changed nothing there is no new revision: `revision.number` is the current one,
/// `revision.changes` is empty and `before` is `after`.
package struct Committed<Value: Sendable>: Sendable {
  package let value: Value
  package let revision: Revision
  private let ends: Ends

  init(value: Value, revision: Revision, before: Snapshot, after: Snapshot) {
    self.value = value
    self.revision = revision
    ends = .known(before: before, after: after)
  }

  /// `before` and `after` count the stretch's revisions.
  init(value: Value, revision: Revision, within stretch: Stretch, before: Int, after: Int) {
    self.value = value
    self.revision = revision
    ends = .within(stretch, before: before, after: after)
  }

  fileprivate init(value: Value, revision: Revision, ends: Ends) {
    self.value = value
    self.revision = revision
    self.ends = ends
  }

  func with<Other>(_ value: Other) -> Committed<Other> {
    Committed<Other>(value: value, revision: revision, ends: ends)
  }

  package var before: Snapshot {
    switch ends {
    case .known(let before, _): before
    case .within(let stretch, let before, _): stretch.snapshot(after: before)
    }
  }

  package var after: Snapshot {
    switch ends {
    case .known(_, let after): after
    case .within(let stretch, _, let after): stretch.snapshot(after: after)
    }
  }
}

/// Where the states at both ends of a transaction are found.
private enum Ends: Sendable {
  case known(before: Snapshot, after: Snapshot)
  case within(Stretch, before: Int, after: Int)
}
