import Addresses
import Kernel
import NodePlan

/// The table of an edge gateway, the shared device of a cell.
enum EdgeTable {
  static func make(_ router: Router) -> RuleTable {
    let table = RuleTable(
      sets: TranslationTable.sets,
      chains: [
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
            rules: TranslationTable.acceptance + [
              Rule("outbound", TranslationTable.outbound("fab") + Step.accept),
              Rule("answers to static NAT", Step.reply + TranslationTable.isOwnPair + Step.accept),
            ])
        ),
        ("leaving", TranslationTable.leaving("fab", [])),
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
    return table
  }

  /// What the gateway needs for itself.
  static func elements(of router: Router) -> [SetElement] {
    guard router.probeAddress != 0, router.probeTarget != 0 else { return [] }
    return TranslationTable.pair(IPv4(router.probeAddress), IPv4(router.probeTarget))
  }
}
