import Addresses
import Glibc
import Kernel
import Logging
import NodePlan

extension NodeNetwork {
  func install(_ router: Router, _ object: PlanObject) throws {
    if let old = routers[router.id], old.router.kind != router.kind || old.router.network != router.network {
      try removeRouter(router.id, old.key)
    }
    if router.kind == .virtual && networks[router.network] == nil {
      throw DataplaneError(.missing, "the network \(router.network) of a router is not in the plan")
    }
    try depart(Names.router(router.id))
    let place = try openPlace(Names.router(router.id), forwarding: true)
    var state = routers[router.id] ?? adopted(router, object)
    if place.table == nil { place.table = state.renderer.table(of: router) }
    let before = state.router
    state.router = router
    state.scope = object.scope
    routers[router.id] = state
    dirty.insert(place.name)
    try wire(Names.wan, object.key, WiringPlan.wanItems(router, wanAddress: wan?.wanAddress ?? 0))
    if router.kind == .virtual, let network = networks[router.network] {
      place.table.map { table in
        var table = table
        state.renderer.update(&table, router)
        place.table = table
      }
      setEgress(router.id)
      try replace(place.name, object.key, VirtualRouterTable.elements(of: router))
      try wire(Names.fabric, object.key, WiringPlan.bridgeItems(router, network))
      try wireRouter(router.id)
      if before.gateway != router.gateway || routers[router.id]?.responder == nil {
        routers[router.id]?.responder?.stop()
        routers[router.id]?.responder = nil
        try server?.serve(router.id, [IPv4(router.gateway), LinkEnds.metadata], in: place.namespace)
        routers[router.id]?.responder = try ProbeResponder(IPv4(router.gateway), in: place.namespace)
      }
      checks?.setRouter(router.id, MemberChecks.Point(namespace: place.namespace, source: IPv4(router.gateway)))
    } else {
      try replace(place.name, object.key, EdgeTable.elements(of: router))
      try replace(Names.fabric, object.key, FabricTable.elements(of: router))
      try wire(Names.fabric, object.key, WiringPlan.fabricItems(router))
      try wireRouter(router.id)
      let source = router.insideAddress == 0 ? nil : IPv4(router.insideAddress)
      checks?.setRouter(router.id, MemberChecks.Point(namespace: place.namespace, source: source))
    }
    staleServices.insert(router.id)
    if state.rendering.isDue(router) { dueRebuilds.insert(router.id) }
  }

  /// A router that is new to this agent, rendered as the one before left it.
  private func adopted(_ router: Router, _ object: PlanObject) -> RouterState {
    var state = RouterState(key: object.key, scope: object.scope, router: router)
    state.rendering = Rendering(reading: Rendering.path(state.place, configuration))
    state.renderer = Renderer(state.rendering.renderer, fault: configuration.renderingFault)
    return state
  }

  func wireRouter(_ id: String) throws {
    guard let state = routers[id] else { return }
    let items =
      state.isVirtual
      ? WiringPlan.virtualItems(state.router, addresses: Array(state.addresses.values))
      : WiringPlan.edgeItems(state.router)
    try wire(state.place, state.key, items)
  }

  /// Ends everything of a router. Its objects find it gone. What does not end at once is tried again.
  func removeRouter(_ id: String, _ key: String) throws {
    guard let state = routers.removeValue(forKey: id) else { return }
    staleServices.remove(id)
    server?.withdraw(id)
    checks?.setRouter(id, nil)
    for member in state.users.flatMap({ member, keys in keys.map { _ in member } }) { checks?.remove(member) }
    state.responder?.stop()
    dueRebuilds.remove(id)
    try replace(Names.fabric, key, [])
    dirty.remove(state.place)
    scopes[state.scope].trouble = [:]
    // The namespace is held until nothing of it is left to be ended.
    departures[state.place] = Departure(state: state, key: key, place: places.removeValue(forKey: state.place))
    try depart(state.place)
  }

