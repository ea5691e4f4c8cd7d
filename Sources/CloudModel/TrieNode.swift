/// What a node has under each of the sixteen values of its four bits of the hash.
struct TrieShape {
  let kind: TrieItemKind
  var children: UInt16 = 0
  var items: UInt16 = 0
  /// The number of items when no bits of the hash are left: these are all that have it.
  var twins: UInt16 = 0
}

/// What items are to a node, which is not generic: a generic class is taken down by code that is not made for its types.
enum TrieItemKind {
  /// References to objects.
  case objects
  case entries
  /// Plain bytes.
  case ids
}

/// A node of a trie. Only a node that nobody shares is ever changed.
///
/// The references to its children stand first, the items after them, both in the order of their bits. Reading goes by
/// pointers, so that no references are counted on the way.
final class TrieNode: ManagedBuffer<TrieShape, UInt64> {
  static var width: UInt64 { 4 }
  static var depth: UInt64 { 64 }

  @inline(__always)
  private static func make<Item: TrieItem>(_ shape: TrieShape, of type: Item.Type) -> TrieNode {
    let words = shape.childCount + (shape.itemCount * MemoryLayout<Item>.stride + 7) / 8
    return unsafeDowncast(create(minimumCapacity: words) { _ in shape }, to: TrieNode.self)
  }

  deinit {
    let (children, childCount, itemCount) = (children, childCount, itemCount)
    Self.touch(children, childCount)
    for position in 0..<childCount { (children + position).deinitialize(count: 1) }
    switch header.kind {
    case .objects:
      let objects = items(AnyObject.self)
      Self.touch(objects, itemCount)
      for position in 0..<itemCount { (objects + position).deinitialize(count: 1) }
    case .entries:
      let entries = items(IndexEntry.self)
      for position in 0..<itemCount { (entries + position).deinitialize(count: 1) }
    case .ids: break
    }
  }

  @inline(__always) var childCount: Int { header.childCount }
  @inline(__always) var itemCount: Int { header.itemCount }

