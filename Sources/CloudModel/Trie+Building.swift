internal import FoundationEssentials

/// Something to be built into a trie.
struct HashedItem {
  let hash: UInt64
  let item: TrieItem

  @inline(__always)
  init(_ hash: UInt64, _ item: TrieItem) {
    self.hash = hash
    self.item = item
  }
}

/// An id to be filed under a key.
struct Filing {
  let key: IndexKey
  let id: UUID
}

extension Trie {
  /// The trie of a new table's rows, each of which it retains. Also returns an id that two of them have.
  static func rows(_ rows: [TableRow], _ pool: UnsafeMutablePointer<Pool>) -> (Trie, double: UUID?) {
    var order: [HashedItem] = []
    order.reserveCapacity(rows.count)
    for row in rows {
      let hash = KeyHash.of(row.id)
      order.append(
        HashedItem(hash, TrieItem(Unmanaged.passRetained(row).toOpaque(), hash, birth: Version.firstNumber)))
    }
    var double: UUID?
    let trie = TrieBuilding.trie(of: &order, in: pool) { same, items in
      for row in same {
        let id = RowItems.id(row.item)
        if items.isEmpty || !items.contains(where: { RowItems.isSame($0, id, row.hash) }) {
          items.append(row.item)
        } else {
          double = id
          Unmanaged<TableRow>.fromOpaque(row.item.place).release()
        }
      }
    }
    return (trie, double)
  }

  /// The trie of a new table's index. Also returns the first of several ids under one key, if `unique`.
  static func index(_ filings: [Filing], unique: Bool, _ pool: UnsafeMutablePointer<Pool>) -> (Trie, holder: UUID?) {
    var order: [HashedItem] = []
    order.reserveCapacity(filings.count)
    for (position, filing) in filings.enumerated() {
      order.append(HashedItem(IndexEntry.hash(filing.key), TrieItem(UInt64(position), 0)))
    }
    var holder: UUID?
    let trie = TrieBuilding.trie(of: &order, in: pool) { same, items in
      let hash = same[0].hash
      var rest = same.map { Int($0.item.first) }
      while let first = rest.first {
        let key = filings[first].key
        var others: [Int] = []
        var ids: [UUID] = []
        for position in rest {
          if filings[position].key == key { ids.append(filings[position].id) } else { others.append(position) }
        }
        let item = IndexEntry.make(key, hash, ids, pool, birth: Version.firstNumber)
        if unique, IndexEntry.isMany(item) { holder = ids[0] }
        items.append(item)
        rest = others
      }
    }
    return (trie, holder)
  }

  /// `ids`: some perhaps several times.
  static func ids(_ ids: [UUID], _ pool: UnsafeMutablePointer<Pool>) -> Trie {
    var order = ids.map { HashedItem(KeyHash.of($0), TrieItem(id: $0)) }
    return TrieBuilding.trie(of: &order, in: pool) { same, items in
      for id in same where !items.contains(where: { $0.words == id.item.words }) { items.append(id.item) }
    }
  }
}

/// A trie in the making, node by node from the bottom, so that none is ever made anew.
struct TrieBuilding {
  /// Is given all things with the same hash, and adds what becomes of them, each item with a key of its own.
  typealias Join = (UnsafeBufferPointer<HashedItem>, inout [TrieItem]) -> Void

  private let pool: UnsafeMutablePointer<Pool>
  /// Sorted by hash.
  private let order: UnsafeMutablePointer<HashedItem>
  private let join: Join
  /// What becomes of a node that is being built, at each level.
  private let children: UnsafeMutablePointer<TrieNode>
  private let items: UnsafeMutablePointer<TrieItem>
  private var joined: [TrieItem] = []
  private var count = 0

  private enum Part {
    case item(TrieItem)
    case node(TrieNode)
  }

  static func trie(of order: inout [HashedItem], in pool: UnsafeMutablePointer<Pool>, join: Join) -> Trie {
    guard !order.isEmpty else { return Trie() }
    sort(&order)
    return withoutActuallyEscaping(join) { join in
      order.withUnsafeMutableBufferPointer { order in
        let room = Int(TrieNode.depth / TrieNode.width + 1) * TrieNode.fan
        let children = UnsafeMutablePointer<TrieNode>.allocate(capacity: room)
        let items = UnsafeMutablePointer<TrieItem>.allocate(capacity: room)
        defer {
          children.deallocate()
          items.deallocate()
        }
        var building = TrieBuilding(
          pool: pool, order: order.baseAddress.unsafelyUnwrapped, join: join, children: children, items: items)
        let hash = order[0].hash
        switch building.build(0, order.count, 0) {
        case .node(let node): return Trie(root: node, count: building.count)
        case .item(let item):
          var shape = TrieShape(birth: Version.firstNumber)
          shape.add(item: TrieShape.bit(hash, 0))
          return Trie(root: building.make(shape, [], [item]), count: 1)
        }
      }
    }
  }

