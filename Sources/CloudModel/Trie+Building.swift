/// Where something to be built into a trie stands, and the hash of its key.
struct HashedPosition {
  var hash: UInt64
  var position: UInt32
}

extension Trie {
  /// A trie of what stands at `order`, node by node from the bottom, so that none is ever made anew. `join` is called for all
  /// positions with the same hash and returns their items, each with a key of its own.
  init(_ order: [HashedPosition], join: (ArraySlice<HashedPosition>) -> [Item]) {
    self.init()
    guard !order.isEmpty else { return }
    var building = TrieBuilding<Item>(order: order, spare: order)
    switch building.build(0, order.count, 0, join) {
    case .item(let item): adopt(.leaf(item), 1)
    case .node(let node): adopt(node, building.count)
    }
  }
}

/// A trie in the making.
private struct TrieBuilding<Item: TrieItem> {
  var order: [HashedPosition]
  var spare: [HashedPosition]
  var count = 0

  /// What becomes of some positions: an item that its parent holds, or a node.
  enum Part {
    case item(Item)
    case node(TrieNode)
  }

  /// Of the positions from `start` to `end`, not none, which share the lower `shift` bits of their hashes.
  mutating func build(
    _ start: Int, _ end: Int, _ shift: UInt64, _ join: (ArraySlice<HashedPosition>) -> [Item]
  ) -> Part {
    let hash = order[start].hash
    if order[start + 1..<end].allSatisfy({ $0.hash == hash }) {
      let items = join(order[start..<end])
      count += items.count
      return items.count == 1 ? .item(items[0]) : .node(.twins(items, hash, shift))
    }
    let bounds = sort(start, end, shift)
    var shape = TrieShape(kind: Item.kind)
    var children: [TrieNode] = []
    var items: [Item] = []
    for digit in 0..<TrieNode.fan where bounds[digit] < bounds[digit + 1] {
      switch build(bounds[digit], bounds[digit + 1], shift + TrieNode.width, join) {
      case .item(let item):
        shape.items |= 1 << UInt16(digit)
        items.append(item)
      case .node(let node):
        shape.children |= 1 << UInt16(digit)
        children.append(node)
      }
    }
    return .node(.make(shape, children, items))
  }

  /// Orders by the next bits. Returns where each of their values begins, and the end.
  private mutating func sort(_ start: Int, _ end: Int, _ shift: UInt64) -> [Int] {
    var bounds = Array(repeating: 0, count: TrieNode.fan + 1)
    for position in start..<end { bounds[TrieNode.digit(order[position].hash, shift) + 1] += 1 }
    bounds[0] = start
    for digit in 0..<TrieNode.fan { bounds[digit + 1] += bounds[digit] }
    var next = bounds
    for position in start..<end {
      let digit = TrieNode.digit(order[position].hash, shift)
      spare[next[digit]] = order[position]
      next[digit] += 1
    }
    for position in start..<end { order[position] = spare[position] }
    return bounds
  }
}
