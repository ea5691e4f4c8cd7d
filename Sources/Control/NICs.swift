package import Addresses
package import CloudModel
package import FoundationEssentials
import Ledger

/// A secondary address with the NIC and the instance it belongs to.
package struct HeldSecondaryAddress: Sendable {
  package let machine: VirtualMachine
  package let nic: NIC
  package let address: SecondaryAddress

  /// nil if no NIC has such an address.
  package init?(_ id: UUID, in state: CloudState) {
    guard let machine = state.virtualMachines.first("secondary", .uuid(id)) else { return nil }
    for nic in machine.nics {
      if let address = nic.secondary.first(where: { $0.id == id }) {
        self.machine = machine
        self.nic = nic
        self.address = address
        return
      }
    }
    return nil
  }
}

extension Control {
  static let secondaryAddressesPerNIC = 1024

  /// Gives a NIC a further address of its network: `wanted`, or any free one.
  package func addIPToNIC(_ id: ID<NIC>, address wanted: IPv4?, by caller: Caller) async throws -> Started {
    try await begin("addIpToNic", .secondaryAddress, by: caller) { draft in
      var machine = try Self.machine(of: id, caller, draft)
      guard machine.state == .running || machine.state == .stopped || machine.state == .starting else {
        throw ControlError(.invalidParameter, "The instance is in state \(machine.state.rawValue)")
      }
      guard let position = machine.nics.firstIndex(where: { $0.id == id }),
        let network = draft.get(machine.nics[position].network)
      else { throw ControlError(.invalidParameter, "Unable to find the network of the nic \(id)") }
      guard machine.nics[position].secondary.count < Self.secondaryAddressesPerNIC else {
        throw ControlError(
          .resourceLimit, "A nic has at most \(Self.secondaryAddressesPerNIC) secondary addresses")
      }
      let address = SecondaryAddress(id: draft.newUUID(), address: try Self.guestAddress(wanted, network, draft))
      machine.nics[position].secondary.append(address)
      try draft.put(machine)
      try draft.put(
        Self.event(
          "NIC.SECONDARY.IP.ASSIGN", "Assigned \(address.address) to \(machine.name)", machine.account, caller.user,
          draft, resourceType: "VirtualMachine", resource: machine.id.uuid))
      return address.id
    }
  }

  /// Takes a secondary address off its NIC. Nobody else gets it before the node has confirmed that.
  package func removeIPFromNIC(_ id: UUID, by caller: Caller) async throws -> Started {
    try await begin("removeIpFromNic", .secondaryAddress, by: caller) { draft in
      guard let held = HeldSecondaryAddress(id, in: draft.state) else {
        throw ControlError(.invalidParameter, "Unable to find secondary ip address \(id)")
      }
      var machine = try Self.machine(of: held.nic.id, caller, draft)
      if let user = Self.user(of: held, draft) {
        throw ControlError(
          .invalidParameter, "Can't remove the secondary ip \(held.address.address): \(user) leads to it")
      }
      for position in machine.nics.indices {
        for index in machine.nics[position].secondary.indices where machine.nics[position].secondary[index].id == id {
          machine.nics[position].secondary[index].isRemoving = true
        }
      }
      try draft.put(machine)
      try draft.put(
        Self.event(
          "NIC.SECONDARY.IP.UNASSIGN", "Removing \(held.address.address) from \(machine.name)", machine.account,
          caller.user, draft, resourceType: "VirtualMachine", resource: machine.id.uuid))
      return id
    }
  }

  /// The rule that needs the address, in words.
  private static func user(of held: HeldSecondaryAddress, _ draft: borrowing Draft) -> String? {
    let machine = held.machine.id
    let address = held.address.address
    for publicIP in draft.state.publicIPs.matching("instance", .id(machine))
    where publicIP.staticNAT?.guestAddress == address {
      return "static NAT of \(publicIP.address)"
    }
    for rule in draft.state.portForwardingRules.matching("instance", .id(machine)) where rule.guestAddress == address {
      return "port forwarding rule \(rule.id)"
    }
    for rule in draft.state.loadBalancerRules.matching("instance", .id(machine))
    where rule.members.contains(where: { $0.virtualMachine == machine && $0.guestAddress == address }) {
      return "load balancer rule \(rule.name)"
    }
    return nil
  }

  private static func machine(of nic: ID<NIC>, _ caller: Caller, _ draft: borrowing Draft) throws -> VirtualMachine {
    guard let machine = draft.state.virtualMachines.first("nic", .id(nic)), machine.state != .expunging else {
      throw ControlError(.invalidParameter, "Unable to find the nic with id \(nic)")
    }
    try Access.require(caller, owner: machine.account, in: draft.state)
    return machine
  }
}
