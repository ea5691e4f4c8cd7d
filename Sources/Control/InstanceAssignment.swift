package import CloudModel
import Ledger

package struct InstanceAssignment: Sendable {
  package var account: String
  package var domain: ID<Domain>?
  package var networks: [ID<Network>] = []
  package var securityGroups: [ID<SecurityGroup>] = []

  package init(account: String) { self.account = account }
}

extension Control {
  /// Gives a stopped instance to another account. It leaves its groups and networks.
  package func assignVirtualMachine(
    _ id: ID<VirtualMachine>, _ request: InstanceAssignment, by caller: Caller
  ) async throws -> Started {
    try await change(id, "assignVirtualMachine", "VM.MOVE", by: caller) { machine, draft in
      guard caller.type != .user else {
        throw ControlError(.permissionDenied, "Only administrators may assign instances to another account")
      }
      let owner = try Access.recipient(
        for: caller, account: request.account, domain: request.domain, in: draft.state)
      guard owner.id != machine.account else {
        throw ControlError(.invalidParameter, "The instance is the account \(owner.name)'s already")
      }
      guard machine.state == .stopped else { throw Self.wrongState(machine, "assigned; stop it first") }
      if let user = Self.user(of: machine, draft) {
        throw ControlError(.invalidParameter, "\(user) leads to the instance; remove it before you assign the instance")
      }
      guard draft.state.instanceSnapshots.count("virtualmachine", .id(id)) == 0 else {
        throw ControlError(.invalidParameter, "Delete the snapshots of the instance before you assign it")
      }
      guard let zone = draft.get(machine.zone) else { throw ControlError(.invalidParameter, "The zone does not exist") }
      var deployment = Deployment(zone: zone.id, template: machine.template, offering: machine.offering)
      deployment.networks = request.networks
      deployment.securityGroups = request.securityGroups
      machine.securityGroups = try Self.groups(of: deployment, zone, owner, caller, draft)
      let networks = try Self.networks(of: deployment, zone, owner, caller, &draft)
      if zone.series == .basic {
        // The shared network stays, and so do the addresses.
        for network in networks { try Self.requireFree(machine.name, network, owner.id, except: id, draft) }
      } else {
        machine.nics = try Self.nics(of: deployment, networks, machine.name, owner.id, &draft)
      }
      machine.account = owner.id
      machine.group = nil
      machine.affinityGroups = nil
      machine.userDataSource = nil
    }
  }

  /// The rule that leads to the instance, in words.
  static func user(
    of machine: VirtualMachine, nic: NIC? = nil, _ draft: borrowing Draft
  ) -> String? {
    let addresses = nic?.allAddresses ?? machine.nics.flatMap(\.allAddresses)
    func isMeant(_ network: ID<Network>?) -> Bool { nic == nil || network == nil || network == nic?.network }
    let id = machine.id
    for address in draft.state.publicIPs.matching("instance", .id(id)) where isMeant(address.network) {
      if let target = address.staticNAT, addresses.contains(target.guestAddress) {
        return "Static NAT of \(address.address)"
      }
    }
    for rule in draft.state.portForwardingRules.matching("instance", .id(id))
    where isMeant(rule.network) && addresses.contains(rule.guestAddress) {
      return "Port forwarding rule \(rule.id)"
    }
    for rule in draft.state.loadBalancerRules.matching("instance", .id(id)) where isMeant(rule.network) {
      if rule.members.contains(where: { $0.virtualMachine == id && addresses.contains($0.guestAddress) }) {
        return "Load balancer rule \(rule.name)"
      }
    }
    for balancer in draft.state.internalLoadBalancers.matching("instance", .id(id)) where isMeant(balancer.network) {
      return "Load balancer \(balancer.name)"
    }
    return nil
  }
}
