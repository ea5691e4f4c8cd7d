import Addresses
import Kernel
import NodePlan

/// A version of how a router's plan becomes rules. A release that renders differently adds a version and keeps the ones before:
/// the cloud leads its routers from one to the next a few at a time.
struct Renderer: Hashable, Sendable {
  /// The newest one that is meant for routers.
  static let newest: UInt32 = 1

  let version: UInt32
  let fault: RenderingFault?

  /// What comes closest to `wanted` of what this program renders; 0 is the first.
  init(_ wanted: UInt32, fault: RenderingFault?) {
    version = min(max(1, wanted), Self.newest(fault))
    self.fault = version > Self.newest ? fault : nil
  }

  /// With a fault to try, one more.
  static func newest(_ fault: RenderingFault?) -> UInt32 { newest + (fault == nil ? 0 : 1) }

  func table(of router: Router) -> RuleTable {
    var table = router.kind == .virtual ? VirtualRouterTable.make(router) : EdgeTable.make(router)
    fault?.spoil(&table)
    return table
  }

  /// Sets in a table what depends on the router's own values.
  func update(_ table: inout RuleTable, _ router: Router) {
    VirtualRouterTable.update(&table, router)
    fault?.spoil(&table)
  }

  func elements(of nat: StaticNAT) -> [SetElement] {
    var nat = nat
    if fault == .swapped { nat.private ^= 1 }
    return TranslationTable.elements(of: nat)
  }
}

/// Mistakes that a new version of the rules could make, to try whether they are stopped. No cloud renders so unless it is told to.
package enum RenderingFault: String, Hashable, Sendable, CaseIterable {
  /// Neighbouring guest addresses get each other's static NAT.
  case swapped
  /// Answers are not let through.
  case oneWay = "one-way"
  /// Short packets are lost, which no look at the rules' logic tells.
  case short

  func spoil(_ table: inout RuleTable) {
    switch self {
    case .swapped: break
    case .oneWay:
      guard var chain = table.chains["forward"] else { return }
      chain.rules.insert(Rule("a mistake", Step.output("pub") + Step.untracked + Step.drop), at: 0)
      chain.rules.insert(Rule("a mistake", Step.reply + Step.drop), at: 0)
      table.setChain("forward", chain)
    case .short:
      let name = table.chains["guard"] == nil ? "forward" : "guard"
      guard var chain = table.chains[name] else { return }
      let isShort: [NFTExpression] = [
        .meta(.length, to: 0),
        .bitwise(from: 0, mask: NFTExpression.hostBytes(~127), xor: [0, 0, 0, 0], to: 0),
        .compare(.equal, 0, [0, 0, 0, 0]),
      ]
      chain.rules.insert(Rule("a mistake", isShort + Step.drop), at: 0)
      table.setChain(name, chain)
    }
  }
}
