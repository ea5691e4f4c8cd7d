import Addresses
import Glibc
import Kernel
import Logging
import NodePlan

extension NodeNetwork {
  private static let beatsPerSecond: UInt64 = 20
  private static let retriesAtOnce = 1000

  private static let glancesPerBeat: UInt64 = 5
  /// Of how many places the rule sets are looked at between two beats.
  private static let glancedPlaces = 64

  /// Every fifth one is a look at everything; so is any other that finds a rule set changed.
  func glance() async {
    glances += 1
    if glances % Self.glancesPerBeat != 0 {
      guard !isApplying, places.count <= Self.glancedPlaces, places.values.contains(where: \.seemsChanged) else {
        return
      }
    }
    await look()
  }

  /// One look at everything: names and generations every time, programs five times a second, wiring when
  /// the kernel tells of changes to it, probes every second.
  func look() async {
    if isApplying || !knowsPlan { return }
    beats += 1
    var repaired = mended
    mended = [:]
    let seen = Self.now()
    for place in places.values {
      attempt(place) {
        if place.namespace.isMounted() { return }
        try restoreName(place)
        repaired[place.name] = "the name of namespace \(place.name) was gone"
      }
    }
    // All that is lost is told before any of it is put back, and small rule sets do not wait for large ones.
    let changed = places.values.filter(isToBeExamined).sorted { $0.table?.count ?? 0 < $1.table?.count ?? 0 }
    for place in changed {
      attempt(place) {
        let damage = try examine(place, seen)
        if !damage.isEmpty { repaired[place.name] = damage }
      }
    }
    for place in changed {
      attempt(place) { try leavingOut(place.name) { _ = try place.inspect() } }
    }
    if beats % 4 == 0 { superviseAll(&repaired, seen) }
    if beats % Self.beatsPerSecond == 0 { tidyWiring() }
    endGathered()
    // One loss seldom comes alone: what else is gone must not wait for its turn while probes fail.
    let damaged = survey(soon: !repaired.isEmpty)
    if !damaged.isEmpty { mendWiring(damaged, &repaired, seen) }
    if beats % Self.beatsPerSecond == 0 && hasOrphans { sweepOrphans() }
    if !repaired.isEmpty { await announce(repaired, seen) }
    if beats % Self.beatsPerSecond == Self.beatsPerSecond / 2 { probeAll() }
    if beats % Self.beatsPerSecond == Self.beatsPerSecond / 4 { await retryFailed() }
    if beats % 40 == 0 { ChildProcess.reapAll() }
  }

  /// The name leads to a living namespace again, to ours: what else was mounted there is taken away.
  private func restoreName(_ place: Place) throws {
    let path = configuration.namespacePath(place.name)
    if try !MountPoint.isMountPoint(configuration.runDirectory) {
      try MountPoint.prepare(configuration.runDirectory)
    }
    try NetworkNamespace.unmount(path: path)
    try place.namespace.remount()
  }

