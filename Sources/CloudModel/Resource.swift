package import FoundationEssentials

/// Where a kind of resource stands in `CloudState`.
package typealias TablePath<R: Resource> = any WritableKeyPath<CloudState, Table<R>> & Sendable

/// One kind of thing a cloud consists of. A new kind is a value that conforms to this and one line in `CloudState`.
package protocol Resource: Codable, Hashable, Sendable {
  /// The name under which the kind is stored for ever.
  static var kind: String { get }
  static var table: TablePath<Self> { get }
  static var indexes: [Index<Self>] { get }
  static var references: [Reference<Self>] { get }
  /// Fields that are never shown, nor stored in the clear.
  static var secretFields: Set<String> { get }
  /// Keeps the books of changes to others, and has no history of its own.
  static var isBookkeeping: Bool { get }
  var id: ID<Self> { get }

  // What follows is implemented once for all kinds. It is required so that the compiler makes each kind code of its own.

  static func row(_ id: ID<Self>, in table: Table<Self>) -> Table<Self>.Row?
  static func value(_ id: ID<Self>, in table: Table<Self>) -> Self?
  static func values(_ index: String, _ key: IndexKey, in table: Table<Self>) -> [Self]
  static func firstRow(_ index: String, _ key: IndexKey, in table: Table<Self>) -> Table<Self>.Row?
  static func count(_ index: String, _ key: IndexKey, in table: Table<Self>) -> Int
  static func row(_ id: ID<Self>, in state: CloudState) -> Table<Self>.Row?
  static func prefetch(_ sought: Prefetch.Sought, in state: CloudState) -> Prefetch.Way?
  static func put(_ resource: Self, revision: UInt64, in state: inout CloudState) throws(ModelError) -> RowChange
  static func put(_ row: any ResourceRow, in state: inout CloudState) throws(ModelError)
  static func restore(_ row: any ResourceRow, in state: inout CloudState)
  static func rewrite(_ id: ID<Self>, revision: UInt64, in state: inout CloudState) -> RowChange
  static func remove(_ id: UUID, from state: inout CloudState) -> (any ResourceRow)?
  static func fill(_ state: inout CloudState, with rows: [Table<Self>.Row]) throws(ModelError)
  static func read(_ body: Body) throws -> Self
  func write(to encoder: BodyEncoder) throws
}

extension Resource {
  package static var indexes: [Index<Self>] { [] }
  package static var references: [Reference<Self>] { [] }
  package static var secretFields: Set<String> { [] }
  package static var isBookkeeping: Bool { false }

  package static func row(_ id: ID<Self>, in table: Table<Self>) -> Table<Self>.Row? { table.row(id.uuid) }

  package static func value(_ id: ID<Self>, in table: Table<Self>) -> Self? { table.value(id.uuid) }

  package static func values(_ index: String, _ key: IndexKey, in table: Table<Self>) -> [Self] {
    table.values(index, key)
  }

  package static func firstRow(_ index: String, _ key: IndexKey, in table: Table<Self>) -> Table<Self>.Row? {
    table.findFirst(index, key)
  }

  package static func count(_ index: String, _ key: IndexKey, in table: Table<Self>) -> Int {
    table.filed(index, key)
  }

  package static func row(_ id: ID<Self>, in state: CloudState) -> Table<Self>.Row? {
    table(in: state).row(id.uuid)
  }

  package static func prefetch(_ sought: Prefetch.Sought, in state: CloudState) -> Prefetch.Way? {
    table(in: state).way(to: sought).map { Prefetch.Way(way: $0) }
  }

  /// By the place in memory: who follows a key path to read copies the whole state, which is a count for each of its tables.
  package static func table(in state: CloudState) -> Table<Self> {
    withUnsafeBytes(of: state) { $0.load(fromByteOffset: offset, as: Table<Self>.self) }
  }

