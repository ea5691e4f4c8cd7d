package import Addresses
import CloudModel
import NodePlan

/// Addresses that the cloud keeps for itself.
package enum Reserved {
  /// Public side of an edge gateway's probe, out of 100.64.0.0/11 (RFC 6598).
  static func probeAddress(cell: Cell) -> IPv4 { IPv4(0x6440_0000 + UInt32(cell.index)) }
  /// Public side of a virtual router's probe, out of 100.96.0.0/11.
  static func probeAddress(vni: Int) -> IPv4 { IPv4(0x6460_0000 + UInt32(vni)) }
  /// The responder that edge probes reach.
  static func probeTarget(_ guest: IPv4Prefix) -> IPv4 { IPv4(guest.last.value - 1) }
  /// A gateway's own address in the fabric.
  static func insideAddress(_ guest: IPv4Prefix, cell: Cell) -> IPv4 {
    IPv4(guest.last.value - 1 - UInt32(cell.index))
  }
  /// The addresses of a Basic zone's guest prefix that instances may have.
  package static func instanceAddresses(_ guest: IPv4Prefix) -> ClosedRange<UInt32> {
    (guest.first.value + 16)...(guest.last.value - 256)
  }
}

extension Planner {
  static func scope(cell: ID<Cell>) -> String { "router/\(cell)" }
  static func scope(router: ID<VirtualRouter>) -> String { "router/\(router)" }

  static func wan(_ node: Node, _ name: String) -> [PlanObject] {
    guard node.name == name else { return [] }
    var wan = Wan()
    wan.hostLink = node.hostLink
    wan.hostAddress = node.hostAddress.value
    wan.wanAddress = node.wanAddress.value
    wan.hostRoutes = node.hostRoutes.map(prefix)
    return [object("wan", scope: "wan", .wan(wan))]
  }

  static func fabric(_ zone: Zone, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard zone.series == .basic, carries(node, zone.id, state) else { return [] }
    var fabric = Fabric()
    fabric.zone = zone.id.description
    fabric.guestPrefix = prefix(zone.guestPrefix)
    fabric.gateway = zone.guestPrefix.first.value + 1
    fabric.dns = zone.dns.map(\.value)
    fabric.domainName = "\(zone.name.lowercased()).internal"
    fabric.probeTarget = Reserved.probeTarget(zone.guestPrefix).value
    return [object("fabric/\(zone.id)", scope: "fabric", .fabric(fabric))]
  }

  static func edgeRouter(_ cell: Cell, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard cell.node == node, let zone = state.zones[cell.zone] else { return [] }
    var router = Router()
    router.id = cell.id.description
    router.kind = .edge
    router.index = UInt32(cell.index)
    router.publicPrefixes = cell.publicPrefixes.map(prefix)
    router.guestPrefix = prefix(zone.guestPrefix)
    router.gateway = zone.guestPrefix.first.value + 1
    router.probeAddress = Reserved.probeAddress(cell: cell).value
    router.probeTarget = Reserved.probeTarget(zone.guestPrefix).value
    router.insideAddress = Reserved.insideAddress(zone.guestPrefix, cell: cell).value
    router.rebuilds = UInt32(clamping: cell.rebuilds ?? 0)
    router.renderer = UInt32(clamping: cell.renderer ?? 0)
    return [object("router/\(cell.id)", scope: scope(cell: cell.id), .router(router))]
  }

  static func guestNetwork(_ network: Network, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard let vni = network.vni, network.state == .implemented, carries(node, network.zone, state) else { return [] }
    var guest = GuestNetwork()
    guest.id = network.id.description
    guest.vni = UInt32(vni)
    guest.mtu = 1450
    return [object("network/\(network.id)", scope: "network/\(network.id)", .network(guest))]
  }

  static func virtualRouter(_ router: VirtualRouter, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard state.hosts[router.host]?.node == node, let network = state.networks[router.network],
      let vni = network.vni, network.state == .implemented
    else { return [] }
    var plan = Router()
    plan.id = router.id.description
    plan.kind = .virtual
    plan.network = network.id.description
    plan.guestPrefix = prefix(network.cidr)
    plan.gateway = network.gateway.value
    let addresses = state.publicIPs.matching("network", .id(network.id))
    plan.sourceNat = addresses.first { $0.isSourceNAT && $0.state == .allocated }?.address.value ?? 0
    plan.dns = state.zones[network.zone]?.dns.map(\.value) ?? []
    plan.domainName = network.domainName
    plan.egressDefaultAllow = state.networkOfferings[network.offering]?.egressDefaultAllow ?? false
    plan.probeAddress = Reserved.probeAddress(vni: vni).value
    plan.rebuilds = UInt32(clamping: router.rebuilds ?? 0)
    plan.renderer = UInt32(clamping: router.renderer ?? 0)
    return [
      object("router/\(router.id)", scope: scope(router: router.id), account: router.account, .router(plan))
    ]
  }

  /// Whether `node` carries hosts of `zone`.
  static func carries(_ node: String, _ zone: ID<Zone>, _ state: CloudState) -> Bool {
    state.hosts.matching("node", .text(node)).contains { $0.zone == zone }
  }

  static func prefix(_ prefix: IPv4Prefix) -> Prefix {
    var plan = Prefix()
    plan.address = prefix.address.value
    plan.length = UInt32(prefix.length)
    return plan
  }
}
