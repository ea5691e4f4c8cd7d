package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewInternalLoadBalancer: Sendable {
  package var name: String
  package var description = ""
  package var network: ID<Network>
  package var sourceNetwork: ID<Network>
  package var sourceAddress: IPv4?
  package var sourcePort: UInt16
  package var instancePort: UInt16
  package var algorithm: LoadBalancerAlgorithm
  package var isDisplayed: Bool?

  package init(
    name: String, network: ID<Network>, sourceNetwork: ID<Network>, sourcePort: UInt16, instancePort: UInt16,
    algorithm: LoadBalancerAlgorithm
  ) {
    self.name = name
    self.network = network
    self.sourceNetwork = sourceNetwork
    self.sourcePort = sourcePort
    self.instancePort = instancePort
    self.algorithm = algorithm
  }
}

/// Load balancers inside of a customer's networks. They are in the ledger alone: no node has any.
extension Control {
  private static let internalLoadBalancersPerNetwork = 256

  package func createInternalLoadBalancer(
    _ request: NewInternalLoadBalancer, by caller: Caller
  ) async throws -> Started {
    try await begin("createLoadBalancer", .internalLoadBalancer, by: caller) { draft in
      let network = try Self.balanced(request.network, caller, draft)
      let source = try Self.balanced(request.sourceNetwork, caller, draft)
      guard source.id == network.id || source.vpc != nil && source.vpc == network.vpc,
        source.account == network.account
      else {
        throw ControlError(
          .invalidParameter, "The source address is of the network of the instances, or of another tier of its VPC")
      }
      try Self.checkName(request.name)
      try Self.requireRoom(
        draft.state.internalLoadBalancers.count("network", .id(source.id)), Self.internalLoadBalancersPerNetwork,
        "internal load balancers in a network")
      let address = try Self.sourceAddress(request.sourceAddress, source, draft)
      let port = IndexKey.scoped(source.id.uuid, "\(address):\(request.sourcePort)")
      if let other = draft.state.internalLoadBalancers.first("port", port) {
        throw ControlError(
          .networkRuleConflict, "Port \(request.sourcePort) of \(address) is that of load balancer \(other.name)")
      }
      var balancer = InternalLoadBalancer(
        id: draft.newID(), name: request.name, description: request.description, account: network.account,
        network: network.id, sourceNetwork: source.id, sourceAddress: address, sourcePort: request.sourcePort,
        instancePort: request.instancePort, algorithm: request.algorithm, created: draft.now)
      balancer.isHidden = request.isDisplayed == false ? true : nil
      try draft.put(balancer)
      try draft.put(Self.event("LB.CREATE", "Created", balancer, caller, draft))
      return balancer.id.uuid
    }
  }

  /// A network that can have internal load balancers.
  private static func balanced(_ id: ID<Network>, _ caller: Caller, _ draft: borrowing Draft) throws -> Network {
    let network = try network(id, caller, draft)
    guard network.guestType == .isolated, network.state != .destroying else {
      throw ControlError(.invalidParameter, "Internal load balancers are for isolated networks and tiers of VPCs")
    }
    guard draft.get(network.offering)?.services.contains("Lb") == true else {
      throw ControlError(.invalidParameter, "The offering of network \(network.name) has no service Lb")
    }
    try requireSimulated(network.zone, "An internal load balancer", draft.state)
    return network
  }

  /// The address that was asked for, which other load balancers may have too, or a free one.
  private static func sourceAddress(_ wanted: IPv4?, _ network: Network, _ draft: borrowing Draft) throws -> IPv4 {
    if let wanted {
      let key = IndexKey.scoped(network.id.uuid, wanted.description)
      if draft.state.internalLoadBalancers.count("source", key) > 0 { return wanted }
    }
    return try guestAddress(wanted, network, draft)
  }

  package func updateInternalLoadBalancer(
    _ id: ID<InternalLoadBalancer>, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await change(id, "updateLoadBalancer", "LB.UPDATE", "Changed", caller) { balancer, _ in
      if let isDisplayed { balancer.isHidden = isDisplayed ? nil : true }
    }
  }

  package func deleteInternalLoadBalancer(
    _ id: ID<InternalLoadBalancer>, by caller: Caller
  ) async throws -> Started {
    try await begin("deleteLoadBalancer", .internalLoadBalancer, by: caller) { draft in
      let balancer = try Self.balancer(id, caller, draft)
      try InternalBalancing.remove(balancer, &draft)
      try draft.put(Self.event("LB.DELETE", "Deleted", balancer, caller, draft))
      return id.uuid
    }
  }

