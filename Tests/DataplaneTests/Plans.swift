import Addresses
import NodePlan

/// Objects of plans for tests.
enum Plans {
  static let cells = ["c1000000-0000-0000-0000-000000000001", "c2000000-0000-0000-0000-000000000002"]
  static let virtual = "d1000000-0000-0000-0000-000000000001"
  static let group = "e1000000-0000-0000-0000-000000000001"
  static let isolated = "f1000000-0000-0000-0000-000000000001"
  static let edgeScopes = cells.map { "router/" + $0 }

  static func ip(_ text: String) -> UInt32 { IPv4(text)?.value ?? 0 }

  static func prefix(_ text: String) -> Prefix {
    var result = Prefix()
    guard let parsed = IPv4Prefix(text) else { return result }
    result.address = parsed.address.value
    result.length = UInt32(parsed.length)
    return result
  }

  static func object(_ key: String, _ scope: String, _ body: PlanObject.OneOf_Body) -> PlanObject {
    var object = PlanObject()
    object.key = key
    object.scope = scope
    object.body = body
    return object
  }

  static var base: [PlanObject] {
    var wan = Wan()
    wan.hostLink = "daruma0"
    wan.hostAddress = ip("203.0.113.1")
    wan.wanAddress = ip("203.0.113.2")
    wan.hostRoutes = [prefix("203.0.113.0/24"), prefix("198.51.100.0/24")]
    var fabric = Fabric()
    fabric.zone = "z"
    fabric.guestPrefix = prefix("10.1.0.0/16")
    fabric.gateway = ip("10.1.0.1")
    fabric.dns = [ip("10.1.0.1")]
    fabric.domainName = "cloud.internal"
    fabric.probeTarget = ip("10.1.255.254")
    return [object("wan", "wan", .wan(wan)), object("fabric", "fabric", .fabric(fabric))]
  }

  static func edge(_ number: Int) -> PlanObject {
    var router = Router()
    router.id = cells[number - 1]
    router.kind = .edge
    router.index = UInt32(number)
    router.publicPrefixes = [prefix("203.0.113.\(64 * number)/26")]
    router.guestPrefix = prefix("10.1.0.0/16")
    router.probeAddress = ip("203.0.113.\(64 * number + 1)")
    router.probeTarget = ip("10.1.255.254")
    router.insideAddress = ip("10.1.255.\(number)")
    return object("router/\(router.id)", "router/\(router.id)", .router(router))
  }

  static func port(_ number: Int, network: String = "", router: String = "") -> Port {
    var port = Port()
    port.id = "a\(number)000000-0000-0000-0000-00000000000\(number)"
    port.network = network
    port.router = router
    port.address = ip(network.isEmpty ? "10.1.0.1\(number - 1)" : "10.9.0.1\(number - 1)")
    port.mac = 0x0206_0000_0000 + UInt64(number)
    port.hostName = "vm\(number)"
    port.securityGroups = network.isEmpty ? [group] : []
    return port
  }

  static func portObject(_ port: Port) -> PlanObject {
    object("port/\(port.id)", port.network.isEmpty ? "fabric" : "network/\(port.network)", .port(port))
  }

  static func any(_ number: UInt32, _ first: UInt32 = 0, _ last: UInt32 = 65535) -> Match {
    var match = Match()
    match.protocol = number
    match.firstPort = first
    match.lastPort = last
    match.icmpType = -1
    match.icmpCode = -1
    return match
  }

  static func securityGroup(_ matches: [Match]) -> PlanObject {
    var rules = SecurityGroupRules()
    rules.id = group
    rules.ingress = matches.map { match in
      var rule = SecurityGroupRules.Rule()
      rule.match = match
      rule.prefix = prefix("0.0.0.0/0")
      return rule
    }
    return object("group/\(group)", "fabric", .securityGroup(rules))
  }

  static func nat(_ router: String, _ outside: String, _ inside: String) -> PlanObject {
    var nat = StaticNAT()
    nat.router = router
    nat.public = ip(outside)
    nat.private = ip(inside)
    return object("staticnat/\(outside)", "router/\(router)", .staticNat(nat))
  }

  static func balancer(
    _ router: String, _ outside: String, _ port: UInt32, _ members: [String], to memberPort: UInt32 = 80,
    _ balance: Balance = .roundRobin, sources: [String] = [], transport: UInt32 = 6
  ) -> PlanObject {
    var balancer = LoadBalancer()
    balancer.router = router
    balancer.public = ip(outside)
    balancer.protocol = transport
    balancer.publicPort = port
    balancer.balance = balance
    balancer.sources = sources.map(prefix)
    balancer.members = members.map { text in
      var member = LoadBalancer.Member()
      member.address = ip(text)
      member.port = memberPort
      return member
    }
    return object("lb/\(outside):\(port)", "router/\(router)", .loadBalancer(balancer))
  }

  static func forward(_ outside: String, _ port: UInt32, _ inside: String, _ insidePort: UInt32) -> PlanObject {
    var forward = PortForward()
    forward.router = virtual
    forward.public = ip(outside)
    forward.protocol = 6
    forward.publicFirst = port
    forward.publicLast = port
    forward.private = ip(inside)
    forward.privateFirst = insidePort
    return object("pf/\(outside):\(port)", "router/\(virtual)", .portForward(forward))
  }

  static func firewall(_ outside: String?, _ match: Match) -> PlanObject {
    var rule = FilterRule()
    rule.router = virtual
    rule.public = outside.map(ip) ?? 0
    rule.match = match
    return object("fw/\(outside ?? "egress")/\(match.firstPort)", "router/\(virtual)", .firewall(rule))
  }

  static var isolatedNetwork: [PlanObject] {
    var network = GuestNetwork()
    network.id = isolated
    network.vni = 0x1234
    network.mtu = 1450
    var router = Router()
    router.id = virtual
    router.kind = .virtual
    router.network = isolated
    router.guestPrefix = prefix("10.9.0.0/24")
    router.gateway = ip("10.9.0.1")
    router.sourceNat = ip("198.51.100.2")
    router.dns = [ip("203.0.113.1")]
    router.domainName = "net.internal"
    router.probeAddress = ip("198.51.100.254")
    var result = [
      object("network/\(isolated)", "network/\(isolated)", .network(network)),
      object("router/\(virtual)", "router/\(virtual)", .router(router)),
    ]
    for text in ["198.51.100.2", "198.51.100.3"] {
      var address = PublicAddress()
      address.router = virtual
      address.address = ip(text)
      result.append(object("address/\(text)", "router/\(virtual)", .address(address)))
    }
    return result
  }
}
