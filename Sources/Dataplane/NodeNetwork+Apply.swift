import Addresses
import Dispatch
import Kernel
import Logging
import NodePlan
import Synchronization

extension NodeNetwork {
  /// Brings a change to the kernel and reports every scope it touches, at its generation, as verified or failed. What
  /// cannot be put in place is named in the report; the rest is.
  package func apply(_ change: PlanChange) async {
    generation = max(generation, change.generation)
    var touched: Set<String> = []
    var removals = change.removals
    if change.complete {
      removals += unwanted(by: change.upserts)
      touched.formUnion(scopes.scopes.keys)
      objects.reserveCapacity(change.upserts.count)
    }
    steps += 1
    for key in removals.sorted(by: { rank($0) > rank($1) }) {
      guard let object = objects[key] else { continue }
      touched.insert(object.scope)
      forget(object)
    }
    touched.formUnion(upsert(change.upserts))
    for name in touched {
      scopes[name].generation = change.generation
      scopes[name].turn += 1
      scopes[name].phase = .applying
      scopes[name].message = ""
      report(name)
    }
    touched.formUnion(commitDirty())
    await updateServices()
    // Members change while programs are waited for.
    touched.formUnion(commitDirty())
    touched.formUnion(await endFlows(about: change.complete ? nil : Self.renewed(change.upserts)))
    if change.complete {
      hasOrphans = true
      sweepOrphans()
    }
    if !knowsPlan {
      knowsPlan = true
      nextSweep = .now + Self.firstSweep
      endAdoption()
    }
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

  private func endAdoption() {
    for place in places.values {
      do { try place.endAdoption() } catch {
        logger.warning("cannot write settings", metadata: ["place": "\(place.name)", "error": "\(error)"])
      }
    }
  }

  /// The keys of what is here and not among all that is to be.
  private func unwanted(by upserts: [PlanObject]) -> [String] {
    if objects.isEmpty { return [] }
    let wanted = Set(upserts.map(\.key))
    return objects.keys.filter { !wanted.contains($0) }
  }

  /// Sends probes through the routers of these scopes and reports the outcome.
  func verify(_ names: Set<String>) async {
    await withTaskGroup(of: Void.self) { group in
      for name in names { group.addTask { await self.verify(name) } }
    }
  }

  private func verify(_ name: String) async {
    let turn = scopes[name].turn
    var unreached: IPv4?
    if let target = probeAddress(name), await prober?.probe(target, within: .seconds(2)) != true { unreached = target }
    // Whatever happened to the scope meanwhile is verified after it.
    guard scopes.scopes[name] != nil, scopes[name].turn == turn else { return }
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

  /// Their positions: what others build on comes first.
  private static func order(of objects: [PlanObject]) -> [Int] {
    var byRank = Array(repeating: [Int](), count: 7)
    for (index, object) in objects.enumerated() { byRank[rank(object)].append(index) }
    return Array(byRank.joined())
  }

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

  /// Puts objects in place, ground first; returns the scopes of all that this concerned.
  private func upsert(_ upserts: [PlanObject]) -> Set<String> {
    var touched: Set<String> = []
    // Objects that build on others, and whether these are not what they were.
    var built: [String: Bool] = [:]
    // The first plan is all there is, and may be very much.
    isGathering = objects.isEmpty
    let order = Self.order(of: upserts)
    for index in order {
      let object = upserts[index]
      let body = object.body
      if case .instance = body { continue }
      touched.insert(object.scope)
      let old = objects.updateValue(object, forKey: object.key)
      if let old { touched.insert(old.scope) }
      upsert(object, Self.home(body), insteadOf: old)
      if let home = Self.ground(body) {
        let isNew = isNewGround(object, old)
        for key in dependents[home] ?? [] { built[key] = isNew || built[key] == true }
      }
    }
    for (key, error) in putGathered() {
      if let object = objects[key] { fail(object, error) }
    }
    for key in built.keys.sorted(by: { rank($0) < rank($1) }) {
      guard let object = objects[key], built[key] == true || scopes[object.scope].failures[key] != nil else { continue }
      touched.insert(object.scope)
      put(object)
    }
    if !scopes.haveFailures { return touched }
    let failed = order.map { upserts[$0] }.filter { scopes[$0.scope].failures[$0.key] != nil }
    if !failed.isEmpty { mendAtOnce() }
    // Of objects that exchange what they have, the first finds it taken still.
    for object in failed { put(object) }
    return touched
  }

  /// The id by which others build on the object.
  private static func ground(_ body: PlanObject.OneOf_Body?) -> String? {
    switch body {
    case .router(let router): router.id
    case .network(let network): network.id
    default: nil
    }
  }

  /// What others had put on the ground is gone with what it was.
  private func isNewGround(_ object: PlanObject, _ old: PlanObject?) -> Bool {
    switch (object.body, old?.body) {
    case (.router(let new), .router(let old)): new.kind != old.kind || new.network != old.network || new.id != old.id
    case (.network(let new), .network(let old)): new != old
    case (.router, nil), (.network, nil): true
    default: false
    }
  }

  private func upsert(_ object: PlanObject, _ home: String?, insteadOf old: PlanObject?) {
    if let old {
      if Self.home(old.body) != home { uninstall(old) }
      scopes[old.scope].count(old, -1)
    }
    scopes[object.scope].count(object, 1)
    if let home { dependents[home, default: []].insert(object.key) }
    put(object)
  }

  func put(_ object: PlanObject) {
    for attempt in 1...3 {
      do {
        try install(object)
        scopes[object.scope].settle(object.key)
        return
      } catch {
        if attempt < 3, (error as? KernelError)?.isPassing == true { continue }
        return fail(object, error)
      }
    }
  }

  private func fail(_ object: PlanObject, _ error: any Error) {
    withdraw(object)
    scopes[object.scope].failures[object.key] = "\(error)"
    logger.warning("cannot put an object in place", metadata: ["key": "\(object.key)", "error": "\(error)"])
  }

  /// Nothing of an object stays that is not its newest, so that it stands in nobody's way.
  private func withdraw(_ object: PlanObject) {
    if Self.isGround(object) { return }
    for place in [Self.home(object.body).map(Names.router), Names.fabric] {
      guard let place, places[place]?.table?.owns(object.key) == true else { continue }
      try? replace(place, object.key, [])
    }
  }

  private func forget(_ object: PlanObject) {
    uninstall(object)
    objects[object.key] = nil
    scopes[object.scope].count(object, -1)
    if let home = Self.home(object.body) {
      dependents[home]?.remove(object.key)
      if dependents[home]?.isEmpty == true { dependents[home] = nil }
    }
  }

  /// The id of the router or network that an object needs.
  private static func home(_ body: PlanObject.OneOf_Body?) -> String? {
    switch body {
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
    var outcomes = commitLarge(names)
    for name in names {
      guard let place = places[name] else { continue }
      do {
        try leavingOut(name) {
          let outcome = try outcomes.removeValue(forKey: name)?.get() ?? place.commit()
          if case .repaired(let damage) = outcome, !damage.isEmpty, place.generation != nil {
            logger.info("brought a table up to date", metadata: ["place": "\(name)", "found": "\(damage.description)"])
          }
        }
        for scope in buildingScopes(name) { scopes[scope].trouble[name] = nil }
      } catch {
        place.generation = nil
        for scope in buildingScopes(name) { scopes[scope].trouble[name] = "\(error)" }
        doubtful.formUnion(buildingScopes(name))
      }
    }
    return doubtful
  }

  /// Several places with much to commit do so on all cores. What became of it.
  private func commitLarge(_ names: Set<String>) -> [String: Result<Place.Outcome, any Error>] {
    // Each is used by one thread, and by nobody else before all are done.
    nonisolated(unsafe) let large = names.compactMap { places[$0] }.filter { $0.table?.isLargelyChanged == true }
    if large.count < 2 { return [:] }
    let outcomes = Mutex<[String: Result<Place.Outcome, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: large.count) { number in
      let outcome = Result { try large[number].commit() }
      outcomes.withLock { $0[large[number].name] = outcome }
    }
    return outcomes.withLock { $0 }
  }

  /// Does what makes transactions. Objects that the kernel refuses are left out, as often as it goes on without them.
  @discardableResult
  func leavingOut<R>(_ place: String, _ body: () throws -> R) throws -> R {
    for _ in 0..<100 {
      do { return try body() } catch let error as KernelError {
        logger.warning("a transaction failed", metadata: ["place": "\(place)", "error": "\(error)"])
        let guilty = Set([error.label].compactMap(\.self) + error.others).compactMap { objects[$0] }
        // Without its ground nothing of a scope stands.
        guard !guilty.isEmpty, !guilty.contains(where: Self.isGround) else { throw error }
        for object in guilty { leaveOut(object, "\(error)") }
      }
    }
    return try body()
  }

  func leaveOut(_ object: PlanObject, _ message: String) {
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
}
