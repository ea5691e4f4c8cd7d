package import CloudModel
package import FoundationEssentials

/// The next state in the making. It reads its own writes; thrown away, it leaves nothing behind.
package struct Draft {
  package private(set) var state: CloudState
  package let now: Date
  /// The number that this revision will have, if it changes anything.
  package let nextRevision: UInt64

  private let uuids: @Sendable () -> UUID
  private var touched: [ResourceKey: Touched] = [:]

  private struct Touched {
    let type: any Resource.Type
    let before: (any Resource)?
  }

  init(of base: Snapshot, sources: Sources) {
    state = base.state
    now = sources.now()
    nextRevision = base.revision + 1
    uuids = sources.uuid
  }

  package func newUUID() -> UUID { uuids() }
  package func newID<R>() -> ID<R> { ID(uuids()) }

  package func get<R: Resource>(_ id: ID<R>) -> R? { state[keyPath: R.table][id] }

  /// Creates or replaces. Throws, changing nothing, when a unique index of `R` forbids it.
  package mutating func put<R: Resource>(_ resource: R) throws(ModelError) {
    touch(resource.id)
    let table = R.table
    try Self.put(resource, into: &state[keyPath: table])
  }

  /// Removing what is not there is no error and changes nothing.
  package mutating func remove<R: Resource>(_ id: ID<R>) throws(ModelError) {
    touch(id)
    let table = R.table
    state[keyPath: table].remove(id)
  }

  private static func put<R>(_ resource: R, into table: inout Table<R>) throws(ModelError) {
    try table.put(resource)
  }

  private mutating func touch<R: Resource>(_ id: ID<R>) {
    let key = ResourceKey(kind: R.kind, id: id.uuid)
    guard touched[key] == nil else { return }
    touched[key] = Touched(type: R.self, before: get(id))
  }

  /// What differs from the state that the draft began with, sorted by kind and id.
  func changes() -> [ResourceChange] {
    touched.sorted { $0.key < $1.key }.compactMap { $1.type.change($0, from: $1.before, to: state) }
  }
}

struct ResourceKey: Hashable, Comparable {
  let kind: String
  let id: UUID

  static func < (left: ResourceKey, right: ResourceKey) -> Bool {
    left.kind == right.kind ? left.id < right.id : left.kind < right.kind
  }
}

extension Resource {
  fileprivate static func change(
    _ key: ResourceKey, from before: (any Resource)?, to state: CloudState
  ) -> ResourceChange? {
    let after = state[keyPath: table][ID(key.id)]
    guard before as? Self != after else { return nil }
    return ResourceChange(kind: key.kind, id: key.id, before: before, after: after)
  }
}
