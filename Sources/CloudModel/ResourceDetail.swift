package import FoundationEssentials

/// A key and a value that an administrator keeps with a resource. It goes with the resource.
package struct ResourceDetail: Resource {
  package static let kind = "resourcedetail"
  package static var table: TablePath<ResourceDetail> { \.resourceDetails }
  package static let indexes: [Index<ResourceDetail>] = [
    Index("key", unique: true) { [.scoped($0.resource, $0.key)] },
    Index("resource", of: { $0.resource }),
  ]

  package let id: ID<ResourceDetail>
  package var resource: UUID
  /// CloudStack's name of the resource's type, such as `Volume`.
  package var resourceType: String
  package var key: String
  package var value: String
  /// Whether others than root administrators see it.
  package var isShown: Bool

  package init(
    id: ID<ResourceDetail>, resource: UUID, resourceType: String, key: String, value: String, isShown: Bool
  ) {
    self.id = id
    self.resource = resource
    self.resourceType = resourceType
    self.key = key
    self.value = value
    self.isShown = isShown
  }
}
