internal import Dispatch
internal import Synchronization

extension Table {
  /// A table of `rows`, its trees built at the same time on all cores. Throws when two rows have the same id, or a key of a
  /// unique index.
  @inline(__always)
  init(_ rows: [Row]) throws(ModelError) {
    let built = Mutex((rows: Trie<Row>(), indexes: R.indexes.map { _ in Trie<IndexEntry>() }))
    let trouble = Mutex<ModelError?>(nil)
    @Sendable func build(_ step: Int) {
      guard step < R.indexes.count else {
        var tree = Trie<Row>()
        for row in rows where tree.put(row) != nil {
          trouble.withLock { $0 = ModelError("there are two of \(R.kind) \(row.value.id)") }
        }
        return built.withLock { $0.rows = tree }
      }
      let index = R.indexes[step]
      var tree = Trie<IndexEntry>()
      for row in rows {
        let id = row.value.id
        for key in index.keys(row.value) {
          if index.unique, let holder = tree.other(than: id.uuid, under: key) {
            trouble.withLock { $0 = ModelError("\(R.kind) \(ID<R>(holder)) already has this \(index.name)") }
          }
          tree.file(id.uuid, key)
        }
      }
      built.withLock { $0.indexes[step] = tree }
    }
    if rows.count < 1000 {
      for step in 0...R.indexes.count { build(step) }
    } else {
      DispatchQueue.concurrentPerform(iterations: R.indexes.count + 1, execute: build)
    }
    if let trouble = trouble.withLock({ $0 }) { throw trouble }
    self = built.withLock { Table(rows: $0.rows, indexes: $0.indexes) }
  }
}
