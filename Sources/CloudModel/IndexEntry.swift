internal import FoundationEssentials

/// What an index files under one key: most keys lead to one resource, which then needs no set.
struct IndexEntry: TrieItem {
  enum Filed: Sendable {
    case one(UUID)
    case many(Trie<Holder>)
  }

  struct Holder: TrieItem {
    let id: UUID
    var key: UUID { id }
    static var kind: TrieItemKind { .ids }
    static func hash(_ key: UUID) -> UInt64 { KeyHash.of(key) }
    static func isSame(_ left: UUID, _ right: UUID) -> Bool { left.words == right.words }
  }

  let key: IndexKey
  var filed: Filed

  init(key: IndexKey, filed: Filed) {
    self.key = key
    self.filed = filed
  }

  /// `ids`: not none, and some perhaps several times.
  init(key: IndexKey, ids: [UUID]) {
    self.key = key
    guard ids.count > 1 else {
      filed = .one(ids[0])
      return
    }
    let order = ids.enumerated().map { position, id in
      HashedPosition(hash: Holder.hash(id), position: UInt32(position))
    }
    let holders = Trie<Holder>(order) { same in
      var distinct: [Holder] = []
      for place in same {
        let id = ids[Int(place.position)]
        if !distinct.contains(where: { Holder.isSame($0.id, id) }) { distinct.append(Holder(id: id)) }
      }
      return distinct
    }
    filed = holders.count == 1 ? .one(ids[0]) : .many(holders)
  }

  static var kind: TrieItemKind { .entries }

  static func hash(_ key: IndexKey) -> UInt64 {
    switch key {
    case .uuid(let uuid): KeyHash.of(uuid)
    case .number(let number): KeyHash.of(number)
    case .text(let text): KeyHash.of(text)
    case .scoped(let uuid, let text): KeyHash.of(KeyHash.of(uuid) ^ KeyHash.of(text))
    case .pair(let one, let other): KeyHash.of(KeyHash.of(one) &+ KeyHash.of(KeyHash.of(other)))
    }
  }

  static func isSame(_ left: IndexKey, _ right: IndexKey) -> Bool {
    if case .uuid(let left) = left, case .uuid(let right) = right { return left.words == right.words }
    return left == right
  }

  var count: Int {
    switch filed {
    case .one: 1
    case .many(let holders): holders.count
    }
  }

  var first: UUID? {
    switch filed {
    case .one(let id): id
    case .many(let holders): holders.first { _ in true }?.id
    }
  }

  mutating func add(_ id: UUID) {
    switch filed {
    case .one(let other):
      guard !Holder.isSame(other, id) else { return }
      var holders = Trie<Holder>()
      holders.put(Holder(id: other))
      holders.put(Holder(id: id))
      filed = .many(holders)
    case .many(var holders):
      // Let go of first, so that a set that nobody shares is changed in place.
      filed = .one(id)
      holders.put(Holder(id: id))
      filed = .many(holders)
    }
  }

  /// Leaves the entry as it is when nothing else stands in it.
  mutating func drop(_ id: UUID) {
    guard case .many(var holders) = filed else { return }
    filed = .one(id)
    holders.remove(id)
    if holders.count == 1, let last = holders.first(where: { _ in true }) {
      filed = .one(last.id)
    } else {
      filed = .many(holders)
    }
  }
}

extension Trie<IndexEntry> {
  mutating func file(_ id: UUID, _ key: IndexKey) {
    put(IndexEntry(key: key, filed: .one(id))) { $0.add(id) }
  }

  mutating func withdraw(_ id: UUID, _ key: IndexKey) {
    let isLast = read(key) { entry in
      if case .one(let other) = entry.pointee.filed { IndexEntry.Holder.isSame(other, id) } else { false }
    }
    guard let isLast else { return }
    if isLast {
      remove(key)
    } else {
      put(IndexEntry(key: key, filed: .one(id))) { $0.drop(id) }
    }
  }

  func other(than id: UUID, under key: IndexKey) -> UUID? {
    read(key) { entry -> UUID? in
      switch entry.pointee.filed {
      case .one(let holder): IndexEntry.Holder.isSame(holder, id) ? nil : holder
      case .many(let holders): holders.first { !IndexEntry.Holder.isSame($0.id, id) }?.id
      }
    } ?? nil
  }
}
