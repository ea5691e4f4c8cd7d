import Addresses
import Kernel
import NodePlan

/// The wiring of each kind of namespace: pure functions of the plan's objects.
enum WiringPlan {
  static func hostItems(_ wan: Wan) -> [WiringItem] {
    [
      .link(LinkShape(name: wan.hostLink, nearPlace: Names.wan)),
      .address(IPv4(wan.hostAddress), length: 32, link: wan.hostLink),
      .neighbour(IPv4(wan.wanAddress), LinkEnds.uplinkMAC, link: wan.hostLink),
    ]
      + wan.hostRoutes.map {
        .route(
          RouteShape(
            destination: IPv4Prefix($0), via: IPv4(wan.wanAddress), link: wan.hostLink, source: IPv4(wan.hostAddress)))
      }
  }

  static func items(_ wan: Wan) -> [WiringItem] {
    let uplink = LinkShape(
      name: "h0", make: .veth(far: wan.hostLink, place: "", farMAC: LinkEnds.hostMAC), mac: LinkEnds.uplinkMAC)
    return [
      .link(uplink),
      .address(IPv4(wan.wanAddress), length: 32, link: "h0"),
      .neighbour(IPv4(wan.hostAddress), LinkEnds.hostMAC, link: "h0"),
      .route(RouteShape(destination: .any, via: IPv4(wan.hostAddress), link: "h0", source: IPv4(wan.wanAddress))),
    ]
  }

  /// The wan's side of a router.
  static func wanItems(_ router: Router, wanAddress: UInt32) -> [WiringItem] {
    let link = "r-" + Names.short(router.id)
    var items: [WiringItem] = [
      .link(
        LinkShape(
          name: link, make: .veth(far: "pub", place: Names.router(router.id), farMAC: LinkEnds.pubMAC),
          mac: LinkEnds.wanMAC)),
      .address(LinkEnds.wan, length: 32, link: link),
      .neighbour(LinkEnds.pub, LinkEnds.pubMAC, link: link),
    ]
    var prefixes = router.publicPrefixes.map { IPv4Prefix($0) }
    if router.probeAddress != 0, !prefixes.contains(where: { $0.contains(IPv4(router.probeAddress)) }) {
      prefixes.append(IPv4Prefix(IPv4(router.probeAddress), length: 32))
    }
    items += prefixes.map { wanRoute($0, link, wanAddress) }
    return items
  }

  private static func wanRoute(_ prefix: IPv4Prefix, _ link: String, _ wanAddress: UInt32) -> WiringItem {
    .route(
      RouteShape(
        destination: prefix, via: LinkEnds.pub, link: link, source: wanAddress == 0 ? nil : IPv4(wanAddress)))
  }

  static func wanItems(_ address: PublicAddress, wanAddress: UInt32) -> [WiringItem] {
    [
      wanRoute(
        IPv4Prefix(IPv4(address.address), length: 32), "r-" + Names.short(address.router), wanAddress)
    ]
  }

  /// A router's own side towards the wan. Its public addresses lead nowhere unless a map translates them.
  private static func outside(_ router: Router, _ unreachable: [IPv4Prefix]) -> [WiringItem] {
    [
      .link(
        LinkShape(name: "pub", mac: LinkEnds.pubMAC, settings: ["conf/%/rp_filter": "1"], nearPlace: Names.wan)),
      .address(LinkEnds.pub, length: 32, link: "pub"),
      .neighbour(LinkEnds.wan, LinkEnds.wanMAC, link: "pub"),
      .route(RouteShape(destination: .any, via: LinkEnds.wan, link: "pub")),
    ] + unreachable.map { .route(RouteShape(destination: $0, kind: .unreachable)) }
  }

  static func edgeItems(_ router: Router) -> [WiringItem] {
    let guests = IPv4Prefix(router.guestPrefix)
    let inside = router.insideAddress == 0 ? nil : IPv4(router.insideAddress)
    var nowhere = router.publicPrefixes.map { IPv4Prefix($0) }
    if router.probeAddress != 0, !nowhere.contains(where: { $0.contains(IPv4(router.probeAddress)) }) {
      nowhere.append(IPv4Prefix(IPv4(router.probeAddress), length: 32))
    }
    var items = outside(router, nowhere)
    items += [
      .link(LinkShape(name: "fab", mac: LinkEnds.fabMAC, nearPlace: Names.fabric)),
      .address(LinkEnds.fab, length: 32, link: "fab"),
      .neighbour(LinkEnds.fabric, LinkEnds.fabricMAC, link: "fab"),
      .route(RouteShape(destination: guests, via: LinkEnds.fabric, link: "fab", source: inside)),
    ]
    if let inside { items.append(.address(inside, length: 32, link: "fab")) }
    if router.probeTarget != 0, !guests.contains(IPv4(router.probeTarget)) {
      items.append(
        .route(
          RouteShape(
            destination: IPv4Prefix(IPv4(router.probeTarget), length: 32), via: LinkEnds.fabric, link: "fab",
            source: inside)))
    }
    return items
  }

  static let publicTable: UInt32 = 1000

