package import FoundationEssentials

/// What a network's router does. `services` are CloudStack's service names.
package struct NetworkOffering: Resource {
  package static let kind = "networkoffering"
  package static var table: TablePath<NetworkOffering> { \.networkOfferings }
  package static let indexes: [Index<NetworkOffering>] = [
    Index("name", unique: true) { [.text($0.name.lowercased())] }
  ]

  package let id: ID<NetworkOffering>
  package var name: String
  package var displayText: String
  package var guestType: GuestType
  package var services: [String]
  package var egressDefaultAllow: Bool
  package var isDefault: Bool
  package var created: Date
  /// Whether no new network may use it; nil is no.
  package var isDisabled: Bool?
  /// `Required` or `Optional`; nil is the latter.
  package var availability: String?
  /// For tiers of VPCs only.
  package var forVPC: Bool?

  package init(
    id: ID<NetworkOffering>, name: String, displayText: String, guestType: GuestType, services: [String],
    egressDefaultAllow: Bool = false, isDefault: Bool = true, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.guestType = guestType
    self.services = services
    self.egressDefaultAllow = egressDefaultAllow
    self.isDefault = isDefault
    self.created = created
  }
}

package enum GuestType: String, Codable, Hashable, Sendable {
  case shared = "Shared"
  case isolated = "Isolated"
}
