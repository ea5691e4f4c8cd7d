internal import CProcessor
internal import FoundationEssentials

/// What the checkpoint does not hold yet, gathered by resource: of many changes to one, only the last is folded.
///
/// The resources are divided by the upper bits of their ids. One part after the other is folded as a whole, sorted so that
/// the storage is written in its own order, but in pieces, while it and all others gather. So each gathers for a whole
/// round, and only what changes in that time is folded more than once.
struct Unfolded {
  struct Change: Sendable {
    let key: ResourceKey
    /// The revision that the checkpoint holds of the resource; 0 when it does not hold it.
    let folded: UInt64
    var revision: UInt64
    var body: [UInt8]?
  }

  private var parts: [Part]
  private let partBits: Int
  /// Of a round.
  private let window: UInt64
  /// What is being folded, where it was gathered.
  private var taken: [Change] = []
  /// The places in `taken`, in the order of folding.
  private var order: [UInt32] = []
  private var done = 0
  /// The last revision whose changes were gathered.
  private(set) var last: UInt64
  /// The last one when the part that is being folded, or was, began to be.
  private var begun: UInt64

  private struct Part {
    var gathering = Gathering()
    /// What is gathered is younger.
    var checkpoint: UInt64 = 0
  }

  private static let partBitsLimit = 6
  /// Fewer revisions are not worth a part.
  private static let leastStride: UInt64 = 8

  /// - Parameters:
  ///   - changes: Those that the checkpoint lacks of what was done up to `last`, each with a revision up to which it has
  ///     all of the resource's.
  ///   - window: The revisions that one round takes.
  init(_ changes: [(change: Change, checkpoint: UInt64)], last: UInt64, window: UInt64) {
    let most = max(1, window / Self.leastStride)
    partBits = min(Self.partBitsLimit, UInt64.bitWidth - 1 - most.leadingZeroBitCount)
    parts = Array(repeating: Part(), count: 1 << partBits)
    self.window = max(1, window)
    self.last = last
    begun = last
    for (change, checkpoint) in changes {
      put(change.key, folded: change.folded, revision: change.revision, body: change.body, after: checkpoint)
    }
  }

  /// Revisions from the beginning of one part's folding to that of the next.
  var stride: UInt64 { max(1, window >> UInt64(partBits)) }

  private func part(of key: ResourceKey) -> Int {
    Int(truncatingIfNeeded: key.words.0 >> UInt64(UInt64.bitWidth - partBits))
  }

  // MARK: - Gathering

  /// What consecutive revisions changed that follow the last one.
  mutating func add(_ revisions: [[StoredChange]]) {
    // What is found at random is in no cache, and many can be fetched at a time.
    for changes in revisions { for change in changes { parts[part(of: change.key)].gathering.prefetch(change.key) } }
    for changes in revisions {
      for change in changes { parts[part(of: change.key)].gathering.prefetchFound(change.key) }
    }
    for changes in revisions {
      for change in changes {
        put(change.key, folded: change.previous, revision: last + 1, body: change.body.map { Array($0) }, after: last)
      }
      last += 1
    }
  }

  private mutating func put(
    _ key: ResourceKey, folded: UInt64, revision: UInt64, body: [UInt8]?, after checkpoint: UInt64
  ) {
    let part = part(of: key)
    let isFirst = parts[part].gathering.isEmpty
    parts[part].checkpoint = isFirst ? checkpoint : min(parts[part].checkpoint, checkpoint)
    parts[part].gathering.put(key, folded: folded, revision: revision, body: body)
  }

  // MARK: - Folding

  var readyCount: Int { order.count - done }

  /// Everything up to this revision is in the checkpoint once nothing is ready.
  var checkpoint: UInt64 {
    parts.lazy.filter { !$0.gathering.isEmpty }.map(\.checkpoint).min() ?? last
  }

  /// How many changes are to be folded with each revision, so that a part is done when the next has its turn.
  var pace: Int { order.count / Int(stride) + 1 }

  /// Whether the next part is to be folded, when the checkpoint stands at `checkpoint` of `head` revisions. When nothing else
  /// is done, most of what there is.
  func isDue(_ checkpoint: UInt64, of head: UInt64, isIdle: Bool) -> Bool {
    guard readyCount == 0, head > checkpoint else { return false }
    let behind = head - checkpoint
    return isIdle ? behind > window / 20 : behind >= window || head >= begun + stride
  }

  /// Takes what the part has gathered that waits for longest.
  mutating func begin() {
    begun = last
    taken.removeAll(keepingCapacity: true)
    let waiting = parts.indices.filter { !parts[$0].gathering.isEmpty }
    if let next = waiting.min(by: { parts[$0].checkpoint < parts[$1].checkpoint }) {
      parts[next].gathering.takeAll(into: &taken)
    }
    order = FoldOrder(of: taken).places()
    done = 0
  }

  /// The next `count` to be folded.
  func next(_ count: Int) -> [Change] {
    let places = order[done...].prefix(count)
    for place in places { taken[Int(place)].prefetch() }
    return places.map { taken[Int($0)] }
  }

  /// They were folded. Bodies go at once, lest all of them are kept to the end.
  mutating func drop(_ count: Int) {
    for place in order[done..<done + count] { taken[Int(place)].body = nil }
    done += count
  }
}

extension Unfolded.Change {
  /// Fetches the body's count of references and its beginning.
  fileprivate func prefetch() {
    body?.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      for offset in Swift.stride(from: -32, to: 352, by: 64) { processor_prefetch(base + offset) }
    }
  }
}
