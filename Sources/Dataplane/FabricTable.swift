import Addresses
import Kernel
import NodePlan

/// The table of the fabric: who may speak as whom, which gateway a connection belongs to, security groups.
enum FabricTable {
  static let sets: [SetShape] = [
    SetShape(name: "ports", key: [.interface, .mac, .ipv4], minimum: 1024),
    SetShape(name: "gateways", key: [.interface], data: .fields([.mark]), minimum: 256),
    SetShape(name: "checkers", key: [.ipv4], minimum: 256),
    SetShape(name: "egress", key: [.ipv4], data: .fields([.mark]), minimum: 1024),
    SetShape(name: "sending", key: [.ipv4], data: .verdict, minimum: 1024),
    SetShape(name: "receiving", key: [.ipv4], data: .verdict, minimum: 1024),
  ]

  static func make() -> RuleTable {
    RuleTable(
      sets: sets,
      chains: [
        ("spoof", spoof), ("marks", marks), ("forward", forward), ("ingress", ingress), ("input", input),
      ])
  }

  private static let spoof = Chain(
    base: NFTBaseChain(.filter, .prerouting, priority: -300),
    rules: [
      Rule(
        "not as itself",
        Step.inputStarts("p-")
          + [.meta(.inputName, to: 0), .sourceHardwareAddress(to: 4), .sourceAddress(to: 6)]
          + [.lookup("ports", key: 0, inverted: true)] + Step.drop),
      Rule(
        "without an address only DHCP",
        Step.inputStarts("p-") + [.sourceAddress(to: 0), .compare(.equal, 0, [0, 0, 0, 0])]
          + Step.protocolNumber(17) + [.destinationPort(to: 0), .compare(.notEqual, 0, Step.bytes(67))] + Step.drop),
      Rule(
        "without an address no other protocol",
        Step.inputStarts("p-") + [.sourceAddress(to: 0), .compare(.equal, 0, [0, 0, 0, 0])]
          + [.meta(.transportProtocol, to: 0), .compare(.notEqual, 0, [17])] + Step.drop),
    ])

  private static let marks = Chain(
    base: NFTBaseChain(.filter, .prerouting, priority: -150),
    rules: [
      Rule(
        "gateway of a connection",
        Step.original
          + [.meta(.inputName, to: 0), .map("gateways", key: 0, to: 4), .setConnectionMark(from: 4)]),
      Rule("answers the way back", Step.reply + [.connection(.mark, to: 0), .setMeta(.mark, from: 0)]),
      Rule(
        "gateway of its static NAT",
        Step.inputStarts("p-") + Step.original
          + [.sourceAddress(to: 0), .map("egress", key: 0, to: 1), .setMeta(.mark, from: 1)]),
    ])

  private static let forward = Chain(
    base: NFTBaseChain(.filter, .forward, priority: 0, policy: .drop),
    rules: [
      Rule("no part of a connection", Step.invalid + Step.drop),
      Rule("errors of known connections", Step.related + Step.accept),
      Rule(
        "gateways' own", [.connection(.sourceAddress, .original, to: 0), .lookup("checkers", key: 0)] + Step.accept),
      Rule("egress", [.connection(.sourceAddress, .original, to: 0), .verdictMap("sending", key: 0)]),
      Rule("ingress", [.verdict(.goto("ingress"))]),
    ])

  private static let ingress = Chain(
    base: nil,
    rules: [
      Rule("ingress", [.connection(.destinationAddress, .original, to: 0), .verdictMap("receiving", key: 0)]),
      Rule("to gateways", Step.accept),
    ])

  private static let input = Chain(
    base: NFTBaseChain(.filter, .input, priority: 0, policy: .drop),
    rules: [
      Rule("itself", Step.input("lo") + Step.accept),
      Rule("answers", Step.reply + Step.known + Step.accept),
      Rule("errors", Step.related + Step.accept),
      Rule("DHCP", Step.inputStarts("p-") + Step.protocolNumber(17) + Step.port(67) + Step.accept),
      Rule("DNS", Step.inputStarts("p-") + Step.protocolNumber(17) + Step.port(53) + Step.accept),
      Rule("DNS over TCP", Step.inputStarts("p-") + Step.protocolNumber(6) + Step.port(53) + Step.accept),
      Rule("metadata", Step.inputStarts("p-") + Step.protocolNumber(6) + Step.port(80) + Step.accept),
      Rule("ping", Step.inputStarts("p-") + Step.protocolNumber(1) + Step.accept),
    ])

