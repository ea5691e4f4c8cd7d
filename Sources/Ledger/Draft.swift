package import CloudModel
package import FoundationEssentials

/// The next state in the making. It reads its own writes; thrown away, it leaves nothing behind.
package struct Draft {
  package private(set) var state: CloudState
  package let now: Date
  /// The number that this revision will have, if it changes anything.
  package let nextRevision: UInt64

  private let uuids: @Sendable () -> UUID
  private var touched: [ResourceKey: any Touched] = [:]

  init(of base: Snapshot, sources: Sources) {
    state = base.state
    now = sources.now()
    nextRevision = base.revision + 1
    uuids = sources.uuid
  }

  package func newUUID() -> UUID { uuids() }
  package func newID<R>() -> ID<R> { ID(uuids()) }

  package func get<R: Resource>(_ id: ID<R>) -> R? { R.row(id, in: state)?.value }

  /// Creates or replaces. Throws, changing nothing, when a unique index of `R` forbids it.
  package mutating func put<R: Resource>(_ resource: R) throws(ModelError) {
    touch(resource.id)
    try R.put(Table<R>.Row(resource, revision: nextRevision), in: &state)
  }

  /// Removing what is not there is no error and changes nothing.
  package mutating func remove<R: Resource>(_ id: ID<R>) throws(ModelError) {
    touch(id)
    R.remove(id, from: &state)
  }

  /// Has a resource written again as it is.
  mutating func rewrite<R: Resource>(_ id: ID<R>) {
    guard let row = R.row(id, in: state) else { return }
    touched[ResourceKey(kind: R.kind, id: id.uuid)] = TouchedResource(id: id, before: row, isRewritten: true)
    R.restore(Table.Row(row.value, revision: nextRevision), in: &state)
  }

  /// Throws if something that was touched names what is not there, or was removed and is named.
  package func requireReferences() throws(ModelError) {
    for key in touched.keys { try CloudState.require(key.kind, key.id, in: state) }
  }

  private mutating func touch<R: Resource>(_ id: ID<R>) {
    let key = ResourceKey(kind: R.kind, id: id.uuid)
    guard touched[key] == nil else { return }
    touched[key] = TouchedResource(id: id, before: R.row(id, in: state))
  }

  /// What differs from the state that the draft began with, sorted by kind and id.
  private mutating func changes() -> [ResourceChange] {
    touched.sorted { $0.key < $1.key }.compactMap { $0.value.change(&state) }
  }

  /// Ends the draft.
  mutating func step(from before: Snapshot, cause: Cause) -> Committed<Void> {
    let changes = changes()
    let number = changes.isEmpty ? before.revision : nextRevision
    let after =
      changes.isEmpty
      ? before : Snapshot(ledger: before.ledger, epoch: before.epoch, revision: number, state: state)
    let revision = Revision(number: number, time: now, cause: cause, changes: changes)
    return Committed(value: (), revision: revision, before: before, after: after)
  }
}

extension Snapshot {
  /// What a transaction would make of this.
  func preview<Value: Sendable>(
    _ cause: Cause, _ sources: Sources, _ body: (inout Draft) throws -> Value
  ) throws -> Committed<Value> {
    var draft = Draft(of: self, sources: sources)
    let value = try body(&draft)
    let step = draft.step(from: self, cause: cause)
    return Committed(value: value, revision: step.revision, before: step.before, after: step.after)
  }
}

struct ResourceKey: Hashable, Comparable, Sendable {
  let kind: String
  let id: UUID

  static func < (left: ResourceKey, right: ResourceKey) -> Bool {
    left.kind == right.kind ? left.id < right.id : left.kind < right.kind
  }
}

/// What a draft wrote to, as it was before.
private protocol Touched {
  /// `nil` when it is as it was before. Then it also says again which revision wrote it.
  func change(_ state: inout CloudState) -> ResourceChange?
}

private struct TouchedResource<R: Resource>: Touched {
  let id: ID<R>
  let before: Table<R>.Row?
  var isRewritten = false

  func change(_ state: inout CloudState) -> ResourceChange? {
    let after = R.row(id, in: state)
    if after === before { return nil }
    if let before, let after, !isRewritten, before.value == after.value {
      R.restore(before, in: &state)
      return nil
    }
    return ResourceChange(
      kind: R.kind, id: id.uuid, previous: before?.revision ?? 0, before: before?.value, after: after?.value)
  }
}
