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
  package var hypervisor: HypervisorType?
  package var account: String?
  package var domain: ID<Domain>?

  package init(zone: ID<Zone>, template: ID<Template>, offering: ID<ServiceOffering>) {
    self.zone = zone
    self.template = template
    self.offering = offering
  }
}

extension Control {
  package func deployVirtualMachine(_ request: Deployment, by caller: Caller) async throws -> Started {
    try await begin("deployVirtualMachine", .virtualMachine, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      guard let zone = draft.get(request.zone), let template = draft.get(request.template),
        draft.get(request.offering) != nil
      else { throw ControlError(.invalidParameter, "The zone, template or service offering does not exist") }
      guard template.zones.contains(zone.id) else {
        throw ControlError(.invalidParameter, "The template \(template.name) is not available in zone \(zone.name)")
      }
      guard request.hypervisor == nil || request.hypervisor == template.hypervisor else {
        throw ControlError(
          .invalidParameter, "Hypervisor passed to the deployVm call, is different from the template's")
      }
      guard request.userData.count <= 32_768 else {
        throw ControlError(.invalidParameter, "User data is too big; 32768 bytes are the limit")
      }
      let id: ID<VirtualMachine> = draft.newID()
      let name = request.name ?? "VM-\(id)"
      guard HostName.isValid(name), !name.allSatisfy(\.isNumber) else {
        throw ControlError(
          .invalidParameter,
          "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen "
            + "('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't be all digits"
        )
      }
      guard !HostName.isReserved(name) else {
        throw ControlError(.invalidParameter, "Invalid name. \(name) means something else to DHCP; choose another")
      }
      let networks = try Self.networks(of: request, zone, owner, caller, &draft)
      var nics: [NIC] = []
      for (position, network) in networks.enumerated() {
        guard
          !draft.state.virtualMachines.matching("name", .scoped(network.id.uuid, name.lowercased())).contains(where: {
            network.guestType == .isolated || $0.account == owner.id
          })
        else {
          throw ControlError(
            .invalidParameter,
            "The vm with hostName \(name) already exists in the network domain: \(network.domainName)")
        }
        let address = try Self.guestAddress(position == 0 ? request.address : nil, network, draft)
        nics.append(NIC(id: draft.newID(), network: network.id, address: address, mac: Self.mac(draft.newUUID())))
      }
      var machine = VirtualMachine(
        id: id, name: name, displayName: request.displayName ?? name, account: owner.id, zone: zone.id,
        template: template.id, offering: request.offering, hypervisor: template.hypervisor,
        securityGroups: try Self.groups(of: request, zone, owner, caller, draft), nics: nics,
        state: request.startVM ? .starting : .stopped, userData: request.userData, created: draft.now)
      machine.host = try Self.place(machine, draft)
      try draft.put(machine)
      try draft.put(
        Self.event(
          "VM.CREATE", "Deploying instance \(name)", owner.id, caller.user, draft, resourceType: "VirtualMachine",
          resource: id.uuid))
      return id.uuid
    }
  }

  private static func networks(
    of request: Deployment, _ zone: Zone, _ owner: Account, _ caller: Caller, _ draft: inout Draft
  ) throws -> [Network] {
    if zone.series == .basic {
      let shared = draft.state.networks.matching("zone", .id(zone.id)).filter { $0.guestType == .shared }
      guard request.networks.isEmpty || request.networks == shared.map(\.id) else {
        throw ControlError(.invalidParameter, "Can't specify network Ids in a Basic zone other than its shared network")
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
      let network = try network(id, caller, draft)
      guard network.zone == zone.id, network.account == owner.id else {
        throw ControlError(.permissionDenied, "Unable to use network with id= \(id), permission denied")
      }
      return try implement(id, &draft)
    }
  }

  private static func groups(
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
      draft.state.virtualMachines.first("address", .scoped(network.id.uuid, address.description)) != nil
    }
    let range = GuestAddresses.range(of: network)
    if let wanted {
      guard range.contains(wanted.value), wanted != network.gateway else {
        throw ControlError(.invalidParameter, "The address \(wanted) is not one that instances of the network can have")
      }
      guard !isTaken(wanted) else {
        throw ControlError(.insufficientAddresses, "The address \(wanted) is already in use")
      }
      return wanted
    }
    let size = range.upperBound - range.lowerBound + 1
    let draw = draft.newUUID().uuid
    let start = (UInt32(draw.0) << 24 | UInt32(draw.1) << 16 | UInt32(draw.2) << 8 | UInt32(draw.3)) % size
    for step in 0..<size {
      let address = IPv4(range.lowerBound + (start + step) % size)
      if address != network.gateway && !isTaken(address) { return address }
    }
    throw ControlError(.insufficientAddresses, "Insufficient address capacity: the network has no free address")
  }

