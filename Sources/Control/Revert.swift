import Addresses
import CloudModel
import FoundationEssentials
import Ledger

/// Brings resources of the network back to how they were, in one draft: what came since is withdrawn, what was changed is
/// changed back, what went is put again. Whatever stands in the way is collected, and then nothing is done.
struct Revert {
  /// A resource and what it is to be again; nil if it is not to be.
  struct Wanted {
    let kind: String
    let id: UUID
    let resource: (any Resource)?
  }

  /// What the revert touched, for the job that settles it.
  private(set) var subjects: [JobReference] = []
  private(set) var obstacles: [String] = []
  private let wanted: [Wanted]

  private init(_ wanted: [Wanted]) { self.wanted = wanted }

  /// Kinds that a revert brings back. Instances are neither made nor ended by it: their disks have no history.
  static let kinds: Set<String> = [
    FirewallRule.kind, LoadBalancerRule.kind, Network.kind, PortForwardingRule.kind, PublicIPAddress.kind,
    SecurityGroup.kind, VirtualMachine.kind, VirtualRouter.kind, Zone.kind,
  ]

  static func apply(_ wanted: [Wanted], _ draft: inout Draft) throws -> [JobReference] {
    var revert = Revert(wanted)
    try revert.withdraw(&draft)
    try revert.restore(&draft)
    guard revert.obstacles.isEmpty else {
      let told = revert.obstacles.prefix(10).joined(separator: "; ")
      let more = revert.obstacles.count > 10 ? "; and \(revert.obstacles.count - 10) more reasons" : ""
      throw ControlError(.resourceInUse, "Nothing was reverted: \(told)\(more)")
    }
    return revert.subjects
  }

  private func each<R: Resource>(_ type: R.Type) -> [(id: ID<R>, resource: R?)] {
    wanted.filter { $0.kind == R.kind }.map { (ID($0.id), $0.resource as? R) }
  }

  private mutating func touch(_ subject: JobSubject, _ id: UUID) {
    subjects.append(JobReference(type: subject.rawValue, id: id))
  }

  private mutating func attempt(_ body: (inout Revert) throws -> Void) {
    do { try body(&self) } catch { obstacles.append((error as? ControlError)?.message ?? "\(error)") }
  }

  // MARK: what came since goes

  private mutating func withdraw(_ draft: inout Draft) throws {
    for (id, before) in each(LoadBalancerRule.self) where before.map({ $0.state == .deleting }) ?? true {
      guard let rule = draft.get(id), rule.state != .deleting else { continue }
      try Withdrawal.withdraw(loadBalancerRule: rule, &draft)
      touch(.loadBalancer, id.uuid)
    }
    for (id, before) in each(PortForwardingRule.self) where before.map({ $0.state == .deleting }) ?? true {
      guard let rule = draft.get(id), rule.state != .deleting else { continue }
      try Withdrawal.withdraw(portForwardingRule: rule, &draft)
      touch(.portForwardingRule, id.uuid)
    }
    for (id, before) in each(FirewallRule.self) where before.map({ $0.state == .deleting }) ?? true {
      guard var rule = draft.get(id), rule.state != .deleting else { continue }
      rule.state = .deleting
      try draft.put(rule)
      touch(.firewallRule, id.uuid)
    }
    for (id, before) in each(SecurityGroup.self) where before == nil {
      guard let group = draft.get(id) else { continue }
      if !draft.state.virtualMachines.matching("securitygroup", .id(id)).isEmpty
        || draft.state.securityGroups.matching("peer", .id(id)).contains(where: { $0.id != id })
      {
        obstacles.append("the security group \(group.name) is in use")
        continue
      }
      try draft.remove(id)
    }
    for (id, before) in each(PublicIPAddress.self) { try withdraw(id, before, &draft) }
    for (id, before) in each(Network.self) { try withdraw(id, before, &draft) }
  }

