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
    let change = try R.put(resource, revision: nextRevision, in: &state)
    touched.note(R.self, resource.id.uuid, change)
  }

  /// Removing what is not there is no error and changes nothing.
  package mutating func remove<R: Resource>(_ id: ID<R>) throws(ModelError) {
    touched.note(R.self, id.uuid, RowChange(before: R.remove(id.uuid, from: &state), after: nil))
  }

  /// Has a resource written again as it is.
  mutating func rewrite<R: Resource>(_ id: ID<R>) {
    touched.note(R.self, id.uuid, R.rewrite(id, revision: nextRevision, in: &state), isRewritten: true)
  }

  /// Throws if something that was touched names what is not there, or was removed and is named.
  package func requireReferences() throws(ModelError) {
    for key in touched.keys { try CloudState.require(key.kind, key.id, in: state) }
  }

  /// The ids of what this revision removes.
  package var removed: [UUID] { touched.all.filter { $0.before != nil && $0.after == nil }.map(\.key.id) }

  /// The ids of what this revision has written so far of a kind, or removed.
  package func touched<R: Resource>(_ type: R.Type) -> [ID<R>] {
    touched.keys.filter { $0.kind == R.kind }.map { ID($0.id) }
  }

  /// Ends the revision: what differs from the state before it, sorted by kind and id.
  mutating func end(_ cause: Cause) -> Revision {
    var changes: [ResourceChange] = []
    changes.reserveCapacity(touched.all.count)
    for place in touched.sorted { if let change = touched.all[place].change(&state) { changes.append(change) } }
    let number = changes.isEmpty ? nextRevision - 1 : nextRevision
    touched.removeAll()
    nextRevision = number + 1
    return Revision(number: number, time: now, cause: cause, changes: changes)
  }

  /// Takes back what was done since the last revision.
  mutating func undo() {
    for touched in touched.all { _ = touched.type.remove(touched.key.id, from: &state) }
    for touched in touched.all { touched.restore(to: &state) }
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
      ? self
      : Snapshot(
        ledger: ledger, epoch: epoch, revision: revision.number, state: draft.state, sealingKey: sealingKey)
    return Committed(value: value, revision: revision, before: self, after: after)
  }
}

/// What a draft wrote to, as it was before and as it is.
private struct TouchedResource {
  let key: ResourceKey
  let type: any Resource.Type
  let before: (any ResourceRow)?
  var after: (any ResourceRow)?
  /// Written more than once, so that it may be again as it was.
  var isRepeated = false
  /// It counts as changed although it is as it was.
  var isRewritten: Bool

  /// `nil` when it is as it was before. Then it also says again which revision wrote it.
  func change(_ state: inout CloudState) -> ResourceChange? {
    if after === before { return nil }
    if isRepeated, !isRewritten, let before, let after, after.hasValue(of: before) {
      type.restore(before, in: &state)
      return nil
    }
    return ResourceChange(key, before: before, after: after)
  }

  /// To be called when everything else that was touched has been removed.
  func restore(to state: inout CloudState) {
    guard let before else { return }
    do {
      try type.put(before, in: &state)
    } catch {
      preconditionFailure("\(key.kind) \(key.id) was there and cannot be put back: \(error)")
    }
  }
}

/// By key, in the order of their first touch. Most revisions touch a handful, which are found sooner by looking at each.
private struct TouchedResources {
  private static let few = 16
  private(set) var keys: [ResourceKey] = []
  private(set) var all: [TouchedResource] = []
  /// Of all, once there are more than a few.
  private var places: [ResourceKey: Int] = [:]

  /// To be told of every change to a resource; `before` of the first is what the draft found.
  mutating func note(_ type: any Resource.Type, _ id: UUID, _ change: RowChange, isRewritten: Bool = false) {
    let key = ResourceKey(kind: type.kind, id: id)
    if let place = place(of: key) {
      all[place].after = change.after
      all[place].isRepeated = true
      all[place].isRewritten = all[place].isRewritten || isRewritten
      return
    }
    keys.append(key)
    all.append(
      TouchedResource(key: key, type: type, before: change.before, after: change.after, isRewritten: isRewritten))
    if keys.count == Self.few + 1 {
      for (place, key) in keys.enumerated() { places[key] = place }
    } else if keys.count > Self.few {
      places[key] = keys.count - 1
    }
  }

  private func place(of key: ResourceKey) -> Int? {
    keys.count > Self.few ? places[key] : keys.firstIndex(of: key)
  }

  /// Places in `all` in the order of the keys.
  var sorted: [Int] { keys.indices.sorted { keys[$0] < keys[$1] } }

  mutating func removeAll() {
    keys.removeAll(keepingCapacity: true)
    all.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }
}
