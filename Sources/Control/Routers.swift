package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// The router of an isolated network, on a host of its zone.
  static func putRouter(of network: Network, _ draft: inout Draft) throws {
    let host = try routerHost(network.zone, draft)
    let id: ID<VirtualRouter> = draft.newID()
    try draft.put(
      VirtualRouter(
        id: id, name: "r-\(network.vni ?? 0)-VM", network: network.id, zone: network.zone, account: network.account,
        host: host, created: draft.now))
  }

  /// Starts a simulated network's router, another one with `cleanup` or if there is none.
  static func renewRouter(of network: Network, cleanup: Bool, _ draft: inout Draft) throws {
    if let router = draft.state.routers.first("network", .id(network.id)) {
      guard cleanup else {
        var router = router
        router.isStopped = nil
        return try draft.put(router)
      }
      try draft.remove(router.id)
    }
    try putRouter(of: network, &draft)
  }

  package func startRouter(_ id: ID<VirtualRouter>, by caller: Caller) async throws -> Started {
    try await begin("startRouter", .router, by: caller) { draft in
      var router = try Self.router(id, caller, draft)
      router.isStopped = nil
      try draft.put(router)
      try draft.put(Self.event("ROUTER.START", "Starting", router, caller, draft))
      return id.uuid
    }
  }

  package func stopRouter(_ id: ID<VirtualRouter>, by caller: Caller) async throws -> Started {
    try await begin("stopRouter", .router, by: caller) { draft in
      var router = try Self.router(id, caller, draft)
      try Self.requireSimulated(router.zone, "Stopping a router", draft.state)
      router.isStopped = true
      try draft.put(router)
      try draft.put(Self.event("ROUTER.STOP", "Stopping", router, caller, draft))
      return id.uuid
    }
  }

  /// A router that a node carries is made from nothing, which is what booting it again would come to.
  package func rebootRouter(_ id: ID<VirtualRouter>, by caller: Caller) async throws -> Started {
    let share = settings.stageShare
    let state = self.state
    let isCarried = state.routers[id].map { !state.isSimulated($0.zone) } ?? false
    return try await begin("rebootRouter", isCarried ? .rollout : .router, by: caller) { draft in
      let router = try Self.router(id, caller, draft)
      guard router.isStopped != true else {
        throw ControlError(.resourceUnavailable, "The router \(router.name) is stopped; start it instead")
      }
      try draft.put(Self.event("ROUTER.REBOOT", "Rebooting", router, caller, draft))
      guard isCarried else { return id.uuid }
      return try Rollouts.put(.router(id), renderer: nil, share: share, caller, &draft).id.uuid
    }
  }

  /// The network gets another router when it is restarted or the next instance comes.
  package func destroyRouter(_ id: ID<VirtualRouter>, by caller: Caller) async throws -> Started {
    try await begin("destroyRouter", .router, by: caller) { draft in
      let router = try Self.router(id, caller, draft)
      try Self.requireSimulated(
        router.zone, "Destroying a router, which rebootRouter makes from nothing anyway,", draft.state)
      try draft.remove(id)
      try draft.put(Self.event("ROUTER.DESTROY", "Destroying", router, caller, draft))
      return id.uuid
    }
  }

  package func changeService(
    ofRouter id: ID<VirtualRouter>, to offering: ID<ServiceOffering>, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "changeServiceForRouter")) { draft in
      var router = try Self.router(id, caller, draft)
      try Self.requireSimulated(router.zone, "A service offering of a router", draft.state)
      let isUsual = offering == ServiceOffering.ofRouters.id
      guard isUsual || draft.get(offering) != nil else {
        throw ControlError(.invalidParameter, "Unable to find service offering \(offering)")
      }
      guard router.isStopped == true else {
        throw ControlError(.invalidParameter, "Stop the router \(router.name) before its service offering is changed")
      }
      router.offering = isUsual ? nil : offering
      try draft.put(router)
      try draft.put(Self.event("ROUTER.UPGRADE", "Changed the offering of", router, caller, draft))
    }
  }

  private static func router(
    _ id: ID<VirtualRouter>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> VirtualRouter {
    try owned(id, "router", caller, draft) { $0.account }
  }

  private static func event(
    _ type: String, _ doing: String, _ router: VirtualRouter, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "\(doing) router \(router.name)", router.account, caller.user, draft, resourceType: "DomainRouter",
      resource: router.id.uuid)
  }
}
