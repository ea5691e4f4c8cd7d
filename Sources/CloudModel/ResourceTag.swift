package import FoundationEssentials

/// A key and a value that somebody put on a resource. It belongs to whoever has the resource, and goes with it.
package struct ResourceTag: Resource {
  package static let kind = "resourcetag"
  package static var table: TablePath<ResourceTag> { \.tags }
  package static let indexes: [Index<ResourceTag>] = [
    Index("key", unique: true) { [.scoped($0.resource, $0.key.lowercased())] },
    Index("resource", of: { $0.resource }),
  ]

  package let id: ID<ResourceTag>
  package var resource: UUID
  /// CloudStack's name of the resource's type, such as `UserVm`.
  package var resourceType: String
  package var key: String
  package var value: String
  package var customer: String?

  package init(
    id: ID<ResourceTag>, resource: UUID, resourceType: String, key: String, value: String, customer: String? = nil
  ) {
    self.id = id
    self.resource = resource
    self.resourceType = resourceType
    self.key = key
    self.value = value
    self.customer = customer
  }
}
