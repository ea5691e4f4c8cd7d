package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct Deployment: Sendable {
  package var name: String?
  package var displayName: String?
  package var zone: ID<Zone>
  package var template: ID<Template>
  package var offering: ID<ServiceOffering>
  package var networks: [ID<Network>] = []
  package var securityGroups: [ID<SecurityGroup>] = []
  package var securityGroupNames: [String] = []
  package var address: IPv4?
  package var userData: [UInt8] = []
  package var startVM = true
  /// Of a data disk; of the ROOT volume where the template is an ISO.
  package var diskOffering: ID<DiskOffering>?
  package var diskSizeGiB: Int?
  package var rootSizeGiB: Int?
  package var hypervisor: HypervisorType?
  package var account: String?
  package var domain: ID<Domain>?
  package var group: String?
  package var affinityGroups: [ID<AffinityGroup>] = []
  package var affinityGroupNames: [String] = []
  package var keyPairs: [String] = []
  package var userDataSource: ID<RegisteredUserData>?
  package var details: [InstanceDetail] = []
  package var password: String?
  package var mac: MAC?
  /// What NICs are to have, in the place of `address` and `mac`.
  package var wishes: [NICWish] = []
  package var isDynamicallyScalable = false

  package init(zone: ID<Zone>, template: ID<Template>, offering: ID<ServiceOffering>) {
    self.zone = zone
    self.template = template
    self.offering = offering
  }
}

extension Control {
  package func deployVirtualMachine(_ request: Deployment, by caller: Caller) async throws -> Started {
    let password = Self.password(request.password)
    return try await begin(
      "deployVirtualMachine", .virtualMachine, by: caller,
      about: { draft in try Self.deploy(request, password, caller, &draft) })
  }

  private static func deploy(
    _ request: Deployment, _ password: String, _ caller: Caller, _ draft: inout Draft
  ) throws -> About {
    let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
    guard let zone = draft.get(request.zone), let template = draft.get(request.template), template.isRemoved != true,
      let offering = draft.get(request.offering), offering.isRemoved != true
    else { throw ControlError(.invalidParameter, "The zone, template or service offering does not exist") }
    try requireOpen(zone, caller)
    try requireUsable(template, by: owner)
    try requireUsable(offering, by: owner, in: zone.id, draft)
    guard template.zones.contains(zone.id) else {
      throw ControlError(.invalidParameter, "The template \(template.name) is not available in zone \(zone.name)")
    }
    guard request.hypervisor == nil || request.hypervisor == template.hypervisor else {
      throw ControlError(
        .invalidParameter, "Hypervisor passed to the deployVm call, is different from the template's")
    }
    try requireUserData(request.userData)
    try ResourceLimits.requireInstance(request.offering, for: owner, in: draft.state)
    let id: ID<VirtualMachine> = draft.newID()
    let name = request.name ?? "VM-\(id)"
    try requireHostName(name)
    let networks = try Self.networks(of: request, zone, owner, caller, &draft)
    let nics = try Self.nics(of: request, networks, name, owner.id, &draft)
    var machine = VirtualMachine(
      id: id, name: name, displayName: request.displayName ?? name, account: owner.id, zone: zone.id,
      template: template.id, offering: request.offering, hypervisor: template.hypervisor,
      securityGroups: try groups(of: request, zone, owner, caller, draft), nics: nics,
      state: request.startVM ? .starting : .stopped, userData: request.userData, created: draft.now)
    machine.user = caller.user
    if template.isISO { machine.iso = template.id }
    try furnish(&machine, request, template, password, owner, &draft)
    machine.host = try place(machine, draft)
    try draft.put(machine)
    try RootVolumes.put(for: machine, request, owner, &draft)
    try draft.put(
      event(
        "VM.CREATE", "Deploying instance \(name)", owner.id, caller.user, draft, resourceType: "VirtualMachine",
        resource: id.uuid))
    return About(resource: id.uuid, password: takesPassword(machine, template) ? password : nil)
  }

