package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewNetwork: Sendable {
  package var name: String
  package var displayText: String?
  package var offering: ID<NetworkOffering>
  package var zone: ID<Zone>
  package var gateway: IPv4?
  package var netmask: IPv4?
  package var domainName: String?
  package var account: String?
  package var domain: ID<Domain>?
  /// Of a shared network: the addresses that its instances may have, and how its network is told apart.
  package var first: IPv4?
  package var last: IPv4?
  package var vlan: String?
  package var vpc: ID<VPC>?
  package var acl: ID<NetworkACLList>?

  package init(
    name: String, displayText: String?, offering: ID<NetworkOffering>, zone: ID<Zone>, gateway: IPv4?, netmask: IPv4?,
    domainName: String?, account: String?, domain: ID<Domain>?
  ) {
    self.name = name
    self.displayText = displayText
    self.offering = offering
    self.zone = zone
    self.gateway = gateway
    self.netmask = netmask
    self.domainName = domainName
    self.account = account
    self.domain = domain
  }
}

extension Control {
  /// Creates an isolated network. It costs nothing until the first instance or address needs its router.
  package func createNetwork(_ request: NewNetwork, by caller: Caller) async throws -> ID<Network> {
    try await transact(cause(caller, "createNetwork")) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      guard let zone = draft.get(request.zone), let offering = draft.get(request.offering) else {
        throw ControlError(.invalidParameter, "The zone or the network offering does not exist")
      }
      try Self.requireOpen(zone, caller)
      try Self.requireUsable(offering, in: zone, draft)
      if offering.guestType == .shared { return try SharedNetworks.create(request, zone, offering, caller, &draft) }
      guard request.first == nil, request.last == nil, request.vlan == nil else {
        throw ControlError(.unsupported, "startip, endip and vlan are for shared networks")
      }
      guard zone.series == .isolate, offering.guestType == .isolated else {
        throw ControlError(
          .invalidParameter, "Networks of this offering can be created in zones with advanced networking only")
      }
      guard !request.name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      try ResourceLimits.require(.network, for: owner, in: draft.state)
      guard (offering.forVPC ?? false) == (request.vpc != nil) else {
        throw ControlError(
          .invalidParameter, "Tiers of a VPC, and only they, have vpcid and a network offering for VPCs")
      }
      guard request.vpc != nil || request.acl == nil else {
        throw ControlError(.invalidParameter, "aclid is for tiers of a VPC only")
      }
      let (prefix, gateway) = try Self.prefix(request, zone)
      let id: ID<Network> = draft.newID()
      var network = Network(
        id: id, name: request.name, displayText: request.displayText ?? request.name, zone: zone.id,
        offering: offering.id, account: owner.id, guestType: .isolated, cidr: prefix, gateway: gateway,
        domainName: try Self.domainName(request.domainName) ?? zone.domainName ?? Self.domainName(of: owner, draft)
          ?? "cs\(id.description.prefix(6)).internal",
        created: draft.now)
      if let vpc = request.vpc { try Self.makeTier(&network, of: vpc, acl: request.acl, caller, draft) }
      try draft.put(network)
      try draft.put(Self.event("NETWORK.CREATE", "Created network \(request.name)", owner.id, caller.user, draft))
      return id
    }
  }

  private static func prefix(_ request: NewNetwork, _ zone: Zone) throws -> (IPv4Prefix, IPv4) {
    guard let gateway = request.gateway, let netmask = request.netmask else {
      guard request.gateway == nil, request.netmask == nil else {
        throw ControlError(.invalidParameter, "gateway and netmask go together")
      }
      return (zone.guestPrefix, zone.guestPrefix.first.advanced(by: 1))
    }
    let length = netmask.value.nonzeroBitCount
    guard (16...29).contains(length), netmask.value == UInt32.max << UInt32(32 - length) else {
      throw ControlError(.invalidParameter, "Invalid netmask \(netmask); use one of /16 to /29")
    }
    let prefix = IPv4Prefix(gateway, length: length)
    guard gateway != prefix.first, gateway != prefix.last else {
      throw ControlError(.invalidParameter, "The gateway must be a host address of its network")
    }
    let allowed = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].compactMap { IPv4Prefix($0) }
    guard allowed.contains(where: { $0.contains(prefix) }) else {
      throw ControlError(.invalidParameter, "Guest networks use private addresses (RFC 1918)")
    }
    return (prefix, gateway)
  }

  static func domainName(_ name: String?) throws -> String? {
    guard let name, !name.isEmpty else { return nil }
    guard HostName.isDomain(name) else {
      throw ControlError(.invalidParameter, "Invalid network domain \(name)")
    }
    return name.lowercased()
  }

  /// What the account, or the nearest domain that it is in, has its networks called.
  private static func domainName(of owner: Account, _ draft: borrowing Draft) -> String? {
    owner.networkDomain ?? draft.state.lineage(of: owner.domain).lazy.compactMap(\.networkDomain).first
  }

  package func deleteNetwork(_ id: ID<Network>, by caller: Caller) async throws -> Started {
    try await begin("deleteNetwork", .network, by: caller) { draft in
      let network = try Self.network(id, caller, draft)
      try SharedNetworks.requireDeletable(network, caller, draft)
      guard network.state != .destroying else {
        throw ControlError(.resourceInUse, "The network is being deleted already")
      }
      guard draft.state.virtualMachines.matching("network", .id(id)).isEmpty else {
        throw ControlError(
          .resourceInUse, "Can't delete network \(network.name): it has instances. Destroy and expunge them first")
      }
      try Withdrawal.withdraw(network: network, &draft)
      try draft.put(
        Self.event("NETWORK.DELETE", "Deleting network \(network.name)", network.account, caller.user, draft))
      return id.uuid
    }
  }

  /// A network that `caller` may use; the shared network of a Basic zone is everybody's.
  static func network(_ id: ID<Network>, _ caller: Caller, _ draft: borrowing Draft) throws -> Network {
    guard let network = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find network \(id)") }
    if network.guestType == .isolated { try Access.require(caller, owner: network.account, in: draft.state) }
    return network
  }

  /// Gives an isolated network what it needs to exist: a VNI, a router and its source NAT address.
  static func implement(_ id: ID<Network>, _ draft: inout Draft) throws -> Network {
    guard var network = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find network \(id)") }
    switch network.state {
    case .implemented:
      if network.vpc == nil && network.guestType == .isolated && draft.state.routers.count("network", .id(id)) == 0 {
        try putRouter(of: network, &draft)
      }
      return network
    case .destroying: throw ControlError(.resourceInUse, "The network is being deleted")
    case .allocated: break
    }
    var vni = network.vni ?? 1000 + draft.state.networks.count
    while let holder = draft.state.networks.first("vni", .number(UInt64(vni))), holder.id != id { vni += 1 }
    network.vni = vni
    network.state = .implemented
    try draft.put(network)
    // The router and the source NAT address of a tier are its VPC's.
    guard network.vpc == nil else { return network }
    try putRouter(of: network, &draft)
    if draft.get(network.offering)?.services.contains("SourceNat") == true {
      if let owner = draft.get(network.account) { try ResourceLimits.require(.publicIP, for: owner, in: draft.state) }
      var address = try freeAddress(pool: network.zone.uuid, draft)
      address.state = .allocated
      address.account = network.account
      address.network = id
      address.isSourceNAT = true
      address.allocated = draft.now
      try draft.put(address)
    }
    return network
  }

  /// Where a router of the zone is to be.
  static func routerHost(_ zone: ID<Zone>, _ draft: borrowing Draft) throws(ControlError) -> ID<Host> {
    let state = draft.state
    let open = state.hosts.matching("zone", .id(zone)).filter { isOpen($0, in: state) }
    guard let host = open.min(by: { $0.id < $1.id }) else {
      throw ControlError(.insufficientCapacity, "The zone has no host for the network's router")
    }
    return host.id
  }

  /// A free public address of a cell's or a zone's pool.
  static func freeAddress(pool: UUID, _ draft: borrowing Draft) throws -> PublicIPAddress {
    guard let address = draft.state.publicIPs.first("free", .uuid(pool)) else {
      throw ControlError(.insufficientAddresses, "Insufficient address capacity: no public address is free")
    }
    return address
  }
}

/// Host names and labels of domain names (RFC 1123).
enum HostName {
  /// Whether dnsmasq would read the name as a keyword or as the time of a lease.
  static func isReserved(_ name: String) -> Bool {
    let name = name.lowercased()
    if name == "ignore" || name == "infinite" { return true }
    return name.count > 1 && name.dropLast().allSatisfy(\.isNumber) && "smhdw".contains(name.suffix(1))
  }

  static func isValid(_ label: some StringProtocol) -> Bool {
    let bytes = Array(label.utf8)
    guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
  }
}
