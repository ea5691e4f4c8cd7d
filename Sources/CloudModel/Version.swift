internal import FoundationEssentials
internal import Synchronization

/// All versions that came of one table, with the memory of their nodes and entries.
final class Family: @unchecked Sendable {
  /// How many tries a version has.
  let tries: Int
  /// Held while a version is changed, made or taken down.
  let lock = Mutex<Void>(())
  let pool: UnsafeMutablePointer<Pool>
  fileprivate var latest: UInt64 = 0

  init(tries: Int) {
    self.tries = tries
    pool = .allocate(capacity: 1)
    pool.initialize(to: Pool())
  }

  deinit {
    pool.pointee.destroy()
    pool.deallocate()
  }
}

/// The tries of a table as they were at one time.
///
/// Who holds a version may read it without asking anybody. Only a version that one table holds and that no other came of
/// is changed. Versions form a tree. A version lists what it no longer has of its predecessor's: when that goes, whatever
/// is on the list and younger than the predecessor's predecessor is nobody's any more.
///
/// The first version that is made from another follows it and does not keep it; any further is a branch, which does, since
/// what one of them lists the others may have. When but one is left, it follows, too, and keeps it no longer.
final class Version: @unchecked Sendable {
  let family: Family
  /// The rows first, then one for each index.
  let tries: UnsafeMutablePointer<Trie>
  private let links: UnsafeMutablePointer<Links>

  /// Where the version stands in the tree. All of it is guarded by the family's lock. No references: those who find each
  /// other here may just be taken down.
  fileprivate struct Links {
    /// The first, so that it is found without counting.
    var dead = DeadList()
    let number: UInt64
    var predecessor: UnsafeMutablePointer<Links>?
    /// Set in a branch.
    var kept: Version?
    var follower: UnsafeMutablePointer<Links>?
    var branches: [UnsafeMutablePointer<Links>] = []
  }

  /// That of the first of a family.
  static var firstNumber: UInt64 { 1 }

  /// The first of a family.
  init(_ family: Family) {
    self.family = family
    tries = .allocate(capacity: family.tries)
    tries.initialize(repeating: Trie(), count: family.tries)
    links = .allocate(capacity: 1)
    family.latest = Self.firstNumber
    links.initialize(to: Links(number: family.latest))
  }

  private init(after other: Version) {
    family = other.family
    tries = .allocate(capacity: family.tries)
    tries.initialize(from: other.tries, count: family.tries)
    links = .allocate(capacity: 1)
    family.lock.withLock { _ in
      family.latest += 1
      links.initialize(to: Links(number: family.latest, predecessor: other.links))
      if other.links.pointee.isTip {
        other.links.pointee.follower = links
      } else {
        other.links.pointee.branches.append(links)
        links.pointee.kept = other
      }
    }
  }

  /// Has `body` change `version`, or one that takes its place if others need it as it is.
  static func change(_ version: inout Version, _ body: (Version, VersionChange) -> Void) {
    if isKnownUniquelyReferenced(&version) {
      let isChanged = version.family.lock.withLock { _ in
        guard version.links.pointee.isTip else { return false }
        body(version, version.change)
        return true
      }
      if isChanged { return }
    }
    version = Version(after: version)
    version.family.lock.withLock { _ in body(version, version.change) }
  }

  /// The version that this one is a branch of.
  var kept: Version? { family.lock.withLock { _ in links.pointee.kept } }

  private var change: VersionChange {
    let others = links.pointee.predecessor?.pointee.number ?? 0
    return VersionChange(number: links.pointee.number, others: others, pool: family.pool, dead: links.dead)
  }

  deinit {
    var goes: Version?
    var rows = DeadList()
    family.lock.withLock { _ in
      let limit = links.pointee.predecessor?.pointee.number ?? 0
      if let follower = links.pointee.follower {
        let pool = family.pool
        follower.pointee.dead.remove(after: limit) { dead in
          if dead.kind == .row { rows.append(dead) } else { pool.pointee.free(dead) }
        }
        follower.pointee.dead.join(&links.pointee.dead)
        follower.pointee.predecessor = links.pointee.predecessor
        follower.pointee.kept = links.pointee.kept.take()
        links.pointee.predecessor?.pointee.replace(links, by: follower)
      } else {
        let felling = TrieFelling(limit: limit, pool: family.pool)
        if let root = tries[0].root { felling.fell(root, .rows) }
        for position in 1..<family.tries { if let root = tries[position].root { felling.fell(root, .entries) } }
        links.pointee.dead.clear()
        goes = links.pointee.kept.take()
        if let predecessor = links.pointee.predecessor {
          predecessor.pointee.replace(links, by: nil)
          if let last = predecessor.pointee.promoted() { goes = last }
        }
      }
    }
    // Each of these may take down more, and takes as long as it takes.
    rows.drain { Unmanaged<AnyObject>.fromOpaque($0).release() }
    links.deinitialize(count: 1)
    links.deallocate()
    tries.deallocate()
    withExtendedLifetime(goes) {}
  }
}

