import Addresses
import Glibc
import Kernel
import Logging
import NodePlan

extension NodeNetwork {
  /// How long a rebuilt router's probe may take to come back before the router is returned to what it was.
  private static let probePatience = Duration.seconds(2)

  /// Rebuilds one router after the other, as long as any is due. Changes of the plan come in between.
  func rebuildDue() {
    guard rebuilding == nil, !dueRebuilds.isEmpty else { return }
    rebuilding = Task {
      while !Task.isCancelled, let id = dueRebuilds.min() {
        dueRebuilds.remove(id)
        await rebuild(id)
        await Task.yield()
      }
      rebuilding = nil
    }
  }

  /// Makes all of a router anew from the plan, in one transaction. What does not come out right is returned at once.
  private func rebuild(_ id: String) async {
    guard let router = routers[id]?.router, routers[id]?.rendering.isDue(router) == true else { return }
    do {
      try await rebuild(router)
      await settleRebuild(router, nil)
    } catch {
      logger.error("a router could not be rebuilt", metadata: ["router": "\(id)", "error": "\(error)"])
      await settleRebuild(router, "\(error)")
    }
  }

  private func rebuild(_ router: Router) async throws {
    let id = router.id
    let renderer = Renderer(router.renderer, fault: configuration.renderingFault)
    let begun = generation
    guard let trial = try trial(id, renderer) else { return }
    // Meanwhile the kernel and changes of the plan go by the former rules.
    try Self.require(await Task.detached { trial.check() }.value)
    guard let former = try replace(id, renderer, checkingSince: begun), let place = places[Names.router(id)] else {
      return
    }
    _ = await endFlows()
    let address = routers[id]?.router.probeAddress ?? 0
    if address != 0, await prober?.probe(IPv4(address), within: Self.probePatience) != true {
      guard routers[id] != nil else { return }
      try returnTo(former, id, place)
      _ = await endFlows()
      throw DataplaneError(.notVerified, "the probe to \(IPv4(address)) did not come back through the new rules")
    }
    staleServices.insert(id)
    await updateServices()
  }

  /// What the new rules would be, to be thought through; nothing is changed.
  private func trial(_ id: String, _ renderer: Renderer) throws -> ModelTrial? {
    guard let state = routers[id], let place = places[state.place] else { return nil }
    let former = place.table
    defer {
      place.table = former
      routers[id]?.renderer = state.renderer
    }
    routers[id]?.renderer = renderer
    try render(id, place)
    return place.table.map { modelTrial(id, $0, parts(of: id)) }
  }

  /// Brings the new rules to the kernel, what changed since the trial included; the renderer before.
  private func replace(_ id: String, _ renderer: Renderer, checkingSince begun: UInt64) throws -> Renderer? {
    guard let state = routers[id], let place = places[state.place] else { return nil }
    let former = place.table
    routers[id]?.renderer = renderer
    do {
      try render(id, place)
      if let table = place.table {
        try Self.require(modelTrial(id, table, parts(of: id).filter { $0.revision > begun }).check())
      }
    } catch {
      place.table = former
      routers[id]?.renderer = state.renderer
      throw error
    }
    do {
      try place.commitWhole(insteadOf: former)
      try place.ensure(place.view.damage().missing, { self.namespace($0) })
    } catch {
      try returnTo(state.renderer, id, place)
      throw error
    }
    return state.renderer
  }

  /// The former rules again, rendered from the plan of now.
  private func returnTo(_ renderer: Renderer, _ id: String, _ place: Place) throws {
    let failed = place.table
    routers[id]?.renderer = renderer
    try render(id, place)
    try place.commitWhole(insteadOf: failed)
  }

  private static func require(_ faults: [(key: String, text: String)]) throws(DataplaneError) {
    guard let first = faults.first else { return }
    throw DataplaneError(
      .notVerified, "the rules would be wrong for \(faults.count) objects, \(first.key) for one: \(first.text)")
  }

  /// Renders all of a router's rules into an empty table, by its renderer.
  private func render(_ id: String, _ place: Place) throws {
    guard let state = routers[id] else { return }
    place.table = state.renderer.table(of: state.router)
    let own = state.isVirtual ? VirtualRouterTable.elements(of: state.router) : EdgeTable.elements(of: state.router)
    try replace(place.name, state.key, own)
    if state.isVirtual { setEgress(id) }
    for object in parts(of: id) where scopes[object.scope].failures[object.key] == nil {
      switch object.body {
      case .staticNat(let nat): try replace(place.name, object.key, state.renderer.elements(of: nat))
      case .portForward(let forward): try replace(place.name, object.key, state.elements(of: forward))
      case .loadBalancer(let balancer): try refresh(balancer, object.key, state.proxied[object.key]?.port)
      case .firewall(let rule) where rule.public != 0:
        setFirewall(id, rule.public)
        try replace(place.name, object.key, VirtualRouterTable.elements(of: rule))
      default: break
      }
    }
  }

  private func parts(of id: String) -> [PlanObject] { (dependents[id] ?? []).compactMap { objects[$0] } }

  private func settleRebuild(_ router: Router, _ failure: String?) async {
    guard let state = routers[router.id] else { return }
    if let failure {
      routers[router.id]?.rendering.failed = router.rebuilds
      routers[router.id]?.rendering.failure = failure
    } else {
      routers[router.id]?.rendering.rebuilt = router.rebuilds
      routers[router.id]?.rendering.renderer = state.renderer.version
    }
    do {
      try routers[router.id]?.rendering.write(to: Rendering.path(state.place, configuration))
    } catch {
      logger.warning("cannot note what a router was rendered with", metadata: ["error": "\(error)"])
    }
    // Without a failure it is verified from now on; its probe has passed.
    await verify([state.scope])
    if routers[router.id]?.rendering.isDue(routers[router.id]?.router ?? router) == true {
      dueRebuilds.insert(router.id)
    }
  }

  private func modelTrial(_ id: String, _ table: RuleTable, _ objects: [PlanObject]) -> ModelTrial {
    let state = routers[id]
    let failures = state.map { scopes[$0.scope].failures } ?? [:]
    return ModelTrial(
      router: state?.router ?? Router(), table: table, firewall: state?.firewall ?? [:],
      isEgressFree: state?.isVirtual != true
        || state?.router.egressDefaultAllow == true && state?.egress.isEmpty == true,
      dead: Set((state?.users ?? [:]).keys.filter { checks?.isAlive($0) == false }),
      proxied: Set((state?.proxied ?? [:]).keys), objects: objects.filter { failures[$0.key] == nil })
  }
}
