internal import FoundationEssentials

/// What the checkpoint does not hold yet, gathered by resource: of many changes to one, only the last is folded.
///
/// What was gathered is folded as a whole, sorted so that the storage is written in its own order, but in pieces. What
/// changes meanwhile is gathered for the next time.
struct Unfolded {
  struct Change: Sendable {
    let key: ResourceKey
    /// The revision that the checkpoint holds of the resource; 0 when it does not hold it.
    let folded: UInt64
    var revision: UInt64
    var body: ArraySlice<UInt8>?
  }

  private var gathering: [ResourceKey: Change] = [:]
  private var ready: ArraySlice<Change> = []
  /// The last revision whose changes were gathered.
  var last: UInt64 = 0
  /// The last revision whose changes are in `ready`.
  private var target: UInt64 = 0
  /// How much was ready when folding began.
  private(set) var share = 0

  var isEmpty: Bool { gathering.isEmpty && ready.isEmpty }
  var readyCount: Int { ready.count }
  /// The checkpoint once nothing is ready.
  var checkpoint: UInt64 { gathering.isEmpty ? last : target }

  mutating func add(_ record: RevisionRecord, _ changes: [StoredChange]) {
    for change in changes {
      add(change.key, folded: change.previous, revision: record.number, body: change.body)
    }
    last = record.number
  }

  mutating func add(_ key: ResourceKey, folded: UInt64, revision: UInt64, body: ArraySlice<UInt8>?) {
    if let place = gathering.index(forKey: key) {
      gathering.values[place].revision = revision
      gathering.values[place].body = body
    } else if folded != revision {
      gathering[key] = Change(key: key, folded: folded, revision: revision, body: body)
    }
  }

  /// Hands out what was gathered, to be sorted and given to `fold`.
  mutating func gathered() -> [Change] {
    // About as many come again.
    defer { gathering.removeAll(keepingCapacity: true) }
    target = last
    return Array(gathering.values)
  }

  mutating func fold(_ sorted: [Change]) {
    ready = sorted[...]
    share = sorted.count
  }

  func next(_ count: Int) -> ArraySlice<Change> { ready.prefix(count) }
  mutating func drop(_ count: Int) { ready = ready.dropFirst(count) }
}