  private mutating func withdraw(
    _ id: ID<PublicIPAddress>, _ before: PublicIPAddress?, _ draft: inout Draft
  ) throws {
    guard var address = draft.get(id) else { return obstacles.append("a public address is not in the pool any more") }
    guard address.state != .releasing, address.staticNAT?.isRemoving != true else {
      return obstacles.append("\(address.address) is being released or changed; try again")
    }
    guard address.state == .allocated else { return }
    if before?.state == .allocated {
      if address.account != before?.account || address.network != before?.network {
        return obstacles.append("\(address.address) belongs to somebody or something else now")
      }
      if address.staticNAT != nil, before?.wantedStaticNAT == nil {
        address.staticNAT?.isRemoving = true
        try draft.put(address)
        touch(.publicIP, id.uuid)
      }
      return
    }
    // A source NAT address goes with its network, the address of an elastic balancer with its last rule.
    if address.isSourceNAT || address.isSystem { return }
    let key = IndexKey.id(id)
    let isUsed =
      draft.state.loadBalancerRules.matching("address", key).contains { $0.state != .deleting }
      || draft.state.portForwardingRules.matching("address", key).contains { $0.state != .deleting }
      || draft.state.firewallRules.matching("address", key).contains { $0.state != .deleting }
    if isUsed { return obstacles.append("\(address.address) has rules that are not part of the revert") }
    try Withdrawal.withdraw(address: address, &draft)
    touch(.publicIP, id.uuid)
  }

  private mutating func withdraw(_ id: ID<Network>, _ before: Network?, _ draft: inout Draft) throws {
    guard var network = draft.get(id), network.state != .destroying else { return }
    let isGone = before.map { $0.state == .destroying } ?? true
    guard isGone || (before?.state == .allocated && network.state == .implemented) else { return }
    guard draft.state.virtualMachines.matching("network", .id(id)).isEmpty else {
      if isGone { obstacles.append("the network \(network.name) has instances") }
      return
    }
    let addresses = draft.state.publicIPs.matching("network", .id(id)).filter { $0.state == .allocated }
    guard !addresses.contains(where: { !$0.isSourceNAT }) else {
      return obstacles.append("the network \(network.name) has public addresses that are not part of the revert")
    }
    if isGone {
      try Withdrawal.withdraw(network: network, &draft)
    } else {
      for address in addresses {
        try Withdrawal.withdraw(address: address, &draft)
        touch(.publicIP, address.id.uuid)
      }
      for router in draft.state.routers.matching("network", .id(id)) { try draft.remove(router.id) }
      network.state = .allocated
      try draft.put(network)
    }
    touch(.network, id.uuid)
  }

  // MARK: what was, is again

  private mutating func restore(_ draft: inout Draft) throws {
    for (id, before) in each(Zone.self) {
      attempt { revert in
        guard let before, draft.get(id) != nil else {
          throw revert.refused("zones are neither made nor removed by a revert")
        }
        try draft.put(before)
      }
    }
    for case (let id, let before?) in each(Network.self) where before.state != .destroying {
      attempt { try $0.restore(id, before, &draft) }
    }
    for case (let id, let before?) in each(VirtualRouter.self) {
      guard draft.get(id) == nil, draft.get(before.network)?.state == .implemented else { continue }
      attempt { _ in try draft.put(before) }
    }
    for case (let id, let before?) in each(PublicIPAddress.self) where before.state == .allocated {
      attempt { try $0.restore(id, before, &draft) }
    }
    for case (let id, let before?) in each(SecurityGroup.self) { attempt { try $0.restore(id, before, &draft) } }
    for (id, before) in each(VirtualMachine.self) { attempt { try $0.restore(id, before, &draft) } }
    for case (let id, let before?) in each(PublicIPAddress.self) where before.state == .allocated {
      attempt { try $0.restoreStaticNAT(id, before, &draft) }
    }
    for case (let id, let before?) in each(FirewallRule.self) where before.state != .deleting {
      attempt { try $0.restore(id, before, &draft) }
    }
    for case (let id, let before?) in each(PortForwardingRule.self) where before.state != .deleting {
      attempt { try $0.restore(id, before, &draft) }
    }
    for case (let id, let before?) in each(LoadBalancerRule.self) where before.state != .deleting {
      attempt { try $0.restore(id, before, &draft) }
    }
  }