  private func attempt(_ place: Place, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      logger.warning("cannot look at a place", metadata: ["place": "\(place.name)", "error": "\(error)"])
    }
  }

  /// Whether the rule set may not be as our last commit left it.
  private func isToBeExamined(_ place: Place) -> Bool {
    guard place.table != nil else { return false }
    guard let wanted = place.generation else { return true }
    return (try? place.rules.generation()) != wanted
  }

  /// What a rule set lacks, which is told at once; nothing is changed.
  private func examine(_ place: Place, _ seen: Int64) throws -> String {
    guard var table = place.table else { return "" }
    let damage = try table.audit(place.rules)
    if damage.isEmpty { return "" }
    let text = "\(place.name): \(damage.description)"
    var missing: [String: Int] = [:]
    if damage.isTotal {
      for set in table.sets.keys {
        if let service = ScopeLedger.service(ofSet: set) { missing[service, default: 0] += table.count(of: set) }
      }
    } else {
      for (set, positions) in damage.missing {
        if let service = ScopeLedger.service(ofSet: set) { missing[service, default: 0] += positions.count }
      }
    }
    for scope in placeScopes(place.name) { lose(scope, text, missing, seen) }
    return text
  }

  private func lose(_ scope: String, _ text: String, _ missing: [String: Int], _ seen: Int64) {
    if scopes[scope].phase != .lost {
      scopes[scope].lostAt = seen
      scopes[scope].detectedAt = Self.now()
    }
    scopes[scope].turn += 1
    scopes[scope].phase = .lost
    scopes[scope].lastDrift = text
    scopes[scope].missing = missing
    scopes[scope].repairs += 1
    logger.warning("the network differed from the plan", metadata: ["scope": "\(scope)", "found": "\(text)"])
    report(scope)
  }

  /// Dead programs are started again.
  private func superviseAll(_ repaired: inout [String: String], _ seen: Int64) {
    if let place = places[Names.fabric], var daemon = fabricDnsmasq, !daemon.isAlive {
      restart(&daemon, place, &repaired, seen)
      fabricDnsmasq = daemon
    }
    for (id, state) in routers {
      guard let place = places[state.place] else { continue }
      if var daemon = state.dnsmasq, !daemon.isAlive {
        restart(&daemon, place, &repaired, seen)
        routers[id]?.dnsmasq = daemon
      }
      if var daemon = state.haproxy, !daemon.isAlive {
        restart(&daemon, place, &repaired, seen)
        routers[id]?.haproxy = daemon
      }
    }
  }

  private func restart(_ daemon: inout Daemon, _ place: Place, _ repaired: inout [String: String], _ seen: Int64) {
    let text = "\(daemon.name) was dead"
    for scope in placeScopes(place.name) {
      lose(scope, text, daemon.name.hasPrefix("dnsmasq") ? ["dhcp": Int(Int32.max)] : [:], seen)
    }
    do {
      _ = try daemon.ensure(in: place.namespace)
      repaired[place.name] = text
    } catch {
      logger.warning("cannot start a program", metadata: ["name": "\(daemon.name)", "error": "\(error)"])
    }
  }

  /// What somebody did to the wiring must not fail a change that builds on it.
  func mendAtOnce() {
    if !knowsPlan { return }
    let damaged = survey(soon: true)
    if !damaged.isEmpty { mendWiring(damaged, &mended, Self.now()) }
  }

  /// Links, addresses, routes, rules and neighbours, in rounds, as one link's making anew takes others with it.
  private func mendWiring(_ damaged: Set<String>, _ repaired: inout [String: String], _ seen: Int64) {
    let order = [Names.wan, Names.fabric, Names.probe]
    var due = damaged
    var all = damaged
    for _ in 0..<4 {
      for name in order.filter(due.contains) + due.subtracting(order).sorted() {
        guard let place = places[name] else { continue }
        place.beginComparing()
        if mendWiring(place, &repaired, seen) { due.remove(name) }
      }
      if let host, due.remove(host.name) != nil { mend(host) }
      for (name, place) in places {
        let hadDoubts = place.doubt != nil
        place.listen()
        if !hadDoubts && place.doubt != nil { due.insert(name) }
      }
      due.formIntersection(places.keys)
      all.formUnion(due)
      if due.isEmpty { break }
    }
    if all.contains(Names.fabric) { reattachPorts(&repaired, seen) }
  }

  /// True if nothing was wrong.
  private func mendWiring(_ place: Place, _ repaired: inout [String: String], _ seen: Int64) -> Bool {
    let name = place.name
    do {
      let taps = Set(attachments.compactMap { if case .tap = $1 { Names.port($0) } else { nil } })
      try place.removeLeftovers()
      var (missing, snapshot) = try place.view.damage()
      for item in missing where Self.isExpectedLoss(item, taps) { try mend(item, place, snapshot) }
      missing.removeAll { Self.isExpectedLoss($0, taps) || $0.linkName.map { detached[$0] != nil } == true }
      let foreign = try place.removeForeign(snapshot)
      if missing.isEmpty && foreign == 0 { return true }
      let text =
        "\(name): " + missing.prefix(3).map(\.description).joined(separator: ", ")
        + (missing.count > 3 ? " and \(missing.count - 3) more" : "") + (missing.isEmpty ? "" : " missing")
        + (foreign > 0 ? " \(foreign) foreign routes, rules or addresses" : "")
      if repaired[name] == nil {
        repaired[name] = text
        for scope in placeScopes(name) { lose(scope, text, [:], seen) }
      }
      let links = missing.prefix { if case .link = $0 { true } else { false } }
      for link in links { try mend(link, place, snapshot) }
      try place.ensure(Array(missing.dropFirst(links.count)), { self.namespace($0) })
    } catch {
      place.beDoubtful()
      logger.warning("cannot repair wiring", metadata: ["place": "\(name)", "error": "\(error)"])
    }
    return false
  }

  /// The hypervisor gives a tap another MAC when it starts a machine, and the kernel then forgets the tap's neighbours.
  /// Until they are back the kernel asks for them: nothing is lost.
  private static func isExpectedLoss(_ item: WiringItem, _ taps: Set<String>) -> Bool {
    guard case .neighbour(_, _, let link) = item else { return false }
    return taps.contains(link)
  }

  private func mend(_ item: WiringItem, _ place: Place, _ snapshot: WiringSnapshot) throws {
    if case .link(let shape) = item, let near = shape.nearPlace, snapshot.links[shape.name] == nil,
      let other = places[near]
    {
      // The pair is made from its near end.
      for items in other.wiring.values {
        for candidate in items {
          if case .link(let made) = candidate, case .veth(let far, let target, _) = made.make,
            far == shape.name, target == place.name
          {
            try other.ensure(candidate, { self.namespace($0) })
          }
        }
      }
    }
    try place.ensure(item, { self.namespace($0) })
  }

  private func mend(_ host: Place) {
    host.beginComparing()
    do {
      for item in try host.view.damage().missing { try host.ensure(item, { self.namespace($0) }) }
    } catch {
      host.beDoubtful()
      logger.warning("cannot repair the host's link", metadata: ["error": "\(error)"])
    }
  }

  private func reattachPorts(_ repaired: inout [String: String], _ seen: Int64) {
    do {
      guard !attachments.isEmpty, let fabric = places[Names.fabric] else { return }
      let present = Set(try fabric.routes.links().map(\.name))
      for object in objects.values {
        guard case .port(let port) = object.body, attachments[port.id] != nil,
          !present.contains(Names.port(port.id))
        else { continue }
        try attach(port)
        let text = "port \(Names.port(port.id)) was gone"
        repaired[Names.fabric] = text
        lose(object.scope, text, ["port": 1], seen)
      }
    } catch {
      logger.warning("cannot attach a port again", metadata: ["error": "\(error)"])
    }
  }

  /// What could not be put in place is tried again, ever more seldom.
  private func retryFailed() async {
    let now = ContinuousClock.now
    let due = scopes.scopes.filter { ($0.value.retry?.at ?? now) < now }.keys.sorted()
    if due.isEmpty { return }
    steps += 1
    for name in due {
      let count = (scopes[name].retry?.count ?? 0) + 1
      scopes[name].retry = (now + .seconds(1 << min(count, 5)), count)
      for key in scopes[name].failures.keys.sorted().prefix(Self.retriesAtOnce) {
        if let object = objects[key] { put(object) }
      }
      for place in scopes[name].trouble.keys where places[place] != nil { dirty.insert(place) }
      if scopes[name].trouble["program"] != nil {
        for (id, state) in routers where state.scope == name { staleServices.insert(id) }
        if name == Names.fabric { staleServices.insert("") }
      }
    }
    for (name, departure) in departures where due.contains(departure.state.scope) {
      do {
        try depart(name)
      } catch {
        logger.warning("a former router is not gone yet", metadata: ["place": "\(name)", "error": "\(error)"])
      }
    }
    for name in due where scopes[name].trouble[Self.remains] != nil && isRid(name) {
      scopes[name].trouble[Self.remains] = nil
    }
    commitDirty()
    await updateServices()
    commitDirty()
    _ = await endFlows()
    steps -= 1
    verifyLater(Set(due))
  }

  /// Nothing is left of former objects of the scope.
  private func isRid(_ scope: String) -> Bool {
    guard !departures.values.contains(where: { $0.state.scope == scope }) else { return false }
    do {
      for place in places.values { try place.removeLeftovers() }
      return true
    } catch {
      return false
    }
  }

  private func announce(_ repaired: [String: String], _ seen: Int64) async {
    var names = Set(repaired.keys.flatMap(placeScopes))
    names.formUnion(scopes.scopes.filter { $0.value.phase == .lost }.keys)
    // Else a client that kept sending would go on as it was answered meanwhile.
    steps += 1
    _ = commitDirty()
    _ = await endFlows()
    steps -= 1
    let time = Self.now()
    for name in names {
      if scopes[name].phase != .lost, let place = repaired.keys.first(where: { placeScopes($0).contains(name) }) {
        lose(name, repaired[place] ?? "", [:], seen)
      }
      scopes[name].appliedAt = time
      scopes[name].phase = .applied
      scopes[name].missing = [:]
      report(name)
    }
    verifyLater(names)
  }

  /// Sends the probes of these scopes while other places are looked after.
  private func verifyLater(_ names: Set<String>) { Task { await verify(names) } }

  /// The steady look by packets. What two probes in a row do not pass is examined.
  private func probeAll() {
    guard let prober else { return }
    for (id, state) in routers where state.router.probeAddress != 0 {
      Task {
        let passed = await prober.probe(IPv4(state.router.probeAddress), within: .milliseconds(500))
        await self.probed(id, passed)
      }
    }
  }

  private func probed(_ id: String, _ passed: Bool) async {
    guard let state = routers[id], !isApplying else { return }
    if passed {
      routers[id]?.failedProbes = 0
      // Its way leads through the fabric and the wan.
      let names = [state.scope, Names.fabric, Names.wan].filter { name in
        scopes.scopes[name].map { $0.isCutOff || $0.phase == .lost } ?? false
      }
      if !names.isEmpty { await verify(Set(names)) }
      return
    }
    routers[id]?.failedProbes += 1
    doubtAll()
    guard state.failedProbes + 1 >= 2 else { return }
    let seen = Self.now()
    if scopes[state.scope].phase != .lost { lose(state.scope, "the probe does not come back", [:], seen) }
    for name in [state.place, Names.fabric, Names.wan] { places[name]?.generation = nil }
  }
}