  /// A port of the fabric.
  static func elements(of port: Port) -> [SetElement] {
    let addresses = ([port.address] + port.secondary).map { IPv4($0) }
    let groups = combination(port.securityGroups)
    return (addresses + [IPv4(0)]).map { source in
      var key = NFTBytes(interface: Names.port(port.id))
      key.append(MAC(port.mac))
      key.append(source)
      return SetElement("ports", key)
    }
      + addresses.flatMap { address in
        [
          SetElement("sending", NFTBytes(address), verdict: .goto("e-" + groups)),
          SetElement("receiving", NFTBytes(address), verdict: .goto("i-" + groups)),
        ]
      }
  }

  /// A gateway's link and its mark.
  static func elements(of router: Router) -> [SetElement] {
    var result = [
      SetElement(
        "gateways", NFTBytes(interface: Names.gatewayLink(router.id)), data: NFTBytes(mark: router.index))
    ]
    if router.insideAddress != 0 { result.append(SetElement("checkers", NFTBytes(IPv4(router.insideAddress)))) }
    return result
  }

  /// An instance with a static NAT leaves by the gateway that has it.
  static func elements(of nat: StaticNAT, index: UInt32) -> [SetElement] {
    [SetElement("egress", NFTBytes(IPv4(nat.private)), data: NFTBytes(mark: index))]
  }

  static func elements(of member: GroupMember) -> [SetElement] {
    [SetElement(Names.groupSet(member.group), NFTBytes(IPv4(member.address)))]
  }

  static func groupSet(_ group: String) -> SetShape { SetShape(name: Names.groupSet(group), key: [.ipv4]) }

  /// Ports of the same groups share their chains: the name stands for the groups.
  static func combination(_ groups: [String]) -> String {
    let sorted = Set(groups).sorted()
    if sorted.count == 1 { return Names.short(sorted[0]) }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in sorted.joined(separator: ",").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let text = String(hash, radix: 16)
    return "x" + String(repeating: "0", count: 16 - text.count) + text
  }

  /// The chains of one combination of groups. Without any egress rule everything may leave.
  static func chains(groups: [String], haveEgress: Bool) -> [(String, Chain)] {
    let sorted = Set(groups).sorted()
    let name = combination(groups)
    let receiving = sorted.map { Rule($0, [.verdict(.jump(Names.ingressChain($0)))]) } + [Rule("", Step.drop)]
    let sending =
      haveEgress
      ? sorted.map { Rule($0, [.verdict(.jump(Names.egressChain($0)))]) } + [Rule("", Step.drop)]
      : [Rule("", [.verdict(.goto("ingress"))])]
    return [("i-" + name, Chain(base: nil, rules: receiving)), ("e-" + name, Chain(base: nil, rules: sending))]
  }

  /// `owner` is the plan key of the group.
  static func chains(of group: SecurityGroupRules, owner: String) -> [(String, Chain)] {
    [
      (
        Names.ingressChain(group.id),
        Chain(base: nil, rules: group.ingress.map { rule($0, owner, .sourceAddress, Step.accept) })
      ),
      (
        Names.egressChain(group.id),
        Chain(
          base: nil, rules: group.egress.map { rule($0, owner, .destinationAddress, [.verdict(.goto("ingress"))]) })
      ),
    ]
  }

  private static func rule(
    _ rule: SecurityGroupRules.Rule, _ owner: String, _ end: NFTExpression.Connection, _ verdict: [NFTExpression]
  ) -> Rule {
    let peer: [NFTExpression] =
      switch rule.peer {
      case .prefix(let prefix): Step.within(IPv4Prefix(prefix), end)
      case .group(let group): [.connection(end, .original, to: 0), .lookup(Names.groupSet(group), key: 0)]
      case nil: []
      }
    return Rule("", owner: owner, Step.match(rule.match) + peer + verdict)
  }
}
