package import Addresses
package import FoundationEssentials

/// The way into a network or VPC from outside, by one of its public addresses.
package struct RemoteAccessVPN: Resource {
  package static let kind = "remoteaccessvpn"
  package static var table: TablePath<RemoteAccessVPN> { \.remoteAccessVPNs }
  package static let indexes: [Index<RemoteAccessVPN>] = [
    Index("account", of: { $0.account }),
    Index("address", unique: true, of: { $0.address }),
  ]
  package static let references: [Reference<RemoteAccessVPN>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("address", to: PublicIPAddress.self) { [$0.address] },
  ]
  package static let secretFields: Set<String> = ["presharedKey"]

  package let id: ID<RemoteAccessVPN>
  package var account: ID<Account>
  package var address: ID<PublicIPAddress>
  /// What those who come in have as addresses.
  package var first: IPv4
  package var last: IPv4
  package var presharedKey: String?
  package var firewall: [ID<FirewallRule>]
  package var isHidden: Bool?
  package var created: Date

  package init(
    id: ID<RemoteAccessVPN>, account: ID<Account>, address: ID<PublicIPAddress>, first: IPv4, last: IPv4,
    presharedKey: String, firewall: [ID<FirewallRule>] = [], created: Date
  ) {
    self.id = id
    self.account = account
    self.address = address
    self.first = first
    self.last = last
    self.presharedKey = presharedKey
    self.firewall = firewall
    self.created = created
  }
}

/// Somebody who may come in by an account's VPNs.
package struct VPNUser: Resource {
  package static let kind = "vpnuser"
  package static var table: TablePath<VPNUser> { \.vpnUsers }
  package static let indexes: [Index<VPNUser>] = [
    Index("account", of: { $0.account }),
    Index("username", unique: true) { [.scoped($0.account.uuid, $0.username)] },
  ]
  package static let references: [Reference<VPNUser>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]
  package static let secretFields: Set<String> = ["password"]

  package let id: ID<VPNUser>
  package var account: ID<Account>
  package var username: String
  package var password: String?
  package var created: Date

  package init(id: ID<VPNUser>, account: ID<Account>, username: String, password: String, created: Date) {
    self.id = id
    self.account = account
    self.username = username
    self.password = password
    self.created = created
  }
}
