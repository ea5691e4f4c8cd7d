import Addresses
import NodePlan

/// Plans of every kind of object, in two cells and two isolated networks.
struct RandomPlan {
  var random: Seeded

  static let networks = [Plans.isolated, "f2000000-0000-0000-0000-000000000002"]
  static let routers = [Plans.virtual, "d2000000-0000-0000-0000-000000000002"]
  static let groups = (1...3).map { "e\($0)000000-0000-0000-0000-00000000000\($0)" }

  private mutating func flip(_ outOf: Int = 2) -> Bool { Int.random(in: 0..<outOf, using: &random) == 0 }
  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  mutating func next() -> [PlanObject] {
    var result = Plans.base
    result += groupObjects() + fabricPorts()
    let cells = flip(5) ? [1] : [1, 2]
    for cell in cells { result.append(edge(cell)) }
    result += edgeRules(cells)
    for index in 0...1 where !flip(3) { result += isolated(index) }
    return result
  }

  private mutating func edge(_ cell: Int) -> PlanObject {
    var object = Plans.edge(cell)
    if flip() { object.router.publicPrefixes.append(Plans.prefix("198.18.\(cell).0/24")) }
    if flip(4) { object.router.insideAddress = Plans.ip("10.1.254.\(cell)") }
    return object
  }

  private mutating func match() -> Match {
    switch number(0...4) {
    case 0: return Plans.any(256)
    case 1: return Plans.any(1)
    case 2:
      var match = Plans.any(1)
      match.icmpType = 8
      match.icmpCode = Int32(number(-1...0))
      return match
    default:
      let first = UInt32(number(1...60000))
      return Plans.any(flip() ? 6 : 17, first, first + UInt32(number(0...3)))
    }
  }

  private mutating func groupObjects() -> [PlanObject] {
    var result: [PlanObject] = []
    for group in Self.groups where !flip(4) {
      var rules = SecurityGroupRules()
      rules.id = group
      func rule(_ random: inout RandomPlan) -> SecurityGroupRules.Rule {
        var rule = SecurityGroupRules.Rule()
        rule.match = random.match()
        if random.flip() {
          rule.prefix = Plans.prefix("10.\(random.number(0...9)).0.0/16")
        } else {
          rule.group = Self.groups[random.number(0...2)]
        }
        return rule
      }
      for _ in 0..<number(0...3) { rules.ingress.append(rule(&self)) }
      if flip() { for _ in 0..<number(1...2) { rules.egress.append(rule(&self)) } }
      result.append(Plans.object("group/\(group)", "fabric", .securityGroup(rules)))
    }
    return result
  }

  private mutating func fabricPorts() -> [PlanObject] {
    var result: [PlanObject] = []
    for index in 1...9 where !flip(3) {
      var port = Plans.port(index)
      port.securityGroups = Self.groups.filter { _ in flip() }
      if flip(3) { port.secondary = [Plans.ip("10.1.2.\(index)"), Plans.ip("10.1.3.\(index)")] }
      result.append(Plans.portObject(port))
      for group in port.securityGroups {
        var member = GroupMember()
        member.group = group
        member.address = port.address
        result.append(Plans.object("member/\(group)/\(index)", "fabric", .groupMember(member)))
      }
    }
    return result
  }

  private mutating func edgeRules(_ cells: [Int]) -> [PlanObject] {
    var result: [PlanObject] = []
    // Who has which address changes from plan to plan: they are exchanged, too.
    let inside = (10...19).shuffled(using: &random)
    for index in 0..<10 where !flip(3) {
      let cell = cells[index % cells.count]
      result.append(
        Plans.nat(Plans.cells[cell - 1], "203.0.113.\(64 * cell + 10 + index)", "10.1.0.\(inside[index])"))
    }
    for index in 1...12 where !flip(3) {
      let members = (10...19).filter { _ in flip() }.map { "10.1.0.\($0)" }
      let kind = number(0...3)
      var object = Plans.balancer(
        Plans.cells[0], "203.0.113.\(flip(4) ? 110 : 120)", UInt32(100 + index), members, to: UInt32(number(80...82)),
        kind == 0 ? .leastConnections : flip() ? .source : .roundRobin,
        sources: flip() ? ["192.0.2.0/24", "192.0.2.64/26", "10.0.0.0/8", "198.51.100.7/32"] : [],
        // Nobody checks whether members of other transports live; there are none.
        transport: kind == 0 ? 6 : 17)
      object.key = "lb/\(index)"
      result.append(object)
    }
    return result
  }

