package import FoundationEssentials

/// A node of the tree that accounts live in. `path` is `ROOT` or `ROOT/a/b`.
package struct Domain: Resource {
  package static let kind = "domain"
  package static var table: TablePath<Domain> { \.domains }
  package static let indexes: [Index<Domain>] = [
    Index("name", unique: true) { [.text($0.path.lowercased())] },
    Index("parent", of: { $0.parent }),
  ]
  package static let references: [Reference<Domain>] = [
    Reference("parent", to: Domain.self) { $0.parent.map { [$0] } ?? [] }
  ]

  package let id: ID<Domain>
  package var name: String
  package var path: String
  package var parent: ID<Domain>?
  /// The DNS domain of the networks of its accounts, unless those say otherwise.
  package var networkDomain: String?
  /// It goes as soon as its accounts are gone.
  package var isRemoving: Bool?
  package var created: Date

  package init(id: ID<Domain>, name: String, path: String, parent: ID<Domain>? = nil, created: Date) {
    self.id = id
    self.name = name
    self.path = path
    self.parent = parent
    self.created = created
  }
}

extension CloudState {
  /// The domain and all below it, each after the one that it lies in.
  package func subtree(of domain: ID<Domain>) -> [Domain] {
    guard let top = domains[domain] else { return [] }
    var found = [top]
    var next = 0
    while next < found.count {
      found += domains.matching("parent", .id(found[next].id))
      next += 1
    }
    return found
  }

  /// The domain and those that it lies in, up to ROOT.
  package func lineage(of domain: ID<Domain>) -> [Domain] {
    var found: [Domain] = []
    var next = domains[domain]
    while let domain = next {
      found.append(domain)
      next = domain.parent.flatMap { domains[$0] }
    }
    return found
  }
}
