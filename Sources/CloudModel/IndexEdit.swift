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
  /// Fetches what `edits` will look at.
  func prefetch(_ id: UUID, _ edits: [IndexEdit]) {
    guard edits.count > 1, isLarge else { return }
    let holder = KeyHash.of(id)
    TrieWay.goAll(edits.count) { TrieWay(to: tries[edits[$0].index + 1], edits[$0].hash, holder: holder) }
  }

  func apply(_ edits: [IndexEdit], _ id: UUID, _ change: VersionChange) {
    for edit in edits {
      switch edit.kind {
      case .file: tries[edit.index + 1].file(id, edit.key, edit.hash, change)
      case .withdraw: tries[edit.index + 1].withdraw(id, edit.key, edit.hash, change)
      }
    }
  }
}