  private mutating func isolated(_ index: Int) -> [PlanObject] {
    let (network, router) = (Self.networks[index], Self.routers[index])
    var result: [PlanObject] = []
    for var object in Plans.isolatedNetwork.prefix(2) {
      if case .network(var value)? = object.body {
        value.id = network
        value.vni = UInt32(0x1234 + 2 * index + (flip(4) ? 1 : 0))
        value.mtu = flip(4) ? 1400 : 1450
        object = Plans.object("network/\(network)", "network/\(network)", .network(value))
      } else if case .router(var value)? = object.body {
        value.id = router
        value.network = network
        value.sourceNat = flip(4) ? 0 : Plans.ip("198.51.100.\(2 + index)")
        value.probeAddress = Plans.ip("198.51.100.\(254 - index)")
        value.egressDefaultAllow = flip()
        if flip(4) { value.domainName = "other.internal" }
        object = Plans.object("router/\(router)", "router/\(router)", .router(value))
      }
      result.append(object)
    }
    for number in 1...3 where !flip(3) {
      var port = Plans.port(number + 3 + 3 * index, network: network, router: router)
      port.id = "b\(number)00000\(index)-0000-0000-0000-00000000000\(number)"
      if flip(4) { port.hostName = "" }
      result.append(Plans.portObject(port))
    }
    return result + rules(router, index)
  }

  private mutating func rules(_ router: String, _ index: Int) -> [PlanObject] {
    var result: [PlanObject] = []
    func put(_ key: String, _ body: PlanObject.OneOf_Body) {
      result.append(Plans.object(key, "router/\(router)", body))
    }
    // The addresses between belong to one network or the other, by the parity that this plan is given.
    for last in 10...15 where last % 2 == index && !flip(3) {
      let outside = Plans.ip("198.51.100.\(last)")
      var address = PublicAddress()
      address.router = router
      address.address = outside
      put("address/\(last)", .address(address))
      if flip() {
        var nat = StaticNAT()
        nat.router = router
        nat.public = outside
        nat.private = Plans.ip("10.9.0.\(last)")
        put("staticnat/iso/\(last)", .staticNat(nat))
      }
      for port in 0..<number(0...2) {
        var forward = PortForward()
        forward.router = router
        forward.public = outside
        forward.protocol = flip() ? 6 : 17
        forward.publicFirst = UInt32(1000 + 100 * port)
        forward.publicLast = forward.publicFirst + UInt32(number(0...5))
        forward.private = Plans.ip("10.9.0.\(number(20...29))")
        forward.privateFirst = UInt32(number(1...60000))
        put("pf/\(last)/\(port)", .portForward(forward))
      }
      for rule in 0..<number(0...3) {
        var filter = FilterRule()
        filter.router = router
        filter.public = flip(4) ? 0 : outside
        filter.match = match()
        if flip() { filter.sources = [Plans.prefix("192.0.2.0/24"), Plans.prefix("198.18.0.0/15")] }
        if flip() && filter.public == 0 { filter.destinations = [Plans.prefix("203.0.113.0/24")] }
        put("fw/\(last)/\(rule)", .firewall(filter))
      }
      if flip(3) {
        var object = Plans.balancer(
          router, "198.51.100.\(last)", 5000, ["10.9.0.30", "10.9.0.31"], flip() ? .source : .roundRobin, transport: 17)
        object.key = "lb/iso/\(last)"
        object.scope = "router/\(router)"
        result.append(object)
      }
    }
    return result
  }

  /// What leads from one plan to the other.
  static func difference(_ before: [PlanObject], _ after: [PlanObject]) -> (upserts: [PlanObject], removals: [String]) {
    let old = Dictionary(before.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    let kept = Set(after.map(\.key))
    return (after.filter { old[$0.key] != $0 }, before.map(\.key).filter { !kept.contains($0) })
  }
}
