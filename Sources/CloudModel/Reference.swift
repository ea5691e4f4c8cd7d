package import FoundationEssentials

/// A field that names other resources, declared where the resource is declared: what it names has to be there, and cannot
/// be removed as long as it is named. The index of the same name files the resource under the ids that it names.
package struct Reference<R: Resource>: Sendable {
  package let name: String
  package let target: String
  package let ids: @Sendable (R) -> [UUID]
  private let exists: @Sendable (UUID, CloudState) -> Bool

  package init<T: Resource>(_ name: String, to type: T.Type, _ ids: @escaping @Sendable (R) -> [ID<T>]) {
    self.name = name
    target = T.kind
    self.ids = { ids($0).map(\.uuid) }
    exists = { id, state in
      let table = T.table
      return state[keyPath: table][ID<T>(id)] != nil
    }
  }

  /// The first thing that `resource` names and that is not there.
  func missing(_ resource: R, in state: CloudState) -> UUID? { ids(resource).first { !exists($0, state) } }
}

extension Resource {
  fileprivate static func require(_ id: UUID, in state: CloudState) throws(ModelError) {
    let table = Self.table
    if let resource = state[keyPath: table][ID<Self>(id)] {
      try resource.requireReferences(in: state)
    } else {
      try state.requireUnnamed(kind, id)
    }
  }

  /// Throws if the resource names something that is not there.
  fileprivate func requireReferences(in state: CloudState) throws(ModelError) {
    for reference in Self.references {
      if let id = reference.missing(self, in: state) {
        throw ModelError("The \(reference.name) \(id.uuidString.lowercased()) of a \(Self.kind) does not exist")
      }
    }
  }

  /// The index by which resources of this kind are found that name one of another kind.
  fileprivate static func naming(_ kind: String) -> [String] {
    references.filter { $0.target == kind }.map(\.name)
  }

  fileprivate static func isNaming(_ id: UUID, by index: String, in state: CloudState) -> Bool {
    let table = Self.table
    return state[keyPath: table].count(index, .uuid(id)) > 0
  }
}

extension CloudState {
  private static let byKind: [String: any Resource.Type] = Dictionary(uniqueKeysWithValues: kinds.map { ($0.kind, $0) })

  /// Throws if the resource names something that is not there or, when there is no such resource, something names it.
  package static func require(_ kind: String, _ id: UUID, in state: CloudState) throws(ModelError) {
    try byKind[kind]?.require(id, in: state)
  }

  private static let naming: [String: [(type: any Resource.Type, index: String)]] = {
    var naming: [String: [(any Resource.Type, String)]] = [:]
    for target in kinds {
      naming[target.kind] = kinds.flatMap { type in type.naming(target.kind).map { (type, $0) } }
    }
    return naming
  }()

  /// Throws if something names what was removed.
  fileprivate func requireUnnamed(_ kind: String, _ id: UUID) throws(ModelError) {
    for (type, index) in Self.naming[kind] ?? [] where type.isNaming(id, by: index, in: self) {
      throw ModelError("The \(kind) \(id.uuidString.lowercased()) is used by a \(type.kind)")
    }
  }
}
