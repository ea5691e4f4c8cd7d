import Addresses
package import NodePlan

extension PlanObject {
  /// The object in words, for people: what it is and where it leads.
  package var summary: String {
    switch body {
    case .wan(let wan): "public side of the node by \(wan.hostLink)"
    case .fabric(let fabric): "fabric \(IPv4Prefix(fabric.guestPrefix))"
    case .network(let network): "network with VNI \(network.vni)"
    case .router(let router):
      router.kind == .edge ? "gateway \(router.index)" : "router of \(IPv4Prefix(router.guestPrefix))"
    case .address(let address): "address \(IPv4(address.address))"
    case .staticNat(let nat): "static NAT \(IPv4(nat.public)) to \(IPv4(nat.private))"
    case .portForward(let rule):
      "port forwarding \(IPv4(rule.public)):\(Self.ports(rule.publicFirst, rule.publicLast)) to "
        + "\(IPv4(rule.private)):\(rule.privateFirst), protocol \(rule.protocol)"
    case .loadBalancer(let balancer):
      "load balancer \(IPv4(balancer.public)):\(balancer.publicPort) to "
        + (balancer.members.isEmpty
          ? "nobody" : balancer.members.map { "\(IPv4($0.address)):\($0.port)" }.joined(separator: " "))
    case .firewall(let rule):
      rule.public == 0
        ? "egress \(Self.text(rule.match)) from \(Self.text(rule.sources)) to \(Self.text(rule.destinations))"
        : "firewall \(IPv4(rule.public)) \(Self.text(rule.match)) from \(Self.text(rule.sources))"
    case .securityGroup(let group):
      "security group, ingress \(Self.text(group.ingress)); egress \(Self.text(group.egress))"
    case .groupMember(let member): "\(IPv4(member.address)) as member of a security group"
    case .port(let port):
      "port \(([port.address] + port.secondary).map { IPv4($0).description }.joined(separator: " ")) of \(port.hostName)"
    case .instance(let instance):
      "instance \(instance.name), \(instance.poweredOn ? "running" : "stopped"), boot \(instance.bootCount)"
    case nil: key
    }
  }

  /// The id of the router whose part the object is.
  package var routerID: String? {
    switch body {
    case .router(let router): router.id
    case .address(let address): address.router
    case .staticNat(let rule): rule.router
    case .portForward(let rule): rule.router
    case .loadBalancer(let rule): rule.router
    case .firewall(let rule): rule.router
    case .port(let port): port.router.isEmpty ? nil : port.router
    default: nil
    }
  }

  private static func ports(_ first: UInt32, _ last: UInt32) -> String {
    first == last ? "\(first)" : "\(first)-\(last)"
  }

  private static func text(_ prefixes: [Prefix]) -> String {
    prefixes.isEmpty ? "anywhere" : prefixes.map { IPv4Prefix($0).description }.joined(separator: " ")
  }

  private static func text(_ rules: [SecurityGroupRules.Rule]) -> String {
    rules.isEmpty
      ? "none"
      : rules.map { rule in
        let peer = rule.group.isEmpty ? IPv4Prefix(rule.prefix).description : "group \(rule.group)"
        return "\(text(rule.match)) with \(peer)"
      }.joined(separator: ", ")
  }

  private static func text(_ match: Match) -> String {
    switch match.protocol {
    case 256: "everything"
    case 1: match.icmpType < 0 ? "icmp" : "icmp \(match.icmpType)/\(match.icmpCode)"
    case 6: "tcp \(ports(match.firstPort, match.lastPort))"
    case 17: "udp \(ports(match.firstPort, match.lastPort))"
    default: "protocol \(match.protocol)"
    }
  }
}

extension IPv4Prefix {
  fileprivate init(_ prefix: Prefix) { self.init(IPv4(prefix.address), length: Int(min(prefix.length, 32))) }
}
