import Addresses
import Kernel
import NodePlan

/// What edge gateways and virtual routers have in common: translation by maps, and acceptance by what is in them.
enum TranslationTable {
  static let sets: [SetShape] = [
    SetShape(name: "to_private", key: [.ipv4], data: .fields([.ipv4]), minimum: 256),
    SetShape(name: "to_public", key: [.ipv4], data: .fields([.ipv4]), minimum: 256),
    SetShape(name: "pairs", key: [.ipv4, .ipv4], minimum: 256),
    SetShape(name: "services", key: [.ipv4, .protocolNumber, .port], data: .fields([.mark]), minimum: 256),
    SetShape(name: "classes", key: [.mark], data: .verdict, minimum: 64),
    SetShape(
      name: "backends", key: [.ipv4, .protocolNumber, .port, .mark], data: .fields([.ipv4, .port]), minimum: 1024),
    SetShape(name: "forwards", key: [.ipv4, .protocolNumber, .port], data: .fields([.ipv4, .port]), minimum: 256),
    SetShape(name: "members", key: [.ipv4, .protocolNumber, .port, .ipv4, .port], minimum: 1024),
    SetShape(name: "restricted", key: [.ipv4, .protocolNumber, .port], minimum: 64),
    SetShape(name: "sources", key: [.ipv4, .protocolNumber, .port, .ipv4], flags: .interval, minimum: 256),
  ]

  /// Public address, protocol and port of a packet, in registers 0 to 2.
  private static let service: [NFTExpression] = [
    .destinationAddress(to: 0), .meta(.transportProtocol, to: 1), .destinationPort(to: 2),
  ]

  static let prerouting = Chain(
    base: NFTBaseChain(.nat, .prerouting, priority: -100),
    rules: [
      Rule(
        "static NAT", [.destinationAddress(to: 0), .map("to_private", key: 0, to: 1), .nat(.destination, address: 1)]),
      Rule(
        "port forwarding",
        service + [.map("forwards", key: 0, to: 8), .nat(.destination, address: 8, port: 9)]),
      Rule("load balancer", service + [.map("services", key: 0, to: 4), .setMeta(.mark, from: 4)]),
      Rule("its class", [.meta(.mark, to: 0), .verdictMap("classes", key: 0)]),
    ])

  static let isPair: [NFTExpression] = [
    .connection(.destinationAddress, .original, to: 0), .connection(.sourceAddress, .reply, to: 1),
    .lookup("pairs", key: 0),
  ]
  static let isOwnPair: [NFTExpression] = [
    .connection(.destinationAddress, .reply, to: 0), .connection(.sourceAddress, .original, to: 1),
    .lookup("pairs", key: 0),
  ]
  /// Public address, protocol and port as a connection's first packet had them, in registers 0 to 2.
  private static let originalService: [NFTExpression] = [
    .connection(.destinationAddress, .original, to: 0), .meta(.transportProtocol, to: 1),
    .connection(.destinationPort, .original, to: 2),
  ]
  private static let isMember: [NFTExpression] =
    originalService + [
      .connection(.sourceAddress, .reply, to: 3), .connection(.sourcePort, .reply, to: 4), .lookup("members", key: 0),
    ]

  /// Accepts a load balancer's or a port forwarding's connections, of the sources that may use it.
  static let services: [Rule] = [
    Rule(
      "load balancer sources",
      originalService + [.lookup("restricted", key: 0), .connection(.sourceAddress, .original, to: 3)]
        + [.lookup("sources", key: 0, inverted: true)] + Step.drop),
    Rule("members", isMember + Step.accept),
  ]

  /// Accepts a connection only while what made it stands. Static NAT comes first: most packets are its.
  static let acceptance: [Rule] =
    [
      Rule("static NAT, inbound", isPair + Step.accept),
      Rule("no part of a connection", Step.invalid + Step.drop),
      Rule("errors of known connections", Step.related + Step.accept),
    ] + services

  /// What goes out is judged once it is translated: only then conntrack knows as whom it leaves.
  static func outbound(_ inside: String) -> [NFTExpression] {
    Step.input(inside) + Step.output("pub") + Step.original
  }

  static func leaving(_ inside: String, _ accepted: [Rule]) -> Chain {
    Chain(
      base: NFTBaseChain(.filter, .postrouting, priority: 150),
      rules: [Rule("as its static NAT", outbound(inside) + isOwnPair + Step.accept)] + accepted + [
        Rule("as nobody else", outbound(inside) + Step.drop)
      ])
  }

  static func hairpin(_ inside: String) -> Rule {
    Rule(
      "hairpin",
      Step.input(inside) + Step.output(inside)
        + [.connection(.destinationAddress, .original, to: 0), .nat(.source, address: 0)])
  }

  static func pair(_ outside: IPv4, _ inside: IPv4) -> [SetElement] {
    [
      SetElement("to_private", NFTBytes(outside), data: NFTBytes(inside)),
      SetElement("pairs", NFTBytes(outside, inside)),
    ]
  }

  static func elements(of nat: StaticNAT) -> [SetElement] {
    pair(IPv4(nat.public), IPv4(nat.private))
      + [SetElement("to_public", NFTBytes(IPv4(nat.private)), data: NFTBytes(IPv4(nat.public)))]
  }

