package import FoundationEssentials

/// Where a kind of resource stands in `CloudState`.
package typealias TablePath<R: Resource> = any WritableKeyPath<CloudState, Table<R>> & Sendable

/// One kind of thing a cloud consists of. A new kind is a value that conforms to this and one line in `CloudState`.
package protocol Resource: Codable, Hashable, Sendable {
  /// The name under which the kind is stored for ever.
  static var kind: String { get }
  static var table: TablePath<Self> { get }
  static var indexes: [Index<Self>] { get }
  /// Fields that are never shown, nor stored in the clear.
  static var secretFields: Set<String> { get }
  var id: ID<Self> { get }
}

extension Resource {
  package static var indexes: [Index<Self>] { [] }
  package static var secretFields: Set<String> { [] }
}

/// What an index files a resource under.
package enum IndexKey: Hashable, Sendable {
  case uuid(UUID)
  case text(String)
  case number(UInt64)
  case scoped(UUID, String)

  package static func id<R>(_ id: ID<R>) -> IndexKey { .uuid(id.uuid) }
}

/// A secondary index, declared where the resource is declared. A resource may stand under no key, one or many.
package struct Index<R: Resource>: Sendable {
  package let name: String
  package let unique: Bool
  package let keys: @Sendable (R) -> [IndexKey]

  package init(_ name: String, unique: Bool = false, keys: @escaping @Sendable (R) -> [IndexKey]) {
    self.name = name
    self.unique = unique
    self.keys = keys
  }
}

/// A violated rule of the model. `message` is fit for the caller's eyes.
package struct ModelError: Error, Hashable, CustomStringConvertible {
  package let message: String

  package init(_ message: String) {
    self.message = message
  }

  package var description: String { message }
}
