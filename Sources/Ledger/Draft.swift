package import CloudModel
package import FoundationEssentials

/// The next state in the making. It reads its own writes; thrown away, it leaves nothing behind.
package struct Draft {
  package private(set) var state: CloudState
  package private(set) var now: Date
  /// The number that this revision will have, if it changes anything.
  package private(set) var nextRevision: UInt64

  private let sources: Sources
  private var touched = TouchedResources()

  init(of base: Snapshot, sources: Sources) {
    state = base.state
    now = sources.now()
    nextRevision = base.revision + 1
    self.sources = sources
  }

  package func newUUID() -> UUID { sources.uuid() }
  package func newID<R>() -> ID<R> { ID(sources.uuid()) }

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
    touched.set(RewrittenResource(id: id, before: row), for: ResourceKey(kind: R.kind, id: id.uuid))
    R.restore(Table.Row(row.value, revision: nextRevision), in: &state)
  }

  /// Throws if something that was touched names what is not there, or was removed and is named.
  package func requireReferences() throws(ModelError) {
    for (key, _) in touched.all { try CloudState.require(key.kind, key.id, in: state) }
  }

  /// The ids of what this revision removes.
  package var removed: [UUID] { touched.all.filter { $0.value.isGone(from: state) }.map(\.key.id) }

  /// The ids of what this revision has written so far of a kind, or removed.
  package func touched<R: Resource>(_ type: R.Type) -> [ID<R>] {
    touched.all.filter { $0.key.kind == R.kind }.map { ID($0.key.id) }
  }

  private mutating func touch<R: Resource>(_ id: ID<R>) {
    let key = ResourceKey(kind: R.kind, id: id.uuid)
    if touched.place(of: key) == nil { touched.set(TouchedResource(id: id, before: R.row(id, in: state)), for: key) }
  }

  /// Ends the revision: what differs from the state before it, sorted by kind and id.
  mutating func end(_ cause: Cause) -> Revision {
    let changes = touched.all.sorted { $0.key < $1.key }.compactMap { $0.value.change(&state) }
    let number = changes.isEmpty ? nextRevision - 1 : nextRevision
    touched.removeAll()
    nextRevision = number + 1
    return Revision(number: number, time: now, cause: cause, changes: changes)
  }

  /// Takes back what was done since the last revision.
  mutating func undo() {
    for touched in touched.all { touched.value.remove(from: &state) }
    for touched in touched.all { touched.value.restore(to: &state) }
    touched.removeAll()
  }

  /// What comes next is another revision, of another time.
  mutating func begin() { now = sources.now() }

  /// The state, once nothing more is done.
  consuming func finish() -> CloudState { state }
}

extension Snapshot {
  /// What a transaction would make of this.
  func preview<Value: Sendable>(
    _ cause: Cause, _ sources: Sources, _ body: (inout Draft) throws -> Value
  ) throws -> Committed<Value> {
    var draft = Draft(of: self, sources: sources)
    let value = try body(&draft)
    let revision = draft.end(cause)
    let after =
      revision.changes.isEmpty
      ? self : Snapshot(ledger: ledger, epoch: epoch, revision: revision.number, state: draft.state)
    return Committed(value: value, revision: revision, before: self, after: after)
  }
}

/// By key, in the order of their first touch. Most revisions touch a handful, which are found sooner by looking at each.
private struct TouchedResources {
  private static let few = 16
  private(set) var all: [(key: ResourceKey, value: any Touched)] = []
  /// Of all, once there are more than a few.
  private var places: [ResourceKey: Int] = [:]

  func place(of key: ResourceKey) -> Int? {
    if all.count > Self.few { return places[key] }
    return all.firstIndex { $0.key.id == key.id && $0.key.kind == key.kind }
  }

  mutating func set(_ value: any Touched, for key: ResourceKey) {
    if let place = place(of: key) { return all[place].value = value }
    all.append((key, value))
    if all.count == Self.few + 1 {
      for (place, one) in all.enumerated() { places[one.key] = place }
    } else if all.count > Self.few {
      places[key] = all.count - 1
    }
  }

  mutating func removeAll() {
    all.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }
}

/// What a draft wrote to, as it was before.
private protocol Touched {
  /// `nil` when it is as it was before. Then it also says again which revision wrote it.
  func change(_ state: inout CloudState) -> ResourceChange?
  func remove(from state: inout CloudState)
  /// Whether it was there before and is not any more.
  func isGone(from state: CloudState) -> Bool
  /// To be called when everything else that was touched has been removed.
  func restore(to state: inout CloudState)
}

/// No larger than what an existential holds in place.
private struct TouchedResource<R: Resource>: Touched {
  let id: ID<R>
  let before: Table<R>.Row?

  func change(_ state: inout CloudState) -> ResourceChange? {
    let after = R.row(id, in: state)
    if after === before { return nil }
    if let before, let after, before.value == after.value {
      R.restore(before, in: &state)
      return nil
    }
    return ResourceChange(R.self, id.uuid, before: before, after: after)
  }

  func remove(from state: inout CloudState) { R.remove(id, from: &state) }

  func isGone(from state: CloudState) -> Bool { before != nil && R.row(id, in: state) == nil }

  func restore(to state: inout CloudState) {
    guard let before else { return }
    do {
      try R.put(before, in: &state)
    } catch {
      preconditionFailure("\(R.kind) \(id) was there and cannot be put back: \(error)")
    }
  }
}

/// It counts as changed although it is as it was.
private struct RewrittenResource<R: Resource>: Touched {
  let id: ID<R>
  let before: Table<R>.Row

  func change(_ state: inout CloudState) -> ResourceChange? {
    let after = R.row(id, in: state)
    return after === before ? nil : ResourceChange(R.self, id.uuid, before: before, after: after)
  }

  func remove(from state: inout CloudState) { R.remove(id, from: &state) }
  func isGone(from state: CloudState) -> Bool { R.row(id, in: state) == nil }
  func restore(to state: inout CloudState) { TouchedResource(id: id, before: before).restore(to: &state) }
}