  /// A locally administered address out of 02:…, random beyond its first two octets.
  private static func mac(_ random: UUID) -> MAC {
    let bytes = random.uuid
    return MAC(bytes: [0x02, 0x01, bytes.0, bytes.1, bytes.2, bytes.3])
  }

  /// The host with the most free memory that fits.
  private static func place(_ machine: VirtualMachine, _ draft: borrowing Draft) throws -> ID<Host> {
    let needed = draft.get(machine.offering)?.memoryMiB ?? 0
    var best: (host: Host, free: Int)?
    for host in draft.state.hosts.matching("zone", .id(machine.zone)) where host.hypervisor == machine.hypervisor {
      // A simulated instance takes no memory worth counting.
      let used =
        host.hypervisor == .simulator
        ? 0
        : draft.state.virtualMachines.matching("host", .id(host.id)).filter(\.state.isPoweredOn)
          .reduce(0) { $0 + (draft.get($1.offering)?.memoryMiB ?? 0) }
      let free = host.memoryMiB - used
      if free >= needed, best == nil || free > best?.free ?? 0 { best = (host, free) }
    }
    guard let best else {
      throw ControlError(
        .insufficientCapacity, "Unable to create a deployment for the instance: no host has room for it")
    }
    return best.host.id
  }

  package func startVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await change(id, "startVirtualMachine", "VM.START", by: caller) { machine, draft in
      guard machine.state == .stopped else { throw Self.wrongState(machine, "started") }
      machine.host = try Self.place(machine, draft)
      machine.state = .starting
    }
  }

  package func stopVirtualMachine(
    _ id: ID<VirtualMachine>, forced: Bool, by caller: Caller
  ) async throws -> Started {
    try await change(id, "stopVirtualMachine", "VM.STOP", by: caller) { machine, _ in
      switch machine.state {
      case .running, .error: machine.state = .stopping
      case .starting where forced: machine.state = .stopping
      case .stopped: break
      default: throw Self.wrongState(machine, "stopped")
      }
    }
  }

  package func rebootVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await change(id, "rebootVirtualMachine", "VM.REBOOT", by: caller) { machine, _ in
      guard machine.state == .running else { throw Self.wrongState(machine, "rebooted") }
      machine.bootCount += 1
    }
  }

  /// Stops an instance for good. It can be expunged at once, or is after the expunge delay.
  package func destroyVirtualMachine(
    _ id: ID<VirtualMachine>, expunge: Bool, by caller: Caller
  ) async throws -> Started {
    let delay = settings.expungeDelay
    return try await begin("destroyVirtualMachine", .virtualMachine, by: caller) { draft in
      var machine = try Self.machine(id, caller, draft)
      guard machine.state != .expunging, machine.state != .destroyed || expunge else {
        throw Self.wrongState(machine, "destroyed")
      }
      if expunge {
        try Withdrawal.withdraw(machine: machine, &draft)
      } else {
        machine.state = .destroyed
        machine.expungeAfter = draft.now.addingTimeInterval(TimeInterval(delay.components.seconds))
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
    let owner = state.accounts[machine.account].map { [$0] } ?? []
    let administrators = state.accounts.all.filter { $0.type == .rootAdmin }
    let callers = (owner + administrators).compactMap { account in
      state.users.matching("account", .id(account.id)).first.map { Caller(user: $0, account: account) }
    }
    guard let caller = callers.first else { return }
    _ = try await begin("expungeVirtualMachine", .virtualMachine, by: caller) { draft in
      if let machine = draft.get(id), machine.state == .destroyed {
        try Withdrawal.withdraw(machine: machine, &draft)
      }
      return id.uuid
    }
  }

  private func change(
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

  private static func wrongState(_ machine: VirtualMachine, _ what: String) -> ControlError {
    ControlError(.invalidParameter, "The instance is in state \(machine.state.rawValue) and cannot be \(what)")
  }
}
