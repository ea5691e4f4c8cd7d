internal import CProcessor

/// What a trie holds and how its items are told apart.
protocol TrieKind {
  associatedtype Key
  /// `hash` is that of `key`.
  static func isSame(_ item: TrieItem, _ key: Key, _ hash: UInt64) -> Bool
  static func hash(_ item: TrieItem) -> UInt64
}

/// A hash table that shares with earlier versions of itself what did not change. It belongs to a version, which says who
/// may change it and when its nodes are freed.
struct Trie {
  var root: TrieNode?
  var count = 0

  @inline(__always)
  func find<Kind: TrieKind>(_ key: Kind.Key, _ hash: UInt64, _ kind: Kind.Type) -> UnsafeMutablePointer<TrieItem>? {
    guard var node = root else { return nil }
    var shift: UInt64 = 0
    while true {
      // Half of the nodes are larger than a line of the processor's cache, and what is sought may be in the second.
      processor_prefetch(node.memory + 64)
      let shape = node.shape
      if shape.isTwins { return Self.twin(node, shape, key, hash, kind).map { node.items(shape) + $0 } }
      let bit = TrieShape.bit(hash, shift)
      if shape.children & bit != 0 {
        node = node.children[shape.children.rank(bit)]
        shift += TrieNode.width
        continue
      }
      guard shape.items & bit != 0 else { return nil }
      let item = node.items(shape) + shape.items.rank(bit)
      return kind.isSame(item.pointee, key, hash) ? item : nil
    }
  }

  /// Fetches what leads to hashes that begin with `hint`, as far as that tells the way.
  @inline(__always)
  func approach(_ hint: UInt64) {
    guard var node = root else { return }
    var shift: UInt64 = 0
    while shift < TrieItem.hintWidth {
      let shape = node.shape
      let bit = TrieShape.bit(hint, shift)
      guard shape.children & bit != 0 else {
        if shape.items & bit != 0 { processor_prefetch(node.items(shape)[shape.items.rank(bit)].place) }
        return
      }
      node = node.children[shape.children.rank(bit)]
      shift += TrieNode.width
    }
    processor_prefetch(node.memory)
  }

  private static func twin<Kind: TrieKind>(
    _ node: TrieNode, _ shape: TrieShape, _ key: Kind.Key, _ hash: UInt64, _ kind: Kind.Type
  ) -> Int? {
    (0..<shape.itemCount).first { kind.isSame(node.items(shape)[$0], key, hash) }
  }

  /// The first of all in the trie's order; there must be one.
  var first: TrieItem {
    guard var node = root else { preconditionFailure("nothing is first in an empty trie") }
    while node.shape.itemCount == 0 { node = node.children[0] }
    return node.items(node.shape)[0]
  }

  // MARK: - Changing

  /// Inserts or replaces. Returns what was replaced.
  mutating func put<Kind: TrieKind>(
    _ item: TrieItem, _ key: Kind.Key, _ hash: UInt64, _ kind: Kind.Type, _ change: VersionChange
  ) -> TrieItem? {
    guard root != nil else {
      var shape = TrieShape(birth: change.number)
      shape.add(item: TrieShape.bit(hash, 0))
      let node = change.make(shape)
      node.items(shape).pointee = item
      root = node
      count = 1
      return nil
    }
    let old = withUnsafeMutablePointer(to: &root) { place in
      place.withMemoryRebound(to: TrieNode.self, capacity: 1) { Self.put(item, key, hash, kind, at: $0, change) }
    }
    if old == nil { count += 1 }
    return old
  }

  private static func put<Kind: TrieKind>(
    _ item: TrieItem, _ key: Kind.Key, _ hash: UInt64, _ kind: Kind.Type, at place: UnsafeMutablePointer<TrieNode>,
    _ change: VersionChange
  ) -> TrieItem? {
    var place = place
    var shift: UInt64 = 0
    while true {
      var shape = place.pointee.shape
      if shape.isTwins {
        if let twin = twin(place.pointee, shape, key, hash, kind) { return replace(twin, item, at: place, change) }
        shape.add(item: 0)
        change.remake(place, shape, items: TrieSplice(at: 0, new: item))
        return nil
      }
      let bit = TrieShape.bit(hash, shift)
      if shape.children & bit != 0 {
        change.own(place)
        place = place.pointee.children + shape.children.rank(bit)
        shift += TrieNode.width
        continue
      }
      let position = shape.items.rank(bit)
      guard shape.items & bit != 0 else {
        shape.add(item: bit)
        change.remake(place, shape, items: TrieSplice(at: position, new: item))
        return nil
      }
      let other = place.pointee.items(shape)[position]
      if kind.isSame(other, key, hash) { return replace(position, item, at: place, change) }
      let child = pair(other, kind.hash(other), item, hash, shift + TrieNode.width, change)
      shape.remove(item: bit)
      shape.add(child: bit)
      change.remake(
        place, shape, children: TrieSplice(at: shape.children.rank(bit), new: child),
        items: TrieSplice(at: position, removes: true))
      return nil
    }
  }

