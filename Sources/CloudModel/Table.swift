import HashTreeCollections

/// An immutable, persistent table of one kind of resource with its secondary indexes. A copy costs nothing; a change
/// costs O(log n) and leaves every earlier copy as it was.
package struct Table<R: Resource>: Sendable {
  private var rows: TreeDictionary<ID<R>, R> = [:]
  private var indexes: [TreeDictionary<IndexKey, TreeSet<ID<R>>>]

  package init() {
    indexes = Array(repeating: [:], count: R.indexes.count)
  }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.isEmpty }
  package var all: some Sequence<R> { rows.values }
  package var ids: some Sequence<ID<R>> { rows.keys }

  package subscript(id: ID<R>) -> R? { rows[id] }

  /// Everything filed under `key` in the index called `name`, in no particular order.
  package func matching(_ name: String, _ key: IndexKey) -> [R] {
    guard let ids = index(name)[key] else { return [] }
    return ids.compactMap { rows[$0] }
  }

  package func first(_ name: String, _ key: IndexKey) -> R? {
    guard let id = index(name)[key]?.first else { return nil }
    return rows[id]
  }

  package func count(_ name: String, _ key: IndexKey) -> Int {
    index(name)[key]?.count ?? 0
  }

  /// Inserts or replaces. Fails, changing nothing, when a unique index already files another resource under a key.
  package mutating func put(_ row: R) throws(ModelError) {
    let old = rows[row.id]
    if old == row { return }
    for (position, index) in R.indexes.enumerated() where index.unique {
      for key in index.keys(row) {
        if let holder = indexes[position][key]?.first(where: { $0 != row.id }) {
          throw ModelError("\(R.kind) \(holder) already has this \(index.name)")
        }
      }
    }
    rows[row.id] = row
    for (position, index) in R.indexes.enumerated() {
      let before = old.map(index.keys) ?? []
      let after = index.keys(row)
      if before == after { continue }
      for key in before { drop(row.id, key, position) }
      for key in after { indexes[position][key, default: []].insert(row.id) }
    }
  }

  @discardableResult
  package mutating func remove(_ id: ID<R>) -> R? {
    guard let old = rows.removeValue(forKey: id) else { return nil }
    for (position, index) in R.indexes.enumerated() {
      for key in index.keys(old) { drop(id, key, position) }
    }
    return old
  }

  private mutating func drop(_ id: ID<R>, _ key: IndexKey, _ position: Int) {
    indexes[position][key]?.remove(id)
    if indexes[position][key]?.isEmpty == true { indexes[position][key] = nil }
  }

  private func index(_ name: String) -> TreeDictionary<IndexKey, TreeSet<ID<R>>> {
    guard let position = R.indexes.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("\(R.kind) declares no index called \(name)")
    }
    return indexes[position]
  }
}
