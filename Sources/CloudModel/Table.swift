internal import HashTreeCollections

/// An immutable, persistent table of one kind of resource with its secondary indexes. A copy costs nothing; a change
/// costs O(log n) and leaves every earlier copy as it was.
package struct Table<R: Resource>: Sendable {
  /// A resource apart from the trees' nodes: a node that is copied for a change copies pointers.
  package final class Row: Sendable {
    package let value: R
    /// The revision that wrote it.
    package let revision: UInt64

    package init(_ value: R, revision: UInt64) {
      self.value = value
      self.revision = revision
    }
  }

  private(set) var rows: TreeDictionary<ID<R>, Row> = [:]
  private var indexes: [IndexTree<R>]

  package init() {
    indexes = R.indexes.map(IndexTree.init)
  }

  init(rows: TreeDictionary<ID<R>, Row>, indexes: [IndexTree<R>]) {
    self.rows = rows
    self.indexes = indexes
  }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.isEmpty }
  package var all: some Sequence<R> { rows.values.lazy.map(\.value) }
  package var ids: some Sequence<ID<R>> { rows.keys }

  package subscript(id: ID<R>) -> R? { R.row(id, in: self)?.value }

  /// Everything filed under `key` in the index called `name`, in no particular order.
  package func matching(_ name: String, _ key: IndexKey) -> [R] { R.rows(name, key, in: self).map(\.value) }

  package func first(_ name: String, _ key: IndexKey) -> R? { R.firstRow(name, key, in: self)?.value }

  package func count(_ name: String, _ key: IndexKey) -> Int { R.count(name, key, in: self) }

  @inline(__always)
  func rows(_ name: String, _ key: IndexKey) -> [Row] {
    switch indexes[position(name)].ids[key] {
    case nil: []
    case .one(let id)?: rows[id].map { [$0] } ?? []
    case .many(let ids)?: ids.compactMap { rows[$0] }
    }
  }

  @inline(__always)
  func firstRow(_ name: String, _ key: IndexKey) -> Row? {
    switch indexes[position(name)].ids[key] {
    case nil: nil
    case .one(let id)?: rows[id]
    case .many(let ids)?: ids.first.flatMap { rows[$0] }
    }
  }

  @inline(__always)
  func filed(_ name: String, _ key: IndexKey) -> Int {
    switch indexes[position(name)].ids[key] {
    case nil: 0
    case .one?: 1
    case .many(let ids)?: ids.count
    }
  }

  /// Inserts or replaces. Fails, changing nothing, when a unique index already files another resource under a key.
  package mutating func put(_ row: R) throws(ModelError) { try put(Row(row, revision: 0)) }

  @inline(__always)
  mutating func put(_ row: Row) throws(ModelError) {
    let id = row.value.id
    let old = rows[id]
    if let old, old.value == row.value { return }
    var changes: [(position: Int, before: [IndexKey], after: [IndexKey])] = []
    for position in indexes.indices {
      let before = old.map { indexes[position].keys($0.value) } ?? []
      let after = indexes[position].keys(row.value)
      if before == after { continue }
      if indexes[position].unique {
        for key in after {
          if let holder = indexes[position].other(than: id, under: key) {
            throw ModelError("\(R.kind) \(holder) already has this \(indexes[position].name)")
          }
        }
      }
      changes.append((position, before, after))
    }
    rows[id] = row
    for (position, before, after) in changes {
      for key in before { indexes[position].remove(id, key) }
      for key in after { indexes[position].insert(id, key) }
    }
  }

  /// Puts a row back whose value is there already, for the revision that it carries.
  @inline(__always)
  mutating func restore(_ row: Row) { rows[row.value.id] = row }

  @discardableResult
  @inline(__always)
  package mutating func remove(_ id: ID<R>) -> R? {
    guard let old = rows.removeValue(forKey: id) else { return nil }
    for position in indexes.indices {
      for key in indexes[position].keys(old.value) { indexes[position].remove(id, key) }
    }
    return old.value
  }

  /// In place, so that no index is copied.
  @inline(__always)
  private func position(_ name: String) -> Int {
    for position in indexes.indices where indexes[position].name == name { return position }
    preconditionFailure("\(R.kind) declares no index called \(name)")
  }
}

/// What one index knows: most keys lead to one resource, which then needs no set.
struct IndexTree<R: Resource>: Sendable {
  enum Filed: Sendable {
    case one(ID<R>)
    case many(TreeSet<ID<R>>)
  }

  let name: String
  let unique: Bool
  let keys: @Sendable (R) -> [IndexKey]
  private(set) var ids: TreeDictionary<IndexKey, Filed> = [:]

  init(_ index: Index<R>) {
    name = index.name
    unique = index.unique
    keys = index.keys
  }

  @inline(__always)
  mutating func insert(_ id: ID<R>, _ key: IndexKey) {
    Self.insert(id, &ids[key])
  }

  @inline(__always)
  private static func insert(_ id: ID<R>, _ filed: inout Filed?) {
    switch filed {
    case nil: filed = .one(id)
    case .one(let other)?: if other != id { filed = .many([other, id]) }
    case .many(var set)?:
      // Let go of first, so that a set that nobody shares is changed in place.
      filed = nil
      set.insert(id)
      filed = .many(set)
    }
  }

  @inline(__always)
  mutating func remove(_ id: ID<R>, _ key: IndexKey) {
    Self.remove(id, &ids[key])
  }

  @inline(__always)
  private static func remove(_ id: ID<R>, _ filed: inout Filed?) {
    switch filed {
    case nil: return
    case .one(let other)?: if other == id { filed = nil }
    case .many(var set)?:
      filed = nil
      set.remove(id)
      if set.count == 1, let last = set.first { filed = .one(last) } else if !set.isEmpty { filed = .many(set) }
    }
  }

  @inline(__always)
  func other(than id: ID<R>, under key: IndexKey) -> ID<R>? {
    switch ids[key] {
    case nil: nil
    case .one(let holder)?: holder == id ? nil : holder
    case .many(let holders)?: holders.first { $0 != id }
    }
  }
}
