package import FoundationEssentials

/// Secondary storage of a zone: where templates, ISOs and snapshots lie.
package struct ImageStore: Resource {
  package static let kind = "imagestore"
  package static var table: TablePath<ImageStore> { \.imageStores }
  package static let indexes: [Index<ImageStore>] = [
    Index("zone", of: { $0.zone }),
    Index("url", unique: true) { [.scoped($0.zone.uuid, $0.url)] },
  ]
  package static let references: [Reference<ImageStore>] = [
    Reference("zone", to: Zone.self) { [$0.zone] }
  ]

  package let id: ID<ImageStore>
  package var name: String
  package var zone: ID<Zone>
  package var url: String
  package var provider: String
  package var isReadOnly: Bool
  package var capacityBytes: Int?
  package var created: Date

  package init(
    id: ID<ImageStore>, name: String, zone: ID<Zone>, url: String, provider: String, isReadOnly: Bool = false,
    capacityBytes: Int? = nil, created: Date
  ) {
    self.id = id
    self.name = name
    self.zone = zone
    self.url = url
    self.provider = provider
    self.isReadOnly = isReadOnly
    self.capacityBytes = capacityBytes
    self.created = created
  }
}
