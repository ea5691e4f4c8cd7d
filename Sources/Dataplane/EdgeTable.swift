import Addresses
import Kernel
import NodePlan

/// The table of an edge gateway, the shared device of a cell.
///
/// Static NAT is one address for another in each packet, which needs no memory: its packets pass conntrack by, which costs a new
/// flow as much as all else and has room for a fixed number of connections of the whole machine. What needs a memory is
/// tracked: load balancers, port forwardings, and what the inside sends to public addresses of the same gateway. A guest
/// that one of the former leads to is tracked in all it does, so that conntrack knows both directions of whatever it knows.
enum EdgeTable {
  static let sets =
    TranslationTable.sets + [
      // Public addresses of load balancers and port forwardings, the guests that they lead to, and the gateway's own towards them.
      SetShape(name: "tracked", key: [.ipv4], minimum: 1024)
    ]

  static func make(_ router: Router) -> RuleTable {
    RuleTable(
      sets: sets,
      chains: [
        (
          "direct",
          Chain(
            base: NFTBaseChain(.filter, .prerouting, priority: -300),
            rules: [
              Rule("from outside", Step.input("pub") + [.verdict(.goto("arriving"))]),
              Rule("from inside", Step.input("fab") + [.verdict(.goto("departing"))]),
            ])
        ),
        ("arriving", arriving), ("departing", departing),
        ("errors-in", Chain(base: nil, rules: errorTypes.map { Rule("errors to static NAT", $0 + errorIn) })),
        ("errors-out", Chain(base: nil, rules: errorTypes.map { Rule("errors as its static NAT", $0 + errorOut) })),
        (
          "errors",
          Chain(
            base: NFTBaseChain(.filter, .output, priority: -300),
            rules: errorTypes.map { Rule("errors about static NAT", Step.protocolNumber(1) + $0 + ownError) })
        ),
        ("prerouting", TranslationTable.prerouting),
        (
          "postrouting",
          Chain(
            base: NFTBaseChain(.nat, .postrouting, priority: 100),
            rules: [
              // Every new connection from outside passes here, and goes on as it is.
              Rule("inbound", Step.input("pub") + Step.accept),
              Rule("static NAT", [.sourceAddress(to: 0), .map("to_public", key: 0, to: 1), .nat(.source, address: 1)]),
              TranslationTable.hairpin("fab"),
            ])
        ),
        (
          "forward",
          Chain(
            base: NFTBaseChain(.filter, .forward, priority: 0, policy: .drop),
            rules: [
              Rule("static NAT, inbound", Step.input("pub") + Step.untracked + Step.accept),
              Rule("static NAT, outbound", Step.output("pub") + Step.untracked + Step.accept),
            ] + TranslationTable.acceptance + [
              Rule("outbound", TranslationTable.outbound("fab") + Step.accept),
              Rule("answers to static NAT", Step.reply + TranslationTable.isOwnPair + Step.accept),
            ])
        ),
        (
          "leaving",
          Chain(
            base: NFTBaseChain(.filter, .postrouting, priority: 150),
            rules: [Rule("outbound", Step.input("fab") + Step.output("pub") + [.verdict(.goto("outward"))])])
        ),
        ("outward", outward),
        (
          "input",
          Chain(
            base: NFTBaseChain(.filter, .input, priority: 0, policy: .drop),
            rules: [Rule("itself", Step.input("lo") + Step.accept)] + TranslationTable.services + [
              Rule("answers", Step.reply + Step.known + Step.accept),
              Rule("errors", Step.related + Step.accept),
            ])
        ),
      ])
  }

  // MARK: elements

  /// What the gateway needs for itself: the way of its probes, and answers to what it asks guests.
  static func elements(of router: Router) -> [SetElement] {
    let own = tracked([router.insideAddress, LinkEnds.fab.value].filter { $0 != 0 })
    guard router.probeAddress != 0, router.probeTarget != 0 else { return own }
    var nat = StaticNAT()
    nat.public = router.probeAddress
    nat.private = router.probeTarget
    return own + TranslationTable.elements(of: nat)
  }

  private static func tracked(_ addresses: [UInt32]) -> [SetElement] {
    Set(addresses).sorted().map { SetElement("tracked", NFTBytes(IPv4($0))) }
  }

  static func elements(of forward: PortForward) throws(DataplaneError) -> [SetElement] {
    try TranslationTable.elements(of: forward) + tracked([forward.public, forward.private])
  }

  /// See `TranslationTable`.
  static func elements(
    of balancer: LoadBalancer, proxyPort: UInt16?, isAlive: (LoadBalancer.Member) -> Bool
  ) throws(DataplaneError) -> [SetElement] {
    try TranslationTable.elements(of: balancer, proxyPort: proxyPort, isAlive: isAlive)
      + tracked([balancer.public] + balancer.members.map(\.address))
  }
}