  private static func change<Value, Failure: Error>(
    _ state: inout CloudState, _ body: (inout Table<Self>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let offset = offset
    return try withUnsafeMutablePointer(to: &state) { state throws(Failure) in
      let table = (UnsafeMutableRawPointer(state) + offset).assumingMemoryBound(to: Table<Self>.self)
      return try body(&table.pointee)
    }
  }

  private static var offset: Int {
    guard let offset = MemoryLayout<CloudState>.offset(of: table) else {
      preconditionFailure("\(kind) has no place of its own in the state")
    }
    return offset
  }

  package static func put(
    _ resource: Self, revision: UInt64, in state: inout CloudState
  ) throws(ModelError) -> RowChange {
    let row = Table<Self>.Row(resource, revision: revision)
    let (before, after) = try change(&state) { table throws(ModelError) in try table.put(row) }
    return RowChange(before: before, after: after)
  }

  package static func put(_ row: any ResourceRow, in state: inout CloudState) throws(ModelError) {
    _ = try change(&state) { table throws(ModelError) in try table.put(own(row)) }
  }

  /// Puts a row back in place of one with the same value.
  package static func restore(_ row: any ResourceRow, in state: inout CloudState) {
    change(&state) { $0.restore(own(row)) }
  }

  /// Puts the same value there for another revision; nothing where nothing is.
  package static func rewrite(_ id: ID<Self>, revision: UInt64, in state: inout CloudState) -> RowChange {
    guard let before = row(id, in: state) else { return RowChange(before: nil, after: nil) }
    let after = Table<Self>.Row(before.value, revision: revision)
    change(&state) { $0.restore(after) }
    return RowChange(before: before, after: after)
  }

  /// Returns what was there.
  package static func remove(_ id: UUID, from state: inout CloudState) -> (any ResourceRow)? {
    change(&state) { $0.removeRow(id) }
  }

  private static func own(_ row: any ResourceRow) -> Table<Self>.Row {
    guard let row = row as? Table<Self>.Row else { preconditionFailure("the row is none of a \(kind)") }
    return row
  }

  /// Replaces everything of the kind.
  package static func fill(_ state: inout CloudState, with rows: [Table<Self>.Row]) throws(ModelError) {
    let table = table
    state[keyPath: table] = try Table(rows)
  }

  package static func read(_ body: Body) throws -> Self { try Self(from: BodyDecoder(body: body, position: 0)) }
  package func write(to encoder: BodyEncoder) throws { try encoder.whole { try encode(to: $0) } }
}

/// What an index files a resource under.
package enum IndexKey: Hashable, Sendable {
  case uuid(UUID)
  case text(String)
  case number(UInt64)
  case scoped(UUID, String)
  case pair(UUID, UUID)

  package static func id<R>(_ id: ID<R>) -> IndexKey { .uuid(id.uuid) }
  package static func ids<R, S>(_ one: ID<R>, _ other: ID<S>) -> IndexKey { .pair(one.uuid, other.uuid) }
}

/// A secondary index, declared where the resource is declared. A resource may stand under no key, one or many.
package struct Index<R: Resource>: Sendable {
  package let name: String
  package let unique: Bool
  package let keys: @Sendable (R) -> [IndexKey]
  /// Whether two resources have the same keys.
  let isSame: @Sendable (R, R) -> Bool
  /// Hands on what `keys` has, without a list if there is but one.
  let each: @Sendable (R, (IndexKey) -> Void) -> Void

  /// An index by a field.
  @inline(__always)
  package init<Field: IndexField>(_ name: String, unique: Bool = false, of field: @escaping @Sendable (R) -> Field) {
    self.name = name
    self.unique = unique
    keys = { resource in
      var keys: [IndexKey] = []
      field(resource).eachKey { keys.append($0) }
      return keys
    }
    isSame = { field($0) == field($1) }
    each = { field($0).eachKey($1) }
  }

  /// `hint` tells cheaply of most resources with the same keys that they have them: a change that leaves alone what the
  /// keys are made of then makes none.
  package init(
    _ name: String, unique: Bool = false, same hint: (@Sendable (R, R) -> Bool)? = nil,
    keys: @escaping @Sendable (R) -> [IndexKey]
  ) {
    self.name = name
    self.unique = unique
    self.keys = keys
    isSame = { one, other in
      if let hint, hint(one, other) { return true }
      return keys(one) == keys(other)
    }
    each = { resource, body in for key in keys(resource) { body(key) } }
  }
}

/// A field that an index can file by.
package protocol IndexField: Equatable, SendableMetatype {
  func eachKey(_ body: (IndexKey) -> Void)
}

extension ID: IndexField {
  @inline(__always)
  package func eachKey(_ body: (IndexKey) -> Void) { body(.uuid(uuid)) }
}

extension UUID: IndexField {
  @inline(__always)
  package func eachKey(_ body: (IndexKey) -> Void) { body(.uuid(self)) }
}

extension Optional: IndexField where Wrapped: IndexField {
  @inline(__always)
  package func eachKey(_ body: (IndexKey) -> Void) { self?.eachKey(body) }
}

extension Array: IndexField where Element: IndexField {
  @inline(__always)
  package func eachKey(_ body: (IndexKey) -> Void) { for element in self { element.eachKey(body) } }
}

/// A violated rule of the model. `message` is fit for the caller's eyes.
package struct ModelError: Error, Hashable, CustomStringConvertible {
  package let message: String

  package init(_ message: String) {
    self.message = message
  }

  package var description: String { message }
}
