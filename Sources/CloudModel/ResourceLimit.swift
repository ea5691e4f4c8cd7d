package import FoundationEssentials

/// The most that an account, or a domain with all below it, may have of something. What has no row is limited by a setting.
package struct ResourceLimit: Resource {
  package static let kind = "resourcelimit"
  package static var table: TablePath<ResourceLimit> { \.resourceLimits }
  package static let indexes: [Index<ResourceLimit>] = [
    Index("type", unique: true) { [.scoped($0.resource, String($0.type.rawValue))] },
    Index("resource", of: { $0.resource }),
  ]

  package let id: ID<ResourceLimit>
  /// The account or the domain.
  package var resource: UUID
  package var type: LimitedResource
  /// -1 for as many as wanted.
  package var max: Int

  package init(id: ID<ResourceLimit>, resource: UUID, type: LimitedResource, max: Int) {
    self.id = id
    self.resource = resource
    self.type = type
    self.max = max
  }
}

/// Raw values are CloudStack's resource types. Memory is counted in MiB, storage in GiB.
package enum LimitedResource: Int, Codable, Hashable, Sendable, CaseIterable {
  case instance = 0
  case publicIP = 1
  case volume = 2
  case snapshot = 3
  case template = 4
  case project = 5
  case network = 6
  case vpc = 7
  case cpu = 8
  case memory = 9
  case primaryStorage = 10
  case secondaryStorage = 11

  /// CloudStack's name.
  package var name: String {
    switch self {
    case .instance: "user_vm"
    case .publicIP: "public_ip"
    case .volume: "volume"
    case .snapshot: "snapshot"
    case .template: "template"
    case .project: "project"
    case .network: "network"
    case .vpc: "vpc"
    case .cpu: "cpu"
    case .memory: "memory"
    case .primaryStorage: "primary_storage"
    case .secondaryStorage: "secondary_storage"
    }
  }
}
