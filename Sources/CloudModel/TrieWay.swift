internal import CProcessor
internal import FoundationEssentials

/// The way through a trie to what will be looked at soon, step by step. Each step has the processor fetch what the next one
/// looks at: who goes several ways by turns waits for the memory of all at once.
struct TrieWay {
  private enum Place {
    case row(TrieNode, UInt64)
    /// On the way to an index's entry.
    case key(TrieNode, UInt64)
    case entry(TrieItem)
    /// On the way to one of the ids under an entry's key.
    case holder(TrieNode, UInt64)
    case end
  }

  private var place = Place.end
  /// Of what is sought where the way is.
  private var hash: UInt64
  /// That of one of the ids under the key, to be sought there.
  private let holder: UInt64?
  /// Where the row is that an entry leads to.
  private let rows: Trie?
  private let rowSize: Int
  /// The beginning of what the last step fetched.
  private(set) var fetched: UnsafeMutableRawPointer?

  /// To a row.
  init(to rows: Trie, _ hash: UInt64, rowSize: Int) {
    self.hash = hash
    holder = nil
    self.rows = nil
    self.rowSize = rowSize
    if let root = rows.root { place = .row(root, 0) }
  }

  /// To an entry of an index. If one id is filed there, further to its row; if several, to the place of one among them.
  init(to index: Trie, _ hash: UInt64, holder: UInt64?, rows: Trie? = nil, rowSize: Int = 0) {
    self.hash = hash
    self.holder = holder
    self.rows = rows
    self.rowSize = rowSize
    if let root = index.root { place = .key(root, 0) }
  }

  /// Goes `count` ways to their ends.
  static func goAll(_ count: Int, _ way: (Int) -> TrieWay) {
    withUnsafeTemporaryAllocation(of: TrieWay.self, capacity: count) { ways in
      for place in 0..<count { ways.initializeElement(at: place, to: way(place)) }
      var open = count
      while open > 0 {
        var place = 0
        while place < open {
          if ways[place].step() {
            place += 1
          } else {
            open -= 1
            ways[place] = ways[open]
          }
        }
      }
    }
  }

  /// Returns whether there is a next one.
  mutating func step() -> Bool {
    switch place {
    case .row(let node, let shift):
      let shape = node.shape
      if let child = child(node, shape, shift) {
        place = .row(child, shift + TrieNode.width)
        return true
      }
      if let item = item(node, shape, shift) { fetch(item.place, rowSize) }
      return false
    case .key(let node, let shift):
      let shape = node.shape
      if let child = child(node, shape, shift) {
        place = .key(child, shift + TrieNode.width)
        return true
      }
      guard let item = item(node, shape, shift) else { return false }
      fetch(item.place, IndexEntry.units * Pool.unit)
      place = .entry(item)
      return true
    case .entry(let item):
      if let holders = IndexEntry.holders(item) {
        guard let root = holders.root else { return false }
        fetch(root.memory, Self.nodeSize)
        guard let holder else { return false }
        hash = holder
        place = .holder(root, 0)
        return true
      }
      guard let root = rows?.root else { return false }
      hash = KeyHash.of(IndexEntry.first(item))
      place = .row(root, 0)
      return true
    case .holder(let node, let shift):
      guard let child = child(node, node.shape, shift) else { return false }
      place = .holder(child, shift + TrieNode.width)
      return true
    case .end: return false
    }
  }

  // Items with the same hash have no bits in their node's shape, so the way ends there.

  private mutating func child(_ node: TrieNode, _ shape: TrieShape, _ shift: UInt64) -> TrieNode? {
    let bit = TrieShape.bit(hash, shift)
    guard shape.children & bit != 0 else { return nil }
    let child = node.children[shape.children.rank(bit)]
    fetch(child.memory, Self.nodeSize)
    return child
  }

  private func item(_ node: TrieNode, _ shape: TrieShape, _ shift: UInt64) -> TrieItem? {
    let bit = TrieShape.bit(hash, shift)
    return shape.items & bit == 0 ? nil : node.items(shape)[shape.items.rank(bit)]
  }

  /// Few nodes are larger.
  private static var nodeSize: Int { 192 }

  private mutating func fetch(_ memory: UnsafeMutableRawPointer, _ size: Int) {
    fetched = memory
    for offset in stride(from: 0, to: size, by: 64) { processor_prefetch(memory + offset) }
  }
}