  /// The fabric's side of an edge gateway.
  static func fabricItems(_ router: Router) -> [WiringItem] {
    let link = Names.gatewayLink(router.id)
    var items: [WiringItem] = [
      .link(
        LinkShape(
          name: link, make: .veth(far: "fab", place: Names.router(router.id), farMAC: LinkEnds.fabMAC),
          mac: LinkEnds.fabricMAC)),
      .address(LinkEnds.fabric, length: 32, link: link),
      .neighbour(LinkEnds.fab, LinkEnds.fabMAC, link: link),
      .route(RouteShape(destination: .any, via: LinkEnds.fab, link: link, table: router.index)),
      .rule(RoutingRule(priority: 200 + router.index, mark: router.index, mask: .max, table: router.index)),
    ]
    if router.insideAddress != 0 {
      items.append(
        .route(
          RouteShape(destination: IPv4Prefix(IPv4(router.insideAddress), length: 32), via: LinkEnds.fab, link: link)))
    }
    items += router.publicPrefixes.map {
      .route(RouteShape(destination: IPv4Prefix($0), via: LinkEnds.fab, link: link, table: publicTable))
    }
    return items
  }

  static func items(_ fabric: Fabric) -> [WiringItem] {
    let guests = IPv4Prefix(fabric.guestPrefix)
    let target = IPv4(fabric.probeTarget)
    var items: [WiringItem] = [
      .link(LinkShape(name: "gw0", make: .bridge, mac: LinkEnds.gatewayMAC)),
      .address(IPv4(fabric.gateway), length: 32, link: "gw0"),
      // Who has no port is nowhere; else a gateway would send the packet back.
      .route(RouteShape(destination: guests, kind: .unreachable, metric: 9000)),
      .address(LinkEnds.metadata, length: 32, link: "gw0"),
      .rule(RoutingRule(priority: 100, table: Route.mainTable)),
      .rule(RoutingRule(priority: 1000, table: publicTable)),
      .route(RouteShape(destination: .any, kind: .unreachable, table: publicTable, metric: 9000)),
    ]
    if fabric.probeTarget != 0 {
      items += [
        .link(
          LinkShape(
            name: "probe0", make: .veth(far: "eth0", place: Names.probe, farMAC: LinkEnds.probeFarMAC),
            mac: LinkEnds.probeMAC)),
        .address(LinkEnds.probe, length: 32, link: "probe0"),
        .neighbour(target, LinkEnds.probeFarMAC, link: "probe0"),
        .route(RouteShape(destination: IPv4Prefix(target, length: 32), link: "probe0")),
      ]
    }
    return items
  }

  static func probeItems(_ fabric: Fabric) -> [WiringItem] {
    if fabric.probeTarget == 0 { return [] }
    return [
      .link(LinkShape(name: "eth0", mac: LinkEnds.probeFarMAC, nearPlace: Names.fabric)),
      .address(IPv4(fabric.probeTarget), length: 32, link: "eth0"),
      .neighbour(LinkEnds.probe, LinkEnds.probeMAC, link: "eth0"),
      .route(RouteShape(destination: .any, via: LinkEnds.probe, link: "eth0")),
    ]
  }

  static func items(_ network: GuestNetwork) -> [WiringItem] {
    let bridge = Names.bridge(network.vni)
    return [
      .link(LinkShape(name: bridge, make: .bridge)),
      .link(LinkShape(name: Names.vxlan(network.vni), make: .vxlan(vni: network.vni), master: bridge)),
    ]
  }

  /// A virtual router's place on the bridge of its network.
  static func bridgeItems(_ router: Router, _ network: GuestNetwork) -> [WiringItem] {
    let gatewayMAC = MAC(0x0200_0000_0000 | UInt64(router.gateway))
    return [
      .link(
        LinkShape(
          name: Names.virtualLink(router.id),
          make: .veth(far: "guest", place: Names.router(router.id), farMAC: gatewayMAC),
          master: Names.bridge(network.vni)))
    ]
  }

  static func virtualItems(_ router: Router, addresses: [UInt32]) -> [WiringItem] {
    var nowhere = Set(addresses)
    if router.sourceNat != 0 { nowhere.insert(router.sourceNat) }
    if router.probeAddress != 0 { nowhere.insert(router.probeAddress) }
    let (gateway, guests) = (IPv4(router.gateway), IPv4Prefix(router.guestPrefix))
    return outside(router, nowhere.sorted().map { IPv4Prefix(IPv4($0), length: 32) }) + [
      .link(
        LinkShape(
          name: "guest", mac: MAC(0x0200_0000_0000 | UInt64(router.gateway)),
          settings: ["conf/%/rp_filter": "1"], nearPlace: Names.fabric)),
      .address(gateway, length: guests.length, link: "guest"),
      // The kernel makes it with the address, but nobody would miss it otherwise.
      .route(RouteShape(destination: guests, link: "guest", source: gateway)),
      .address(LinkEnds.metadata, length: 32, link: "guest"),
    ]
  }

  /// A port of the fabric: each address a /32 behind its own link.
  static func items(_ port: Port) -> [WiringItem] {
    let link = Names.port(port.id)
    return [
      .link(
        LinkShape(
          name: link, settings: ["conf/%/proxy_arp": "1", "neigh/%/proxy_delay": "0", "conf/%/rp_filter": "0"],
          isOptional: true))
    ]
      + ([port.address] + port.secondary).flatMap { value -> [WiringItem] in
        let address = IPv4(value)
        return [
          .neighbour(address, MAC(port.mac), link: link),
          .route(RouteShape(destination: IPv4Prefix(address, length: 32), link: link)),
        ]
      }
  }

  /// A port on the bridge of its network.
  static func items(_ port: Port, _ network: GuestNetwork) -> [WiringItem] {
    [.link(LinkShape(name: Names.port(port.id), master: Names.bridge(network.vni), isOptional: true))]
  }
}