  /// The first instances bring the load balancer's own machine with them.
  package func assign(
    _ virtualMachines: [ID<VirtualMachine>], to id: ID<InternalLoadBalancer>, by caller: Caller
  ) async throws -> Started {
    try await change(id, "assignToLoadBalancerRule", "LB.ASSIGN.TO.RULE", "Assigned to", caller) { balancer, draft in
      try Self.requireNamed(virtualMachines)
      for id in virtualMachines {
        let machine = try Self.machine(id, caller, draft)
        guard machine.account == balancer.account else {
          throw ControlError(.permissionDenied, "The instance and the load balancer belong to different accounts")
        }
        guard machine.state != .destroyed, machine.state != .error else {
          throw ControlError(.invalidParameter, "The instance is in state \(machine.state.rawValue)")
        }
        guard let nic = machine.wantedNICs.first(where: { $0.network == balancer.network }) else {
          throw ControlError(.invalidParameter, "The instance \(machine.name) is not in the load balancer's network")
        }
        guard !balancer.members.contains(where: { $0.virtualMachine == id }) else {
          throw ControlError(.invalidParameter, "The instance \(machine.name) is assigned to the load balancer already")
        }
        balancer.members.append(LoadBalancerMember(virtualMachine: id, guestAddress: nic.address))
      }
      guard balancer.members.count <= 256 else {
        throw ControlError(.resourceLimit, "A load balancer has at most 256 members")
      }
      try InternalBalancing.putVM(for: balancer, &draft)
      balancer.state = .active
    }
  }

  package func remove(
    _ virtualMachines: [ID<VirtualMachine>], from id: ID<InternalLoadBalancer>, by caller: Caller
  ) async throws -> Started {
    try await change(id, "removeFromLoadBalancerRule", "LB.REMOVE.FROM.RULE", "Removed from", caller) {
      balancer, draft in
      try Self.requireNamed(virtualMachines)
      for id in virtualMachines {
        _ = try Self.machine(id, caller, draft)
        guard balancer.members.contains(where: { $0.virtualMachine == id }) else {
          throw ControlError(.invalidParameter, "The instance is not assigned to the load balancer")
        }
        balancer.members.removeAll { $0.virtualMachine == id }
      }
    }
  }

  private static func requireNamed(_ virtualMachines: [ID<VirtualMachine>]) throws(ControlError) {
    guard !virtualMachines.isEmpty else {
      throw ControlError(.invalidParameter, "virtualmachineids must name at least one instance")
    }
  }

  private func change(
    _ id: ID<InternalLoadBalancer>, _ command: String, _ type: String, _ done: String, _ caller: Caller,
    _ body: @escaping @Sendable (inout InternalLoadBalancer, inout Draft) throws -> Void
  ) async throws -> Started {
    try await begin(command, .internalLoadBalancer, by: caller) { draft in
      var balancer = try Self.balancer(id, caller, draft)
      try body(&balancer, &draft)
      try draft.put(balancer)
      try draft.put(Self.event(type, done, balancer, caller, draft))
      return id.uuid
    }
  }

  private static func balancer(
    _ id: ID<InternalLoadBalancer>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> InternalLoadBalancer {
    try owned(id, "load balancer", caller, draft) { $0.account }
  }

  private static func event(
    _ type: String, _ done: String, _ balancer: InternalLoadBalancer, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "\(done) load balancer \(balancer.name)", balancer.account, caller.user, draft,
      resourceType: "LoadBalancer", resource: balancer.id.uuid)
  }
}

/// What comes and goes with internal load balancers.
enum InternalBalancing {
  /// One machine answers at an address, for all load balancers there.
  static func putVM(for balancer: InternalLoadBalancer, _ draft: inout Draft) throws {
    guard draft.state.internalLoadBalancerVMs.first("source", source(of: balancer)) == nil else { return }
    guard let network = draft.get(balancer.sourceNetwork) else { return }
    let id: ID<InternalLoadBalancerVM> = draft.newID()
    try draft.put(
      InternalLoadBalancerVM(
        id: id, name: "b-\(id.description.prefix(8))-VM", network: network.id, address: balancer.sourceAddress,
        zone: network.zone, account: balancer.account, host: try Control.routerHost(network.zone, draft),
        created: draft.now))
  }

  /// The last load balancer of an address takes its machine along.
  static func remove(_ balancer: InternalLoadBalancer, _ draft: inout Draft) throws {
    try draft.remove(balancer.id)
    guard draft.state.internalLoadBalancers.count("source", source(of: balancer)) == 0,
      let machine = draft.state.internalLoadBalancerVMs.first("source", source(of: balancer))
    else { return }
    try draft.remove(machine.id)
  }

  static func removeAll(of network: ID<Network>, _ draft: inout Draft) throws {
    for balancer in draft.state.internalLoadBalancers.matching("network", .id(network)) {
      try remove(balancer, &draft)
    }
  }

  /// Takes an instance that goes out of all that lead to it.
  static func withdraw(_ machine: ID<VirtualMachine>, _ draft: inout Draft) throws {
    for var balancer in draft.state.internalLoadBalancers.matching("instance", .id(machine)) {
      balancer.members.removeAll { $0.virtualMachine == machine }
      try draft.put(balancer)
    }
  }

  private static func source(of balancer: InternalLoadBalancer) -> IndexKey {
    .scoped(balancer.sourceNetwork.uuid, balancer.sourceAddress.description)
  }
}
