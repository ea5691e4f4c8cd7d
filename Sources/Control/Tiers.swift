import Addresses
import CloudModel
import FoundationEssentials
import Ledger

/// Networks of VPCs, and the addresses of a VPC that lead to them.
enum Tiers {
  /// The address, leading to the tier that a rule is to be for: the one asked for or that of the instance.
  static func lead(
    _ address: PublicIPAddress, to wanted: ID<Network>?, _ machine: ID<VirtualMachine>?, _ draft: inout Draft
  ) throws -> PublicIPAddress {
    guard let vpc = address.vpc else {
      guard wanted == nil || address.network == nil || wanted == address.network else {
        throw ControlError(.invalidParameter, "The address is associated with another network")
      }
      return address
    }
    let nics = machine.flatMap { draft.get($0)?.nics.map(\.network) } ?? []
    guard let tier = wanted ?? address.network ?? nics.first(where: { draft.get($0)?.vpc == vpc }),
      draft.get(tier)?.vpc == vpc
    else { throw ControlError(.invalidParameter, "networkid must name the tier of the VPC that the rule is for") }
    guard address.network == nil || address.network == tier else {
      throw ControlError(.invalidParameter, "The address leads to another tier of its VPC")
    }
    var address = address
    address.network = tier
    try draft.put(address)
    return address
  }

  /// An address of a VPC that nothing uses any more leads to no tier.
  static func detach(_ id: ID<PublicIPAddress>, _ draft: inout Draft) throws {
    guard var address = draft.get(id), address.vpc != nil, address.network != nil, address.staticNAT == nil,
      draft.state.portForwardingRules.count("address", .id(id)) == 0,
      draft.state.loadBalancerRules.count("address", .id(id)) == 0
    else { return }
    address.network = nil
    try draft.put(address)
  }

  /// Takes the rules of a tier away at once: no node has them.
  static func detachAll(from network: ID<Network>, _ draft: inout Draft) throws {
    for var address in draft.state.publicIPs.matching("network", .id(network)) where address.vpc != nil {
      let key = IndexKey.id(address.id)
      for rule in draft.state.portForwardingRules.matching("address", key) { try draft.remove(rule.id) }
      for rule in draft.state.loadBalancerRules.matching("address", key) { try draft.remove(rule.id) }
      for rule in draft.state.ipForwardingRules.matching("address", key) { try draft.remove(rule.id) }
      address.staticNAT = nil
      address.network = nil
      try draft.put(address)
    }
  }

  /// Removes everything of a VPC and it itself; it has no tiers any more.
  static func remove(_ vpc: ID<VPC>, _ draft: inout Draft) throws {
    for gateway in draft.state.vpnGateways.matching("vpc", .id(vpc)) {
      for connection in draft.state.vpnConnections.matching("gateway", .id(gateway.id)) {
        try draft.remove(connection.id)
      }
      try draft.remove(gateway.id)
    }
    for route in draft.state.staticRoutes.matching("vpc", .id(vpc)) { try draft.remove(route.id) }
    for gateway in draft.state.privateGateways.matching("vpc", .id(vpc)) { try draft.remove(gateway.id) }
    for list in draft.state.networkACLLists.matching("vpc", .id(vpc)) { try draft.remove(list.id) }
    for var address in draft.state.publicIPs.matching("vpc", .id(vpc)) {
      if let vpn = draft.state.remoteAccessVPNs.first("address", .id(address.id)) { try draft.remove(vpn.id) }
      address.state = .releasing
      try draft.put(address)
      try Settlement.settle(address: address.id, &draft)
    }
    try draft.remove(vpc)
  }

  /// Removes what an account has of these things once its networks are gone.
  static func removeAll(of account: ID<Account>, _ draft: inout Draft) throws {
    let key = IndexKey.id(account)
    for vpn in draft.state.remoteAccessVPNs.matching("account", key) { try draft.remove(vpn.id) }
    for connection in draft.state.vpnConnections.matching("account", key) { try draft.remove(connection.id) }
    for user in draft.state.vpnUsers.matching("account", key) { try draft.remove(user.id) }
    for vpc in draft.state.vpcs.matching("account", key) { try remove(vpc.id, &draft) }
    for gateway in draft.state.vpnCustomerGateways.matching("account", key) { try draft.remove(gateway.id) }
    for certificate in draft.state.certificates.matching("account", key) { try draft.remove(certificate.id) }
    for var address in draft.state.publicIPs.matching("account", key) where address.state == .reserved {
      address.state = .free
      address.account = nil
      address.isHidden = nil
      try draft.put(address)
    }
    for var network in draft.state.networks.matching("permitted", key) {
      network.permitted?.removeAll { $0 == account }
      try draft.put(network)
    }
  }
}
