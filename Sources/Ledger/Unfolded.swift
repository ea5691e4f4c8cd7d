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

  private var gathering = Gathering()
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
    gathering.put(key, folded: folded, revision: revision, body: body)
  }

  /// Hands out what was gathered, to be sorted and given to `fold`.
  mutating func gathered() -> [Change] {
    target = last
    return gathering.takeAll()
  }

  mutating func fold(_ sorted: [Change]) {
    ready = sorted[...]
    share = sorted.count
  }

  func next(_ count: Int) -> ArraySlice<Change> { ready.prefix(count) }
  mutating func drop(_ count: Int) { ready = ready.dropFirst(count) }
}

/// Changes in the order in which their resources came, with a table that finds them. A dictionary would hold each twice as
/// it grows, and room for as many again.
private struct Gathering {
  private var changes: [Unfolded.Change] = []
  /// One more than the place of a change; 0 where there is none. Looked through from where a key's hash points to, on to
  /// the next gap. A power of two, at least half of it gaps.
  private var places: [UInt32] = Array(repeating: 0, count: 16)
  /// How many there were the last time: about as many come again.
  private var usual = 0

  var isEmpty: Bool { changes.isEmpty }

  mutating func put(_ key: ResourceKey, folded: UInt64, revision: UInt64, body: ArraySlice<UInt8>?) {
    let gap: Int
    switch find(key) {
    case .change(let place):
      changes[place].revision = revision
      changes[place].body = body
      return
    case .gap(let place): gap = place
    }
    guard folded != revision else { return }
    if changes.isEmpty { changes.reserveCapacity(usual) }
    changes.append(Unfolded.Change(key: key, folded: folded, revision: revision, body: body))
    places[gap] = UInt32(changes.count)
    if changes.count > places.count / 2 { grow() }
  }

  mutating func takeAll() -> [Unfolded.Change] {
    usual = changes.count
    for place in places.indices { places[place] = 0 }
    return exchange(&changes, with: [])
  }

  private enum Found {
    case change(Int)
    case gap(Int)
  }

  private func find(_ key: ResourceKey) -> Found {
    var place = start(key)
    while places[place] > 0 {
      let change = Int(places[place]) - 1
      if changes[change].key == key { return .change(change) }
      place = next(place)
    }
    return .gap(place)
  }

  /// The table's size is a power of two, and the product's upper bits depend on all of the key's.
  private func start(_ key: ResourceKey) -> Int {
    Int(truncatingIfNeeded: key.mixed >> UInt64(64 - places.count.trailingZeroBitCount))
  }

  private func next(_ place: Int) -> Int { (place + 1) & (places.count - 1) }

  private mutating func grow() {
    places = Array(repeating: 0, count: places.count * 2)
    for (position, change) in changes.enumerated() {
      var place = start(change.key)
      while places[place] > 0 { place = next(place) }
      places[place] = UInt32(position + 1)
    }
  }
}