  private func refused(_ text: String) -> ControlError { ControlError(.resourceInUse, text) }

  private mutating func restore(_ id: ID<Network>, _ before: Network, _ draft: inout Draft) throws {
    if let present = draft.get(id) {
      guard present.state != .destroying else { throw refused("the network \(before.name) is being deleted") }
      var network = before
      network.vni = present.vni ?? before.vni
      network.state = before.state == .implemented ? .implemented : present.state
      try draft.put(network)
    } else {
      guard draft.get(before.account)?.state == .enabled else {
        throw refused("the account of the network \(before.name) is gone")
      }
      try draft.put(before)
    }
    touch(.network, id.uuid)
  }

  private mutating func restore(_ id: ID<PublicIPAddress>, _ before: PublicIPAddress, _ draft: inout Draft) throws {
    guard var address = draft.get(id), address.state == .free else { return }
    guard let account = before.account, draft.get(account)?.state == .enabled else {
      throw refused("the account that had \(before.address) is gone")
    }
    if let network = before.network, draft.get(network).map({ $0.state == .destroying }) ?? true {
      throw refused("the network that had \(before.address) is gone")
    }
    address.state = .allocated
    address.account = account
    address.network = before.network
    address.isSourceNAT = before.isSourceNAT
    address.isSystem = before.isSystem
    address.vpc = before.vpc
    address.isHidden = before.isHidden
    address.allocated = before.allocated
    try draft.put(address)
    touch(.publicIP, id.uuid)
  }

  private mutating func restoreStaticNAT(
    _ id: ID<PublicIPAddress>, _ before: PublicIPAddress, _ draft: inout Draft
  ) throws {
    guard let target = before.wantedStaticNAT, var address = draft.get(id), address.state == .allocated,
      address.account == before.account, address.staticNAT != target
    else { return }
    try requireReachable(target.virtualMachine, target.guestAddress, "static NAT of \(address.address)", draft)
    let others = draft.state.publicIPs.matching("instance", .id(target.virtualMachine))
    if let other = others.first(where: {
      $0.id != id && $0.staticNAT?.isRemoving == false && $0.staticNAT?.guestAddress == target.guestAddress
    }) {
      throw refused("the instance behind \(address.address) has static NAT by \(other.address) now")
    }
    let hasRules =
      draft.state.portForwardingRules.matching("address", .id(id)).contains { $0.state != .deleting }
      || draft.state.loadBalancerRules.matching("address", .id(id)).contains { $0.state != .deleting }
    if hasRules { throw refused("\(address.address) has rules now, and so no static NAT") }
    address.staticNAT = target
    try draft.put(address)
    touch(.publicIP, id.uuid)
  }

  private func requireReachable(
    _ machine: ID<VirtualMachine>, _ guest: IPv4, _ what: String, _ draft: borrowing Draft
  ) throws {
    guard let machine = draft.get(machine), machine.state.exists, machine.state != .destroyed,
      machine.nics.contains(where: { $0.address == guest || $0.wantedSecondary.contains(guest) })
    else { throw refused("the instance of the \(what) is gone, or has not the address \(guest) any more") }
  }

  private mutating func restore(_ id: ID<SecurityGroup>, _ before: SecurityGroup, _ draft: inout Draft) throws {
    for peer in (before.ingress + before.egress).compactMap(\.group) where peer != id && draft.get(peer) == nil {
      throw refused("a security group that rules of \(before.name) name is gone")
    }
    guard draft.get(before.account)?.state == .enabled else {
      throw refused("the account of the security group \(before.name) is gone")
    }
    if draft.get(id) == before { return }
    try draft.put(before)
    touch(.securityGroup, id.uuid)
  }