  @inline(__always)
  private var words: UnsafeMutableRawPointer { withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) } }

  @inline(__always)
  var children: UnsafeMutablePointer<TrieNode> { words.assumingMemoryBound(to: TrieNode.self) }

  @inline(__always)
  func items<Item>(_ type: Item.Type) -> UnsafeMutablePointer<Item> {
    (words + childCount * 8).assumingMemoryBound(to: Item.self)
  }

  /// Reads a word of each of the objects that the references at `place` lead to, before they are counted one by one: the
  /// processor fetches several from memory at once as long as it only reads.
  @inline(__always)
  private static func touch<Reference>(_ place: UnsafeMutablePointer<Reference>, _ count: Int) {
    guard count > 1 else { return }
    let objects = UnsafeRawPointer(place).assumingMemoryBound(to: UnsafePointer<UInt>.self)
    var sum: UInt = 0
    for position in 0..<count { sum |= objects[position].pointee }
    // Never so, but the compiler does not know, and reads.
    precondition(sum != 0)
  }

  // MARK: - Reading

  /// Where the item stands, for as long as `root` is held and not changed.
  @inline(__always)
  static func find<Item: TrieItem>(_ key: Item.Key, in root: TrieNode) -> UnsafePointer<Item>? {
    let hash = Item.hash(key)
    var node = Unmanaged.passUnretained(root)
    var shift: UInt64 = 0
    while true {
      let (item, child) = node._withUnsafeGuaranteedRef { node -> (UnsafePointer<Item>?, Unmanaged<TrieNode>?) in
        let shape = node.header
        let items = node.items(Item.self)
        guard shape.twins == 0 else { return (node.twin(key, of: Item.self).map { UnsafePointer(items + $0) }, nil) }
        let bit = TrieShape.bit(hash, shift)
        if shape.children & bit != 0 {
          let children = UnsafeRawPointer(node.children).assumingMemoryBound(to: Unmanaged<TrieNode>.self)
          return (nil, children[shape.children.rank(bit)])
        }
        guard shape.items & bit != 0 else { return (nil, nil) }
        let item = items + shape.items.rank(bit)
        return (Item.isSame(item.pointee.key, key) ? UnsafePointer(item) : nil, nil)
      }
      guard let child else { return item }
      node = child
      shift += width
    }
  }

  private func twin<Item: TrieItem>(_ key: Item.Key, of type: Item.Type) -> Int? {
    (0..<itemCount).first { Item.isSame(items(Item.self)[$0].key, key) }
  }

  // MARK: - Building

  static var fan: Int { 1 << Int(width) }

  @inline(__always)
  static func digit(_ hash: UInt64, _ shift: UInt64) -> Int { Int(truncatingIfNeeded: hash >> shift) & (fan - 1) }

  static func make<Item: TrieItem>(_ shape: TrieShape, _ children: [TrieNode], _ items: [Item]) -> TrieNode {
    let node = make(shape, of: Item.self)
    for (position, child) in children.enumerated() { (node.children + position).initialize(to: child) }
    for (position, item) in items.enumerated() { (node.items(Item.self) + position).initialize(to: item) }
    return node
  }

  /// Items that all have `hash`, below the nodes that the rest of it leads through.
  static func twins<Item: TrieItem>(_ items: [Item], _ hash: UInt64, _ shift: UInt64) -> TrieNode {
    var shape = TrieShape(kind: Item.kind)
    guard shift < depth else {
      shape.twins = UInt16(items.count)
      return make(shape, [], items)
    }
    shape.children = TrieShape.bit(hash, shift)
    return make(shape, [twins(items, hash, shift + width)], [Item]())
  }

  // MARK: - Changing

  static func leaf<Item: TrieItem>(_ item: Item) -> TrieNode {
    var shape = TrieShape(kind: Item.kind)
    shape.items = TrieShape.bit(Item.hash(item.key), 0)
    let node = make(shape, of: Item.self)
    node.items(Item.self).initialize(to: item)
    return node
  }

  /// Returns whether the item is new. `shift` bits of the hash lead here.
  static func put<Item: TrieItem>(
    _ item: Item, _ hash: UInt64, _ shift: UInt64, in node: inout TrieNode, _ merge: (inout Item) -> Void
  ) -> Bool {
    var shape = node.header
    guard shift < depth else {
      if let twin = node.twin(item.key, of: Item.self) {
        own(&node, of: Item.self)
        merge(&node.items(Item.self)[twin])
        return false
      }
      shape.twins += 1
      remake(&node, shape, items: Splice(at: 0, new: item))
      return true
    }
    let bit = TrieShape.bit(hash, shift)
    if shape.children & bit != 0 {
      own(&node, of: Item.self)
      return put(item, hash, shift + width, in: &node.children[shape.children.rank(bit)], merge)
    }
    let position = shape.items.rank(bit)
    guard shape.items & bit != 0 else {
      shape.items |= bit
      remake(&node, shape, items: Splice(at: position, new: item))
      return true
    }
    let other = node.items(Item.self)[position]
    if Item.isSame(other.key, item.key) {
      own(&node, of: Item.self)
      merge(&node.items(Item.self)[position])
      return false
    }
    let child = pair(other, Item.hash(other.key), item, hash, shift + width)
    shape.items ^= bit
    shape.children |= bit
    remake(
      &node, shape, children: Splice(at: shape.children.rank(bit), new: child),
      items: Splice<Item>(at: position, removes: true))
    return true
  }

  private static func pair<Item: TrieItem>(
    _ one: Item, _ oneHash: UInt64, _ other: Item, _ otherHash: UInt64, _ shift: UInt64
  ) -> TrieNode {
    var shape = TrieShape(kind: Item.kind)
    guard shift < depth else {
      shape.twins = 2
      let node = make(shape, of: Item.self)
      node.items(Item.self).initialize(to: one)
      (node.items(Item.self) + 1).initialize(to: other)
      return node
    }
    let (first, second) = (TrieShape.bit(oneHash, shift), TrieShape.bit(otherHash, shift))
    if first == second {
      shape.children = first
      let node = make(shape, of: Item.self)
      node.children.initialize(to: pair(one, oneHash, other, otherHash, shift + width))
      return node
    }
    shape.items = first | second
    let node = make(shape, of: Item.self)
    let items = node.items(Item.self)
    (items + (first < second ? 0 : 1)).initialize(to: one)
    (items + (first < second ? 1 : 0)).initialize(to: other)
    return node
  }

  /// The item must be there.
  static func remove<Item: TrieItem>(
    _ key: Item.Key, _ hash: UInt64, _ shift: UInt64, of type: Item.Type, from node: inout TrieNode
  ) {
    var shape = node.header
    guard shift < depth else {
      guard let twin = node.twin(key, of: Item.self) else { return }
      shape.twins -= 1
      return remake(&node, shape, items: Splice<Item>(at: twin, removes: true))
    }
    let bit = TrieShape.bit(hash, shift)
    guard shape.children & bit != 0 else {
      guard shape.items & bit != 0 else { return }
      shape.items ^= bit
      return remake(&node, shape, items: Splice<Item>(at: shape.items.rank(bit), removes: true))
    }
    own(&node, of: Item.self)
    let position = shape.children.rank(bit)
    remove(key, hash, shift + width, of: Item.self, from: &node.children[position])
    // A child with but one item gives it to its parent.
    let child = node.children[position].header
    guard child.childCount == 0, child.itemCount == 1 else { return }
    let last = node.children[position].items(Item.self)[0]
    shape.children ^= bit
    shape.items |= bit
    remake(
      &node, shape, children: Splice(at: position, removes: true),
      items: Splice(at: shape.items.rank(bit), new: last))
  }

  /// Makes the node one that nobody else has.
  @inline(__always)
  private static func own<Item: TrieItem>(_ node: inout TrieNode, of type: Item.Type) {
    if !isKnownUniquelyReferenced(&node) { remake(&node, node.header, items: Splice<Item>()) }
  }

  /// One place at which something leaves, or something is put, or both.
  private struct Splice<Element> {
    var at = 0
    var removes = false
    var new: Element?
  }

  /// Replaces the node by one of another shape. What nobody else has is moved, the rest is copied.
  private static func remake<Item: TrieItem>(
    _ node: inout TrieNode, _ shape: TrieShape, children: Splice<TrieNode> = Splice(), items: Splice<Item>
  ) {
    let made = make(shape, of: Item.self)
    let isOwn = isKnownUniquelyReferenced(&node)
    if !isOwn {
      touch(node.children, node.childCount)
      if Item.kind == .objects { touch(node.items(Item.self), node.itemCount) }
    }
    transfer(node.children, node.childCount, to: made.children, children, moves: isOwn)
    transfer(node.items(Item.self), node.itemCount, to: made.items(Item.self), items, moves: isOwn)
    if isOwn { node.header = TrieShape(kind: shape.kind) }
    node = made
  }

  @inline(__always)
  private static func transfer<Element>(
    _ source: UnsafeMutablePointer<Element>, _ count: Int, to target: UnsafeMutablePointer<Element>,
    _ splice: Splice<Element>, moves: Bool
  ) {
    let rest = splice.at + (splice.removes ? 1 : 0)
    let tail = splice.at + (splice.new == nil ? 0 : 1)
    if moves {
      target.moveInitialize(from: source, count: splice.at)
      if splice.removes { (source + splice.at).deinitialize(count: 1) }
      (target + tail).moveInitialize(from: source + rest, count: count - rest)
    } else {
      for position in 0..<splice.at { (target + position).initialize(to: source[position]) }
      for position in 0..<count - rest { (target + tail + position).initialize(to: source[rest + position]) }
    }
    if let new = splice.new { (target + splice.at).initialize(to: new) }
  }
}

extension TrieShape {
  @inline(__always) var childCount: Int { children.nonzeroBitCount }
  @inline(__always) var itemCount: Int { twins == 0 ? items.nonzeroBitCount : Int(twins) }

  @inline(__always)
  static func bit(_ hash: UInt64, _ shift: UInt64) -> UInt16 { 1 << UInt16(truncatingIfNeeded: hash >> shift & 15) }
}

extension UInt16 {
  /// How many of the bits below `bit` are set.
  @inline(__always)
  fileprivate func rank(_ bit: UInt16) -> Int { (self & (bit &- 1)).nonzeroBitCount }
}
