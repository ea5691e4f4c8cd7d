internal import FoundationEssentials

/// An immutable, persistent table of one kind of resource with its secondary indexes. A copy costs nothing; a change
/// costs O(log n) and leaves every earlier copy as it was.
package struct Table<R: Resource>: Sendable {
  /// A resource apart from the trees' nodes: a node that is copied for a change copies pointers.
  package final class Row: Sendable {
    package let value: R
    /// The revision that wrote it.
    package let revision: UInt64

    package init(_ value: R, revision: UInt64) {
      self.value = value
      self.revision = revision
    }
  }

  private(set) var rows = Trie<Row>()
  /// One for each of `R.indexes`.
  private var indexes: [Trie<IndexEntry>]

  package init() {
    indexes = R.indexes.map { _ in Trie() }
  }

  init(rows: Trie<Row>, indexes: [Trie<IndexEntry>]) {
    self.rows = rows
    self.indexes = indexes
  }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.isEmpty }
  // By closures: key paths are followed step by step for each row.

  package var all: some Sequence<R> { rows.lazy.map { $0.value } }
  package var ids: some Sequence<ID<R>> { rows.lazy.map { $0.value.id } }

  package subscript(id: ID<R>) -> R? { R.row(id, in: self)?.value }

  /// Everything filed under `key` in the index called `name`, in no particular order.
  package func matching(_ name: String, _ key: IndexKey) -> [R] { R.rows(name, key, in: self).map { $0.value } }

  package func first(_ name: String, _ key: IndexKey) -> R? { R.firstRow(name, key, in: self)?.value }

  package func count(_ name: String, _ key: IndexKey) -> Int { R.count(name, key, in: self) }

  @inline(__always)
  func rows(_ name: String, _ key: IndexKey) -> [Row] {
    guard let filed = indexes[position(name)].read(key, { $0.pointee.filed }) else { return [] }
    switch filed {
    case .one(let id): return rows[ID(id)].map { [$0] } ?? []
    case .many(let ids): return ids.compactMap { rows[ID($0.id)] }
    }
  }

  @inline(__always)
  func firstRow(_ name: String, _ key: IndexKey) -> Row? {
    guard let id = indexes[position(name)].read(key, { $0.pointee.first }) ?? nil else { return nil }
    return rows[ID(id)]
  }

  @inline(__always)
  func filed(_ name: String, _ key: IndexKey) -> Int {
    indexes[position(name)].read(key) { $0.pointee.count } ?? 0
  }

  /// Inserts or replaces. Fails, changing nothing, when a unique index already files another resource under a key.
  package mutating func put(_ row: R) throws(ModelError) { try put(Row(row, revision: 0)) }

  @inline(__always)
  mutating func put(_ row: Row) throws(ModelError) {
    let id = row.value.id
    let old = rows[id]
    if let old, old.value == row.value { return }
    var changes: [(position: Int, before: [IndexKey], after: [IndexKey])] = []
    for (position, index) in R.indexes.enumerated() {
      let before = old.map { index.keys($0.value) } ?? []
      let after = index.keys(row.value)
      if before == after { continue }
      if index.unique {
        for key in after {
          if let holder = indexes[position].other(than: id.uuid, under: key) {
            throw ModelError("\(R.kind) \(ID<R>(holder)) already has this \(index.name)")
          }
        }
      }
      changes.append((position, before, after))
    }
    rows.put(row)
    for (position, before, after) in changes {
      for key in before { indexes[position].withdraw(id.uuid, key) }
      for key in after { indexes[position].file(id.uuid, key) }
    }
  }

  /// Puts a row back whose value is there already, for the revision that it carries.
  @inline(__always)
  mutating func restore(_ row: Row) { rows.put(row) }

  @discardableResult
  @inline(__always)
  package mutating func remove(_ id: ID<R>) -> R? {
    guard let old = rows.remove(id) else { return nil }
    for (position, index) in R.indexes.enumerated() {
      for key in index.keys(old.value) { indexes[position].withdraw(id.uuid, key) }
    }
    return old.value
  }

  private func position(_ name: String) -> Int {
    let indexes = R.indexes
    for position in indexes.indices where indexes[position].name == name { return position }
    preconditionFailure("\(R.kind) declares no index called \(name)")
  }
}

/// A row of whatever kind.
package protocol ResourceRow: AnyObject, Sendable {
  var resource: any Resource { get }
  var hasSecretFields: Bool { get }
  /// Encodes the resource, which need not be copied for it.
  func write(to encoder: any Encoder) throws
  /// `false`, with nothing written, of a kind that tells its fields to Codable alone.
  func write(_ coder: inout some FieldCoder) throws -> Bool
}

extension Table.Row: ResourceRow {
  package var resource: any Resource { value }
  package var hasSecretFields: Bool { !R.secretFields.isEmpty }
  package func write(to encoder: any Encoder) throws { try value.write(to: encoder) }
  package func write(_ coder: inout some FieldCoder) throws -> Bool { try value.write(&coder) }
}

extension Table.Row: TrieItem {
  var key: ID<R> { value.id }
  static var kind: TrieItemKind { .objects }
  static func hash(_ key: ID<R>) -> UInt64 { KeyHash.of(key.uuid) }
  static func isSame(_ left: ID<R>, _ right: ID<R>) -> Bool { left.uuid.words == right.uuid.words }
}
