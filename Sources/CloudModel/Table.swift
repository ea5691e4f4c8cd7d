internal import CProcessor
internal import FoundationEssentials

/// An immutable, persistent table of one kind of resource with its secondary indexes. A copy costs one count of a
/// reference; a change costs O(log n) and leaves every earlier copy as it was.
package struct Table<R: Resource>: Sendable {
  /// A resource apart from the tries' nodes: a node that is copied for a change copies pointers.
  package final class Row: TableRow, @unchecked Sendable {
    package let value: R

    package init(_ value: R, revision: UInt64) {
      self.value = value
      super.init(value.id.uuid, revision: revision)
    }
  }

  private(set) var version: Version

  package init() {
    version = Version(Family(tries: 1 + R.indexes.count))
  }

  init(_ version: Version) {
    self.version = version
  }

  @inline(__always) private var rows: Trie { version.tries[0] }

  /// What the index called `name` has under `key`. Whoever asks looks for the row.
  @inline(__always)
  private func entry(_ name: String, _ key: IndexKey) -> TrieItem? {
    guard let entry = index(name).entry(key) else { return nil }
    if !IndexEntry.isMany(entry) { rows.approach(entry.hint) }
    return entry
  }

  @inline(__always)
  private func index(_ name: String) -> Trie {
    let indexes = R.indexes
    for position in indexes.indices where indexes[position].name == name { return version.tries[position + 1] }
    preconditionFailure("\(R.kind) declares no index called \(name)")
  }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.count == 0 }
  // By closures: key paths are followed step by step for each row.

  package var all: some Sequence<R> {
    TableRows(version, count: count).lazy.map { Self.row($0)._withUnsafeGuaranteedRef { $0.value } }
  }
  package var ids: some Sequence<ID<R>> {
    TableRows(version, count: count).lazy.map { ID<R>(Self.row($0)._withUnsafeGuaranteedRef { $0.id }) }
  }

  package subscript(id: ID<R>) -> R? { R.value(id, in: self) }

  /// The row of a resource, which is not copied: for who looks at few of its fields.
  package func row(_ id: ID<R>) -> Row? { R.row(id, in: self) }

  /// Everything filed under `key` in the index called `name`, in no particular order.
  package func matching(_ name: String, _ key: IndexKey) -> [R] { R.values(name, key, in: self) }

  package func first(_ name: String, _ key: IndexKey) -> R? { R.firstRow(name, key, in: self)?.value }

  package func firstRow(_ name: String, _ key: IndexKey) -> Row? { R.firstRow(name, key, in: self) }

  package func count(_ name: String, _ key: IndexKey) -> Int { R.count(name, key, in: self) }

  @inline(__always)
  private static func row(_ item: TrieItem) -> Unmanaged<Row> { Unmanaged.fromOpaque(item.place) }

  @inline(__always)
  private func find(_ id: UUID) -> Unmanaged<Row>? {
    version.row(id).map { Self.row($0) }
  }

  @inline(__always)
  func row(_ id: UUID) -> Row? {
    withExtendedLifetime(version) { find(id)?.takeUnretainedValue() }
  }

  @inline(__always)
  func value(_ id: UUID) -> R? {
    withExtendedLifetime(version) { find(id)?._withUnsafeGuaranteedRef { $0.value } }
  }

  @inline(__always)
  func values(_ name: String, _ key: IndexKey) -> [R] {
    withExtendedLifetime(version) {
      guard let entry = entry(name, key) else { return [] }
      var values: [R] = []
      values.reserveCapacity(IndexEntry.count(entry))
      IndexEntry.forEach(entry) { id in
        if let row = find(id) { values.append(row._withUnsafeGuaranteedRef { $0.value }) }
      }
      return values
    }
  }

  @inline(__always)
  func findFirst(_ name: String, _ key: IndexKey) -> Row? {
    withExtendedLifetime(version) {
      guard let entry = entry(name, key) else { return nil }
      return find(IndexEntry.first(entry))?.takeUnretainedValue()
    }
  }

  @inline(__always)
  func filed(_ name: String, _ key: IndexKey) -> Int {
    withExtendedLifetime(version) { index(name).entry(key).map(IndexEntry.count) ?? 0 }
  }

  /// `nil` when there is nothing to fetch.
  @inline(__always)
  func way(to sought: Prefetch.Sought) -> TrieWay? {
    let size = MemoryLayout<R>.size + TableRow.headSize
    let way =
      switch sought {
      case .row(let id): TrieWay(to: rows, KeyHash.of(id), rowSize: size)
      case .index(let name, let key, let holder):
        TrieWay(
          to: index(name), IndexEntry.hash(key), holder: holder.map(KeyHash.of), rows: rows, rowSize: size)
      }
    return version.isLarge ? way : nil
  }

  /// Inserts or replaces. Fails, changing nothing, when a unique index already files another resource under a key.
  package mutating func put(_ row: R) throws(ModelError) { _ = try put(Row(row, revision: 0)) }

  /// Returns the row that was there and the one that is: the same when its value is.
  @inline(__always)
  mutating func put(_ row: Row) throws(ModelError) -> (before: Row?, after: Row) {
    let id = row.id
    let old = self.row(id)
    if let old, old.value == row.value { return (old, old) }
    let indexes = R.indexes
    var edits: [IndexEdit] = []
    for position in indexes.indices {
      if let old, indexes[position].isSame(old.value, row.value) { continue }
      if let old { indexes[position].each(old.value) { edits.append(IndexEdit(.withdraw, $0, in: position)) } }
      indexes[position].each(row.value) { edits.append(IndexEdit(.file, $0, in: position)) }
    }
    for edit in edits where edit.kind == .file && indexes[edit.index].unique {
      guard let holder = version.other(than: id, edit) else { continue }
      throw ModelError("\(R.kind) \(ID<R>(holder)) already has this \(indexes[edit.index].name)")
    }
    version.prefetch(id, edits)
    Version.change(&version) { version, change in
      version.put(row, change)
      version.apply(edits, id, change)
    }
    return (old, row)
  }

  /// Puts a row back whose value is there already, for the revision that it carries.
  @inline(__always)
  mutating func restore(_ row: Row) { Version.change(&version) { $0.put(row, $1) } }

  @discardableResult
  package mutating func remove(_ id: ID<R>) -> R? { removeRow(id.uuid)?.value }

  @inline(__always)
  mutating func removeRow(_ id: UUID) -> Row? {
    guard let old = row(id) else { return nil }
    let indexes = R.indexes
    var edits: [IndexEdit] = []
    for position in indexes.indices {
      indexes[position].each(old.value) { edits.append(IndexEdit(.withdraw, $0, in: position)) }
    }
    version.prefetch(id, edits)
    Version.change(&version) { version, change in
      version.remove(id, change)
      version.apply(edits, id, change)
    }
    return old
  }
}

