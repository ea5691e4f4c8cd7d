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
  /// What is being folded. It stays where it was gathered, and its memory is the next but one's.
  private var taken: [Change] = []
  /// The places in `taken`, in the order of folding; empty before that is known.
  private var order: [UInt32] = []
  private var done = 0
  /// The last revision whose changes were gathered.
  var last: UInt64 = 0
  /// The last revision whose changes are in `taken`.
  private var target: UInt64 = 0
  /// How much was ready when folding began.
  private(set) var share = 0

  var readyCount: Int { order.count - done }
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

  /// Takes what was gathered, to be folded in the order in which `fold` is told.
  mutating func gathered() -> FoldOrder {
    target = last
    gathering.takeAll(into: &taken)
    return FoldOrder(of: taken)
  }

  mutating func fold(_ order: [UInt32]) {
    self.order = order
    share = order.count
  }

  func next(_ count: Int) -> [Change] { order[done...].prefix(count).map { taken[Int($0)] } }

  /// Bodies go at once, lest all of them are kept to the end.
  mutating func drop(_ count: Int) {
    for place in order[done..<done + count] { taken[Int(place)].body = nil }
    done += count
    guard done == order.count else { return }
    taken.removeAll(keepingCapacity: true)
    order = []
    done = 0
  }
}

/// Changes in the order in which their resources came, with a table that finds them. A dictionary would hold each twice as
/// it grows, and room for as many again.
private struct Gathering {
  private var changes: [Unfolded.Change] = []
  /// One more than the place of a change; 0 where there is none. Looked through from where a key's hash points to, on to
  /// the next gap. A power of two, at least half of it gaps.
  private var places: [UInt32] = Array(repeating: 0, count: 16)

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
    changes.append(Unfolded.Change(key: key, folded: folded, revision: revision, body: body))
    places[gap] = UInt32(changes.count)
    if changes.count > places.count / 2 { grow() }
  }

  /// `empty` has the room that it goes on with.
  mutating func takeAll(into empty: inout [Unfolded.Change]) {
    for place in places.indices { places[place] = 0 }
    swap(&changes, &empty)
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
