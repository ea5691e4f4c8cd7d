import CloudModel
import FoundationEssentials
import Ledger

/// The second half of every multi-step operation: what is written once the nodes have verified the first half. Everything is
/// read from the resources' own states, so it can be done again after a crash.
enum Settlement {
  static func settle(_ job: AsyncJob, _ draft: inout Draft) throws {
    for (subject, uuid) in subjects(of: job) {
      // A later intent for the same thing is not verified yet; its own job settles it. So does that of the end of what the
      // thing belongs to.
      let isOvertaken = draft.state.jobs.matching("pending", .uuid(uuid)).contains {
        $0.revision > job.revision
      }
      if isOvertaken || owners(of: subject, uuid, in: draft.state).contains(where: \.isGoing) { continue }
      try settle(subject, uuid, &draft)
    }
  }

  /// What a job is about.
  private static func subjects(of job: AsyncJob) -> [(JobSubject, UUID)] {
    var subjects = (job.references ?? []).compactMap { one in JobSubject(rawValue: one.type).map { ($0, one.id) } }
    if let uuid = job.instance, let subject = job.instanceType.flatMap(JobSubject.init(rawValue:)) {
      subjects.append((subject, uuid))
    }
    return subjects
  }

  private static func settle(_ subject: JobSubject, _ uuid: UUID, _ draft: inout Draft) throws {
    switch subject {
    case .virtualMachine: try settle(machine: ID(uuid), &draft)
    case .publicIP: try settle(address: ID(uuid), &draft)
    case .firewallRule: try settle(firewallRule: ID(uuid), &draft)
    case .portForwardingRule: try settle(portForwardingRule: ID(uuid), &draft)
    case .loadBalancer: try settle(loadBalancerRule: ID(uuid), &draft)
    case .network: try settle(network: ID(uuid), &draft)
    case .account: try settle(account: ID(uuid), &draft)
    case .domain: try settle(domain: ID(uuid), &draft)
    case .secondaryAddress: try settle(secondaryAddress: uuid, &draft)
    case .rollout: try Rollouts.settle(ID(uuid), .completed, "", &draft)
    case .ipForwardingRule: try settle(ipForwardingRule: ID(uuid), &draft)
    case .instanceSnapshot: try settle(snapshot: ID<InstanceSnapshot>(uuid), &draft)
    case .snapshot: try settle(snapshot: ID<VolumeSnapshot>(uuid), &draft)
    case .host: try settle(host: ID(uuid), &draft)
    case .storagePool: try settle(storagePool: ID(uuid), &draft)
    case .systemVM: try settle(systemVM: ID(uuid), &draft)
    // What only the ledger has, the revision that began the job has done.
    default: break
    }
  }

  private static func settle(host id: ID<Host>, _ draft: inout Draft) throws {
    guard var host = draft.get(id), host.resourceState == .preparing else { return }
    host.resourceState = .maintenance
    try draft.put(host)
  }

  private static func settle(systemVM id: ID<SystemVM>, _ draft: inout Draft) throws {
    guard var machine = draft.get(id) else { return }
    switch machine.state {
    case .starting, .migrating: machine.state = .running
    case .stopping: machine.state = .stopped
    case .destroyed: return try draft.remove(id)
    default: return
    }
    try draft.put(machine)
  }

  private static func settle(storagePool id: ID<StoragePool>, _ draft: inout Draft) throws {
    guard var pool = draft.get(id), pool.state == .preparing else { return }
    pool.state = .maintenance
    try draft.put(pool)
  }

  /// Withdrawals are not taken back: until the nodes have verified that a thing is gone, it is neither there nor free for
  /// others.
  static func isWithdrawal(_ job: AsyncJob) -> Bool { withdrawals.contains { job.command.hasPrefix($0) } }

  private static let withdrawals = [
    "delete", "destroy", "disable", "disassociate", "expunge", "remove", "revert", "revoke",
    "stop",
  ]

  /// The pending jobs, the newest first, that were begun before this one about the same thing or what it belongs to.
  static func pending(before job: AsyncJob, in state: CloudState) -> [ID<AsyncJob>] {
    var earlier: [AsyncJob] = []
    for (subject, uuid) in subjects(of: job) {
      for id in [uuid] + owners(of: subject, uuid, in: state).map(\.id) {
        earlier += state.jobs.matching("pending", .uuid(id)).filter { $0.revision < job.revision }
      }
    }
    return earlier.sorted { $0.revision > $1.revision }.map(\.id)
  }

