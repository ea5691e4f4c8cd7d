package import CloudModel
package import FoundationEssentials
import Ledger

/// A resource that tags and details are put on, by CloudStack's name of its type. `account`: whose events tell of it.
package struct TaggedResource: Hashable, Sendable {
  package let id: UUID
  package let type: String
  package let account: ID<Account>

  package init(id: UUID, type: String, account: ID<Account>) {
    self.id = id
    self.type = type
    self.account = account
  }
}

extension Control {
  /// How many tags, and how many details, a resource may have.
  package static let annexLimit = 200

  /// - Parameter stands: whether the resource is still there and the caller's to change, asked for in the transaction.
  package func createTags(
    _ tags: [(key: String, value: String)], on resources: [TaggedResource], customer: String?, by caller: Caller,
    where stands: @escaping @Sendable (TaggedResource, CloudState) throws -> Void
  ) async throws -> Started {
    guard !tags.isEmpty, !resources.isEmpty else {
      throw ControlError(.invalidParameter, "tags and resourceids must each name at least one thing")
    }
    return try await begin("createTags", .tag, by: caller) { draft in
      for resource in resources {
        try stands(resource, draft.state)
        for (key, value) in tags {
          try Self.requireLengths(key, value)
          guard draft.state.tags.first("key", .scoped(resource.id, key.lowercased())) == nil else {
            throw ControlError(
              .invalidParameter,
              "tag \(key) already on \(resource.type) with id \(resource.id.uuidString.lowercased())")
          }
          try draft.put(
            ResourceTag(
              id: draft.newID(), resource: resource.id, resourceType: resource.type, key: key, value: value,
              customer: customer))
        }
        guard draft.state.tags.count("resource", .uuid(resource.id)) <= Self.annexLimit else {
          throw ControlError(.resourceLimit, "A resource has at most \(Self.annexLimit) tags")
        }
        try draft.put(
          Self.event(
            "CREATE_TAGS", "Put tags on \(resource.type)", resource.account, caller.user, draft,
            resourceType: resource.type, resource: resource.id))
      }
      return (nil, nil)
    }
  }

  /// - Parameter tags: those to take off; a value that is nil fits any. None for all.
  package func deleteTags(
    _ tags: [(key: String, value: String?)], on resources: [TaggedResource], by caller: Caller,
    where stands: @escaping @Sendable (TaggedResource, CloudState) throws -> Void
  ) async throws -> Started {
    try await begin("deleteTags", .tag, by: caller) { draft in
      var isFound = false
      for resource in resources {
        try stands(resource, draft.state)
        for tag in draft.state.tags.matching("resource", .uuid(resource.id)) {
          let isMeant =
            tags.isEmpty
            || tags.contains { key, value in
              key.lowercased() == tag.key.lowercased() && (value == nil || value == tag.value)
            }
          guard isMeant else { continue }
          isFound = true
          try draft.remove(tag.id)
        }
        try draft.put(
          Self.event(
            "DELETE_TAGS", "Took tags off \(resource.type)", resource.account, caller.user, draft,
            resourceType: resource.type, resource: resource.id))
      }
      guard isFound else {
        throw ControlError(.invalidParameter, "Unable to find any tags which conform to specified delete parameters.")
      }
      return (nil, nil)
    }
  }

  package func addResourceDetails(
    _ details: [String: String], on resource: TaggedResource, isShown: Bool, by caller: Caller
  ) async throws -> Started {
    try Access.requireRootAdmin(caller)
    return try await begin("addResourceDetail", .detail, by: caller) { draft in
      try Self.put(details, on: resource, isShown: isShown, &draft)
      return (nil, nil)
    }
  }

  static func put(
    _ details: [String: String], on resource: TaggedResource, isShown: Bool, _ draft: inout Draft
  ) throws {
    for (key, value) in details.sorted(by: { $0.key < $1.key }) {
      try requireLengths(key, value)
      let old = draft.state.resourceDetails.first("key", .scoped(resource.id, key))
      try draft.put(
        ResourceDetail(
          id: old?.id ?? draft.newID(), resource: resource.id, resourceType: resource.type, key: key, value: value,
          isShown: isShown))
    }
    guard draft.state.resourceDetails.count("resource", .uuid(resource.id)) <= annexLimit else {
      throw ControlError(.resourceLimit, "A resource has at most \(annexLimit) details")
    }
  }

  /// - Parameter key: nil for all details.
  package func removeResourceDetails(
    _ key: String?, on resource: TaggedResource, by caller: Caller
  ) async throws -> Started {
    try Access.requireRootAdmin(caller)
    return try await begin("removeResourceDetail", .detail, by: caller) { draft in
      for detail in draft.state.resourceDetails.matching("resource", .uuid(resource.id))
      where key == nil || detail.key == key {
        try draft.remove(detail.id)
      }
      return (nil, nil)
    }
  }

  private static func requireLengths(_ key: String, _ value: String) throws {
    guard (1...255).contains(key.utf16.count), value.utf16.count <= 255 else {
      throw ControlError(.invalidParameter, "A key has 1 to 255 characters, a value at most 255")
    }
  }
}
