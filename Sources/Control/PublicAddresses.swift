package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Gives an account a public address: of one of its cells (Basic) or for one of its networks (Isolate).
  package func associateIPAddress(
    zone: ID<Zone>?, network: ID<Network>?, vpc: ID<VPC>? = nil, address wanted: IPv4?, account: String?,
    domain: ID<Domain>?, by caller: Caller
  ) async throws -> Started {
    try await begin("associateIpAddress", .publicIP, by: caller) { draft in
      var owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      var target: Network?
      var cloud = try vpc.map { try Self.vpc($0, caller, draft) }
      if let network {
        let found = try Self.network(network, caller, draft)
        if let vpc = found.vpc { cloud = try Self.vpc(vpc, caller, draft) }
        if found.guestType == .isolated {
          target = try Self.implement(network, &draft)
          if let holder = draft.get(found.account) { owner = holder }
        }
      }
      if let cloud, let holder = draft.get(cloud.account) { owner = holder }
      guard
        let zone = (target?.zone ?? cloud?.zone ?? zone ?? network.flatMap { draft.get($0)?.zone }).flatMap({
          draft.get($0)
        })
      else { throw ControlError(.invalidParameter, "zoneid or networkid must be given") }
      guard zone.series == .basic || target != nil || cloud != nil else {
        throw ControlError(.invalidParameter, "networkid must name the network that the address is for")
      }
      try ResourceLimits.require(.publicIP, for: owner, in: draft.state)
      var address = try Self.choose(wanted, zone, owner, draft)
      address.state = .allocated
      address.account = owner.id
      // An address of a VPC leads to a tier once a rule says to which.
      address.network = cloud == nil ? target?.id : nil
      address.vpc = cloud?.id
      address.allocated = draft.now
      try draft.put(address)
      try draft.put(
        Self.event(
          "NET.IPASSIGN", "Assigned \(address.address)", owner.id, caller.user, draft, resourceType: "IpAddress",
          resource: address.id.uuid))
      return address.id.uuid
    }
  }

  static func choose(
    _ wanted: IPv4?, _ zone: Zone, _ owner: Account, _ draft: borrowing Draft
  ) throws -> PublicIPAddress {
    if let wanted {
      guard let address = draft.state.publicIPs.first("address", .number(UInt64(wanted.value))),
        address.zone == zone.id, !address.isSystem
      else { throw ControlError(.invalidParameter, "The zone has no public address \(wanted)") }
      guard address.state == .free || address.state == .reserved && address.account == owner.id else {
        throw ControlError(.insufficientAddresses, "Insufficient address capacity: \(wanted) is in use")
      }
      return address
    }
    guard zone.series == .basic else { return try freeAddress(pool: zone.id.uuid, draft) }
    let own = owner.cells.filter { draft.get($0)?.zone == zone.id }
    let cells = (own.isEmpty ? draft.state.cells.matching("zone", .id(zone.id)).map(\.id) : own).map { cell in
      (held: draft.state.publicIPs.count("holding", .ids(cell, owner.id)), id: cell)
    }
    for (_, cell) in cells.sorted(by: <) {
      if let address = draft.state.publicIPs.first("free", .uuid(cell.uuid)) { return address }
    }
    throw ControlError(.insufficientAddresses, "Insufficient address capacity: no public address is free")
  }

  package func disassociateIPAddress(_ id: ID<PublicIPAddress>, by caller: Caller) async throws -> Started {
    try await begin("disassociateIpAddress", .publicIP, by: caller) { draft in
      let address = try Self.address(id, caller, draft)
      guard !address.isSourceNAT else {
        throw ControlError(
          .invalidParameter, "The address is the source NAT of its network and goes with it")
      }
      guard !address.isSystem else {
        throw ControlError(.invalidParameter, "The address belongs to the load balancer and goes with its last rule")
      }
      guard draft.state.remoteAccessVPNs.count("address", .id(id)) == 0,
        draft.state.vpnGateways.count("address", .id(id)) == 0
      else { throw ControlError(.resourceInUse, "The address \(address.address) is used by a VPN; delete that first") }
      try Withdrawal.withdraw(address: address, &draft)
      if let owner = address.account {
        try draft.put(
          Self.event(
            "NET.IPRELEASE", "Releasing \(address.address)", owner, caller.user, draft,
            resourceType: "IpAddress", resource: id.uuid))
      }
      return id.uuid
    }
  }

  package func enableStaticNAT(
    _ id: ID<PublicIPAddress>, virtualMachine: ID<VirtualMachine>, network: ID<Network>?, guestAddress: IPv4?,
    by caller: Caller
  ) async throws -> Started {
    try await begin("enableStaticNat", .publicIP, by: caller) { draft in
      let machine = try Self.machine(virtualMachine, caller, draft)
      var address = try Self.address(id, caller, draft)
      if address.vpc != nil { address = try Tiers.lead(address, to: network, machine.id, &draft) }
      guard machine.account == address.account else {
        throw ControlError(.permissionDenied, "The instance and the address belong to different accounts")
      }
      let guest = try Self.guestAddress(of: machine, for: address, network, guestAddress)
      if let target = address.staticNAT {
        guard !target.isRemoving else {
          throw ControlError(.networkRuleConflict, "The address's static NAT is being removed; try again")
        }
        guard target.virtualMachine == virtualMachine, target.guestAddress == guest else {
          throw ControlError(
            .networkRuleConflict,
            "Failed to enable static nat for the ip address: it is enabled for another instance already")
        }
      }
      guard !address.isSourceNAT else {
        throw ControlError(.invalidParameter, "The source NAT address of a network cannot have static NAT")
      }
      guard !address.isSystem else {
        throw ControlError(.invalidParameter, "The address of an elastic load balancer cannot have static NAT")
      }
      guard draft.state.portForwardingRules.matching("address", .id(id)).isEmpty,
        draft.state.loadBalancerRules.matching("address", .id(id)).isEmpty
      else {
        throw ControlError(
          .networkRuleConflict, "Failed to enable static nat for the ip address: it has rules assigned already")
      }
      for other in draft.state.publicIPs.matching("instance", .id(virtualMachine))
      where other.id != id && other.staticNAT?.guestAddress == guest {
        throw ControlError(
          .networkRuleConflict,
          "Failed to enable static nat: the instance has static NAT by \(other.address) already")
      }
      address.staticNAT = StaticNATTarget(virtualMachine: virtualMachine, guestAddress: guest)
      try draft.put(address)
      try draft.put(
        Self.event(
          "STATICNAT.ENABLE", "Static NAT of \(address.address) to \(machine.name)", machine.account, caller.user,
          draft, resourceType: "IpAddress", resource: id.uuid))
      return id.uuid
    }
  }

  package func disableStaticNAT(_ id: ID<PublicIPAddress>, by caller: Caller) async throws -> Started {
    try await begin("disableStaticNat", .publicIP, by: caller) { draft in
      var address = try Self.address(id, caller, draft)
      guard address.staticNAT != nil else {
        throw ControlError(.invalidParameter, "Specified IP address id=\(id) is not enabled for static NAT")
      }
      address.staticNAT?.isRemoving = true
      try draft.put(address)
      try Withdrawal.withdrawIPForwarding(of: id, &draft)
      if let owner = address.account {
        try draft.put(
          Self.event(
            "STATICNAT.DISABLE", "Disabling static NAT of \(address.address)", owner, caller.user, draft,
            resourceType: "IpAddress", resource: id.uuid))
      }
      return id.uuid
    }
  }

  /// The address of the instance that a rule of `address` leads to: that of a NIC, or the secondary one that was asked for.
  static func guestAddress(
    of machine: VirtualMachine, for address: PublicIPAddress, _ network: ID<Network>?, _ wanted: IPv4?
  ) throws -> IPv4 {
    guard machine.zone == address.zone else {
      throw ControlError(.invalidParameter, "The instance and the address are in different zones")
    }
    guard machine.state != .destroyed, machine.state != .error else {
      throw ControlError(.invalidParameter, "The instance is in state \(machine.state.rawValue)")
    }
    let network = address.network ?? network
    for nic in machine.nics where network == nil || nic.network == network {
      guard let wanted else { return nic.address }
      if nic.address == wanted || nic.wantedSecondary.contains(wanted) { return wanted }
    }
    throw ControlError(.invalidParameter, "The instance has no such NIC in the address's network")
  }

  /// An address that `caller` may use.
  static func address(
    _ id: ID<PublicIPAddress>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> PublicIPAddress {
    guard let address = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find ip address \(id)") }
    guard let owner = address.account, address.state == .allocated else {
      guard caller.isRootAdmin else {
        throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
      }
      throw ControlError(.invalidParameter, "The address \(address.address) is not allocated")
    }
    try Access.require(caller, owner: owner, in: draft.state)
    return address
  }
}
