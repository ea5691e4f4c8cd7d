package import Addresses
package import FoundationEssentials

/// A public address. It belongs to the pool of its cell (Basic) or zone (Isolate) and, while allocated, to an account.
package struct PublicIPAddress: Resource {
  package static let kind = "publicip"
  package static var table: TablePath<PublicIPAddress> { \.publicIPs }
  package static let indexes: [Index<PublicIPAddress>] = [
    Index("address", unique: true, same: { $0.address == $1.address }) { [.number(UInt64($0.address.value))] },
    Index("range", of: { $0.range }),
    Index("account", of: { $0.account }),
    Index("holding", same: { $0.account == $1.account && $0.cell == $1.cell }) { address in
      guard let account = address.account, let cell = address.cell else { return [] }
      return [.ids(cell, account)]
    },
    Index("network", of: { $0.network }),
    Index("free", of: { $0.state == .free ? $0.cell?.uuid ?? $0.zone.uuid : nil }),
    Index("instance", of: { $0.staticNAT?.virtualMachine }),
    Index("vpc", of: { $0.vpc }),
    Index("cell", of: { $0.state == .free ? nil : $0.cell }),
  ]
  package static let references: [Reference<PublicIPAddress>] = [
    Reference("range", to: PublicIPRange.self) { [$0.range] },
    Reference("account", to: Account.self) { $0.account.map { [$0] } ?? [] },
    Reference("network", to: Network.self) { $0.network.map { [$0] } ?? [] },
    Reference("vpc", to: VPC.self) { $0.vpc.map { [$0] } ?? [] },
    Reference("instance", to: VirtualMachine.self) { $0.staticNAT.map { [$0.virtualMachine] } ?? [] },
  ]

  package let id: ID<PublicIPAddress>
  package var address: IPv4
  package var zone: ID<Zone>
  package var cell: ID<Cell>?
  package var range: ID<PublicIPRange>
  package var state: PublicIPState
  package var account: ID<Account>?
  package var network: ID<Network>?
  package var isSourceNAT: Bool
  package var isSystem: Bool
  package var staticNAT: StaticNATTarget?
  package var allocated: Date?
  /// The VPC that the address is for; `network` is then the tier that it leads to.
  package var vpc: ID<VPC>?
  /// Shown to root administrators only.
  package var isHidden: Bool?

  package init(
    id: ID<PublicIPAddress>, address: IPv4, zone: ID<Zone>, cell: ID<Cell>? = nil, range: ID<PublicIPRange>,
    state: PublicIPState = .free,
    account: ID<Account>? = nil, network: ID<Network>? = nil, isSourceNAT: Bool = false, isSystem: Bool = false,
    staticNAT: StaticNATTarget? = nil, allocated: Date? = nil
  ) {
    self.id = id
    self.address = address
    self.zone = zone
    self.cell = cell
    self.range = range
    self.state = state
    self.account = account
    self.network = network
    self.isSourceNAT = isSourceNAT
    self.isSystem = isSystem
    self.staticNAT = staticNAT
    self.allocated = allocated
  }
}

package enum PublicIPState: String, Codable, Hashable, Sendable {
  case free = "Free"
  case allocated = "Allocated"
  /// Kept for an account, which does not use it yet.
  case reserved = "Reserved"
  case releasing = "Releasing"
}

/// Where a static NAT leads. `isRemoving`: no longer wanted, but not yet confirmed gone from the gateway.
package struct StaticNATTarget: Codable, Hashable, Sendable {
  package var virtualMachine: ID<VirtualMachine>
  package var guestAddress: IPv4
  package var isRemoving = false

  package init(virtualMachine: ID<VirtualMachine>, guestAddress: IPv4) {
    self.virtualMachine = virtualMachine
    self.guestAddress = guestAddress
  }
}

extension PublicIPAddress: FieldCoded {
  package init(reading id: ID<PublicIPAddress>) {
    self.init(id: id, address: .any, zone: .zero, range: .zero)
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("address", &address)
    try coder.field("zone", &zone)
    try coder.field("cell", &cell)
    try coder.field("range", &range)
    try coder.field("state", &state)
    try coder.field("account", &account)
    try coder.field("network", &network)
    try coder.field("isSourceNAT", &isSourceNAT)
    try coder.field("isSystem", &isSystem)
    try coder.field("staticNAT", &staticNAT, StaticNATTarget(virtualMachine: .zero, guestAddress: .any)) {
      coder, target in
      try coder.fields { coder in
        try coder.field("virtualMachine", &target.virtualMachine)
        try coder.field("guestAddress", &target.guestAddress)
        try coder.field("isRemoving", &target.isRemoving)
      }
    }
    try coder.field("allocated", &allocated)
    try coder.field("vpc", &vpc)
    try coder.field("isHidden", &isHidden)
  }
}