  static func elements(of forward: PortForward) throws(DataplaneError) -> [SetElement] {
    guard let number = UInt8(exactly: forward.protocol), forward.publicFirst <= forward.publicLast,
      forward.publicLast <= 65535, forward.privateFirst + (forward.publicLast - forward.publicFirst) <= 65535
    else { throw DataplaneError(.invalid, "a port forwarding has a port range that does not exist") }
    return (forward.publicFirst...forward.publicLast).flatMap { port -> [SetElement] in
      let inside = forward.privateFirst + (port - forward.publicFirst)
      return target(
        "forwards", IPv4(forward.public), number, UInt16(port), IPv4(forward.private), UInt16(inside))
    }
  }

  private static func target(
    _ map: String, _ outside: IPv4, _ number: UInt8, _ port: UInt16, _ inside: IPv4, _ insidePort: UInt16
  ) -> [SetElement] {
    let key = NFTBytes(outside, protocolNumber: number, port: port)
    return [
      SetElement(map, key, data: NFTBytes(inside, port: insidePort)),
      member(key, inside, insidePort),
    ]
  }

  private static func member(_ service: NFTBytes, _ inside: IPv4, _ port: UInt16) -> SetElement {
    var key = service
    key.append(inside)
    key.append(port: port)
    return SetElement("members", key)
  }

  /// `isAlive` judges members; `proxyPort` is where haproxy serves a load balancer of least connections.
  static func elements(
    of balancer: LoadBalancer, proxyPort: UInt16?, isAlive: (LoadBalancer.Member) -> Bool
  ) throws(DataplaneError) -> [SetElement] {
    guard let number = UInt8(exactly: balancer.protocol), let port = UInt16(exactly: balancer.publicPort),
      balancer.members.allSatisfy({ $0.port <= 65535 }), balancer.members.count <= LoadBalancerClass.limit
    else { throw DataplaneError(.invalid, "a load balancer has a port or number of members that does not exist") }
    let outside = IPv4(balancer.public)
    let key = NFTBytes(outside, protocolNumber: number, port: port)
    var result = restriction(of: balancer, key)
    if let proxyPort {
      return result + target("forwards", outside, number, port, LinkEnds.pub, proxyPort)
    }
    result += balancer.members.map { member(key, IPv4($0.address), UInt16($0.port)) }
    let alive = balancer.members.filter(isAlive)
    if alive.isEmpty { return result }
    var buckets = alive
    if balancer.balance == .source {
      // Whoever has a living member keeps it: only the buckets of dead ones are given to others.
      buckets = balancer.members.enumerated().map { isAlive($1) ? $1 : alive[$0 % alive.count] }
    }
    let kind = LoadBalancerClass(isSticky: balancer.balance == .source, buckets: buckets.count)
    result.append(SetElement("services", key, data: NFTBytes(mark: kind.mark)))
    result.append(SetElement("classes", NFTBytes(mark: kind.mark), verdict: .goto(kind.chain)))
    for (bucket, target) in buckets.enumerated() {
      var place = key
      place.append(mark: UInt32(bucket))
      result.append(
        SetElement("backends", place, data: NFTBytes(IPv4(target.address), port: UInt16(target.port))))
    }
    return result
  }

  private static func restriction(of balancer: LoadBalancer, _ key: NFTBytes) -> [SetElement] {
    let prefixes = balancer.sources.map { IPv4Prefix($0) }
    if prefixes.isEmpty || prefixes.contains(where: { $0.length == 0 }) { return [] }
    // A network inside another would overlap it.
    let apart = Set(prefixes).filter { one in !prefixes.contains { $0 != one && $0.contains(one) } }
    return [SetElement("restricted", key)]
      + apart.sorted { $0.address < $1.address }.map { prefix in
        var first = key
        var last = key
        first.append(prefix.first)
        last.append(prefix.last)
        return SetElement("sources", first, end: last)
      }
  }
}

/// How a connection is given to one of so many buckets; all load balancers that do it alike share a chain.
struct LoadBalancerClass: Hashable {
  static let limit = 10_000
  var isSticky: Bool
  var buckets: Int

  init(isSticky: Bool, buckets: Int) {
    self.isSticky = isSticky
    self.buckets = buckets
  }

  /// Above every bucket number, because both use the packet's mark.
  var mark: UInt32 { (isSticky ? 0x2_0000 : 0x1_0000) + UInt32(buckets) }
  var chain: String { (isSticky ? "source-" : "rr-") + "\(buckets)" }

  init(mark: UInt32) {
    isSticky = mark >= 0x2_0000
    buckets = Int(mark & 0xFFFF)
  }

  var rules: Chain {
    let choice: [NFTExpression] =
      isSticky
      ? [.sourceAddress(to: 0), .hash(0, length: 4, modulus: UInt32(buckets), to: 8)]
      : [.counting(modulus: UInt32(buckets), to: 8)]
    return Chain(
      base: nil,
      rules: [
        Rule("bucket", choice + [.setMeta(.mark, from: 8)]),
        Rule(
          "member",
          [
            .destinationAddress(to: 0), .meta(.transportProtocol, to: 1), .destinationPort(to: 2),
            .meta(.mark, to: 3), .map("backends", key: 0, to: 8), .nat(.destination, address: 8, port: 9),
          ]),
      ])
  }
}
