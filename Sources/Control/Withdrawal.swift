import CloudModel
import Ledger

/// The first half of taking things away: marks everything that hangs on a resource as no longer wanted.
enum Withdrawal {
  static func withdraw(machine: VirtualMachine, _ draft: inout Draft) throws {
    var machine = machine
    machine.state = .expunging
    machine.expungeAfter = nil
    try draft.put(machine)
    for var address in draft.state.publicIPs.matching("instance", .id(machine.id)) {
      address.staticNAT?.isRemoving = true
      try draft.put(address)
      try withdrawIPForwarding(of: address.id, &draft)
    }
    for rule in draft.state.portForwardingRules.matching("instance", .id(machine.id)) {
      try withdraw(portForwardingRule: rule, &draft)
    }
    for var rule in draft.state.loadBalancerRules.matching("instance", .id(machine.id)) {
      rule.members.removeAll { $0.virtualMachine == machine.id }
      try draft.put(rule)
    }
    try InternalBalancing.withdraw(machine.id, &draft)
  }

  static func withdraw(portForwardingRule rule: PortForwardingRule, _ draft: inout Draft) throws {
    var rule = rule
    rule.state = .deleting
    try draft.put(rule)
    try withdraw(firewallRule: rule.firewall, &draft)
  }

  static func withdraw(loadBalancerRule rule: LoadBalancerRule, _ draft: inout Draft) throws {
    var rule = rule
    rule.state = .deleting
    try draft.put(rule)
    try withdraw(firewallRule: rule.firewall, &draft)
  }

  private static func withdraw(firewallRule id: ID<FirewallRule>?, _ draft: inout Draft) throws {
    guard let id, var rule = draft.get(id) else { return }
    rule.state = .deleting
    try draft.put(rule)
  }

  static func withdraw(address: PublicIPAddress, _ draft: inout Draft) throws {
    var address = address
    address.state = .releasing
    address.staticNAT?.isRemoving = true
    try draft.put(address)
    for var rule in draft.state.firewallRules.matching("address", .id(address.id)) {
      rule.state = .deleting
      try draft.put(rule)
    }
    for var rule in draft.state.portForwardingRules.matching("address", .id(address.id)) {
      rule.state = .deleting
      try draft.put(rule)
    }
    for var rule in draft.state.loadBalancerRules.matching("address", .id(address.id)) {
      rule.state = .deleting
      try draft.put(rule)
    }
    try withdrawIPForwarding(of: address.id, &draft)
  }

  /// The rules of a static NAT go with it.
  static func withdrawIPForwarding(of address: ID<PublicIPAddress>, _ draft: inout Draft) throws {
    for var rule in draft.state.ipForwardingRules.matching("address", .id(address)) {
      rule.state = .deleting
      try draft.put(rule)
      try withdraw(firewallRule: rule.firewall, &draft)
    }
  }

  static func withdraw(ipForwardingRule rule: IPForwardingRule, _ draft: inout Draft) throws {
    var rule = rule
    rule.state = .deleting
    try draft.put(rule)
    try withdraw(firewallRule: rule.firewall, &draft)
  }

  static func withdraw(network: Network, _ draft: inout Draft) throws {
    var network = network
    network.state = .destroying
    try draft.put(network)
    // A VPC keeps the addresses that led to its tier.
    try Tiers.detachAll(from: network.id, &draft)
    for address in draft.state.publicIPs.matching("network", .id(network.id)) where address.state == .allocated {
      try withdraw(address: address, &draft)
    }
    for var rule in draft.state.firewallRules.matching("network", .id(network.id)) {
      rule.state = .deleting
      try draft.put(rule)
    }
  }

  /// An account with all that it has.
  static func withdraw(account: Account, _ draft: inout Draft) throws {
    var account = account
    account.state = .removing
    try draft.put(account)
    try ProjectEnds.forget(account: account.id, &draft)
    for var user in draft.state.users.matching("account", .id(account.id)) {
      user.enabled = false
      user.apiKey = nil
      user.secretKey = nil
      try draft.put(user)
    }
    for machine in draft.state.virtualMachines.matching("account", .id(account.id)) {
      try withdraw(machine: machine, &draft)
    }
    for network in draft.state.networks.matching("account", .id(account.id)) where network.guestType == .isolated {
      try withdraw(network: network, &draft)
    }
    for address in draft.state.publicIPs.matching("account", .id(account.id)) where address.state == .allocated {
      try withdraw(address: address, &draft)
    }
    for group in draft.state.securityGroups.matching("account", .id(account.id)) {
      for peer in draft.state.securityGroups.matching("peer", .id(group.id)) where peer.account != account.id {
        var peer = peer
        peer.ingress.removeAll { $0.group == group.id }
        peer.egress.removeAll { $0.group == group.id }
        try draft.put(peer)
      }
    }
  }
}
