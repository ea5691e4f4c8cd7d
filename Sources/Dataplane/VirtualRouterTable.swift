import Addresses
import Kernel
import NodePlan

/// The table of the router of an isolated network.
enum VirtualRouterTable {
  static let sets: [SetShape] =
    TranslationTable.sets + [SetShape(name: "firewall", key: [.ipv4], data: .verdict, minimum: 64)]

  static func make(_ router: Router) -> RuleTable {
    var table = RuleTable(sets: sets, chains: [])
    update(&table, router)
    return table
  }

  /// Sets everything that depends on the router's own values.
  static func update(_ table: inout RuleTable, _ router: Router) {
    let guests = IPv4Prefix(router.guestPrefix)
    table.setChain(
      "guard",
      Chain(
        base: NFTBaseChain(.filter, .prerouting, priority: -150),
        rules: [Rule("from outside", Step.input("pub") + Step.original + [.verdict(.goto("ingress"))])]))
    table.setChain(
      "ingress",
      Chain(
        base: nil,
        rules: [
          Rule("errors of known connections", Step.related + Step.accept),
          Rule("firewall", [.destinationAddress(to: 0), .verdictMap("firewall", key: 0)]),
          Rule("nothing else", Step.drop),
        ]))
    table.setChain("prerouting", TranslationTable.prerouting)
    table.setChain("postrouting", postrouting(router))
    var forward = TranslationTable.acceptance
    forward.append(
      Rule(
        "outbound",
        TranslationTable.outbound("guest") + Step.within(guests, .sourceAddress) + [.verdict(.goto("egress"))]))
    forward.append(
      Rule(
        "answers to static NAT", Step.reply + TranslationTable.isOwnPair + [.verdict(.goto("egress"))]))
    var leaving: [Rule] = []
    if router.sourceNat != 0 {
      let asSource: [NFTExpression] = [
        .connection(.destinationAddress, .reply, to: 0),
        .compare(.equal, 0, Step.bytes(IPv4(router.sourceNat))),
      ]
      forward.append(Rule("answers to source NAT", Step.reply + asSource + [.verdict(.goto("egress"))]))
      leaving.append(Rule("as source NAT", TranslationTable.outbound("guest") + asSource + Step.accept))
    }
    table.setChain("leaving", TranslationTable.leaving("guest", answers + leaving))
    table.setChain(
      "forward", Chain(base: NFTBaseChain(.filter, .forward, priority: 0, policy: .drop), rules: forward))
    table.setChain("input", input(router))
  }

  /// What leaves in answer to outside has the leave of the firewall too, so that a rule's end is that of its connections.
  private static let answers: [Rule] = [
    Rule("errors of known connections", Step.output("pub") + Step.reply + Step.related + Step.accept),
    Rule(
      "answers by leave of the firewall",
      Step.output("pub") + Step.reply
        + [.connection(.destinationAddress, .original, to: 0), .verdictMap("firewall", key: 0)]),
    Rule("no other answers", Step.output("pub") + Step.reply + Step.drop),
  ]

  private static func postrouting(_ router: Router) -> Chain {
    var rules = [
      Rule(
        "static NAT",
        Step.output("pub") + [.sourceAddress(to: 0), .map("to_public", key: 0, to: 1), .nat(.source, address: 1)])
    ]
    if router.sourceNat != 0 {
      rules.append(
        Rule(
          "source NAT",
          Step.output("pub")
            + [.immediate(Step.bytes(IPv4(router.sourceNat)), to: 0), .nat(.source, address: 0)]))
    }
    rules.append(TranslationTable.hairpin("guest"))
    return Chain(base: NFTBaseChain(.nat, .postrouting, priority: 100), rules: rules)
  }

  private static func input(_ router: Router) -> Chain {
    var rules = [Rule("itself", Step.input("lo") + Step.accept)]
    rules += TranslationTable.services
    rules += [
      Rule("answers", Step.reply + Step.known + Step.accept),
      Rule("errors", Step.related + Step.accept),
    ]
    if router.probeAddress != 0 {
      let probe: [NFTExpression] = [
        .connection(.destinationAddress, .original, to: 0),
        .compare(.equal, 0, Step.bytes(IPv4(router.probeAddress))),
      ]
      rules.append(
        Rule(
          "probe",
          TranslationTable.isPair + probe + Step.protocolNumber(17) + Step.port(LinkEnds.probePort) + Step.accept))
    }
    rules.append(Rule("no other inbound", Step.input("pub") + Step.drop))
    for (name, number, port) in [("DHCP", 17, 67), ("DNS", 17, 53), ("DNS over TCP", 6, 53), ("metadata", 6, 80)] {
      rules.append(
        Rule(name, Step.input("guest") + Step.protocolNumber(UInt8(number)) + Step.port(UInt16(port)) + Step.accept))
    }
    rules.append(Rule("ping", Step.input("guest") + Step.protocolNumber(1) + Step.accept))
    return Chain(base: NFTBaseChain(.filter, .input, priority: 0, policy: .drop), rules: rules)
  }

  static func elements(of router: Router) -> [SetElement] {
    guard router.probeAddress != 0, router.gateway != 0 else { return [] }
    return TranslationTable.pair(IPv4(router.probeAddress), IPv4(router.gateway))
      + [SetElement("firewall", NFTBytes(IPv4(router.probeAddress)), verdict: .accept)]
  }

  static func firewallChain(_ address: UInt32) -> String { "fw-\(IPv4(address))" }

  /// The public address of an ingress rule leads to the chain of all its rules.
  static func elements(of rule: FilterRule) -> [SetElement] {
    if rule.public == 0 { return [] }
    return [
      SetElement("firewall", NFTBytes(IPv4(rule.public)), verdict: .goto(firewallChain(rule.public)))
    ]
  }

  static func firewall(_ rules: [(key: String, rule: FilterRule)]) -> Chain {
    Chain(base: nil, rules: expand(rules, .accept) + [Rule("nothing else", Step.drop)])
  }

  static func egress(_ rules: [(key: String, rule: FilterRule)], allowed: Bool) -> Chain {
    Chain(
      base: nil,
      rules: expand(rules, allowed ? .drop : .accept) + [Rule("everything else", allowed ? Step.accept : Step.drop)])
  }

  private static func expand(_ rules: [(key: String, rule: FilterRule)], _ verdict: NFTVerdict) -> [Rule] {
    rules.sorted { $0.key < $1.key }.flatMap { key, rule -> [Rule] in
      let sources = rule.sources.isEmpty ? [.any] : rule.sources.map { IPv4Prefix($0) }
      let destinations = rule.destinations.isEmpty ? [.any] : rule.destinations.map { IPv4Prefix($0) }
      return sources.flatMap { source in
        destinations.map { destination in
          Rule(
            key, owner: key,
            Step.match(rule.match) + Step.within(source, .sourceAddress)
              + Step.within(destination, .destinationAddress) + [.verdict(verdict)])
        }
      }
    }
  }
}
