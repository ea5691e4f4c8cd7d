internal import Dispatch
internal import FoundationEssentials
internal import Synchronization

extension Table {
  /// A table of `rows`, its tries built at the same time on all cores. Throws when two rows have the same id, or a key of a
  /// unique index.
  @inline(__always)
  init(_ rows: [Row]) throws(ModelError) {
    let indexes = R.indexes
    let building = TableBuilding(tries: indexes.count + 1)
    @Sendable func build(_ step: Int) {
      // The rows last: they are the shortest step.
      if step == indexes.count {
        building.build(0) { pool in
          let (trie, double) = Trie.rows(rows, pool)
          return (trie, double.map { ModelError("there are two of \(R.kind) \(ID<R>($0))") })
        }
      } else {
        building.build(step + 1) { pool in
          let (trie, holder) = Trie.index(Self.filings(rows, indexes[step]), unique: indexes[step].unique, pool)
          return (trie, holder.map { ModelError("\(R.kind) \(ID<R>($0)) already has this \(indexes[step].name)") })
        }
      }
    }
    if rows.count < 1000 {
      for step in 0...indexes.count { build(step) }
    } else {
      DispatchQueue.concurrentPerform(iterations: indexes.count + 1, execute: build)
    }
    if let trouble = building.trouble { throw trouble }
    self = Table(building.version)
  }

  @inline(__always)
  private static func filings(_ rows: [Row], _ index: Index<R>) -> [Filing] {
    var filings: [Filing] = []
    filings.reserveCapacity(rows.count)
    for row in rows {
      let id = row.id
      index.each(row.value) { filings.append(Filing(key: $0, id: id)) }
    }
    return filings
  }
}

/// The tries of a new table, each of which is built in a pool of its own.
private final class TableBuilding: Sendable {
  private let tries: Int
  private let state: Mutex<State>

  private struct State: @unchecked Sendable {
    let version: Version
    var trouble: ModelError?
  }

  init(tries: Int) {
    self.tries = tries
    state = Mutex(State(version: Version(Family(tries: tries))))
  }

  func build(_ position: Int, _ body: (UnsafeMutablePointer<Pool>) -> (Trie, ModelError?)) {
    var pool = Pool()
    let (trie, trouble) = body(&pool)
    state.withLock { state in
      state.version.tries[position] = trie
      state.version.family.pool.pointee.adopt(pool)
      if let trouble { state.trouble = trouble }
    }
  }

  var trouble: ModelError? { state.withLock { $0.trouble } }
  var version: Version { state.withLock { $0.version } }
}
