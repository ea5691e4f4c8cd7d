internal import CProcessor
internal import FoundationEssentials

/// What an index is to do with an id when the resource changes.
struct IndexEdit {
  enum Kind { case file, withdraw }

  let kind: Kind
  let key: IndexKey
  let hash: UInt64
  /// The index's position among those of the kind.
  let index: Int

  init(_ kind: Kind, _ key: IndexKey, in index: Int) {
    self.kind = kind
    self.key = key
    self.index = index
    hash = IndexEntry.hash(key)
  }
}

extension Version {
  /// Tables of fewer rows are in the processor's caches.
  private static var largeCount: Int { 4096 }

  /// Fetches what `edits` will look at, all of it at the same time: they would wait for the memory of one step after the
  /// other.
  func approach(_ id: UUID, _ edits: [IndexEdit]) {
    guard edits.count > 1, tries[0].count >= Self.largeCount else { return }
    let holder = KeyHash.of(id)
    withUnsafeTemporaryAllocation(of: IndexWay.self, capacity: edits.count) { ways in
      for place in edits.indices {
        ways.initializeElement(
          at: place, to: IndexWay(tries[edits[place].index + 1], edits[place].hash, holder: holder))
      }
      var goesOn = true
      while goesOn {
        goesOn = false
        for place in ways.indices where ways[place].step() { goesOn = true }
      }
    }
  }

  func make(_ edits: [IndexEdit], _ id: UUID, _ change: VersionChange) {
    for edit in edits {
      switch edit.kind {
      case .file: tries[edit.index + 1].file(id, edit.key, edit.hash, change)
      case .withdraw: tries[edit.index + 1].withdraw(id, edit.key, edit.hash, change)
      }
    }
  }
}

/// The way through an index to a key's entry, and from there to one of the ids that are filed under it. Each step fetches
/// what the next one looks at.
private struct IndexWay {
  private enum Place {
    case node(TrieNode, UInt64)
    case entry(TrieItem)
    case holders(TrieNode, UInt64)
    case end
  }

  private var place = Place.end
  private let hash: UInt64
  private let holder: UInt64

  init(_ trie: Trie, _ hash: UInt64, holder: UInt64) {
    self.hash = hash
    self.holder = holder
    if let root = trie.root { place = .node(root, 0) }
  }

  /// Returns whether there is a next one.
  mutating func step() -> Bool {
    switch place {
    case .node(let node, let shift):
      let shape = node.shape
      let bit = TrieShape.bit(hash, shift)
      if shape.children & bit != 0 {
        place = .node(Self.fetch(node.children[shape.children.rank(bit)]), shift + TrieNode.width)
      } else if shape.items & bit != 0 {
        let item = node.items(shape)[shape.items.rank(bit)]
        processor_prefetch(item.place)
        place = .entry(item)
      } else {
        place = .end
      }
    case .entry(let item):
      if let root = IndexEntry.holders(item)?.root { place = .holders(Self.fetch(root), 0) } else { place = .end }
    case .holders(let node, let shift):
      let shape = node.shape
      let bit = TrieShape.bit(holder, shift)
      if shape.children & bit != 0 {
        place = .holders(Self.fetch(node.children[shape.children.rank(bit)]), shift + TrieNode.width)
      } else {
        place = .end
      }
    case .end: break
    }
    if case .end = place { return false }
    return true
  }

  /// The lines that most nodes have.
  private static func fetch(_ node: TrieNode) -> TrieNode {
    for offset in stride(from: 0, through: 128, by: 64) { processor_prefetch(node.memory + offset) }
    return node
  }
}