extension UnsafeMutablePointer<Version.Links> {
  fileprivate var dead: UnsafeMutablePointer<DeadList> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: DeadList.self)
  }
}

extension Version.Links {
  fileprivate var isTip: Bool { follower == nil && branches.isEmpty }

  fileprivate mutating func replace(
    _ one: UnsafeMutablePointer<Self>, by other: UnsafeMutablePointer<Self>?
  ) {
    if follower == one {
      follower = other
    } else if let place = branches.firstIndex(of: one) {
      if let other { branches[place] = other } else { branches.remove(at: place) }
    }
  }

  /// Has the last branch follow if nothing else does. Returns what it kept.
  fileprivate mutating func promoted() -> Version? {
    guard follower == nil, branches.count == 1 else { return nil }
    let last = branches.removeLast()
    follower = last
    return last.pointee.kept.take()
  }
}

/// A change to a version, under the lock of its family.
struct VersionChange {
  let number: UInt64
  /// What is not younger is others', too.
  let others: UInt64
  let pool: UnsafeMutablePointer<Pool>
  let dead: UnsafeMutablePointer<DeadList>

  @inline(__always)
  func make(_ shape: TrieShape) -> TrieNode {
    let node = TrieNode(memory: pool.pointee.take(shape.units))
    node.shape = shape
    return node
  }

  /// The version has no more use for the node.
  @inline(__always)
  func drop(_ node: TrieNode, _ shape: TrieShape) {
    drop(.node, node.memory, units: shape.units, birth: shape.birth)
  }

  @inline(__always)
  func drop(_ kind: Dead.Kind, _ place: UnsafeMutableRawPointer, units: Int, birth: UInt64) {
    let gone = Dead(kind, place, units: units, birth: birth)
    if birth <= others {
      dead.pointee.append(gone)
    } else if kind == .row {
      Unmanaged<AnyObject>.fromOpaque(place).release()
    } else {
      pool.pointee.free(gone)
    }
  }

  /// Makes the node at `place` one that may be changed.
  @inline(__always)
  func own(_ place: UnsafeMutablePointer<TrieNode>) {
    let node = place.pointee
    var shape = node.shape
    guard shape.birth <= others else { return }
    let units = shape.units
    let copy = TrieNode(memory: pool.pointee.take(units))
    copy.memory.copyMemory(from: node.memory, byteCount: units * Pool.unit)
    drop(node, shape)
    shape.birth = number
    copy.shape = shape
    place.pointee = copy
  }

  /// Replaces the node at `place` by one of another shape.
  func remake(
    _ place: UnsafeMutablePointer<TrieNode>, _ shape: TrieShape,
    children: TrieSplice<TrieNode> = TrieSplice(), items: TrieSplice<TrieItem>
  ) {
    let node = place.pointee
    let before = node.shape
    var shape = shape
    shape.birth = number
    let made = make(shape)
    children.copy(node.children, before.childCount, to: made.children)
    items.copy(node.items(before), before.itemCount, to: made.items(shape))
    drop(node, before)
    place.pointee = made
  }
}

/// Takes down what of a trie is younger than `limit`: nodes are as young as the youngest thing below them.
struct TrieFelling {
  enum Kind { case rows, entries, ids }

  let limit: UInt64
  let pool: UnsafeMutablePointer<Pool>

  func fell(_ node: TrieNode, _ kind: Kind) {
    let shape = node.shape
    guard shape.birth > limit else { return }
    for position in 0..<shape.childCount { fell(node.children[position], kind) }
    if kind != .ids {
      for position in 0..<shape.itemCount {
        let item = node.items(shape)[position]
        guard item.birth > limit else { continue }
        if kind == .rows {
          Unmanaged<AnyObject>.fromOpaque(item.place).release()
        } else {
          if let root = IndexEntry.holders(item)?.root { fell(root, .ids) }
          pool.pointee.free(Dead(IndexEntry.kind(item), item.place, units: IndexEntry.units, birth: item.birth))
        }
      }
    }
    pool.pointee.put(node.memory, shape.units)
  }
}

extension Pool {
  /// Frees what is not a row.
  @inline(__always)
  mutating func free(_ dead: Dead) {
    if dead.kind == .textEntry { dead.place.assumingMemoryBound(to: IndexEntry.self).deinitialize(count: 1) }
    put(dead.place, dead.units)
  }
}
