package import Addresses
package import FoundationEssentials

package struct NIC: Hashable, Sendable {
  package var id: ID<NIC>
  package var network: ID<Network>
  package var address: IPv4
  package var mac: MAC
  /// Further addresses, in the order in which they were given.
  package var secondary: [SecondaryAddress]
  /// No longer wanted, but not yet confirmed gone from the node.
  package var isRemoving = false

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
  private enum CodingKeys: String, CodingKey { case id, network, address, mac, secondary, isRemoving }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(ID<NIC>.self, forKey: .id)
    network = try container.decode(ID<Network>.self, forKey: .network)
    address = try container.decode(IPv4.self, forKey: .address)
    mac = try container.decode(MAC.self, forKey: .mac)
    // Rows from before there were any do not speak of them.
    secondary = try container.decodeIfPresent([SecondaryAddress].self, forKey: .secondary) ?? []
    isRemoving = try container.decodeIfPresent(Bool.self, forKey: .isRemoving) ?? false
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(network, forKey: .network)
    try container.encode(address, forKey: .address)
    try container.encode(mac, forKey: .mac)
    if !secondary.isEmpty { try container.encode(secondary, forKey: .secondary) }
    if isRemoving { try container.encode(true, forKey: .isRemoving) }
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

extension NIC {
  static var blank: NIC { NIC(id: .zero, network: .zero, address: .any, mac: MAC(0)) }

  mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("id", &id)
    try coder.field("network", &network)
    try coder.field("address", &address)
    try coder.field("mac", &mac)
    var (further, leaving) = (secondary.isEmpty ? nil : secondary, isRemoving ? true : nil)
    try coder.field(codable: "secondary", &further, [])
    try coder.field("isRemoving", &leaving)
    secondary = further ?? []
    isRemoving = leaving ?? false
  }
}
