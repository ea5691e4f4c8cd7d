import Addresses
import Glibc
import Kernel

/// One of our network namespaces, with what it is to have.
final class Place {
  let name: String
  let namespace: NetworkNamespace
  let routes: RouteSocket
  let rules: NFTables
  let conntrack: Conntrack
  private let events: RouteEvents
  private(set) var wiring: [String: [WiringItem]] = [:]
  private(set) var wiringCount = 0
  /// How many items of the wiring are neighbours of an address.
  private var neighbours: [IPv4: Int] = [:]
  /// Whether the wiring is as it was made is not known; since when it is to be looked at.
  private(set) var doubt: ContinuousClock.Instant?
  /// When the wiring was compared with the kernel's last.
  private var compared: ContinuousClock.Instant?
  /// Owners whose wiring could not be brought to the kernel.
  private var unfinished: Set<String> = []
  /// What nobody wants any more and the kernel did not let go.
  private var leftovers: Set<WiringItem> = []
  /// The wiring that an earlier agent left here.
  private var found: WiringSnapshot?
  /// Links of it that are others now.
  private var remade: Set<String> = []
  /// Settings of links of it that a release before may have written otherwise.
  private var adoptedSettings: [String: String] = [:]
  /// Links that were not there when their wiring was to be made.
  private var absent: Set<String> = []
  var table: RuleTable?
  /// Elements on their way into the table, with their owners.
  var waiting: [(owner: String, elements: @Sendable () -> [SetElement])] = []
  /// The generation of the rule set that our last commit made; nil if it must be looked at first.
  var generation: UInt32?
  /// Connections that are yet to be forgotten.
  var ending = Ending()

  init(_ name: String, _ namespace: NetworkNamespace) throws {
    self.name = name
    self.namespace = namespace
    routes = try RouteSocket(in: namespace)
    rules = try NFTables(in: namespace)
    conntrack = try Conntrack(in: namespace)
    events = try RouteEvents(in: namespace, besides: routes)
  }

  /// The settings of a namespace that every one of ours has.
  func prepare(forwarding: Bool) throws {
    var settings = [
      "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0", "ipv4/conf/all/accept_redirects": "0",
      "ipv4/conf/default/accept_redirects": "0", "ipv4/conf/all/send_redirects": "0",
      "ipv4/conf/default/send_redirects": "0", "ipv4/conf/all/route_localnet": "0",
      "ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1",
      "netfilter/nf_conntrack_tcp_be_liberal": "1",
    ]
    settings["ipv4/ip_forward"] = forwarding ? "1" : "0"
    if name == Names.fabric { settings["bridge/bridge-nf-call-iptables"] = "0" }
    try set(settings)
  }

  /// Writes kernel settings (paths below `/proc/sys/net`), in one visit to the namespace. What this kernel does not
  /// have is left.
  func set(_ settings: [String: String]) throws {
    if settings.isEmpty { return }
    let sorted = settings.sorted { $0.key < $1.key }
    try namespace.run {
      var folders = SettingFolders()
      for (path, value) in sorted {
        let file = folders.open(path)
        if file < 0 {
          if errno == ENOENT { continue }
          throw KernelError(code: errno, operation: "write \(path)")
        }
        let bytes = Array(value.utf8)
        let written = write(file, bytes, bytes.count)
        let code = errno
        close(file)
        if written < 0 { throw KernelError(code: code, operation: "write \(path)") }
      }
    }
  }

  /// Puts `items` in place of what the owner had, in the kernel too.
  func wire(_ owner: String, _ items: [WiringItem], _ places: (String) -> NetworkNamespace?) throws {
    do {
      try change(owner, items, places)
    } catch {
      beDoubtful()
      throw error
    }
  }

  private func change(_ owner: String, _ items: [WiringItem], _ places: (String) -> NetworkNamespace?) throws {
    let before = wiring[owner] ?? []
    let isUnfinished = unfinished.contains(owner)
    if before == items && !isUnfinished { return }
    unfinished.insert(owner)
    if isUnfinished { try removeLeftovers() }
    var failure: (any Error)?
    let wanted = before.isEmpty ? [] : Set(items)
    wiring[owner] = items.isEmpty ? nil : items
    count(before, -1)
    count(items, 1)
    for item in before.reversed() where !wanted.contains(item) {
      if case .link(let shape) = item, items.contains(where: { $0.linkName == shape.name }) { continue }
      do { try remove(item) } catch {
        leftovers.insert(item)
        failure = failure ?? error
      }
    }
    let present = isUnfinished ? [] : Set(before)
    try ensure(items.filter { !present.contains($0) }, places)
    if let failure { throw failure }
    unfinished.remove(owner)
  }

