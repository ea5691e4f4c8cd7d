package import FoundationEssentials

/// What operators are told of. `type` is CloudStack's number. The zone and the pod may be gone since.
package struct Alert: Resource {
  package static let kind = "alert"
  package static var table: TablePath<Alert> { \.alerts }
  package static let isBookkeeping = true

  package let id: ID<Alert>
  package var type: Int
  package var name: String
  package var description: String
  package var zone: UUID?
  package var pod: UUID?
  package var isArchived: Bool
  package var sent: Date

  package init(
    id: ID<Alert>, type: Int, name: String, description: String, zone: UUID? = nil, pod: UUID? = nil,
    isArchived: Bool = false, sent: Date
  ) {
    self.id = id
    self.type = type
    self.name = name
    self.description = description
    self.zone = zone
    self.pod = pod
    self.isArchived = isArchived
    self.sent = sent
  }
}
