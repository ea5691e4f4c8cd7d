import Addresses
package import FoundationEssentials

/// An instance. Its first NIC is the default one.
package struct VirtualMachine: Resource {
  package static let kind = "virtualmachine"
  package static var table: TablePath<VirtualMachine> { \.virtualMachines }
  package static let indexes: [Index<VirtualMachine>] = [
    Index("account", of: { $0.account }),
    Index("network", same: { $0.nics == $1.nics }) { $0.nics.map { .id($0.network) } },
    Index("name", same: { $0.nics == $1.nics && $0.name == $1.name }) { machine in
      machine.nics.map { .scoped($0.network.uuid, machine.name.lowercased()) }
    },
    Index("host", of: { $0.host }),
    // How many of each offering there are tells what they take, however many there are.
    Index("holding", same: { $0.isHeld == $1.isHeld && $0.account == $1.account && $0.offering == $1.offering }) {
      $0.isHeld ? [.ids($0.account, $0.offering)] : []
    },
    Index("powered") { machine in
      machine.state.isPoweredOn ? machine.host.map { [.ids($0, machine.offering)] } ?? [] : []
    },
    Index("address", unique: true, same: { $0.nics == $1.nics }) { machine in
      machine.nics.flatMap { nic in nic.allAddresses.map { .scoped(nic.network.uuid, $0.description) } }
    },
    Index("nic", same: { $0.nics == $1.nics }) { $0.nics.map { .id($0.id) } },
    Index("secondary", unique: true, same: { $0.nics == $1.nics }) {
      $0.nics.flatMap { $0.secondary.map { .uuid($0.id) } }
    },
    Index("securitygroup", of: { $0.securityGroups }),
    Index("expunging", same: { $0.expungeAfter == $1.expungeAfter }) { $0.expungeAfter == nil ? [] : [.number(1)] },
    Index("group", of: { $0.group }),
    Index("affinitygroup", of: { $0.affinityGroups }),
    Index("userdata", of: { $0.userDataSource }),
  ]
  package static let references: [Reference<VirtualMachine>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("network", to: Network.self) { $0.nics.map(\.network) },
    Reference("host", to: Host.self) { $0.host.map { [$0] } ?? [] },
    Reference("securitygroup", to: SecurityGroup.self) { $0.securityGroups },
    Reference("group", to: InstanceGroup.self) { $0.group.map { [$0] } ?? [] },
    Reference("affinitygroup", to: AffinityGroup.self) { $0.affinityGroups ?? [] },
    Reference("userdata", to: RegisteredUserData.self) { $0.userDataSource.map { [$0] } ?? [] },
  ]

  package static let secretFields: Set<String> = ["userData", "encryptedPassword"]

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
  /// The ISO that is attached.
  package var iso: ID<Template>?
  package var created: Date

  // Rows from before there were any do not speak of the following.

  /// Who deployed it.
  package var user: ID<User>?
  package var haEnabled: Bool?
  package var isDynamicallyScalable: Bool?
  package var isDeleteProtected: Bool?
  package var group: ID<InstanceGroup>?
  package var affinityGroups: [ID<AffinityGroup>]?
  package var keys: [InstanceKey]?
  /// What the user data was taken from, if it was registered before.
  package var userDataSource: ID<RegisteredUserData>?
  /// Sorted by name.
  package var details: [InstanceDetail]?
  /// In base64, for the first of the keys.
  package var encryptedPassword: String?
  /// Where it runs until the host that it migrates to has it.
  package var migratesFrom: ID<Host>?

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
  case migrating = "Migrating"
  case destroyed = "Destroyed"
  case expunging = "Expunging"
  case error = "Error"

  /// Whether the node is to keep the instance powered on.
  package var isPoweredOn: Bool { self == .starting || self == .running || self == .migrating }
  /// Whether the instance still holds its addresses and disks.
  package var exists: Bool { self != .expunging }
  /// Whether it takes a place on its host.
  package var isPlaced: Bool { isPoweredOn || self == .stopping }
}

/// A public key as it was when the instance got it; the key pair may be gone since.
package struct InstanceKey: Codable, Hashable, Sendable {
  package var name: String
  /// In OpenSSH's form.
  package var publicKey: String

  package init(name: String, publicKey: String) {
    self.name = name
    self.publicKey = publicKey
  }
}

/// A setting that means something to whoever reads it.
package struct InstanceDetail: Codable, Hashable, Sendable {
  package var name: String
  package var value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

extension VirtualMachine {
  /// Whether it counts among what its account has.
  private var isHeld: Bool { state != .destroyed && state != .expunging }
  /// The name that the hypervisor knows it by.
  package var internalName: String { "i-" + id.description.prefix(8) }
  /// The NICs that it is to have.
  package var wantedNICs: [NIC] { nics.filter { !$0.isRemoving } }
}

extension VirtualMachine: FieldCoded {
  package init(reading id: ID<VirtualMachine>) {
    self.init(
      id: id, name: "", displayName: "", account: .zero, zone: .zero, template: .zero, offering: .zero,
      hypervisor: .kvm, state: .error, created: Date(timeIntervalSinceReferenceDate: 0))
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("name", &name)
    try coder.field("displayName", &displayName)
    try coder.field("account", &account)
    try coder.field("zone", &zone)
    try coder.field("host", &host)
    try coder.field("template", &template)
    try coder.field("offering", &offering)
    try coder.field("hypervisor", &hypervisor)
    try coder.field("securityGroups", &securityGroups)
    guard try coder.begin("nics") else { throw coder.missing("nics") }
    try coder.elements(&nics, .blank) { coder, nic in try coder.fields { try nic.code(&$0) } }
    try coder.field("state", &state)
    try coder.field("userData", &userData)
    try coder.field("bootCount", &bootCount)
    try coder.field("expungeAfter", &expungeAfter)
    try coder.field("iso", &iso)
    try coder.field("created", &created)
    try coder.field("user", &user)
    try coder.field("haEnabled", &haEnabled)
    try coder.field("isDynamicallyScalable", &isDynamicallyScalable)
    try coder.field("isDeleteProtected", &isDeleteProtected)
    try coder.field("group", &group)
    try coder.field(codable: "affinityGroups", &affinityGroups, [])
    try coder.field(codable: "keys", &keys, [])
    try coder.field("userDataSource", &userDataSource)
    try coder.field(codable: "details", &details, [])
    try coder.field("encryptedPassword", &encryptedPassword)
    try coder.field("migratesFrom", &migratesFrom)
  }
}