  private struct Owner {
    let id: UUID
    /// Its end takes along what belongs to it.
    let isGoing: Bool
  }

  /// What the thing that a job is about would go with.
  private static func owners(of subject: JobSubject, _ uuid: UUID, in state: CloudState) -> [Owner] {
    func account(_ id: ID<Account>?) -> Owner? {
      id.flatMap { state.accounts[$0] }.map { Owner(id: $0.id.uuid, isGoing: $0.state == .removing) }
    }
    func network(_ id: ID<Network>?) -> Owner? {
      id.flatMap { state.networks[$0] }.map { Owner(id: $0.id.uuid, isGoing: $0.state == .destroying) }
    }
    func address(_ id: ID<PublicIPAddress>?) -> Owner? {
      id.flatMap { state.publicIPs[$0] }.map { Owner(id: $0.id.uuid, isGoing: $0.state == .releasing) }
    }
    func machine(_ id: ID<VirtualMachine>?) -> Owner? {
      id.flatMap { state.virtualMachines[$0] }.map { Owner(id: $0.id.uuid, isGoing: $0.state == .expunging) }
    }
    let owners: [Owner?]
    switch subject {
    case .virtualMachine: owners = [account(state.virtualMachines[ID(uuid)]?.account)]
    case .network: owners = [account(state.networks[ID(uuid)]?.account)]
    case .publicIP:
      let held = state.publicIPs[ID(uuid)]
      // A release of the address itself takes the static NAT along, whatever becomes of the instance.
      let target = held?.state == .allocated ? held?.staticNAT?.virtualMachine : nil
      owners = [account(held?.account), network(held?.network), machine(target)]
    case .firewallRule:
      let rule = state.firewallRules[ID(uuid)]
      owners = [account(rule?.account), network(rule?.network), address(rule?.address)]
    case .portForwardingRule:
      let rule = state.portForwardingRules[ID(uuid)]
      owners = [
        account(rule?.account), network(rule?.network), address(rule?.address), machine(rule?.virtualMachine),
      ]
    case .loadBalancer:
      let rule = state.loadBalancerRules[ID(uuid)]
      owners = [account(rule?.account), network(rule?.network), address(rule?.address)]
    case .ipForwardingRule:
      let rule = state.ipForwardingRules[ID(uuid)]
      owners = [account(rule?.account), address(rule?.address)]
    case .instanceSnapshot:
      let snapshot = state.instanceSnapshots[ID(uuid)]
      owners = [account(snapshot?.account), machine(snapshot?.virtualMachine)]
    default: owners = []
    }
    return owners.compactMap { $0 }
  }

  /// Takes back what could not be done.
  static func abandon(_ job: AsyncJob, _ reason: String, _ draft: inout Draft) throws {
    guard let uuid = job.instance, let subject = job.instanceType.flatMap(JobSubject.init(rawValue:)) else { return }
    switch subject {
    case .virtualMachine:
      guard var machine = draft.get(ID<VirtualMachine>(uuid)) else { return }
      if machine.state == .starting { machine.state = job.command == "deployVirtualMachine" ? .error : .stopped }
      if machine.state == .migrating {
        machine.state = .running
        machine.host = machine.migratesFrom ?? machine.host
        machine.migratesFrom = nil
      }
      let added = (job.references ?? []).filter { $0.type == Control.nicReference }.map(\.id)
      machine.nics.removeAll { added.contains($0.id.uuid) }
      try draft.put(machine)
    case .publicIP:
      guard var address = draft.get(ID<PublicIPAddress>(uuid)) else { return }
      if job.command == "enableStaticNat" { address.staticNAT = nil }
      try draft.put(address)
    case .firewallRule:
      if draft.get(ID<FirewallRule>(uuid))?.state == .add { try draft.remove(ID<FirewallRule>(uuid)) }
    case .portForwardingRule:
      if let rule = draft.get(ID<PortForwardingRule>(uuid)), rule.state == .add {
        if let firewall = rule.firewall { try draft.remove(firewall) }
        try draft.remove(rule.id)
      }
    case .loadBalancer:
      if let rule = draft.get(ID<LoadBalancerRule>(uuid)), rule.state == .add {
        if let firewall = rule.firewall { try draft.remove(firewall) }
        try draft.remove(rule.id)
        try release(systemAddress: rule.address, &draft)
      }
    case .secondaryAddress:
      if job.command == "addIpToNic" { try change(secondaryAddress: uuid, &draft) { _ in nil } }
    case .rollout: try Rollouts.settle(ID(uuid), .failed, reason, &draft)
    case .ipForwardingRule:
      if let rule = draft.get(ID<IPForwardingRule>(uuid)), rule.state == .add {
        if let firewall = rule.firewall { try draft.remove(firewall) }
        try draft.remove(rule.id)
      }
    case .instanceSnapshot:
      if draft.get(ID<InstanceSnapshot>(uuid))?.state == .creating { try draft.remove(ID<InstanceSnapshot>(uuid)) }
    case .snapshot:
      if draft.get(ID<VolumeSnapshot>(uuid))?.state == .backingUp { try draft.remove(ID<VolumeSnapshot>(uuid)) }
    case .systemVM: try settle(systemVM: ID(uuid), &draft)
    default: break
    }
  }

