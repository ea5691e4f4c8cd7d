import Addresses
import Kernel
import Logging
import NodePlan

extension NodeNetwork {
  /// Brings a change to the kernel and reports every scope it touches, at its generation, as verified or failed. What
  /// cannot be put in place is named in the report; the rest is.
  package func apply(_ change: PlanChange) async {
    generation = max(generation, change.generation)
    var touched: Set<String> = []
    var removals = change.removals
    if change.complete {
      let wanted = Set(change.upserts.map(\.key))
      removals += objects.keys.filter { !wanted.contains($0) }
      touched.formUnion(scopes.scopes.keys)
    }
    steps += 1
    for key in removals.sorted(by: { rank($0) > rank($1) }) {
      guard let object = objects[key] else { continue }
      touched.insert(object.scope)
      forget(object)
    }
    var reinstalled: Set<String> = []
    for object in change.upserts.sorted(by: { Self.rank($0) < Self.rank($1) }) {
      if case .instance = object.body { continue }
      touched.insert(object.scope)
      if let old = objects[object.key] { touched.insert(old.scope) }
      upsert(object)
      if case .router(let router) = object.body { reinstalled.formUnion(dependents[router.id] ?? []) }
      if case .network(let network) = object.body { reinstalled.formUnion(dependents[network.id] ?? []) }
    }
    for key in reinstalled.sorted(by: { rank($0) < rank($1) }) {
      guard let object = objects[key], scopes[object.scope].failures[key] != nil else { continue }
      touched.insert(object.scope)
      upsert(object)
    }
    for name in touched {
      scopes[name].generation = change.generation
      scopes[name].phase = .applying
      scopes[name].message = ""
      report(name)
    }
    touched.formUnion(commitDirty())
    await updateServices()
    // Members change while programs are waited for.
    touched.formUnion(commitDirty())
    steps -= 1
    let time = Self.now()
    for name in touched {
      scopes[name].appliedAt = time
      scopes[name].phase = .applied
      scopes[name].missing = [:]
      report(name)
    }
    await verify(touched)
    rebuildDue()
  }

  /// Sends probes through the routers of these scopes and reports the outcome.
  func verify(_ names: Set<String>) async {
    await withTaskGroup(of: Void.self) { group in
      for name in names { group.addTask { await self.verify(name) } }
    }
  }

  private func verify(_ name: String) async {
    let generation = scopes[name].generation
    var unreached: IPv4?
    if let target = probeAddress(name), await prober?.probe(target, within: .seconds(2)) != true { unreached = target }
    // A later change verifies what it made of the scope.
    guard scopes.scopes[name] != nil, scopes[name].generation == generation else { return }
    scopes[name].isCutOff = unreached != nil
    let failures = scopes[name].failures.merging(scopes[name].trouble, uniquingKeysWith: { first, _ in first })
    if let unreached {
      scopes[name].phase = .failed
      scopes[name].message = "the probe to \(unreached) does not come back"
    } else {
      scopes[name].verifiedAt = Self.now()
      scopes[name].phase = failures.isEmpty ? .verified : .failed
      scopes[name].message = failures.min { $0.key < $1.key }.map(\.value) ?? ""
    }
    if failures.isEmpty {
      scopes[name].retry = nil
    } else if scopes[name].retry == nil {
      scopes[name].retry = (.now + .seconds(1), 0)
    }
    report(name)
    if scopes[name].phase == .verified && scopes[name].objects <= 0 { scopes.forget(name) }
  }

  /// The probe that shows a scope's way to work: its router's own, or any gateway's for the fabric and the wan.
  func probeAddress(_ scope: String) -> IPv4? {
    for state in routers.values where state.scope == scope && state.router.probeAddress != 0 {
      return IPv4(state.router.probeAddress)
    }
    guard wan != nil, scope == Names.fabric || scope == Names.wan, fabric != nil else { return nil }
    return routers.values.filter { !$0.isVirtual && $0.router.probeAddress != 0 }.map { IPv4($0.router.probeAddress) }
      .min()
  }

  private func rank(_ key: String) -> Int { objects[key].map(Self.rank) ?? 0 }

  /// Whether the others of its scope build on the object.
  static func isGround(_ object: PlanObject) -> Bool { rank(object) <= 3 }

  private static func rank(_ object: PlanObject) -> Int {
    switch object.body {
    case .wan: 0
    case .fabric: 1
    case .network: 2
    case .router: 3
    case .address, .securityGroup, .groupMember: 4
    case .port: 5
    default: 6
    }
  }

  private func upsert(_ object: PlanObject) {
    if let old = objects[object.key] {
      if Self.home(old) != Self.home(object) { uninstall(old) }
      scopes.count(old, -1)
    }
    objects[object.key] = object
    scopes.count(object, 1)
    if let home = Self.home(object) { dependents[home, default: []].insert(object.key) }
    put(object)
  }

