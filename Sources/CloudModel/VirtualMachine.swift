package import Addresses
package import FoundationEssentials

/// An instance. Its first NIC is the default one.
package struct VirtualMachine: Resource {
  package static let kind = "virtualmachine"
  package static var table: TablePath<VirtualMachine> { \.virtualMachines }
  package static let indexes: [Index<VirtualMachine>] = [
    Index("account") { [.id($0.account)] },
    Index("network") { $0.nics.map { .id($0.network) } },
    Index("name") { machine in machine.nics.map { .scoped($0.network.uuid, machine.name.lowercased()) } },
    Index("host") { $0.host.map { [.id($0)] } ?? [] },
    Index("address", unique: true) { machine in
      machine.nics.flatMap { nic in nic.allAddresses.map { .scoped(nic.network.uuid, $0.description) } }
    },
    Index("nic") { $0.nics.map { .id($0.id) } },
    Index("secondary", unique: true) { $0.nics.flatMap { $0.secondary.map { .uuid($0.id) } } },
    Index("securitygroup") { $0.securityGroups.map(IndexKey.id) },
    Index("expunging") { $0.expungeAfter == nil ? [] : [.number(1)] },
  ]
  package static let references: [Reference<VirtualMachine>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("network", to: Network.self) { $0.nics.map(\.network) },
    Reference("host", to: Host.self) { $0.host.map { [$0] } ?? [] },
    Reference("securitygroup", to: SecurityGroup.self) { $0.securityGroups },
  ]

  package static let secretFields: Set<String> = ["userData"]

  package let id: ID<VirtualMachine>
  package var name: String
  package var displayName: String
  package var account: ID<Account>
  package var zone: ID<Zone>
  package var host: ID<Host>?
  package var template: ID<Template>
  package var offering: ID<ServiceOffering>
  package var hypervisor: HypervisorType
  package var securityGroups: [ID<SecurityGroup>]
  package var nics: [NIC]
  package var state: VirtualMachineState
  package var userData: [UInt8]
  package var bootCount: Int
  package var expungeAfter: Date?
  package var created: Date

  package init(
    id: ID<VirtualMachine>, name: String, displayName: String, account: ID<Account>, zone: ID<Zone>,
    host: ID<Host>? = nil, template: ID<Template>, offering: ID<ServiceOffering>, hypervisor: HypervisorType,
    securityGroups: [ID<SecurityGroup>] = [], nics: [NIC] = [], state: VirtualMachineState, userData: [UInt8] = [],
    bootCount: Int = 0, expungeAfter: Date? = nil, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayName = displayName
    self.account = account
    self.zone = zone
    self.host = host
    self.template = template
    self.offering = offering
    self.hypervisor = hypervisor
    self.securityGroups = securityGroups
    self.nics = nics
    self.state = state
    self.userData = userData
    self.bootCount = bootCount
    self.expungeAfter = expungeAfter
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum VirtualMachineState: String, Codable, Hashable, Sendable {
  case starting = "Starting"
  case running = "Running"
  case stopping = "Stopping"
  case stopped = "Stopped"
  case destroyed = "Destroyed"
  case expunging = "Expunging"
  case error = "Error"

  /// Whether the node is to keep the instance powered on.
  package var isPoweredOn: Bool { self == .starting || self == .running }
  /// Whether the instance still holds its addresses and disks.
  package var exists: Bool { self != .expunging }
}

package struct NIC: Hashable, Sendable {
  package var id: ID<NIC>
  package var network: ID<Network>
  package var address: IPv4
  package var mac: MAC
  /// Further addresses, in the order in which they were given.
  package var secondary: [SecondaryAddress]

  package init(id: ID<NIC>, network: ID<Network>, address: IPv4, mac: MAC, secondary: [SecondaryAddress] = []) {
    self.id = id
    self.network = network
    self.address = address
    self.mac = mac
    self.secondary = secondary
  }

  /// Every address that nobody else may have, those on their way out included.
  package var allAddresses: [IPv4] { [address] + secondary.map(\.address) }
  /// The secondary addresses that the NIC is to have.
  package var wantedSecondary: [IPv4] { secondary.filter { !$0.isRemoving }.map(\.address) }
}

extension NIC: Codable {
  private enum CodingKeys: String, CodingKey { case id, network, address, mac, secondary }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(ID<NIC>.self, forKey: .id)
    network = try container.decode(ID<Network>.self, forKey: .network)
    address = try container.decode(IPv4.self, forKey: .address)
    mac = try container.decode(MAC.self, forKey: .mac)
    // Rows from before there were any do not speak of them.
    secondary = try container.decodeIfPresent([SecondaryAddress].self, forKey: .secondary) ?? []
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(network, forKey: .network)
    try container.encode(address, forKey: .address)
    try container.encode(mac, forKey: .mac)
    if !secondary.isEmpty { try container.encode(secondary, forKey: .secondary) }
  }
}

/// A further address of a NIC. `isRemoving`: no longer wanted, but not yet confirmed gone from the node.
package struct SecondaryAddress: Codable, Hashable, Sendable {
  package var id: UUID
  package var address: IPv4
  package var isRemoving = false

  package init(id: UUID, address: IPv4) {
    self.id = id
    self.address = address
  }
}

extension VirtualMachine {
  /// The name that the hypervisor knows it by.
  package var internalName: String { "i-" + id.description.prefix(8) }
}
