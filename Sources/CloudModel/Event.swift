package import FoundationEssentials

/// What happened, for its account to read. `type` is CloudStack's event type, such as `VM.START`.
package struct Event: Resource {
  package static let kind = "event"
  package static var table: TablePath<Event> { \.events }
  package static let indexes: [Index<Event>] = [
    Index("account", of: { $0.account })
  ]

  package static let isBookkeeping = true

  package let id: ID<Event>
  package var type: String
  package var level: String
  package var state: String
  package var description: String
  package var account: ID<Account>
  package var user: ID<User>?
  package var resourceType: String?
  package var resource: UUID?
  package var parent: ID<Event>?
  /// Put away by its account: no longer listed unless asked for.
  package var archived: Bool?
  package var created: Date

  package init(
    id: ID<Event>, type: String, level: String = "INFO", state: String = "Completed", description: String,
    account: ID<Account>, user: ID<User>? = nil, resourceType: String? = nil, resource: UUID? = nil,
    parent: ID<Event>? = nil, created: Date
  ) {
    self.id = id
    self.type = type
    self.level = level
    self.state = state
    self.description = description
    self.account = account
    self.user = user
    self.resourceType = resourceType
    self.resource = resource
    self.parent = parent
    self.created = created
  }
}

extension Event: FieldCoded {
  package init(reading id: ID<Event>) {
    self.init(id: id, type: "", description: "", account: .zero, created: Date(timeIntervalSinceReferenceDate: 0))
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("type", &type)
    try coder.field("level", &level)
    try coder.field("state", &state)
    try coder.field("description", &description)
    try coder.field("account", &account)
    try coder.field("user", &user)
    try coder.field("resourceType", &resourceType)
    try coder.field("resource", &resource)
    try coder.field("parent", &parent)
    try coder.field("archived", &archived)
    try coder.field("created", &created)
  }
}
