import Addresses
import Dispatch
import Kernel
import Logging
import NodePlan
import Synchronization

extension NodeNetwork {
  /// Puts an object into the tables and wiring it belongs to, in place of its former value.
  func install(_ object: PlanObject) throws {
    let key = object.key
    switch object.body {
    case .wan(let wan): try install(wan, key)
    case .fabric(let fabric): try install(fabric, key)
    case .network(let network):
      if let old = networks[network.id], old.vni != network.vni { try wire(Names.fabric, key, []) }
      networks[network.id] = network
      try wire(Names.fabric, key, WiringPlan.items(network))
    case .router(let router): try install(router, object)
    case .address(let address):
      _ = try router(address.router)
      routers[address.router]?.addresses[key] = address.address
      try wireRouter(address.router)
      try wire(Names.wan, key, WiringPlan.wanItems(address, wanAddress: wan?.wanAddress ?? 0))
    case .staticNat(let nat):
      let state = try router(nat.router)
      let (renderer, index) = (state.renderer, state.router.index)
      try replace(state.place, key, later: { renderer.elements(of: nat) })
      if !state.isVirtual {
        try replace(Names.fabric, key, later: { FabricTable.elements(of: nat, index: index) })
      }
    case .portForward(let forward):
      let state = try router(forward.router)
      try replace(state.place, key, state.elements(of: forward))
    case .loadBalancer(let balancer): try install(balancer, key)
    case .firewall(let rule): try install(rule, key)
    case .securityGroup(let group):
      // Whoever names a group needs its set, also before anybody is in it.
      let former = peers(groups[group.id])
      groups[group.id] = group
      for other in peers(group) {
        namings[other, default: 0] += 1
        places[Names.fabric]?.table?.declare(FabricTable.groupSet(other))
      }
      for (name, chain) in FabricTable.chains(of: group, owner: key) {
        places[Names.fabric]?.table?.setChain(name, chain)
      }
      setCombinations(naming: group.id)
      release(former)
    case .groupMember(let member):
      places[Names.fabric]?.table?.declare(FabricTable.groupSet(member.group))
      try replace(Names.fabric, key, later: { FabricTable.elements(of: member) })
    case .port(let port): try install(port, key)
    case .instance, nil: break
    }
  }

  /// Takes an object out of everywhere; its place may be gone already.
  func uninstall(_ object: PlanObject) {
    let key = object.key
    do {
      switch object.body {
      case .wan:
        wan = nil
        try Self.all([
          { try self.wire(Names.wan, key, []) }, { try self.host?.wire(key, [], { self.namespace($0) }) },
        ])
      case .fabric:
        fabric = nil
        responder?.stop()
        responder = nil
        server?.withdraw("")
        staleServices.insert("")
        try Self.all([{ try self.wire(Names.fabric, key, []) }, { try self.wire(Names.probe, key, []) }])
      case .network(let network):
        networks[network.id] = nil
        try wire(Names.fabric, key, [])
      case .router(let router): try removeRouter(router.id, key)
      case .address(let address):
        routers[address.router]?.addresses[key] = nil
        try Self.all([{ try self.wireRouter(address.router) }, { try self.wire(Names.wan, key, []) }])
      case .staticNat(let nat):
        try replace(Names.router(nat.router), key, [])
        try replace(Names.fabric, key, [])
      case .portForward(let forward): try replace(Names.router(forward.router), key, [])
      case .loadBalancer(let balancer):
        let classes = classes(of: key, balancer.router)
        try replace(Names.router(balancer.router), key, [])
        setMembers(balancer.router, key, nil)
        if routers[balancer.router]?.proxied.removeValue(forKey: key) != nil { staleServices.insert(balancer.router) }
        updateClasses(balancer.router, classes)
      case .firewall(let rule): removeRule(rule, key)
      case .securityGroup(let group):
        let former = peers(groups.removeValue(forKey: group.id))
        places[Names.fabric]?.table?.setChain(Names.ingressChain(group.id), unusedOrEmpty(group.id))
        places[Names.fabric]?.table?.setChain(Names.egressChain(group.id), unusedOrEmpty(group.id))
        setCombinations(naming: group.id)
        release(former)
      case .groupMember(let member):
        try replace(Names.fabric, key, [])
        sweepGroupSet(member.group)
      case .port(let port): try remove(port, key)
      case .instance, nil: break
      }
    } catch {
      logger.warning("cannot take an object away", metadata: ["key": "\(key)", "error": "\(error)"])
      scopes[object.scope].trouble[Self.remains] = "\(error)"
      for place in places.values where place.name == Names.fabric { place.generation = nil }
    }
  }