  /// Cuts a router that is not wanted any more off, then ends its programs and its namespace.
  func depart(_ name: String) throws {
    guard var departure = departures[name] else { return }
    defer { if departures[name] != nil { departures[name] = departure } }
    try wire(Names.wan, departure.key, [])
    try wire(Names.fabric, departure.key, [])
    try departure.state.dnsmasq?.stop()
    try departure.state.haproxy?.stop()
    Files.remove(Rendering.path(name, configuration))
    for file in Files.names(in: configuration.serviceDirectory) {
      if ["dnsmasq-\(name).", "haproxy-\(name)."].contains(where: file.hasPrefix) {
        Files.remove("\(configuration.serviceDirectory)/\(file)")
      }
    }
    try NetworkNamespace.unmount(path: configuration.namespacePath(name))
    departures[name] = nil
  }

  // MARK: dnsmasq and haproxy

  /// Renders what the programs of changed routers read, and has them read it.
  func updateServices() async {
    let stale = staleServices
    staleServices = []
    for id in stale {
      if let scope = id.isEmpty ? Names.fabric : routers[id]?.scope { scopes[scope].trouble["program"] = nil }
      do {
        if id.isEmpty {
          try updateFabricDnsmasq()
        } else {
          try updateDnsmasq(id)
          try await updateHaproxy(id)
        }
      } catch {
        logger.warning("cannot update a program", metadata: ["router": "\(id)", "error": "\(error)"])
        let scope = id.isEmpty ? Names.fabric : routers[id]?.scope
        if let scope { scopes[scope].trouble["program"] = "\(error)" }
      }
    }
  }

  private func updateFabricDnsmasq() throws {
    guard let fabric, let place = places[Names.fabric] else {
      try fabricDnsmasq?.stop()
      fabricDnsmasq = nil
      fabricDnsmasqSettings = nil
      return
    }
    let settings = Dnsmasq.Settings(
      link: "gw0", aliases: "p-*", gateway: IPv4(fabric.gateway), guests: IPv4Prefix(fabric.guestPrefix),
      dns: fabric.dns.map { IPv4($0) }, upstream: fabric.dns.filter { $0 != fabric.gateway }.map { IPv4($0) },
      domain: fabric.domainName, mtu: 1500, servesNames: fabric.dns.contains(fabric.gateway))
    let dnsmasq = Dnsmasq(settings: settings, folder: configuration.serviceDirectory, name: "dnsmasq-fabric")
    try update(
      &fabricDnsmasq, dnsmasq, fabricHosts.values, isNew: settings != fabricDnsmasqSettings, place)
    fabricDnsmasqSettings = settings
  }

  private func updateDnsmasq(_ id: String) throws {
    guard let state = routers[id], state.isVirtual, let place = places[state.place] else { return }
    let router = state.router
    let mtu = networks[router.network].map { $0.mtu > 0 ? $0.mtu : 1450 } ?? 1450
    let settings = Dnsmasq.Settings(
      link: "guest", aliases: nil, gateway: IPv4(router.gateway), guests: IPv4Prefix(router.guestPrefix),
      dns: [IPv4(router.gateway)], upstream: router.dns.map { IPv4($0) }, domain: router.domainName, mtu: mtu,
      servesNames: true)
    let dnsmasq = Dnsmasq(
      settings: settings, folder: configuration.serviceDirectory, name: "dnsmasq-" + state.place)
    var daemon = state.dnsmasq
    defer { routers[id]?.dnsmasq = daemon }
    try update(&daemon, dnsmasq, state.hosts.values, isNew: settings != state.dnsmasqSettings, place)
    routers[id]?.dnsmasqSettings = settings
  }

  private func update(
    _ daemon: inout Daemon?, _ dnsmasq: Dnsmasq, _ hosts: some Sequence<Dnsmasq.Host>, isNew: Bool, _ place: Place
  ) throws {
    let isSame = !isNew || Files.read(dnsmasq.configurationPath) == dnsmasq.configuration
    var running =
      daemon
      ?? Daemon(
        name: dnsmasq.name, executable: configuration.dnsmasq,
        arguments: ["--conf-file=" + dnsmasq.configurationPath], configuration: configuration)
    try Files.write(dnsmasq.hostsPath, Dnsmasq.hosts(hosts))
    try Files.write(dnsmasq.namesPath, Dnsmasq.names(hosts, gateway: dnsmasq.settings.gateway))
    if !isSame {
      // The file tells what the running one was started with, so it is put in place only when that has ended.
      let next = dnsmasq.configurationPath + ".next"
      try Files.write(next, dnsmasq.configuration)
      try running.stop()
      daemon = running
      try Files.rename(next, to: dnsmasq.configurationPath)
    }
    if try !running.ensure(in: place.namespace) { running.signal(SIGHUP) }
    daemon = running
  }

