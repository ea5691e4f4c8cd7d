package import FoundationEssentials

/// A node of the tree that accounts live in. `path` is `ROOT` or `ROOT/a/b`.
package struct Domain: Resource {
  package static let kind = "domain"
  package static var table: TablePath<Domain> { \.domains }
  package static let indexes: [Index<Domain>] = [
    Index("name", unique: true) { [.text($0.path.lowercased())] }
  ]

  package let id: ID<Domain>
  package var name: String
  package var path: String
  package var parent: ID<Domain>?
  package var created: Date

  package init(id: ID<Domain>, name: String, path: String, parent: ID<Domain>? = nil, created: Date) {
    self.id = id
    self.name = name
    self.path = path
    self.parent = parent
    self.created = created
  }
}
