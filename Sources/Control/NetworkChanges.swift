package import CloudModel
import FoundationEssentials
import Ledger

package struct NetworkChange: Sendable {
  package var name: String?
  package var displayText: String?
  package var domainName: String?
  package var offering: ID<NetworkOffering>?

  package init() {}
}

extension Control {
  package func updateNetwork(_ id: ID<Network>, _ change: NetworkChange, by caller: Caller) async throws -> Started {
    try await begin("updateNetwork", .network, by: caller) { draft in
      var network = try Self.network(id, caller, draft)
      try Access.require(caller, owner: network.account, in: draft.state)
      guard network.state != .destroying else { throw ControlError(.resourceInUse, "The network is being deleted") }
      if let name = change.name {
        try Self.checkName(name)
        network.name = name
      }
      if let text = change.displayText { network.displayText = text }
      if let name = try Self.domainName(change.domainName) { network.domainName = name }
      if let offering = change.offering, offering != network.offering {
        network = try Self.change(network, to: offering, draft)
      }
      try draft.put(network)
      try draft.put(
        Self.event(
          "NETWORK.UPDATE", "Updated network \(network.name)", network.account, caller.user, draft,
          resourceType: "Network", resource: id.uuid))
      return id.uuid
    }
  }

  /// The network under another offering of the same kind.
  private static func change(
    _ network: Network, to id: ID<NetworkOffering>, _ draft: borrowing Draft
  ) throws -> Network {
    guard let new = draft.get(id), let old = draft.get(network.offering) else {
      throw ControlError(.invalidParameter, "Unable to find network offering \(id)")
    }
    guard new.guestType == old.guestType, (new.forVPC ?? false) == (old.forVPC ?? false) else {
      throw ControlError(
        .invalidParameter, "Can't upgrade from network offering \(old.name) to \(new.name): they are of different kinds"
      )
    }
    let hadSourceNAT = old.services.contains("SourceNat")
    guard network.state == .allocated || new.services.contains("SourceNat") == hadSourceNAT else {
      throw ControlError(
        .invalidParameter, "Source NAT can be added or taken away only as long as the network has no router")
    }
    let hasEgressRules = draft.state.firewallRules.matching("network", .id(network.id)).contains { $0.address == nil }
    guard new.egressDefaultAllow == old.egressDefaultAllow || !hasEgressRules else {
      throw ControlError(
        .invalidParameter, "The offering would turn the network's egress rules into their opposite; delete them first")
    }
    let missing = Set(old.services).subtracting(new.services)
    let key = IndexKey.id(network.id)
    let isUsing =
      missing.contains("PortForwarding") && draft.state.portForwardingRules.count("network", key) > 0
      || missing.contains("Lb") && draft.state.loadBalancerRules.count("network", key) > 0
      || missing.contains("Lb") && draft.state.internalLoadBalancers.count("network", key) > 0
      || missing.contains("Firewall") && draft.state.firewallRules.count("network", key) > 0
      || missing.contains("StaticNat")
        && draft.state.publicIPs.matching("network", key).contains { $0.staticNAT != nil }
    guard !isUsing else {
      throw ControlError(.resourceInUse, "The network has rules of services that \(new.name) lacks; delete them first")
    }
    var network = network
    network.offering = id
    return network
  }

  /// Restarts a network's router; with `cleanup` it is made from nothing. What nodes carry they read back and repair all the
  /// time, so without `cleanup` nothing is left to do there.
  package func restartNetwork(_ id: ID<Network>, cleanup: Bool, by caller: Caller) async throws -> Started {
    let share = settings.stageShare
    let state = self.state
    let isCarried = state.networks[id].map { !state.isSimulated($0.zone) } ?? false
    return try await begin("restartNetwork", isCarried && cleanup ? .rollout : .network, by: caller) { draft in
      let network = try Self.network(id, caller, draft)
      try Access.require(caller, owner: network.account, in: draft.state)
      guard network.state == .implemented else {
        throw ControlError(
          .invalidParameter, "Network is not in the right state to be restarted. Correct states are: Implemented, Setup"
        )
      }
      try draft.put(
        Self.event(
          "NETWORK.RESTART", "Restarting network \(network.name)", network.account, caller.user, draft,
          resourceType: "Network", resource: id.uuid))
      if isCarried && cleanup {
        return try Rollouts.put(.network(id), renderer: nil, share: share, caller, &draft).id.uuid
      }
      if !isCarried && network.vpc == nil { try Self.renewRouter(of: network, cleanup: cleanup, &draft) }
      return id.uuid
    }
  }
}
