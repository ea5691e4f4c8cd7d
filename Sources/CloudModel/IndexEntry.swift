internal import FoundationEssentials

/// What an index files under one key, in 64 bytes of a pool: most keys lead to one resource, which then needs no trie.
/// Then the item that leads to the entry has the upper bits of the id's hash as its hint, so that the way to the row is
/// fetched while the entry is.
struct IndexEntry {
  let key: IndexKey
  /// The words of an id, or a trie of ids.
  private var filed: (UInt64, UInt64)
  let hash: UInt64

  static var units: Int { 4 }
  /// Marks of an item that leads to an entry.
  private static var many: UInt64 { 1 }
  private static var text: UInt64 { 2 }

  private init(_ key: IndexKey, _ hash: UInt64, _ id: UUID) {
    self.key = key
    self.hash = hash
    filed = id.words
  }

  private var id: UUID {
    get { UUID(words: filed) }
    set { filed = newValue.words }
  }

  var holders: Trie {
    get { unsafeBitCast(filed, to: Trie.self) }
    set { filed = unsafeBitCast(newValue, to: (UInt64, UInt64).self) }
  }

  @inline(__always)
  static func at(_ item: TrieItem) -> UnsafeMutablePointer<IndexEntry> {
    item.place.assumingMemoryBound(to: IndexEntry.self)
  }

  static func kind(_ item: TrieItem) -> Dead.Kind { item.marks & text == 0 ? .entry : .textEntry }

  @inline(__always)
  static func isMany(_ item: TrieItem) -> Bool { item.marks & many != 0 }

  /// `nil` when it is one.
  static func holders(_ item: TrieItem) -> Trie? { isMany(item) ? at(item).pointee.holders : nil }

  @inline(__always)
  static func first(_ item: TrieItem) -> UUID {
    let entry = at(item)
    return isMany(item) ? UUID(item: entry.pointee.holders.first) : entry.pointee.id
  }

  static func count(_ item: TrieItem) -> Int { holders(item)?.count ?? 1 }

  static func forEach(_ item: TrieItem, _ body: (UUID) -> Void) {
    guard let holders = holders(item) else { return body(at(item).pointee.id) }
    var ids = TrieItems(holders)
    while let id = ids.next() { body(UUID(item: id)) }
  }

  static func other(than id: UUID, _ item: TrieItem) -> UUID? {
    guard let holders = holders(item) else {
      let holder = at(item).pointee.id
      return holder.words == id.words ? nil : holder
    }
    var ids = TrieItems(holders)
    while let next = ids.next() { if next.words != id.words { return UUID(item: next) } }
    return nil
  }

  static func hash(_ key: IndexKey) -> UInt64 {
    switch key {
    case .uuid(let uuid): KeyHash.of(uuid)
    case .number(let number): KeyHash.of(number)
    case .text(let text): KeyHash.of(text)
    case .scoped(let uuid, let text): KeyHash.of(KeyHash.of(uuid) ^ KeyHash.of(text))
    case .pair(let first, let second): KeyHash.of(KeyHash.of(first) &+ KeyHash.of(KeyHash.of(second)))
    }
  }

  // MARK: - Changing

  private static func marks(_ key: IndexKey) -> UInt64 {
    switch key {
    case .uuid, .number, .pair: 0
    case .text, .scoped: text
    }
  }

  static func make(
    _ key: IndexKey, _ hash: UInt64, _ id: UUID, _ pool: UnsafeMutablePointer<Pool>, birth: UInt64
  ) -> TrieItem {
    let place = pool.pointee.take(units)
    place.assumingMemoryBound(to: IndexEntry.self).initialize(to: IndexEntry(key, hash, id))
    var item = TrieItem(place, marks: marks(key), hash, birth: birth)
    item.hint = KeyHash.of(id)
    return item
  }

  /// `ids`: not none, and some perhaps several times.
  static func make(
    _ key: IndexKey, _ hash: UInt64, _ ids: [UUID], _ pool: UnsafeMutablePointer<Pool>, birth: UInt64
  ) -> TrieItem {
    var item = make(key, hash, ids[0], pool, birth: birth)
    guard ids.count > 1, ids.contains(where: { $0.words != ids[0].words }) else { return item }
    at(item).pointee.holders = Trie.ids(ids, pool)
    item.first |= many
    return item
  }