  private mutating func restore(_ id: ID<VirtualMachine>, _ before: VirtualMachine?, _ draft: inout Draft) throws {
    guard let before, before.state.exists, var machine = draft.get(id), machine.state.exists else {
      throw refused("instances are neither made nor ended by a revert")
    }
    guard before.isSameInstance(as: machine) else {
      throw refused(
        "the owner, name, offering, template or NICs of the instance \(machine.name) were changed; change them by commands"
      )
    }
    for position in machine.nics.indices {
      guard let old = before.nics.first(where: { $0.id == machine.nics[position].id }) else { continue }
      try restore(&machine.nics[position], old, draft)
    }
    machine.takeChoices(of: before, in: draft.state)
    if before.state.isPoweredOn != machine.state.isPoweredOn, machine.state == .stopping || machine.state == .starting {
      throw refused("the instance \(machine.name) is \(machine.state.rawValue); try again")
    }
    if before.state.isPoweredOn, machine.state == .stopped { machine.state = .starting }
    if !before.state.isPoweredOn, before.state != .destroyed, machine.state == .running { machine.state = .stopping }
    if machine == draft.get(id) { return }
    try draft.put(machine)
    touch(.virtualMachine, id.uuid)
  }

  private mutating func restore(_ nic: inout NIC, _ before: NIC, _ draft: borrowing Draft) throws {
    let wanted = before.secondary.filter { !$0.isRemoving }
    for position in nic.secondary.indices where !wanted.contains(where: { $0.id == nic.secondary[position].id }) {
      nic.secondary[position].isRemoving = true
      touch(.secondaryAddress, nic.secondary[position].id)
    }
    for address in wanted {
      if let position = nic.secondary.firstIndex(where: { $0.id == address.id }) {
        if nic.secondary[position].isRemoving { throw refused("\(address.address) is being removed; try again") }
        continue
      }
      let key = IndexKey.scoped(nic.network.uuid, address.address.description)
      guard draft.state.virtualMachines.first("address", key) == nil else {
        throw refused("the address \(address.address) is another instance's now")
      }
      nic.secondary.append(address)
      touch(.secondaryAddress, address.id)
    }
  }

  private mutating func restore(_ id: ID<FirewallRule>, _ before: FirewallRule, _ draft: inout Draft) throws {
    let present = draft.get(id)
    if present?.state == .deleting { throw refused("a firewall rule is being deleted; try again") }
    guard draft.get(before.network).map({ $0.state != .destroying }) == true else {
      throw refused("the network of a firewall rule is gone")
    }
    if let address = before.address { try requireAddress(address, of: before.account, before.network, draft) }
    if let present, present.match == before.match, present.sources == before.sources,
      present.destinations == before.destinations
    {
      return
    }
    let others =
      before.address.map { draft.state.firewallRules.matching("address", .id($0)) }
      ?? draft.state.firewallRules.matching("network", .id(before.network)).filter { $0.address == nil }
    let isTaken = others.contains {
      $0.id != id && $0.state != .deleting && $0.match == before.match && $0.destinations == before.destinations
        && !Set($0.sources).isDisjoint(with: before.sources)
    }
    if isTaken { throw refused("another firewall rule is for the same packets now") }
    var rule = before
    rule.state = .add
    try draft.put(rule)
    touch(.firewallRule, id.uuid)
  }

  private func requireAddress(
    _ id: ID<PublicIPAddress>, of account: ID<Account>, _ network: ID<Network>?, _ draft: borrowing Draft
  ) throws {
    guard let address = draft.get(id), address.state == .allocated, address.account == account,
      network == nil || address.network == network
    else { throw refused("the public address of a rule belongs to somebody or something else now") }
  }