  private static func replace(
    _ position: Int, _ item: TrieItem, at place: UnsafeMutablePointer<TrieNode>, _ change: VersionChange
  ) -> TrieItem {
    change.own(place)
    let items = place.pointee.items(place.pointee.shape)
    let old = items[position]
    items[position] = item
    return old
  }

  private static func pair(
    _ one: TrieItem, _ oneHash: UInt64, _ other: TrieItem, _ otherHash: UInt64, _ shift: UInt64, _ change: VersionChange
  ) -> TrieNode {
    if shift >= TrieNode.depth {
      let shape = TrieShape(birth: change.number, twins: 2)
      let node = change.make(shape)
      node.items(shape)[0] = one
      node.items(shape)[1] = other
      return node
    }
    let (first, second) = (TrieShape.bit(oneHash, shift), TrieShape.bit(otherHash, shift))
    if first == second {
      let shape = TrieShape(birth: change.number, child: first)
      let node = change.make(shape)
      node.children[0] = pair(one, oneHash, other, otherHash, shift + TrieNode.width, change)
      return node
    }
    var shape = TrieShape(birth: change.number)
    shape.add(item: first)
    shape.add(item: second)
    let node = change.make(shape)
    node.items(shape)[first < second ? 0 : 1] = one
    node.items(shape)[first < second ? 1 : 0] = other
    return node
  }

  /// Takes out what has the key, which must be there.
  mutating func remove<Kind: TrieKind>(
    _ key: Kind.Key, _ hash: UInt64, _ kind: Kind.Type, _ change: VersionChange
  ) -> TrieItem {
    count -= 1
    if count == 0, let node = root {
      root = nil
      return Self.dissolve(node, change)
    }
    return withUnsafeMutablePointer(to: &root) { place in
      place.withMemoryRebound(to: TrieNode.self, capacity: 1) { Self.remove(key, hash, 0, kind, at: $0, change) }
    }
  }

  /// Lets go of nodes that hold but one item.
  private static func dissolve(_ node: TrieNode, _ change: VersionChange) -> TrieItem {
    let shape = node.shape
    let item = shape.itemCount > 0 ? node.items(shape)[0] : dissolve(node.children[0], change)
    change.drop(node, shape)
    return item
  }

  private static func remove<Kind: TrieKind>(
    _ key: Kind.Key, _ hash: UInt64, _ shift: UInt64, _ kind: Kind.Type, at place: UnsafeMutablePointer<TrieNode>,
    _ change: VersionChange
  ) -> TrieItem {
    var shape = place.pointee.shape
    if shape.isTwins {
      guard let twin = twin(place.pointee, shape, key, hash, kind) else { preconditionFailure("the item is not there") }
      let item = place.pointee.items(shape)[twin]
      shape.remove(item: 0)
      change.remake(place, shape, items: TrieSplice(at: twin, removes: true))
      return item
    }
    let bit = TrieShape.bit(hash, shift)
    guard shape.children & bit != 0 else {
      let position = shape.items.rank(bit)
      let item = place.pointee.items(shape)[position]
      shape.remove(item: bit)
      change.remake(place, shape, items: TrieSplice(at: position, removes: true))
      return item
    }
    change.own(place)
    let position = shape.children.rank(bit)
    let item = remove(key, hash, shift + TrieNode.width, kind, at: place.pointee.children + position, change)
    // A child with but one item gives it to its parent.
    let child = place.pointee.children[position]
    let childShape = child.shape
    guard childShape.children == 0, childShape.itemCount == 1 else { return item }
    let last = child.items(childShape)[0]
    change.drop(child, childShape)
    shape.remove(child: bit)
    shape.add(item: bit)
    change.remake(
      place, shape, children: TrieSplice(at: position, removes: true),
      items: TrieSplice(at: shape.items.rank(bit), new: last))
    return item
  }
}

/// One place at which something leaves, or something is put, or nothing happens.
struct TrieSplice<Element> {
  var at = 0
  var removes = false
  var new: Element?

  @inline(__always)
  func copy(_ source: UnsafeMutablePointer<Element>, _ count: Int, to target: UnsafeMutablePointer<Element>) {
    let rest = at + (removes ? 1 : 0)
    let tail = at + (new == nil ? 0 : 1)
    for position in 0..<at { target[position] = source[position] }
    if let new { target[at] = new }
    for position in 0..<count - rest { target[tail + position] = source[rest + position] }
  }
}

/// Goes through a trie's items in the order of their hashes. Whoever has it holds the version.
struct TrieItems: IteratorProtocol {
  private var open: [(node: TrieNode, position: Int)] = []
  private var items = UnsafeBufferPointer<TrieItem>(start: nil, count: 0)
  private var position = 0

  init(_ trie: Trie) {
    if let root = trie.root { enter(root) }
  }

  private mutating func enter(_ node: TrieNode) {
    let shape = node.shape
    items = UnsafeBufferPointer(start: node.items(shape), count: shape.itemCount)
    position = 0
    if shape.childCount > 0 { open.append((node, 0)) }
  }

  mutating func next() -> TrieItem? {
    while position == items.count {
      guard let (node, child) = open.last else { return nil }
      if child + 1 == node.shape.childCount { open.removeLast() } else { open[open.count - 1].position += 1 }
      enter(node.children[child])
    }
    position += 1
    return items[position - 1]
  }
}
