package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

/// What the NIC of a new instance in one network is to have.
package struct NICWish: Sendable {
  package var network: ID<Network>
  package var address: IPv4?
  package var mac: MAC?
  /// Which NIC of the instance it is to be, the default one being 0.
  package var position: Int?

  package init(network: ID<Network>) { self.network = network }
}

extension Control {
  private static let nicsPerInstance = 8

  /// The NICs of a new instance, one in each of the networks.
  static func nics(
    of request: Deployment, _ networks: [Network], _ name: String, _ owner: ID<Account>, _ draft: inout Draft
  ) throws -> [NIC] {
    for wish in request.wishes where !networks.contains(where: { $0.id == wish.network }) {
      throw ControlError(.invalidParameter, "The instance is not in the network \(wish.network)")
    }
    var nics: [NIC] = []
    for network in try ordered(networks, request.wishes) {
      try requireFree(name, network, owner, draft)
      let wish = request.wishes.first { $0.network == network.id }
      let isDefault = nics.isEmpty
      let address = try guestAddress(wish?.address ?? (isDefault ? request.address : nil), network, draft)
      let mac = try mac(wish?.mac ?? (isDefault ? request.mac : nil), network, &draft)
      nics.append(NIC(id: draft.newID(), network: network.id, address: address, mac: mac))
    }
    return nics
  }

  private static func ordered(_ networks: [Network], _ wishes: [NICWish]) throws -> [Network] {
    var order = networks
    for wish in wishes.filter({ $0.position != nil }).sorted(by: { $0.position ?? 0 < $1.position ?? 0 }) {
      guard let position = wish.position, order.indices.contains(position),
        let present = order.firstIndex(where: { $0.id == wish.network })
      else { throw ControlError(.invalidParameter, "nicnetworklist names a nic that the instance does not have") }
      order.insert(order.remove(at: present), at: position)
    }
    return order
  }

  /// The Ethernet address that was asked for, or a random one.
  private static func mac(_ wanted: MAC?, _ network: Network, _ draft: inout Draft) throws -> MAC {
    guard let wanted else {
      // Locally administered, random beyond its first two octets.
      let bytes = draft.newUUID().uuid
      return MAC(bytes: [0x02, 0x01, bytes.0, bytes.1, bytes.2, bytes.3])
    }
    guard wanted.value != 0, wanted.octets[0] & 1 == 0 else {
      throw ControlError(.invalidParameter, "The MAC address \(wanted) is not one that a NIC can have")
    }
    let isTaken = draft.state.virtualMachines.matching("network", .id(network.id)).contains { machine in
      machine.nics.contains { $0.network == network.id && $0.mac == wanted }
    }
    guard !isTaken else { throw ControlError(.invalidParameter, "The MAC address \(wanted) is already in use") }
    return wanted
  }

  /// Gives an instance a further NIC. A machine of a real hypervisor has to be stopped for it.
  package func addNIC(
    to id: ID<VirtualMachine>, in network: ID<Network>, address: IPv4?, mac: MAC?, by caller: Caller
  ) async throws -> Started {
    try await begin(
      "addNicToVirtualMachine", .virtualMachine, by: caller,
      about: { draft in
        var machine = try Self.changeable(id, caller, draft)
        guard draft.get(machine.zone)?.series == .isolate else {
          throw ControlError(.invalidParameter, "Can't add a new NIC to an instance of a Basic zone")
        }
        let wanted = try Self.network(network, caller, draft)
        guard wanted.zone == machine.zone, wanted.account == machine.account else {
          throw ControlError(.permissionDenied, "Unable to use network with id= \(network), permission denied")
        }
        guard !machine.nics.contains(where: { $0.network == network }) else {
          throw ControlError(.invalidParameter, "A NIC of the instance is in the network \(wanted.name) already")
        }
        guard machine.nics.count < Self.nicsPerInstance else {
          throw ControlError(.resourceLimit, "An instance has at most \(Self.nicsPerInstance) NICs")
        }
        let implemented = try Self.implement(network, &draft)
        try Self.requireFree(machine.name, implemented, machine.account, except: id, draft)
        let nic = NIC(
          id: draft.newID(), network: network, address: try Self.guestAddress(address, implemented, draft),
          mac: try Self.mac(mac, implemented, &draft))
        machine.nics.append(nic)
        try draft.put(machine)
        try draft.put(
          Self.event(
            "NIC.CREATE", "Adding a NIC to \(machine.name)", machine.account, caller.user, draft,
            resourceType: "VirtualMachine", resource: id.uuid))
        return About(resource: id.uuid, references: [JobReference(type: Self.nicReference, id: nic.id.uuid)])
      })
  }

