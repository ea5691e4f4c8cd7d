import Addresses
import Kernel
import NodePlan

/// Compares what a router's rules do with packets with what its plan says, object by object and in both directions.
struct ModelCheck {
  private static let outsider = IPv4(192, 0, 2, 77)
  private static let bucketsTried = 16
  private static let ephemeral: UInt16 = 40_000

  let model: RouterModel
  /// Firewall rules of a virtual router, by public address.
  let firewall: [UInt32: [String: FilterRule]]
  /// Whether anybody in the Internet is let out to by default, and no rule says otherwise.
  let isEgressFree: Bool
  let isAlive: (LoadBalancer.Member) -> Bool
  let isProxied: (String) -> Bool

  /// What is wrong with the object; nil if it is served as planned.
  func fault(of object: PlanObject) -> String? {
    do {
      switch object.body {
      case .staticNat(let nat): return try fault(nat)
      case .portForward(let forward):
        for port in Set([forward.publicFirst, forward.publicLast]) {
          let target = (IPv4(forward.private), UInt16(clamping: forward.privateFirst + port - forward.publicFirst))
          if let fault = try inbound(
            forward.public, UInt8(clamping: forward.protocol), UInt16(clamping: port), [], 0, expected: [target])
          {
            return fault
          }
        }
        return nil
      case .loadBalancer(let balancer): return try fault(balancer, isProxied: isProxied(object.key))
      default: return nil
      }
    } catch { return "\(error)" }
  }

  private func fault(_ nat: StaticNAT) throws -> String? {
    let inside = IPv4(nat.private)
    let (number, port, sources) = opening(nat.public)
    if let fault = try inbound(nat.public, number, port, sources, 0, expected: [(inside, port)]) { return fault }
    guard isEgressFree else { return nil }
    let ends = Ends(
      source: inside, sourcePort: Self.ephemeral, destination: Self.outsider, destinationPort: 443)
    var packet = ModelPacket(ends, protocolNumber: 6, input: model.inside)
    model.rules.begin()
    switch try model.route(&packet) {
    case .sent("pub", let sent) where sent.source == IPv4(nat.public):
      return try answer(packet, from: "pub", leavesBy: model.inside, as: ends.turned, "an answer to \(inside)")
    case let arrival: return "a connection of \(inside) \(told(arrival)), not as \(IPv4(nat.public))"
    }
  }

  private func fault(_ balancer: LoadBalancer, isProxied: Bool) throws -> String? {
    let number = UInt8(clamping: balancer.protocol)
    let port = UInt16(clamping: balancer.publicPort)
    let alive = balancer.members.filter(isAlive)
    if !isProxied && alive.isEmpty { return nil }
    let expected =
      isProxied ? [] : balancer.members.map { (IPv4($0.address), UInt16(clamping: $0.port)) }
    let buckets = isProxied ? 1 : min(balancer.members.count, Self.bucketsTried)
    for bucket in 0..<buckets {
      if let fault = try inbound(
        balancer.public, number, port, balancer.sources.map { IPv4Prefix($0) }, UInt32(bucket), expected: expected)
      {
        return fault
      }
    }
    return nil
  }

  /// A kind of packet that the firewall lets in to an address: protocol, port, sources.
  private func opening(_ address: UInt32) -> (UInt8, UInt16, [IPv4Prefix]) {
    guard model.router.kind == .virtual,
      let rule = (firewall[address] ?? [:]).min(by: { $0.key < $1.key })?.value
    else { return (6, 7777, []) }
    let sources = rule.sources.map { IPv4Prefix($0) }
    switch rule.match.protocol {
    case 256: return (6, 7777, sources)
    case 1:
      let type = UInt16(clamping: rule.match.icmpType < 0 ? 8 : rule.match.icmpType)
      return (1, type << 8 | UInt16(clamping: max(0, rule.match.icmpCode)), sources)
    default: return (UInt8(clamping: rule.match.protocol), UInt16(clamping: rule.match.firstPort), sources)
    }
  }

  /// Whether the firewall of a virtual router lets such a packet in.
  private func isOpen(_ address: UInt32, _ number: UInt8, _ port: UInt16, _ source: IPv4) -> Bool {
    guard model.router.kind == .virtual else { return true }
    return (firewall[address] ?? [:]).values.contains { rule in
      let match = rule.match
      let isPeer = rule.sources.isEmpty || rule.sources.contains { IPv4Prefix($0).contains(source) }
      guard isPeer, match.protocol == 256 || match.protocol == UInt32(number) else { return false }
      switch number {
      case 1:
        return (match.icmpType < 0 || match.icmpType == Int32(port >> 8))
          && (match.icmpType < 0 || match.icmpCode < 0 || match.icmpCode == Int32(port & 255))
      case 6, 17, 33, 132, 136:
        return match.protocol == 256 || (match.firstPort...max(match.firstPort, match.lastPort)).contains(UInt32(port))
      default: return true
      }
    }
  }

  /// - Parameter expected: who may get it; nobody named means the router itself.
  private func inbound(
    _ address: UInt32, _ number: UInt8, _ port: UInt16, _ sources: [IPv4Prefix], _ bucket: UInt32,
    expected: [(IPv4, UInt16)]
  ) throws -> String? {
    let source = sources.first.map { $0.length == 0 ? Self.outsider : $0.first } ?? Self.outsider
    // Who may come from the inside only does not come in here.
    if model.isNear(source) { return nil }
    let ends = Ends(
      source: source, sourcePort: Self.ephemeral, destination: IPv4(address), destinationPort: port)
    var packet = ModelPacket(ends, protocolNumber: number, input: "pub", bucket: bucket)
    let isOpen = isOpen(address, number, port, source)
    model.rules.begin()
    let arrival = try model.route(&packet)
    switch arrival {
    case .lost where !isOpen: return nil
    case .sent(model.inside, let sent) where isOpen:
      guard expected.contains(where: { $0.0 == sent.destination && (number == 1 || $0.1 == sent.destinationPort) })
      else {
        break
      }
      return try answer(
        packet, from: model.inside, leavesBy: "pub", as: ends.turned, "an answer of \(sent.destination)")
    case .taken where isOpen && expected.isEmpty: return nil
    default: break
    }
    let wanted = expected.isEmpty ? "the router" : expected.map { "\($0.0)" }.joined(separator: " or ")
    return "\(IPv4(address)) \(told(arrival)) by \(rulesTold), not to \(isOpen ? wanted : "nobody")"
  }

  private func answer(
    _ packet: ModelPacket, from link: String, leavesBy output: String, as ends: Ends, _ what: String
  ) throws -> String? {
    var answer = packet.answer(from: link)
    model.rules.begin()
    let arrival = try model.route(&answer)
    if arrival == .sent(output, ends) { return nil }
    return "\(what) \(told(arrival)) by \(rulesTold), not to \(ends.destination) as \(ends.source)"
  }

  private var rulesTold: String {
    model.rules.path.isEmpty ? "no rule" : model.rules.path.map { "“\($0)”" }.joined(separator: ", ")
  }

  private func told(_ arrival: RouterModel.Arrival) -> String {
    switch arrival {
    case .sent(let link, let ends): "leads to \(ends.destination):\(ends.destinationPort) by \(link)"
    case .taken(let ends): "ends at the router's own \(ends.destination)"
    case .lost(let place): "is dropped in \(place)"
    }
  }
}