  private static func settle(secondaryAddress id: UUID, _ draft: inout Draft) throws {
    try change(secondaryAddress: id, &draft) { $0.isRemoving ? nil : $0 }
  }

  private static func change(
    secondaryAddress id: UUID, _ draft: inout Draft, _ body: (SecondaryAddress) -> SecondaryAddress?
  ) throws {
    guard var machine = draft.state.virtualMachines.first("secondary", .uuid(id)) else { return }
    for position in machine.nics.indices {
      machine.nics[position].secondary = machine.nics[position].secondary.compactMap { $0.id == id ? body($0) : $0 }
    }
    try draft.put(machine)
  }

  private static func settle(machine id: ID<VirtualMachine>, _ draft: inout Draft) throws {
    guard var machine = draft.get(id) else { return }
    machine.nics.removeAll(where: \.isRemoving)
    try settleReverts(of: id, &draft)
    switch machine.state {
    case .starting:
      machine.state = .running
      try RootVolumes.become(readyOf: id, &draft)
    case .stopping: machine.state = .stopped
    case .migrating:
      machine.state = .running
      machine.migratesFrom = nil
    case .expunging:
      for address in draft.state.publicIPs.matching("instance", .id(id)) where address.staticNAT?.isRemoving == true {
        // The release of the address itself is its own job's to settle.
        var address = address
        address.staticNAT = nil
        try draft.put(address)
        for rule in draft.state.ipForwardingRules.matching("address", .id(address.id)) where rule.state == .deleting {
          try settle(ipForwardingRule: rule.id, &draft)
        }
        try Tiers.detach(address.id, &draft)
      }
      for rule in draft.state.portForwardingRules.matching("instance", .id(id)) {
        try settle(portForwardingRule: rule.id, &draft)
      }
      try RootVolumes.settle(endOf: machine, &draft)
      try removeBelongings(of: id, &draft)
      try draft.remove(id)
      try RootVolumes.forget(sourcesOf: machine, &draft)
      return
    case .running, .stopped, .destroyed, .error: break
    }
    try draft.put(machine)
  }

  private static func settle(snapshot id: ID<VolumeSnapshot>, _ draft: inout Draft) throws {
    guard var snapshot = draft.get(id), snapshot.state == .backingUp else { return }
    snapshot.state = .backedUp
    try draft.put(snapshot)
  }

  static func settle(address id: ID<PublicIPAddress>, _ draft: inout Draft) throws {
    guard var address = draft.get(id) else { return }
    if address.staticNAT?.isRemoving == true {
      address.staticNAT = nil
      for rule in draft.state.ipForwardingRules.matching("address", .id(id)) where rule.state == .deleting {
        try settle(ipForwardingRule: rule.id, &draft)
      }
    }
    if address.state == .releasing {
      for rule in draft.state.firewallRules.matching("address", .id(id)) { try draft.remove(rule.id) }
      for rule in draft.state.portForwardingRules.matching("address", .id(id)) { try draft.remove(rule.id) }
      for rule in draft.state.loadBalancerRules.matching("address", .id(id)) { try draft.remove(rule.id) }
      for rule in draft.state.ipForwardingRules.matching("address", .id(id)) { try draft.remove(rule.id) }
      address.state = .free
      address.account = nil
      address.network = nil
      address.isSourceNAT = false
      address.isSystem = false
      address.staticNAT = nil
      address.allocated = nil
      try Annexes.remove(of: id.uuid, &draft)
      address.vpc = nil
      address.isHidden = nil
    }
    try draft.put(address)
    try Tiers.detach(id, &draft)
  }