/// What a table knows of a row without knowing its kind.
package class TableRow: @unchecked Sendable {
  let id: UUID
  /// The revision that wrote it.
  package let revision: UInt64

  /// Bytes in front of a row's value.
  static var headSize: Int { 40 }

  fileprivate init(_ id: UUID, revision: UInt64) {
    self.id = id
    self.revision = revision
  }
}

/// A row of whatever kind.
package protocol ResourceRow: AnyObject, Sendable {
  /// The revision that wrote it.
  var revision: UInt64 { get }
  var resource: any Resource { get }
  func hasValue(of other: any ResourceRow) -> Bool
  /// Encodes the resource, which need not be copied for it.
  func write(to encoder: BodyEncoder) throws
}

extension Table.Row: ResourceRow {
  package var resource: any Resource { value }
  package func hasValue(of other: any ResourceRow) -> Bool { (other as? Table.Row)?.value == value }
  package func write(to encoder: BodyEncoder) throws { try value.write(to: encoder) }
}

/// The rows of one resource at both ends of a change; the same when it changed nothing.
package struct RowChange {
  package let before: (any ResourceRow)?
  package let after: (any ResourceRow)?

  package init(before: (any ResourceRow)?, after: (any ResourceRow)?) {
    self.before = before
    self.after = after
  }
}

/// All rows of a version.
struct TableRows: Sequence {
  private let version: Version
  let underestimatedCount: Int

  init(_ version: Version, count: Int) {
    self.version = version
    underestimatedCount = count
  }

  struct Iterator: IteratorProtocol {
    fileprivate let version: Version
    fileprivate var items: TrieItems

    mutating func next() -> TrieItem? { items.next() }
  }

  func makeIterator() -> Iterator { Iterator(version: version, items: TrieItems(version.tries[0])) }
}

// Not generic, and not to be made part of what is: each kind of resource would have code of its own.
extension Version {
  /// Smaller tables are in the processor's caches.
  var isLarge: Bool { tries[0].count >= 4096 }

  @inline(never)
  func row(_ id: UUID) -> TrieItem? { tries[0].find(id, KeyHash.of(id), RowItems.self)?.pointee }

  @inline(never)
  func put(_ row: TableRow, _ change: VersionChange) {
    let hash = KeyHash.of(row.id)
    let item = TrieItem(Unmanaged.passRetained(row).toOpaque(), hash, birth: change.number)
    if let old = tries[0].put(item, row.id, hash, RowItems.self, change) {
      change.drop(.row, old.place, units: 0, birth: old.birth)
    }
  }

  /// It must be there.
  func remove(_ id: UUID, _ change: VersionChange) {
    let old = tries[0].remove(id, KeyHash.of(id), RowItems.self, change)
    change.drop(.row, old.place, units: 0, birth: old.birth)
  }

  /// Who else is filed where `edit` files `id`.
  func other(than id: UUID, _ edit: IndexEdit) -> UUID? {
    let entry = tries[edit.index + 1].find(edit.key, edit.hash, IndexEntries.self)
    return entry.flatMap { IndexEntry.other(than: id, $0.pointee) }
  }
}

enum RowItems: TrieKind {
  @inline(__always)
  static func isSame(_ item: TrieItem, _ key: UUID, _ hash: UInt64) -> Bool {
    guard item.mayHave(hash) else { return false }
    // Who finds a row looks at its value.
    for offset in stride(from: 64, through: 256, by: 64) { processor_prefetch(item.place + offset) }
    return id(item).words == key.words
  }

  static func hash(_ item: TrieItem) -> UInt64 { KeyHash.of(id(item)) }

  @inline(__always)
  static func id(_ item: TrieItem) -> UUID {
    Unmanaged<TableRow>.fromOpaque(item.place)._withUnsafeGuaranteedRef { $0.id }
  }
}