  private func updateHaproxy(_ id: String) async throws {
    guard let place = routers[id].flatMap({ places[$0.place] }) else { return }
    guard var text = haproxyText(id) else {
      // An earlier agent may have started one.
      var daemon = routers[id]?.haproxy ?? haproxyDaemon(place)
      try daemon.stop()
      Files.remove("\(configuration.serviceDirectory)/haproxy-\(place.name).cfg")
      routers[id]?.haproxy = nil
      routers[id]?.haproxyText = ""
      return
    }
    if text == routers[id]?.haproxyText { return }
    if try await !leaveOutRefused(id, place, text) {
      guard let rest = haproxyText(id) else { return }
      if rest == routers[id]?.haproxyText { return }
      text = rest
    }
    guard let state = routers[id] else { return }
    try Files.write("\(configuration.serviceDirectory)/haproxy-\(place.name).cfg", text)
    var daemon = state.haproxy ?? haproxyDaemon(place)
    let former = daemon.process.map { HaproxyWorkers(master: $0.pid).all } ?? []
    let isNew = try daemon.ensure(in: place.namespace)
    routers[id]?.haproxy = daemon
    if !isNew { daemon.signal(SIGUSR2) }
    try await awaitHaproxy(daemon, Set(state.proxied.values.map(\.port)), insteadOf: former)
    routers[id]?.haproxyText = text
  }

  private func haproxyDaemon(_ place: Place) -> Daemon {
    Daemon(
      name: "haproxy-" + place.name, executable: configuration.haproxy,
      arguments: ["-W", "-db", "-f", "\(configuration.serviceDirectory)/haproxy-\(place.name).cfg"],
      configuration: configuration)
  }

  /// What haproxy is to read for the router; nil if it has nothing to do.
  private func haproxyText(_ id: String) -> String? {
    guard let state = routers[id], !state.proxied.isEmpty else { return nil }
    return haproxyText(state, Array(state.proxied.keys))
  }

  func haproxyText(_ state: RouterState, _ keys: [String]) -> String {
    let source = state.isVirtual ? state.router.gateway : state.router.insideAddress
    return Haproxy.configuration(
      keys.compactMap { key in state.proxied[key].map { (key: key, port: $0.port, balancer: $0.balancer) } },
      source: source == 0 ? nil : IPv4(source))
  }

  /// What was asked for is there only when the former workers take no more connections.
  private func awaitHaproxy(_ daemon: Daemon, _ ports: Set<UInt16>, insteadOf former: Set<Int32>) async throws {
    guard let process = daemon.process else { return }
    let workers = HaproxyWorkers(master: process.pid)
    let limit = ContinuousClock.now + .seconds(10)
    while !workers.serve(ports, insteadOf: former) {
      guard ContinuousClock.now < limit else {
        throw DataplaneError(.program, "haproxy did not take its new configuration within 10 seconds")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  // MARK: members

  /// Dead members leave the buckets of their load balancers, living ones come back.
  func membersChanged(_ news: [MemberChecks.Member: Bool]) async {
    var keys: [String: Set<String>] = [:]
    for (member, isAlive) in news {
      logger.info(
        "a member of load balancers changed",
        metadata: ["member": "\(member.address):\(member.port)", "alive": "\(isAlive)"])
      keys[member.router, default: []].formUnion(routers[member.router]?.users[member] ?? [])
    }
    for (router, keys) in keys {
      for key in keys {
        guard let balancer = routers[router]?.balancers[key] else { continue }
        do { try refresh(balancer, key, nil) } catch {
          logger.warning("cannot change members", metadata: ["key": "\(key)", "error": "\(error)"])
        }
      }
    }
    if !isApplying { commitDirty() }
  }
}