  /// Until it is over, what is here already is not made again.
  func beginAdoption() {
    found = try? WiringSnapshot(routes)
    remade = []
  }

  func endAdoption() throws {
    found = nil
    remade = []
    defer { adoptedSettings = [:] }
    try set(adoptedSettings)
  }

  private func isFound(_ item: WiringItem) -> Bool {
    guard let found else { return false }
    if case .link(let shape) = item {
      let isSame = !remade.contains(shape.name) && shape.master.map(remade.contains) != true
      guard shape.isOptional, isSame, found.links[shape.name] != nil, found.has(item) else { return false }
      adoptedSettings.merge(shape.kernelSettings) { $1 }
      return true
    }
    if let link = item.linkName, found.links[link] == nil || remade.contains(link) { return false }
    return found.has(item)
  }

  private func count(_ items: [WiringItem], _ sign: Int) {
    wiringCount += sign * items.count
    for case .neighbour(let address, _, _) in items {
      let count = neighbours[address, default: 0] + sign
      neighbours[address] = count == 0 ? nil : count
    }
  }

  /// Hears what became of links, addresses, neighbours, routes and rules since the last time.
  func listen() {
    let isAll = events.take { event in
      switch event {
      // Neighbours that the kernel has learnt come and go.
      case .neighbour(let neighbour): if neighbours[neighbour.address] != nil { beDoubtful() }
      // The kernel's table of its own addresses changes with these.
      case .route(let route): if route.table != Route.localTable { beDoubtful() }
      case .address(let address): if address.link != Self.loopback { beDoubtful() }
      case .link, .rule: beDoubtful()
      }
    }
    if !isAll { beDoubtful() }
  }

  private static let loopback: UInt32 = 1

  /// The wiring is to be compared with the kernel's: at once, unless that was done a moment ago and takes long.
  func beDoubtful() {
    if doubt != nil { return }
    let pause = min(.seconds(1), .microseconds(20) * wiringCount)
    doubt = max(.now, (compared ?? .now - pause) + pause)
  }

  /// From now on the wiring is compared; what changes from here on is doubtful again.
  func beginComparing() {
    listen()
    doubt = nil
    compared = .now
  }

