import Addresses
import Kernel

/// A link as it is to be. What has no `make` is made by others and only set up here once it appears.
struct LinkShape: Hashable {
  enum Make: Hashable {
    /// The far end is in the place of that name; an empty name is the host.
    case veth(far: String, place: String, farMAC: MAC)
    case bridge
    case vxlan(vni: UInt32)
  }

  var name: String
  var make: Make?
  var mac: MAC?
  var master: String?
  var mtu: UInt32?
  /// Kernel settings: paths below `/proc/sys/net/ipv4` with `%` for the name.
  var settings: [String: String] = [:]
  /// Of the far end of a veth: where its near end is made.
  var nearPlace: String?
  /// May be absent: a port whose device nobody has attached yet.
  var isOptional = false

  /// Its settings by their paths below `/proc/sys/net`.
  var kernelSettings: [String: String] {
    Dictionary(
      uniqueKeysWithValues: settings.map { path, value in
        let parts = path.split(separator: "%", omittingEmptySubsequences: false)
        return ("ipv4/" + parts.joined(separator: name), value)
      })
  }
}

/// One thing of routing or wiring in a namespace. Everything names links, so that it survives their making anew.
enum WiringItem: Hashable {
  case link(LinkShape)
  case address(IPv4, length: Int, link: String)
  case neighbour(IPv4, MAC, link: String)
  case route(RouteShape)
  case rule(RoutingRule)

  var rank: Int {
    switch self {
    case .link(let shape): shape.master == nil ? 0 : 1
    case .address: 2
    case .neighbour: 3
    case .route: 4
    case .rule: 5
    }
  }

  var linkName: String? {
    switch self {
    case .link(let shape): shape.name
    case .address(_, _, let link), .neighbour(_, _, let link): link
    case .route(let route): route.link
    case .rule: nil
    }
  }

  var description: String {
    switch self {
    case .link(let shape): "link \(shape.name)"
    case .address(let address, let length, let link): "address \(address)/\(length) on \(link)"
    case .neighbour(let address, _, let link): "neighbour \(address) on \(link)"
    case .route(let route): "route \(route.destination)"
    case .rule(let rule): "rule \(rule.priority)"
    }
  }
}

struct RouteShape: Hashable {
  var destination: IPv4Prefix
  var kind = Route.Kind.unicast
  var via: IPv4?
  var link: String?
  var source: IPv4?
  var table = Route.mainTable
  var metric: UInt32?

  func route(_ index: UInt32?) -> Route {
    Route(
      destination, kind: kind, via: via, link: index, source: source, table: table, metric: metric, onlink: via != nil)
  }
}

extension Route {
  /// The kernel makes it by itself, with an address.
  var isKernels: Bool { origin == 2 || table == Self.localTable }
}

/// What a namespace has of wiring right now.
struct WiringSnapshot {
  let links: [String: Link]
  private let names: [UInt32: String]
  private let addresses: [LinkAddress]
  private let routes: [Route]
  private let rules: [RoutingRule]
  private let neighbours: Set<Neighbour3>

  private struct Neighbour3: Hashable {
    var address: IPv4
    var mac: MAC
    var link: UInt32
  }

  private struct RouteKey: Hashable {
    var destination: IPv4Prefix
    var kind: Route.Kind
    var via: IPv4?
    var link: UInt32?
    var source: IPv4?
    var table: UInt32
    var metric: UInt32

    init(_ route: Route) {
      destination = route.destination
      kind = route.kind
      via = route.via
      // Kernels put the loopback link on routes that lead nowhere.
      link = route.kind == .unicast ? route.link : nil
      source = route.source
      table = route.table
      metric = route.metric ?? 0
    }
  }

  init(_ socket: RouteSocket) throws(KernelError) {
    let links = try socket.links()
    self.links = Dictionary(links.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
    addresses = try socket.addresses()
    routes = try socket.routes()
    rules = try socket.rules()
    neighbours = Set(
      try socket.neighbours().compactMap { found in
        found.isPermanent ? found.mac.map { Neighbour3(address: found.address, mac: $0, link: found.link) } : nil
      })
    routeKeys = Set(routes.map(RouteKey.init))
    addressKeys = Set(addresses)
    ruleKeys = Set(rules)
  }

  private let routeKeys: Set<RouteKey>
  private let addressKeys: Set<LinkAddress>
  private let ruleKeys: Set<RoutingRule>

  func has(_ item: WiringItem) -> Bool {
    switch item {
    case .link(let shape):
      guard let link = links[shape.name] else { return shape.isOptional }
      return link.isUp && (shape.mac == nil || link.mac == shape.mac) && (shape.mtu == nil || link.mtu == shape.mtu)
        && (shape.master == nil || link.master == shape.master.flatMap { links[$0]?.index })
    case .address(let address, let length, let link):
      guard let index = links[link]?.index else { return false }
      return addressKeys.contains(LinkAddress(address: address, prefixLength: length, link: index))
    case .neighbour(let address, let mac, let link):
      guard let index = links[link]?.index else { return true }
      return neighbours.contains(Neighbour3(address: address, mac: mac, link: index))
    case .route(let route):
      let index = route.link.flatMap { links[$0]?.index }
      if route.link != nil && index == nil { return false }
      return routeKeys.contains(RouteKey(route.route(index)))
    case .rule(let rule):
      var normal = rule
      if normal.mark != nil && normal.mask == nil { normal.mask = .max }
      return ruleKeys.contains(rule) || ruleKeys.contains(normal)
    }
  }

  /// Routes, rules and addresses that nobody of ours put there.
  func foreign(wanted: Set<WiringItem>) -> (routes: [Route], rules: [RoutingRule], addresses: [LinkAddress]) {
    var routeKeys: Set<RouteKey> = []
    var ruleKeys: Set<RoutingRule> = []
    var addressKeys: Set<LinkAddress> = []
    for item in wanted {
      switch item {
      case .route(let route): routeKeys.insert(RouteKey(route.route(route.link.flatMap { links[$0]?.index })))
      case .rule(let rule): ruleKeys.insert(rule)
      case .address(let address, let length, let link):
        if let index = links[link]?.index {
          addressKeys.insert(LinkAddress(address: address, prefixLength: length, link: index))
        }
      default: break
      }
    }
    let loopback = links["lo"]?.index
    // A drill plugs its own public side into the wan by a link of this name.
    let visitors = Set(links.values.filter { $0.name.hasPrefix("d-") }.map(\.index))
    let foreignRoutes = routes.filter {
      !visitors.contains($0.link ?? 0) && !$0.isKernels && !routeKeys.contains(RouteKey($0))
    }
    let foreignRules = rules.filter { rule in
      if rule.priority == 0 || rule.priority >= 32766 { return false }
      return !ruleKeys.contains { $0.priority == rule.priority && $0.mark == rule.mark && $0.table == rule.table }
    }
    return (
      foreignRoutes, foreignRules,
      addresses.filter { $0.link != loopback && !visitors.contains($0.link) && !addressKeys.contains($0) }
    )
  }
}