  /// The type under which a job names the NIC that it adds.
  static let nicReference = "Nic"

  /// Takes a NIC away. Nobody else gets its address before the node has confirmed that.
  package func removeNIC(
    _ nic: ID<NIC>, from id: ID<VirtualMachine>, by caller: Caller
  ) async throws -> Started {
    try await begin("removeNicFromVirtualMachine", .virtualMachine, by: caller) { draft in
      var machine = try Self.changeable(id, caller, draft)
      let position = try Self.position(of: nic, in: machine)
      guard position > 0 else {
        throw ControlError(.invalidParameter, "The default NIC cannot be removed; make another the default one first")
      }
      if let user = Self.user(of: machine, nic: machine.nics[position], draft) {
        throw ControlError(.invalidParameter, "\(user) leads to the NIC; remove it first")
      }
      machine.nics[position].isRemoving = true
      try draft.put(machine)
      try draft.put(
        Self.event(
          "NIC.DELETE", "Removing a NIC from \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: id.uuid))
      return id.uuid
    }
  }

  package func updateDefaultNIC(
    _ nic: ID<NIC>, of id: ID<VirtualMachine>, by caller: Caller
  ) async throws -> Started {
    try await begin("updateDefaultNicForVirtualMachine", .virtualMachine, by: caller) { draft in
      var machine = try Self.changeable(id, caller, draft)
      let position = try Self.position(of: nic, in: machine)
      guard position > 0 else { throw ControlError(.invalidParameter, "The NIC is the default one already") }
      machine.nics.insert(machine.nics.remove(at: position), at: 0)
      try draft.put(machine)
      try draft.put(
        Self.event(
          "NIC.UPDATE", "Changing the default NIC of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: id.uuid))
      return id.uuid
    }
  }

  /// Gives the NIC of a stopped instance another address: `wanted`, or any free one.
  package func updateNICAddress(_ nic: ID<NIC>, to wanted: IPv4?, by caller: Caller) async throws -> Started {
    try await begin("updateVmNicIp", .virtualMachine, by: caller) { draft in
      guard let held = draft.state.virtualMachines.first("nic", .uuid(nic.uuid)) else {
        throw ControlError(.invalidParameter, "Unable to find the nic with id \(nic)")
      }
      var machine = try Self.machine(held.id, caller, draft)
      guard machine.state == .stopped else { throw Self.wrongState(machine, "given another address; stop it first") }
      let position = try Self.position(of: nic, in: machine)
      guard let network = draft.get(machine.nics[position].network) else {
        throw ControlError(.invalidParameter, "Unable to find the network of the nic \(nic)")
      }
      if let user = Self.user(of: machine, nic: machine.nics[position], draft) {
        throw ControlError(.invalidParameter, "\(user) leads to the NIC; remove it first")
      }
      machine.nics[position].address = try Self.guestAddress(wanted, network, draft)
      try draft.put(machine)
      try draft.put(
        Self.event(
          "NIC.UPDATE", "Changing the address of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: machine.id.uuid))
      return machine.id.uuid
    }
  }

  /// An instance whose NICs can be changed now.
  private static func changeable(
    _ id: ID<VirtualMachine>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> VirtualMachine {
    let machine = try machine(id, caller, draft)
    switch machine.state {
    case .stopped: return machine
    case .running:
      try requireSimulator(machine, "Changing NICs while it runs")
      return machine
    default: throw wrongState(machine, "given other NICs")
    }
  }

  private static func position(of nic: ID<NIC>, in machine: VirtualMachine) throws -> Int {
    guard let position = machine.nics.firstIndex(where: { $0.id == nic && !$0.isRemoving }) else {
      throw ControlError(.invalidParameter, "The instance has no nic with id \(nic)")
    }
    return position
  }
}