  fileprivate static func add(_ id: UUID, to item: inout TrieItem, _ change: VersionChange) {
    let entry = at(item)
    if !isMany(item) {
      let other = entry.pointee.id
      guard other.words != id.words else { return }
      var holders = Trie()
      let hash = KeyHash.of(other)
      _ = holders.put(TrieItem(id: other), other, hash, HolderItems.self, change)
      entry.pointee.holders = holders
      item.first |= many
    }
    _ = entry.pointee.holders.put(TrieItem(id: id), id, KeyHash.of(id), HolderItems.self, change)
  }

  /// It must be one of several.
  fileprivate static func drop(_ id: UUID, from item: inout TrieItem, _ change: VersionChange) {
    let entry = at(item)
    let hash = KeyHash.of(id)
    guard entry.pointee.holders.find(id, hash, HolderItems.self) != nil else { return }
    _ = entry.pointee.holders.remove(id, hash, HolderItems.self, change)
    guard entry.pointee.holders.count == 1 else { return }
    let last = UUID(item: entry.pointee.holders.first)
    _ = entry.pointee.holders.remove(last, KeyHash.of(last), HolderItems.self, change)
    entry.pointee.id = last
    item.first &= ~many
    item.hint = KeyHash.of(last)
  }
}

extension Trie {
  /// Of an index.
  func entry(_ key: IndexKey) -> TrieItem? { find(key, IndexEntry.hash(key), IndexEntries.self)?.pointee }

  mutating func file(_ id: UUID, _ key: IndexKey, _ hash: UInt64, _ change: VersionChange) {
    if let place = find(key, hash, IndexEntries.self) {
      edit(place, change) { IndexEntry.add(id, to: &$0, change) }
    } else {
      let item = IndexEntry.make(key, hash, id, change.pool, birth: change.number)
      _ = put(item, key, hash, IndexEntries.self, change)
    }
  }

  mutating func withdraw(_ id: UUID, _ key: IndexKey, _ hash: UInt64, _ change: VersionChange) {
    guard let place = find(key, hash, IndexEntries.self) else { return }
    if IndexEntry.isMany(place.pointee) {
      edit(place, change) { IndexEntry.drop(id, from: &$0, change) }
    } else if IndexEntry.first(place.pointee).words == id.words {
      let item = remove(key, hash, IndexEntries.self, change)
      change.drop(IndexEntry.kind(item), item.place, units: IndexEntry.units, birth: item.birth)
    }
  }

  /// Changes an entry where it stands if nobody else has it; otherwise a copy takes its place.
  private mutating func edit(
    _ place: UnsafeMutablePointer<TrieItem>, _ change: VersionChange, _ body: (inout TrieItem) -> Void
  ) {
    let old = place.pointee
    if old.birth > change.others { return body(&place.pointee) }
    let memory = change.pool.pointee.take(IndexEntry.units)
    let entry = IndexEntry.at(old).pointee
    memory.assumingMemoryBound(to: IndexEntry.self).initialize(to: entry)
    var item = TrieItem(memory, marks: old.marks, entry.hash, birth: change.number)
    item.hint = old.hint
    body(&item)
    _ = put(item, entry.key, entry.hash, IndexEntries.self, change)
    change.drop(IndexEntry.kind(old), old.place, units: IndexEntry.units, birth: old.birth)
  }
}

enum IndexEntries: TrieKind {
  @inline(__always)
  static func isSame(_ item: TrieItem, _ key: IndexKey, _ hash: UInt64) -> Bool {
    guard item.mayHave(hash) else { return false }
    let entry = IndexEntry.at(item)
    guard entry.pointee.hash == hash else { return false }
    if case .uuid(let one) = entry.pointee.key, case .uuid(let other) = key { return one.words == other.words }
    return entry.pointee.key == key
  }

  static func hash(_ item: TrieItem) -> UInt64 { IndexEntry.at(item).pointee.hash }
}

/// The ids under one key, which stand in the nodes themselves.
enum HolderItems: TrieKind {
  @inline(__always)
  static func isSame(_ item: TrieItem, _ key: UUID, _ hash: UInt64) -> Bool { item.words == key.words }
  static func hash(_ item: TrieItem) -> UInt64 { KeyHash.of(UUID(item: item)) }
}

extension TrieItem {
  @inline(__always)
  init(id: UUID) { self.init(id.words.0, id.words.1) }

  @inline(__always) var words: (UInt64, UInt64) { (first, second) }
}

extension UUID {
  @inline(__always)
  init(words: (UInt64, UInt64)) { self = unsafeBitCast(words, to: UUID.self) }

  @inline(__always)
  init(item: TrieItem) { self.init(words: item.words) }
}