  private mutating func restore(
    _ id: ID<PortForwardingRule>, _ before: PortForwardingRule, _ draft: inout Draft
  ) throws {
    let present = draft.get(id)
    if present?.state == .deleting { throw refused("a port forwarding rule is being deleted; try again") }
    try requireAddress(before.address, of: before.account, before.network, draft)
    try requireReachable(before.virtualMachine, before.guestAddress, "port forwarding", draft)
    if present != nil { return }
    try requirePorts(before.address, before.transport, before.publicPorts, except: id.uuid, draft)
    var rule = before
    rule.state = .add
    try draft.put(rule)
    touch(.portForwardingRule, id.uuid)
  }

  private mutating func restore(_ id: ID<LoadBalancerRule>, _ before: LoadBalancerRule, _ draft: inout Draft) throws {
    let present = draft.get(id)
    if present?.state == .deleting { throw refused("the load balancer \(before.name) is being deleted; try again") }
    try requireAddress(before.address, of: before.account, before.network, draft)
    for member in before.members {
      try requireReachable(member.virtualMachine, member.guestAddress, "load balancer \(before.name)", draft)
    }
    var rule = before
    rule.state = present?.state ?? .add
    if rule == present { return }
    let port = PortRange(before.publicPort, before.publicPort)
    try requirePorts(before.address, before.transport, port, except: id.uuid, draft)
    rule.state = .add
    try draft.put(rule)
    touch(.loadBalancer, id.uuid)
  }

  private func requirePorts(
    _ id: ID<PublicIPAddress>, _ transport: IPProtocol, _ ports: PortRange, except own: UUID, _ draft: borrowing Draft
  ) throws {
    let forwards = draft.state.portForwardingRules.matching("address", .id(id)).contains {
      $0.id.uuid != own && $0.state != .deleting && $0.transport == transport && $0.publicPorts.overlaps(ports)
    }
    let balances = draft.state.loadBalancerRules.matching("address", .id(id)).contains {
      $0.id.uuid != own && $0.state != .deleting && $0.transport == transport
        && ports.overlaps(PortRange($0.publicPort, $0.publicPort))
    }
    let isTranslated = draft.get(id)?.wantedStaticNAT != nil
    if forwards || balances || isTranslated {
      throw refused("the ports \(ports.first)-\(ports.last) of a public address are used by another rule now")
    }
  }
}

extension VirtualMachine {
  /// Whether what only commands of their own change is as it was.
  fileprivate func isSameInstance(as other: VirtualMachine) -> Bool {
    account == other.account && name == other.name && offering == other.offering && template == other.template
      && nics.map(\.id) == other.nics.map(\.id) && nics.map(\.address) == other.nics.map(\.address)
  }

  /// Takes over what was chosen before, as far as it is still there.
  fileprivate mutating func takeChoices(of before: VirtualMachine, in state: CloudState) {
    displayName = before.displayName
    haEnabled = before.haEnabled
    isDynamicallyScalable = before.isDynamicallyScalable
    isDeleteProtected = before.isDeleteProtected
    details = before.details
    keys = before.keys
    encryptedPassword = before.encryptedPassword
    userData = before.userData
    userDataSource = before.userDataSource.flatMap { state.registeredUserData[$0]?.id }
    group = before.group.flatMap { state.instanceGroups[$0]?.id }
    let affinity = (before.affinityGroups ?? []).filter { state.affinityGroups[$0] != nil }
    affinityGroups = affinity.isEmpty ? nil : affinity
    securityGroups = before.securityGroups.filter { state.securityGroups[$0] != nil }
  }
}

extension PublicIPAddress {
  /// The static NAT that is to be; one on its way out is not.
  var wantedStaticNAT: StaticNATTarget? { staticNAT?.isRemoving == false ? staticNAT : nil }
}