  func put(_ object: PlanObject) {
    do {
      try install(object)
      scopes[object.scope].failures[object.key] = nil
    } catch {
      scopes[object.scope].failures[object.key] = "\(error)"
      logger.warning("cannot put an object in place", metadata: ["key": "\(object.key)", "error": "\(error)"])
    }
  }

  private func forget(_ object: PlanObject) {
    uninstall(object)
    objects[object.key] = nil
    scopes.count(object, -1)
    if let home = Self.home(object) {
      dependents[home]?.remove(object.key)
      if dependents[home]?.isEmpty == true { dependents[home] = nil }
    }
  }

  /// The id of the router or network that an object needs.
  private static func home(_ object: PlanObject) -> String? {
    switch object.body {
    case .address(let address): address.router
    case .staticNat(let nat): nat.router
    case .portForward(let forward): forward.router
    case .loadBalancer(let balancer): balancer.router
    case .firewall(let rule): rule.router
    case .port(let port): port.network.isEmpty ? nil : port.network
    case .router(let router): router.network.isEmpty ? nil : router.network
    default: nil
    }
  }

  /// One transaction for each place that changed. An object the kernel refuses is left out, and the rest goes in.
  /// Returns the scopes that are in doubt because a transaction failed.
  @discardableResult
  func commitDirty() -> Set<String> {
    let names = dirty
    dirty = []
    var doubtful: Set<String> = []
    for name in names {
      guard let place = places[name] else { continue }
      for attempt in 0..<100 {
        let ended = endedFlows(place)
        do {
          if case .repaired(let damage) = try place.commit(), !damage.isEmpty, place.generation != nil {
            logger.info("brought a table up to date", metadata: ["place": "\(name)", "found": "\(damage.description)"])
          }
          endFlows(ended, place)
          for scope in buildingScopes(name) { scopes[scope].trouble[name] = nil }
          break
        } catch {
          logger.warning("a transaction failed", metadata: ["place": "\(name)", "error": "\(error)"])
          guard attempt < 99, let key = (error as? KernelError)?.label, let object = objects[key] else {
            place.generation = nil
            for scope in buildingScopes(name) { scopes[scope].trouble[name] = "\(error)" }
            doubtful.formUnion(buildingScopes(name))
            break
          }
          leaveOut(object, "\(error)")
        }
      }
    }
    return doubtful
  }

  private func leaveOut(_ object: PlanObject, _ message: String) {
    uninstall(object)
    scopes[object.scope].failures[object.key] = message
  }

  func placeScopes(_ name: String) -> [String] {
    switch name {
    case Names.wan: return [Names.wan]
    case Names.fabric, Names.probe: return [Names.fabric]
    default: return routers.values.filter { $0.place == name }.map(\.scope)
    }
  }

  /// The scopes with objects in the rule set of a place. Static NATs of edge gateways have elements in the fabric's.
  private func buildingScopes(_ name: String) -> [String] {
    guard name == Names.fabric else { return placeScopes(name) }
    return placeScopes(name) + routers.values.filter { !$0.isVirtual }.map(\.scope)
  }

  /// Connections of pairs and members that the coming transaction takes away.
  private func endedFlows(_ place: Place) -> [FlowFilter] {
    guard let table = place.table else { return [] }
    var filters: [FlowFilter] = []
    for (key, before) in table.touchedElements["pairs"] ?? [:] {
      guard before != nil, table.entries["pairs"]?[key] == nil else { continue }
      filters.append(FlowFilter(originalDestination: key.ipv4(), replySource: key.ipv4(at: 4)))
      filters.append(FlowFilter(originalSource: key.ipv4(at: 4), replyDestination: key.ipv4()))
    }
    for (key, before) in table.touchedElements["members"] ?? [:] {
      guard before != nil, table.entries["members"]?[key] == nil else { continue }
      filters.append(
        FlowFilter(
          originalDestination: key.ipv4(), replySource: key.ipv4(at: 12),
          protocolNumber: UInt8(truncatingIfNeeded: key.bytes[4]), port: key.port(at: 8)))
    }
    return filters
  }

  func endFlows(_ filters: [FlowFilter], _ place: Place) {
    if filters.isEmpty { return }
    do {
      if filters.count > 32 {
        try place.conntrack.deleteFlows(anyOf: filters)
      } else {
        for filter in filters { try place.conntrack.deleteFlows(filter) }
      }
    } catch {
      logger.warning("cannot forget connections", metadata: ["place": "\(place.name)", "error": "\(error)"])
    }
  }
}
