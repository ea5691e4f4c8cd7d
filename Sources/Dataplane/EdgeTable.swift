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

  // The other address of a translation goes in the packet's mark, from which further rules take it: nft of Debian 12 cannot list a
  // rule that looks up what a lookup in it has found.
  private static let markedAddress: [NFTExpression] = [.meta(.mark, to: 0), .compare(.notEqual, 0, [0, 0, 0, 0])]

  /// To a guest: the public address of its packets becomes its own.
  private static let arriving = Chain(
    base: nil,
    rules: [
      Rule("to whom", [.destinationAddress(to: 0), .map("to_private", key: 0, to: 1), .setMeta(.mark, from: 1)]),
      Rule("tracked", [.meta(.mark, to: 0), .lookup("tracked", key: 0)] + NFTExpression.setMark(0) + Step.accept),
      Rule("errors", Step.protocolNumber(1) + [.verdict(.jump("errors-in"))]),
      Rule("static NAT", markedAddress + [.setDestinationAddress(from: 0), .untracked] + Step.accept),
    ])

  /// From a guest. As whom it leaves is written when it does, so that errors on the way find it under its own address.
  private static let departing = Chain(
    base: nil,
    rules: [
      Rule(
        "to static NAT here",
        [.destinationAddress(to: 0), .map("to_private", key: 0, to: 1), .setMeta(.mark, from: 1)]
          + NFTExpression.setMark(0) + Step.accept),
      Rule("to a service here", [.destinationAddress(to: 0), .lookup("tracked", key: 0)] + Step.accept),
      Rule("tracked", [.sourceAddress(to: 0), .lookup("tracked", key: 0)] + Step.accept),
      Rule("as whom", [.sourceAddress(to: 0), .map("to_public", key: 0, to: 1), .setMeta(.mark, from: 1)]),
      Rule("errors", Step.protocolNumber(1) + [.verdict(.jump("errors-out"))]),
      Rule("static NAT", markedAddress + [.untracked] + Step.accept),
    ])

  private static let outward = Chain(
    base: nil,
    rules: [
      Rule("as its static NAT", Step.untracked + markedAddress + [.setSourceAddress(from: 0)] + Step.accept),
      Rule("as its static NAT", Step.original + TranslationTable.isOwnPair + Step.accept),
      Rule("as nobody else", Step.original + Step.drop),
      Rule("as nobody else", Step.untracked + Step.drop),
    ])

  // MARK: errors

  /// ICMP's types 3 to 5, 11 and 12 tell of a packet, whose beginning they hold.
  private static let errorTypes: [[NFTExpression]] = [(3, 5), (11, 12)].map { first, last in
    [
      .payload(.transport, offset: 0, length: 1, to: 0), .compare(.greaterOrEqual, 0, [first]),
      .compare(.lessOrEqual, 0, [last]),
    ]
  }

  /// Where the packet that an error is about has its addresses. Its own checksum changes with them, so that the error's, which covers
  /// both, stays right.
  private static func aboutSource(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 20, length: 4, to: register)
  }
  private static func aboutDestination(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 24, length: 4, to: register)
  }
  private static func setAboutSource(from register: NFTRegister) -> NFTExpression {
    .setPayload(.transport, offset: 20, length: 4, from: register, checksum: 18)
  }
  private static func setAboutDestination(from register: NFTRegister) -> NFTExpression {
    .setPayload(.transport, offset: 24, length: 4, from: register, checksum: 18)
  }

  /// About what a guest sent: it is told of it under its own address.
  private static let errorIn: [NFTExpression] = [
    aboutSource(to: 4), .meta(.mark, to: 5), .lookup("pairs", key: 4), setAboutSource(from: 5),
  ]

  /// Of a guest about what it got: whoever sent that knows its public address only.
  private static let errorOut: [NFTExpression] = [
    .meta(.mark, to: 4), aboutDestination(to: 5), .lookup("pairs", key: 4), setAboutDestination(from: 4),
  ]

  /// The gateway's own, about what came in for a guest.
  private static let ownError: [NFTExpression] = [
    aboutDestination(to: 0), .lookup("tracked", key: 0, inverted: true), .map("to_public", key: 0, to: 4),
    setAboutDestination(from: 4),
  ]

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
