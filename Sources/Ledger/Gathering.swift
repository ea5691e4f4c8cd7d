internal import CProcessor

/// Changes in the order in which their resources came, with a table that finds them. A dictionary would hold each twice as
/// it grows, and room for as many again.
struct Gathering {
  private var changes: [Unfolded.Change] = []
  /// One more than the place of a change; 0 where there is none. Looked through from where a key's hash points to, on to
  /// the next gap. A power of two, at least half of it gaps.
  private var places: [UInt32] = Array(repeating: 0, count: 16)

  var isEmpty: Bool { changes.isEmpty }

  mutating func put(_ key: ResourceKey, folded: UInt64, revision: UInt64, body: [UInt8]?) {
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

  /// Fetches the place where the search for the key begins.
  func prefetch(_ key: ResourceKey) {
    places.withUnsafeBufferPointer { if let base = $0.baseAddress { processor_prefetch(base + start(key)) } }
  }

  /// Fetches what stands there.
  func prefetchFound(_ key: ResourceKey) {
    let place = Int(places[start(key)]) - 1
    guard place >= 0 else { return }
    changes.withUnsafeBufferPointer { if let base = $0.baseAddress { processor_prefetch(base + place) } }
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