  static func networks(
    of request: Deployment, _ zone: Zone, _ owner: Account, _ caller: Caller, _ draft: inout Draft
  ) throws -> [Network] {
    if zone.series == .basic {
      let shared = draft.state.networks.matching("zone", .id(zone.id)).filter { $0.guestType == .shared }
      guard request.networks.isEmpty || request.networks == shared.map(\.id) else {
        throw ControlError(.invalidParameter, "Can't specify network Ids in a Basic zone other than its shared network")
      }
      guard !shared.isEmpty else {
        throw ControlError(.invalidParameter, "The zone has no shared network yet; a root administrator creates it")
      }
      return shared
    }
    var ids = request.networks
    if ids.isEmpty {
      let own = draft.state.networks.matching("account", .id(owner.id)).filter {
        $0.zone == zone.id && $0.state != .destroying
      }
      guard own.count == 1 else {
        throw ControlError(.invalidParameter, "networkids must name the networks of the instance; create one first")
      }
      ids = own.map(\.id)
    }
    guard Set(ids).count == ids.count, ids.count <= 8 else {
      throw ControlError(.invalidParameter, "networkids may name up to 8 different networks")
    }
    return try ids.map { id in
      guard let network = draft.get(id), network.guestType == .isolated else {
        throw ControlError(.invalidParameter, "Unable to find network \(id)")
      }
      let isPermitted = network.permitted?.contains(owner.id) == true
      if !isPermitted { try Access.require(caller, owner: network.account, in: draft.state) }
      guard network.zone == zone.id, network.account == owner.id || isPermitted else {
        throw ControlError(.permissionDenied, "Unable to use network with id= \(id), permission denied")
      }
      return try implement(id, &draft)
    }
  }

  static func groups(
    of request: Deployment, _ zone: Zone, _ owner: Account, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> [ID<SecurityGroup>] {
    guard zone.series == .basic else {
      guard request.securityGroups.isEmpty, request.securityGroupNames.isEmpty else {
        throw ControlError(
          .invalidParameter, "Can't create vm with security groups; security group feature is not enabled in the zone")
      }
      return []
    }
    var ids = request.securityGroups
    for name in request.securityGroupNames {
      guard let group = draft.state.securityGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) else {
        throw ControlError(.invalidParameter, "Unable to find group by name \(name)")
      }
      ids.append(group.id)
    }
    if ids.isEmpty {
      ids = draft.state.securityGroups.first("name", .scoped(owner.id.uuid, "default")).map { [$0.id] } ?? []
    }
    for id in ids {
      let group = try group(id, caller, draft)
      guard group.account == owner.id else {
        throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
      }
    }
    var seen: Set<ID<SecurityGroup>> = []
    return ids.filter { seen.insert($0).inserted }
  }

  /// The asked-for address, or one drawn from the network's free ones.
  static func guestAddress(
    _ wanted: IPv4?, _ network: Network, _ draft: borrowing Draft
  ) throws -> IPv4 {
    func isTaken(_ address: IPv4) -> Bool {
      let key = IndexKey.scoped(network.id.uuid, address.description)
      return draft.state.virtualMachines.first("address", key) != nil
        || draft.state.internalLoadBalancers.count("source", key) > 0
    }
    let ranges = GuestAddresses.ranges(of: network, in: draft.state)
    if let wanted {
      guard ranges.contains(where: { $0.contains(wanted.value) }), wanted != network.gateway else {
        throw ControlError(.invalidParameter, "The address \(wanted) is not one that instances of the network can have")
      }
      guard !isTaken(wanted) else {
        throw ControlError(.insufficientAddresses, "The address \(wanted) is already in use")
      }
      return wanted
    }
    let size = ranges.reduce(0) { $0 + UInt32($1.count) }
    guard size > 0 else {
      throw ControlError(.insufficientAddresses, "Insufficient address capacity: the network has no range of addresses")
    }
    // Those that are taken often stand side by side, so one after the other is tried only where few are free.
    var start: UInt32 = 0
    for _ in 0..<64 {
      let draw = draft.newUUID().uuid
      start = (UInt32(draw.0) << 24 | UInt32(draw.1) << 16 | UInt32(draw.2) << 8 | UInt32(draw.3)) % size
      if let address = GuestAddresses.address(start, of: ranges), address != network.gateway, !isTaken(address) {
        return address
      }
    }
    for step in 0..<size {
      guard let address = GuestAddresses.address((start + step) % size, of: ranges) else { continue }
      if address != network.gateway && !isTaken(address) { return address }
    }
    throw ControlError(.insufficientAddresses, "Insufficient address capacity: the network has no free address")
  }

  /// How many hosts that fit are compared.
  private static let placementReach = 32

  /// The host with the most free memory that fits, of those that its affinity groups prefer. Of very many only those with
  /// the fewest instances are compared.
  static func place(_ machine: VirtualMachine, _ draft: borrowing Draft) throws -> ID<Host> {
    let state = draft.state
    let affinity = Affinity(of: machine, in: state)
    let candidates = state.hosts.matching("zone", .id(machine.zone)).filter {
      $0.hypervisor == machine.hypervisor && isOpen($0, in: state) && affinity.allows($0.id)
    }.map {
      (host: $0, preference: affinity.preference(of: $0.id), load: state.virtualMachines.count("host", .id($0.id)))
    }
    var best: (host: ID<Host>, preference: Int, free: Int)?
    var fitting = 0
    for candidate in candidates.sorted(by: { ($1.preference, $0.load) < ($0.preference, $1.load) }) {
      if let best, fitting == Self.placementReach || candidate.preference < best.preference { break }
      guard let free = Placement.room(on: candidate.host, for: machine, in: state) else { continue }
      fitting += 1
      if let best, best.free >= free { continue }
      best = (candidate.host.id, candidate.preference, free)
    }
    guard let best else {
      throw ControlError(
        .insufficientCapacity, "Unable to create a deployment for the instance: no host has room for it")
    }
    return best.host
  }