  private static func settle(ipForwardingRule id: ID<IPForwardingRule>, _ draft: inout Draft) throws {
    guard var rule = draft.get(id) else { return }
    if let firewall = rule.firewall { try settle(firewallRule: firewall, &draft) }
    if rule.state == .deleting { return try draft.remove(id) }
    rule.state = .active
    try draft.put(rule)
  }

  private static func settle(firewallRule id: ID<FirewallRule>, _ draft: inout Draft) throws {
    guard var rule = draft.get(id) else { return }
    if rule.state == .deleting { return try draft.remove(id) }
    rule.state = .active
    try draft.put(rule)
  }

  private static func settle(portForwardingRule id: ID<PortForwardingRule>, _ draft: inout Draft) throws {
    guard var rule = draft.get(id) else { return }
    if let firewall = rule.firewall { try settle(firewallRule: firewall, &draft) }
    if rule.state == .deleting {
      try draft.remove(id)
      return try Tiers.detach(rule.address, &draft)
    }
    rule.state = .active
    try draft.put(rule)
  }

  private static func settle(loadBalancerRule id: ID<LoadBalancerRule>, _ draft: inout Draft) throws {
    guard var rule = draft.get(id) else { return }
    if let firewall = rule.firewall { try settle(firewallRule: firewall, &draft) }
    if rule.state == .deleting {
      try draft.remove(id)
      try Tiers.detach(rule.address, &draft)
      return try release(systemAddress: rule.address, &draft)
    }
    rule.state = .active
    try draft.put(rule)
  }

  /// An address that was taken for load balancers goes with the last of them.
  private static func release(systemAddress id: ID<PublicIPAddress>, _ draft: inout Draft) throws {
    guard var address = draft.get(id), address.isSystem, address.state == .allocated,
      draft.state.loadBalancerRules.matching("address", .id(id)).isEmpty
    else { return }
    address.state = .releasing
    try draft.put(address)
    try settle(address: id, &draft)
  }

  private static func settle(network id: ID<Network>, _ draft: inout Draft) throws {
    guard let network = draft.get(id), network.state == .destroying else { return }
    for rule in draft.state.firewallRules.matching("network", .id(id)) { try draft.remove(rule.id) }
    for address in draft.state.publicIPs.matching("network", .id(id)) {
      try settle(address: address.id, &draft)
    }
    for router in draft.state.routers.matching("network", .id(id)) { try draft.remove(router.id) }
    try InternalBalancing.removeAll(of: id, &draft)
    for range in draft.state.publicIPRanges.matching("network", .id(id)) { try draft.remove(range.id) }
    try draft.remove(id)
  }

  private static func settle(account id: ID<Account>, _ draft: inout Draft) throws {
    guard draft.get(id)?.state == .removing else { return }
    for machine in draft.state.virtualMachines.matching("account", .id(id)) {
      try settle(machine: machine.id, &draft)
    }
    for network in draft.state.networks.matching("account", .id(id)) { try settle(network: network.id, &draft) }
    for address in draft.state.publicIPs.matching("account", .id(id)) { try settle(address: address.id, &draft) }
    for group in draft.state.securityGroups.matching("account", .id(id)) { try draft.remove(group.id) }
    for group in draft.state.affinityGroups.matching("account", .id(id)) { try draft.remove(group.id) }
    for group in draft.state.instanceGroups.matching("account", .id(id)) { try draft.remove(group.id) }
    for pair in draft.state.sshKeyPairs.matching("account", .id(id)) { try draft.remove(pair.id) }
    for source in draft.state.registeredUserData.matching("account", .id(id)) {
      try Control.unlink(source.id, &draft)
      try draft.remove(source.id)
    }
    for user in draft.state.users.matching("account", .id(id)) { try draft.remove(user.id) }
    try RootVolumes.settle(endOf: id, &draft)
    try Tiers.removeAll(of: id, &draft)
    if let project = draft.state.projects.first("account", .id(id)) { try draft.remove(project.id) }
    try draft.remove(id)
  }

  /// A domain goes with all below it, the lowest first.
  private static func settle(domain id: ID<Domain>, _ draft: inout Draft) throws {
    for domain in draft.state.subtree(of: id).reversed() where domain.isRemoving == true {
      for account in draft.state.accounts.matching("domain", .id(domain.id)) { try settle(account: account.id, &draft) }
      try draft.remove(domain.id)
    }
  }
}
