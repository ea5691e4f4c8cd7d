internal import Dispatch
internal import FoundationEssentials
internal import Synchronization

extension Table {
  /// A table of `rows`, its tries built at the same time on all cores. Throws when two rows have the same id, or a key of a
  /// unique index.
  @inline(__always)
  init(_ rows: [Row]) throws(ModelError) {
    let built = Mutex((rows: Trie<Row>(), indexes: R.indexes.map { _ in Trie<IndexEntry>() }))
    let trouble = Mutex<ModelError?>(nil)
    @Sendable func build(_ step: Int) {
      if step < R.indexes.count {
        let (trie, error) = Self.index(rows, R.indexes[step])
        built.withLock { $0.indexes[step] = trie }
        if let error { trouble.withLock { $0 = error } }
      } else {
        let (trie, error) = Self.trie(rows)
        built.withLock { $0.rows = trie }
        if let error { trouble.withLock { $0 = error } }
      }
    }
    if rows.count < 1000 {
      for step in 0...R.indexes.count { build(step) }
    } else {
      DispatchQueue.concurrentPerform(iterations: R.indexes.count + 1, execute: build)
    }
    if let trouble = trouble.withLock({ $0 }) { throw trouble }
    self = built.withLock { Table(rows: $0.rows, indexes: $0.indexes) }
  }

  @inline(__always)
  private static func trie(_ rows: [Row]) -> (Trie<Row>, ModelError?) {
    var trouble: ModelError?
    let order = rows.enumerated().map { position, row in
      HashedPosition(hash: Row.hash(row.key), position: UInt32(position))
    }
    let trie = Trie<Row>(order) { same in
      if same.count == 1 { return [rows[Int(same[same.startIndex].position)]] }
      var distinct: [Row] = []
      for place in same {
        let row = rows[Int(place.position)]
        if distinct.contains(where: { Row.isSame($0.key, row.key) }) {
          trouble = ModelError("there are two of \(R.kind) \(row.value.id)")
        } else {
          distinct.append(row)
        }
      }
      return distinct
    }
    return (trie, trouble)
  }

  @inline(__always)
  private static func index(_ rows: [Row], _ index: Index<R>) -> (Trie<IndexEntry>, ModelError?) {
    var filings: [(key: IndexKey, id: UUID)] = []
    filings.reserveCapacity(rows.count)
    for row in rows {
      let id = row.value.id.uuid
      for key in index.keys(row.value) { filings.append((key, id)) }
    }
    var trouble: ModelError?
    let order = filings.enumerated().map { position, filing in
      HashedPosition(hash: IndexEntry.hash(filing.key), position: UInt32(position))
    }
    let trie = Trie<IndexEntry>(order) { same in
      var entries: [(key: IndexKey, ids: [UUID])] = []
      for place in same {
        let (key, id) = filings[Int(place.position)]
        if let entry = entries.firstIndex(where: { IndexEntry.isSame($0.key, key) }) {
          entries[entry].ids.append(id)
        } else {
          entries.append((key, [id]))
        }
      }
      return entries.map { key, ids in
        let entry = IndexEntry(key: key, ids: ids)
        if index.unique, entry.count > 1 {
          trouble = ModelError("\(R.kind) \(ID<R>(ids[0])) already has this \(index.name)")
        }
        return entry
      }
    }
    return (trie, trouble)
  }
}