  /// Takes away what an earlier attempt could not; what is on a link before the link.
  func removeLeftovers() throws {
    if leftovers.isEmpty { return }
    let wanted = Set(wiring.values.joined())
    let links = Set(
      wanted.compactMap { item -> String? in if case .link(let shape) = item { shape.name } else { nil } })
    var failure: (any Error)?
    for item in leftovers.sorted(by: { $0.rank > $1.rank }) {
      var isWanted = wanted.contains(item)
      if case .link(let shape) = item { isWanted = isWanted || links.contains(shape.name) }
      do {
        if !isWanted { try remove(item) }
        leftovers.remove(item)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  /// All of an owner's, or what is missing of it: an instance has two for each of its addresses, which go together.
  func ensure(_ items: [WiringItem], _ places: (String) -> NetworkNamespace?) throws {
    if found != nil && items.allSatisfy(isFound) { return }
    var batch = RouteBatch()
    var indexes: [String: UInt32] = [:]
    for item in items.sorted(by: { $0.rank < $1.rank }) where !isFound(item) {
      switch item {
      case .neighbour(let address, let mac, let link):
        if let index = try index(link, &indexes) { batch.replaceNeighbour(address, mac: mac, link: index) }
      case .route(let route):
        guard let link = route.link else {
          batch.replaceRoute(route.route(nil))
          break
        }
        if let index = try index(link, &indexes) { batch.replaceRoute(route.route(index)) }
      case .rule:
        // What a rule leads to is there before it.
        try carryOut(&batch)
        try ensure(item, places)
      case .link, .address: try ensure(item, places)
      }
    }
    try carryOut(&batch)
  }

  private func carryOut(_ batch: inout RouteBatch) throws {
    if batch.isEmpty { return }
    try routes.carryOut(batch)
    batch = RouteBatch()
  }

  /// Makes the wiring on a link that is new, or was absent when it was to be made.
  func wire(link: String, isNew: Bool, _ owner: String, _ places: (String) -> NetworkNamespace?) throws {
    guard absent.remove(link) != nil || isNew else { return }
    do {
      try ensure(wiring[owner] ?? [], places)
    } catch {
      absent.insert(link)
      throw error
    }
  }

  /// The link goes, and its wiring with it.
  func noteLoss(of link: String, _ owner: String) {
    if wiring[owner] != nil { absent.insert(link) }
  }

  /// `nil` of a link that may be absent and is.
  private func index(_ link: String, _ known: inout [String: UInt32]) throws -> UInt32? {
    if let index = known[link] { return index }
    do {
      let index = try routes.index(of: link)
      known[link] = index
      return index
    } catch {
      guard error.code == ENODEV, WiringView.isOptional(link) else { throw error }
      absent.insert(link)
      return nil
    }
  }

  func ensure(_ item: WiringItem, _ places: (String) -> NetworkNamespace?) throws {
    do {
      switch item {
      case .link(let shape):
        try ensure(shape, places)
        if let known = found?.links[shape.name], try routes.index(of: shape.name) != known.index {
          remade.insert(shape.name)
        }
      case .address(let address, let length, let link):
        try routes.addAddress(address, prefixLength: length, link: link)
      case .neighbour(let address, let mac, let link): try routes.replaceNeighbour(address, mac: mac, link: link)
      case .route(let route):
        try routes.replaceRoute(route.route(route.link.map { try routes.index(of: $0) }))
      case .rule(let rule): try routes.addRule(rule)
      }
    } catch let error as KernelError where error.code == ENODEV && WiringView.isOptional(item.linkName) {
      if let link = item.linkName { absent.insert(link) }
    }
  }

  private func ensure(_ shape: LinkShape, _ places: (String) -> NetworkNamespace?) throws {
    switch shape.make {
    case .veth(let far, let place, let farMAC):
      guard let peer = places(place) else {
        throw DataplaneError(.missing, "the namespace \(place) for \(far) does not exist")
      }
      try routes.ensureVeth(shape.name, mac: shape.mac, peerName: far, peerNamespace: peer, peerMAC: farMAC)
    case .bridge: try routes.ensureBridge(shape.name, mac: shape.mac)
    case .vxlan(let vni): try routes.ensureVXLAN(shape.name, vni: vni, local: IPv4(0x7F00_0001))
    case nil: break
    }
    if shape.isOptional, try routes.link(shape.name) == nil {
      absent.insert(shape.name)
      return
    }
    try set(shape.kernelSettings)
    if let mtu = shape.mtu { try routes.setMTU(shape.name, mtu) }
    if let master = shape.master { try routes.setMaster(shape.name, master) }
    try routes.setUp(shape.name)
  }

  private func remove(_ item: WiringItem) throws {
    do {
      switch item {
      case .link(let shape):
        absent.remove(shape.name)
        if shape.make != nil { try routes.deleteLink(shape.name) }
      case .address(let address, let length, let link):
        try routes.removeAddress(address, prefixLength: length, link: link)
      case .neighbour(let address, _, let link): try routes.deleteNeighbour(address, link: link)
      case .route(let route):
        try routes.deleteRoute(route.route(route.link.map { try routes.index(of: $0) }))
      case .rule(let rule): try routes.deleteRule(rule)
      }
    } catch let error as KernelError where error.code == ENODEV || error.code == ESRCH {
      return
    }
  }

  var view: WiringView { WiringView(wiring: wiring, routes: routes) }
  var hasLeftovers: Bool { !leftovers.isEmpty }

  /// Takes away routes, rules and addresses that are not ours; how many there were.
  func removeForeign(_ snapshot: WiringSnapshot) throws -> Int {
    let foreign = view.foreign(snapshot)
    for route in foreign.routes { try routes.deleteRoute(route) }
    for rule in foreign.rules { try routes.deleteRule(rule) }
    for address in foreign.addresses {
      if let name = snapshot.links.values.first(where: { $0.index == address.link })?.name {
        try routes.removeAddress(address.address, prefixLength: address.prefixLength, link: name)
      }
    }
    return foreign.routes.count + foreign.rules.count + foreign.addresses.count
  }
}