  package func startVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await change(id, "startVirtualMachine", "VM.START", by: caller) { machine, draft in
      try Self.powerOn(&machine, draft)
    }
  }

  static func powerOn(_ machine: inout VirtualMachine, _ draft: borrowing Draft) throws {
    guard machine.state == .stopped else { throw wrongState(machine, "started") }
    machine.host = try place(machine, draft)
    machine.state = .starting
  }

  package func stopVirtualMachine(
    _ id: ID<VirtualMachine>, forced: Bool, by caller: Caller
  ) async throws -> Started {
    try await change(id, "stopVirtualMachine", "VM.STOP", by: caller) { machine, _ in
      try Self.powerOff(&machine, forced: forced)
    }
  }

  static func powerOff(_ machine: inout VirtualMachine, forced: Bool) throws {
    switch machine.state {
    case .running, .error: machine.state = .stopping
    case .starting where forced: machine.state = .stopping
    case .stopped: break
    default: throw wrongState(machine, "stopped")
    }
  }

  package func rebootVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await change(id, "rebootVirtualMachine", "VM.REBOOT", by: caller) { machine, _ in
      try Self.reset(&machine)
    }
  }

  static func reset(_ machine: inout VirtualMachine) throws {
    guard machine.state == .running else { throw wrongState(machine, "rebooted") }
    machine.bootCount += 1
  }

  /// Stops an instance for good. It can be expunged at once, or is after the expunge delay.
  package func destroyVirtualMachine(
    _ id: ID<VirtualMachine>, expunge: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("destroyVirtualMachine", .virtualMachine, by: caller) { draft in
      var machine = try Self.machine(id, caller, draft)
      guard machine.state != .expunging, machine.state != .destroyed || expunge else {
        throw Self.wrongState(machine, "destroyed")
      }
      guard machine.isDeleteProtected != true else {
        throw ControlError(
          .invalidParameter,
          "The instance \(machine.name) has delete protection enabled; switch it off by updateVirtualMachine first")
      }
      if expunge {
        try Withdrawal.withdraw(machine: machine, &draft)
      } else {
        machine.state = .destroyed
        machine.expungeAfter = draft.now.addingTimeInterval(TimeInterval(draft.state.integer(.expungeDelay)))
        try draft.put(machine)
      }
      try draft.put(
        Self.event("VM.DESTROY", "Destroying instance \(machine.name)", machine.account, caller.user, draft))
      return id.uuid
    }
  }

  /// What the sweep does to an instance whose time has come.
  func expunge(_ id: ID<VirtualMachine>) async throws {
    guard let machine = state.virtualMachines[id] else { return }
    // An account without users has machines all the same.
    guard let caller = Self.caller(for: machine, state) else { return }
    _ = try await begin("expungeVirtualMachine", .virtualMachine, by: caller) { draft in
      if let machine = draft.get(id), machine.state == .destroyed {
        try Withdrawal.withdraw(machine: machine, &draft)
      }
      return id.uuid
    }
  }

  func change(
    _ id: ID<VirtualMachine>, _ command: String, _ event: String, by caller: Caller,
    _ body: @escaping @Sendable (inout VirtualMachine, inout Draft) throws -> Void
  ) async throws -> Started {
    try await begin(command, .virtualMachine, by: caller) { draft in
      var machine = try Self.machine(id, caller, draft)
      try body(&machine, &draft)
      try draft.put(machine)
      try draft.put(
        Self.event(
          event, "\(command) of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: id.uuid))
      return id.uuid
    }
  }

  static func machine(
    _ id: ID<VirtualMachine>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> VirtualMachine {
    guard let machine = draft.get(id), machine.state != .expunging else {
      throw ControlError(.invalidParameter, "Unable to find the virtual machine with id \(id)")
    }
    try Access.require(caller, owner: machine.account, in: draft.state)
    return machine
  }

  static func wrongState(_ machine: VirtualMachine, _ what: String) -> ControlError {
    ControlError(.invalidParameter, "The instance is in state \(machine.state.rawValue) and cannot be \(what)")
  }
}
