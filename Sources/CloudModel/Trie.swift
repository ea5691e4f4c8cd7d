/// What a trie holds: a value that is found by a key of its own.
protocol TrieItem: Sendable {
  associatedtype Key: Sendable
  var key: Key { get }
  /// All of its bits depend on all of `key`.
  static func hash(_ key: Key) -> UInt64
  static func isSame(_ left: Key, _ right: Key) -> Bool
  static var kind: TrieItemKind { get }
}

/// A persistent hash table. A copy costs nothing. A change copies the nodes on its way, but for those that no other copy has.
struct Trie<Item: TrieItem>: @unchecked Sendable {
  private(set) var count = 0
  private var root: TrieNode?

  var isEmpty: Bool { count == 0 }

  /// Takes over what was built.
  mutating func adopt(_ root: TrieNode, _ count: Int) {
    self.root = root
    self.count = count
  }

  @inline(__always)
  subscript(key: Item.Key) -> Item? { read(key) { $0.pointee } }

  /// Gives `body` the item where it stands.
  @inline(__always)
  func read<Value>(_ key: Item.Key, _ body: (UnsafePointer<Item>) -> Value) -> Value? {
    guard let root else { return nil }
    return withExtendedLifetime(root) { TrieNode.find(key, in: root).map(body) }
  }

  /// Inserts, or lets `merge` change what has the key.
  @inline(__always)
  mutating func put(_ item: Item, merge: (inout Item) -> Void) {
    guard var node = root.take() else {
      root = .leaf(item)
      count = 1
      return
    }
    if TrieNode.put(item, Item.hash(item.key), 0, in: &node, merge) { count += 1 }
    root = node
  }

  /// Inserts or replaces. Returns what was replaced.
  @inline(__always)
  @discardableResult
  mutating func put(_ item: Item) -> Item? {
    var old: Item?
    put(item) { place in
      old = place
      place = item
    }
    return old
  }

  @inline(__always)
  @discardableResult
  mutating func remove(_ key: Item.Key) -> Item? {
    guard let old = self[key], var node = root.take() else { return nil }
    TrieNode.remove(key, Item.hash(key), 0, of: Item.self, from: &node)
    count -= 1
    if count > 0 { root = node }
    return old
  }
}

extension Trie: Sequence {
  /// In no particular order.
  struct Iterator: IteratorProtocol {
    private var open: [(node: TrieNode, position: Int)]

    fileprivate init(_ root: TrieNode?) { open = root.map { [($0, 0)] } ?? [] }

    mutating func next() -> Item? {
      while let (node, position) = open.last {
        open[open.count - 1].position += 1
        if position < node.itemCount { return node.items(Item.self)[position] }
        if position < node.itemCount + node.childCount {
          open.append((node.children[position - node.itemCount], 0))
        } else {
          open.removeLast()
        }
      }
      return nil
    }
  }

  func makeIterator() -> Iterator { Iterator(root) }
  var underestimatedCount: Int { count }
}