  /// Does each of the steps, whatever becomes of the others; throws the first error.
  private static func all(_ steps: [() throws -> Void]) throws {
    var failure: (any Error)?
    for step in steps {
      do { try step() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Not to be kept while the router's dictionaries are changed: they would be copied.
  func router(_ id: String) throws(DataplaneError) -> RouterState {
    guard let state = routers[id] else {
      throw DataplaneError(.missing, "the router \(id) is not in the plan or could not be made")
    }
    return state
  }

  func replace(_ place: String, _ owner: String, _ elements: [SetElement]) throws(DataplaneError) {
    guard let target = places[place] else {
      if elements.isEmpty { return }
      throw DataplaneError(.missing, "the namespace \(place) does not exist")
    }
    // On a throw the former value goes too: nothing of an object stays that is not its newest.
    do throws(DataplaneError) {
      try target.table?.replace(owner: owner, elements)
    } catch {
      try? target.table?.replace(owner: owner, [])
      dirty.insert(place)
      throw error
    }
    dirty.insert(place)
  }

  /// As the other, for elements that nothing here is made of.
  func replace(
    _ place: String, _ owner: String, later elements: @escaping @Sendable () -> [SetElement]
  ) throws(DataplaneError) {
    guard isGathering, let target = places[place] else { return try replace(place, owner, elements()) }
    target.waiting.append((owner, elements))
    dirty.insert(place)
  }

  /// Puts what was gathered into the tables, each on a thread of its own. Tells which owners could not have what they want, and why.
  func putGathered() -> [String: DataplaneError] {
    isGathering = false
    // Each is used by one thread, and by nobody else before all are done.
    nonisolated(unsafe) let full = places.values.filter { !$0.waiting.isEmpty }
    let failures = Mutex<[String: DataplaneError]>([:])
    DispatchQueue.concurrentPerform(iterations: full.count) { number in
      let failed = full[number].putWaiting()
      if !failed.isEmpty { failures.withLock { $0.merge(failed) { first, _ in first } } }
    }
    return failures.withLock { $0 }
  }

  private func install(_ wan: Wan, _ key: String) throws {
    self.wan = wan
    try wire(Names.wan, key, WiringPlan.items(wan))
    try host?.wire(key, WiringPlan.hostItems(wan), { self.namespace($0) })
    for state in routers.values {
      try wire(Names.wan, state.key, WiringPlan.wanItems(state.router, wanAddress: wan.wanAddress))
      for (key, value) in state.addresses {
        var address = PublicAddress()
        address.router = state.router.id
        address.address = value
        try wire(Names.wan, key, WiringPlan.wanItems(address, wanAddress: wan.wanAddress))
      }
    }
  }

  private func install(_ fabric: Fabric, _ key: String) throws {
    self.fabric = fabric
    fabricKey = key
    try wire(Names.fabric, key, WiringPlan.items(fabric))
    try wire(Names.probe, key, WiringPlan.probeItems(fabric))
    responder?.stop()
    responder = nil
    if fabric.probeTarget != 0, let probe = places[Names.probe]?.namespace {
      responder = try ProbeResponder(IPv4(fabric.probeTarget), in: probe)
    }
    if let place = places[Names.fabric] {
      try server?.serve("", [IPv4(fabric.gateway), LinkEnds.metadata], in: place.namespace)
    }
    dirty.insert(Names.fabric)
    staleServices.insert("")
  }

  // MARK: load balancers

  private func install(_ balancer: LoadBalancer, _ key: String) throws {
    let id = balancer.router
    let known = try router(id).proxied[key]?.port
    var proxyPort: UInt16?
    if balancer.balance == .leastConnections && balancer.protocol == 6 {
      let port = try known ?? router(id).freeProxyPort()
      proxyPort = port
      routers[id]?.proxied[key] = (port, balancer)
      setMembers(id, key, nil)
      staleServices.insert(id)
    } else {
      if routers[id]?.proxied.removeValue(forKey: key) != nil { staleServices.insert(id) }
      setMembers(id, key, balancer)
    }
    do {
      try refresh(balancer, key, proxyPort)
    } catch {
      // Nobody leads to it, and two of the same address would spoil the configuration for all others.
      routers[id]?.proxied[key] = nil
      throw error
    }
  }

  func refresh(_ balancer: LoadBalancer, _ key: String, _ proxyPort: UInt16?) throws {
    let isAlive = { (member: LoadBalancer.Member) in
      balancer.protocol != 6 || self.checks?.isAlive(self.check(balancer.router, member)) ?? true
    }
    let elements =
      try routers[balancer.router]?.isVirtual == false
      ? EdgeTable.elements(of: balancer, proxyPort: proxyPort, isAlive: isAlive)
      : TranslationTable.elements(of: balancer, proxyPort: proxyPort, isAlive: isAlive)
    let former = classes(of: key, balancer.router)
    defer { updateClasses(balancer.router, former + classes(of: key, balancer.router)) }
    try replace(Names.router(balancer.router), key, elements)
  }

  func check(_ router: String, _ member: LoadBalancer.Member) -> MemberChecks.Member {
    MemberChecks.Member(
      router: router, address: IPv4(member.address), port: UInt16(truncatingIfNeeded: member.port))
  }

  private func setMembers(_ id: String, _ key: String, _ balancer: LoadBalancer?) {
    if let old = routers[id]?.balancers[key], old.protocol == 6 {
      for member in old.members {
        let check = check(id, member)
        checks?.remove(check)
        routers[id]?.users[check]?.remove(key)
      }
    }
    routers[id]?.balancers[key] = balancer
    guard let balancer, balancer.protocol == 6 else { return }
    for member in balancer.members {
      let check = check(id, member)
      checks?.add(check)
      routers[id]?.users[check, default: []].insert(key)
    }
  }

  private func classes(of key: String, _ id: String) -> [NFTBytes] {
    places[Names.router(id)]?.table?.keys(of: key, in: "classes") ?? []
  }

  /// A class has its chain as long as a load balancer uses it.
  private func updateClasses(_ id: String, _ keys: [NFTBytes]) {
    let place = places[Names.router(id)]
    for key in Set(keys) {
      let kind = LoadBalancerClass(mark: key.mark())
      let isUsed = place?.table?.contains("classes", key) == true
      if isUsed == (place?.table?.chains[kind.chain] != nil) { continue }
      place?.table?.setChain(kind.chain, isUsed ? kind.rules : nil)
    }
  }

  // MARK: firewall

  private func install(_ rule: FilterRule, _ key: String) throws {
    let id = rule.router
    guard try router(id).isVirtual else {
      throw DataplaneError(.invalid, "an edge gateway has no firewall rules")
    }
    let place = Names.router(id)
    if case .firewall(let old)? = routers[id]?.rule(key), old.public != rule.public { removeRule(old, key) }
    if rule.public == 0 {
      routers[id]?.egress[key] = rule
      setEgress(id)
    } else {
      routers[id]?.firewall[rule.public, default: [:]][key] = rule
      setFirewall(id, rule.public)
      try replace(place, key, VirtualRouterTable.elements(of: rule))
    }
    dirty.insert(place)
  }

  private func removeRule(_ rule: FilterRule, _ key: String) {
    let id = rule.router
    if routers[id] == nil { return }
    let place = Names.router(id)
    dirty.insert(place)
    if rule.public == 0 {
      routers[id]?.egress[key] = nil
      setEgress(id)
      return
    }
    routers[id]?.firewall[rule.public]?[key] = nil
    try? places[place]?.table?.replace(owner: key, [])
    setFirewall(id, rule.public)
  }

  func setEgress(_ id: String) {
    guard let state = routers[id] else { return }
    let rules = state.egress.map { (key: $0.key, rule: $0.value) }
    places[state.place]?.table?.setChain(
      "egress", VirtualRouterTable.egress(rules, allowed: state.router.egressDefaultAllow))
  }

  func setFirewall(_ id: String, _ address: UInt32) {
    let rules = (routers[id]?.firewall[address] ?? [:]).map { (key: $0.key, rule: $0.value) }
    if rules.isEmpty { routers[id]?.firewall[address] = nil }
    places[Names.router(id)]?.table?.setChain(
      VirtualRouterTable.firewallChain(address), rules.isEmpty ? nil : VirtualRouterTable.firewall(rules))
  }
}

extension RouterState {
  func rule(_ key: String) -> PlanObject.OneOf_Body? {
    if let rule = egress[key] { return .firewall(rule) }
    for rules in firewall.values { if let rule = rules[key] { return .firewall(rule) } }
    return nil
  }
}