  private init(
    pool: UnsafeMutablePointer<Pool>, order: UnsafeMutablePointer<HashedItem>, join: @escaping Join,
    children: UnsafeMutablePointer<TrieNode>, items: UnsafeMutablePointer<TrieItem>
  ) {
    self.pool = pool
    self.order = order
    self.join = join
    self.children = children
    self.items = items
  }

  /// Of what stands from `start` to `end`, not nothing, all of which shares the upper `shift` bits of the hash.
  private mutating func build(_ start: Int, _ end: Int, _ shift: UInt64) -> Part {
    let hash = order[start].hash
    if order[end - 1].hash == hash {
      joined.removeAll(keepingCapacity: true)
      join(UnsafeBufferPointer(start: order + start, count: end - start), &joined)
      count += joined.count
      return joined.count == 1 ? .item(joined[0]) : .node(twins(joined, hash, shift))
    }
    let level = Int(shift / TrieNode.width) * TrieNode.fan
    let (children, items) = (children + level, items + level)
    var shape = TrieShape(birth: Version.firstNumber)
    var position = start
    while position < end {
      let digit = TrieNode.digit(order[position].hash, shift)
      let next = self.end(of: digit, position, end, shift)
      switch build(position, next, shift + TrieNode.width) {
      case .item(let item):
        items[shape.itemCount] = item
        shape.add(item: 1 << UInt16(digit))
      case .node(let node):
        children[shape.childCount] = node
        shape.add(child: 1 << UInt16(digit))
      }
      position = next
    }
    return .node(
      make(
        shape, UnsafeBufferPointer(start: children, count: shape.childCount),
        UnsafeBufferPointer(start: items, count: shape.itemCount)))
  }

  /// Where what has `digit` ends, of what stands from `start` to `end`.
  private func end(of digit: Int, _ start: Int, _ end: Int, _ shift: UInt64) -> Int {
    var (low, high) = (start + 1, end)
    while low < high {
      let middle = (low + high) / 2
      if TrieNode.digit(order[middle].hash, shift) == digit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func make(
    _ shape: TrieShape, _ children: some Collection<TrieNode>, _ items: some Collection<TrieItem>
  ) -> TrieNode {
    let node = TrieNode(memory: pool.pointee.take(shape.units))
    node.shape = shape
    for (position, child) in children.enumerated() { node.children[position] = child }
    for (position, item) in items.enumerated() { node.items(shape)[position] = item }
    return node
  }

  /// Items that all have `hash`, below the nodes that the rest of it leads through.
  private func twins(_ items: [TrieItem], _ hash: UInt64, _ shift: UInt64) -> TrieNode {
    guard shift < TrieNode.depth else {
      return make(TrieShape(birth: Version.firstNumber, twins: items.count), [], items)
    }
    let child = twins(items, hash, shift + TrieNode.width)
    return make(TrieShape(birth: Version.firstNumber, child: TrieShape.bit(hash, shift)), [child], [])
  }

  // MARK: - Sorting

  /// By the top bits as a whole, then by what is left of few that have these in common.
  private static func sort(_ order: inout [HashedItem]) {
    let passes: UInt64 = order.count <= 32 ? 0 : order.count <= 4096 ? 1 : order.count <= 1 << 20 ? 2 : 3
    guard passes > 0 else { return order.sort { $0.hash < $1.hash } }
    var other = order
    for pass in 0..<passes { distribute(&order, &other, shift: 64 - 8 * (passes - pass)) }
    order.withUnsafeMutableBufferPointer { order in
      var start = 0
      while start < order.count {
        let top = order[start].hash >> (64 - 8 * passes)
        var end = start + 1
        while end < order.count, order[end].hash >> (64 - 8 * passes) == top { end += 1 }
        if end - start > 64 {
          order[start..<end].sort { $0.hash < $1.hash }
        } else {
          for position in start + 1..<max(end, start + 1) {
            let one = order[position]
            var place = position
            while place > start, order[place - 1].hash > one.hash {
              order[place] = order[place - 1]
              place -= 1
            }
            order[place] = one
          }
        }
        start = end
      }
    }
  }

  private static func distribute(_ order: inout [HashedItem], _ other: inout [HashedItem], shift: UInt64) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 257) { bounds in
      bounds.initialize(repeating: 0)
      for one in order { bounds[Int(one.hash >> shift & 255) + 1] += 1 }
      for digit in 0..<256 { bounds[digit + 1] += bounds[digit] }
      order.withUnsafeBufferPointer { source in
        other.withUnsafeMutableBufferPointer { target in
          for one in source {
            let digit = Int(one.hash >> shift & 255)
            target[bounds[digit]] = one
            bounds[digit] += 1
          }
        }
      }
    }
    swap(&order, &other)
  }
}
