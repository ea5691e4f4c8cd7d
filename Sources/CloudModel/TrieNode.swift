/// What a node has under each of the sixteen values of the next four bits of the hash.
struct TrieShape {
  /// The version that made the node.
  var birth: UInt64
  private(set) var children: UInt16 = 0
  private(set) var items: UInt16 = 0
  private var childNumber: UInt8 = 0
  /// When no bits of the hash are left, the items have no bits of their own.
  private(set) var isTwins = false
  private var itemNumber: UInt16 = 0

  @inline(__always)
  init(birth: UInt64) { self.birth = birth }

  @inline(__always)
  init(birth: UInt64, child bit: UInt16) {
    self.birth = birth
    add(child: bit)
  }

  /// Items that all have the same hash.
  @inline(__always)
  init(birth: UInt64, twins: Int) {
    self.birth = birth
    isTwins = true
    itemNumber = UInt16(twins)
  }

  @inline(__always) var childCount: Int { Int(childNumber) }
  @inline(__always) var itemCount: Int { Int(itemNumber) }
  /// What a node of this shape takes of a pool.
  @inline(__always) var units: Int { 1 + (childCount + 1) / 2 + itemCount }

  @inline(__always)
  mutating func add(child bit: UInt16) {
    children |= bit
    childNumber += 1
  }

  @inline(__always)
  mutating func remove(child bit: UInt16) {
    children ^= bit
    childNumber -= 1
  }

  @inline(__always)
  mutating func add(item bit: UInt16) {
    items |= bit
    itemNumber += 1
  }

  @inline(__always)
  mutating func remove(item bit: UInt16) {
    items ^= bit
    itemNumber -= 1
  }

  @inline(__always)
  static func bit(_ hash: UInt64, _ shift: UInt64) -> UInt16 {
    1 &<< UInt16(truncatingIfNeeded: TrieNode.digit(hash, shift))
  }
}

/// What stands in a node: an id, or where an object is, with the version that filed it and a part of its key's hash.
///
/// A place takes 48 bits, of which the lowest four are free for marks. The upper 16 are a hint of who made the item.
struct TrieItem {
  private static var placeBits: UInt64 { 0xffff_ffff_fff0 }
  private static var hintBits: UInt64 { 0xffff << 48 }

  var first: UInt64
  var second: UInt64

  @inline(__always)
  init(_ first: UInt64, _ second: UInt64) {
    self.first = first
    self.second = second
  }

  @inline(__always)
  init(_ place: UnsafeMutableRawPointer, marks: UInt64 = 0, _ hash: UInt64, birth: UInt64) {
    first = UInt64(UInt(bitPattern: place)) | marks
    second = birth << 16 | hash & 0xffff
  }

  @inline(__always) var place: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: UInt(first & Self.placeBits)).unsafelyUnwrapped
  }
  @inline(__always) var marks: UInt64 { first & 15 }
  @inline(__always) var birth: UInt64 { second >> 16 }

  /// The upper bits of some hash; the others are 0.
  @inline(__always) var hint: UInt64 {
    get { first & Self.hintBits }
    set { first = first & ~Self.hintBits | newValue & Self.hintBits }
  }
  static var hintWidth: UInt64 { 16 }

  /// Whether it may have the hash.
  @inline(__always)
  func mayHave(_ hash: UInt64) -> Bool { (second ^ hash) & 0xffff == 0 }
}

/// A node of a trie, in the memory of a pool: its shape, where its children are, and its items, both in the order of
/// their bits. Nobody counts who refers to it: a version is changed by its only user, and what a version still has is
/// freed by none.
struct TrieNode {
  let memory: UnsafeMutableRawPointer

  static var width: UInt64 { 4 }
  static var fan: Int { 1 << Int(width) }
  static var depth: UInt64 { 64 }

  /// The values of the hash are taken from the top, so that the order of a trie is that of its hashes.
  @inline(__always)
  static func digit(_ hash: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash &<< shift) &>> (64 - width))
  }

  @inline(__always) var shape: TrieShape {
    get { memory.assumingMemoryBound(to: TrieShape.self).pointee }
    nonmutating set { memory.assumingMemoryBound(to: TrieShape.self).pointee = newValue }
  }

  @inline(__always) var children: UnsafeMutablePointer<TrieNode> {
    (memory + 16).assumingMemoryBound(to: TrieNode.self)
  }

  @inline(__always)
  func items(_ shape: TrieShape) -> UnsafeMutablePointer<TrieItem> {
    (memory + 16 + shape.childCount * 8).assumingMemoryBound(to: TrieItem.self)
  }
}

extension UInt16 {
  /// How many of the bits below `bit` are set.
  @inline(__always)
  func rank(_ bit: UInt16) -> Int { (self & (bit &- 1)).nonzeroBitCount }
}
