/// An accounted-for removal that takes so much of a shared router from several accounts at once that a node waits for an
/// operator's word.
package struct MassRemoval: Hashable, Sendable, CustomStringConvertible {
  /// An update that takes more than this share of one router's customer rules …
  package static let share = 0.1
  /// … and at least so many …
  package static let count = 20
  /// … of at least so many accounts waits for a confirmation.
  package static let accounts = 2

  package let router: String
  package let lost: Int
  package let total: Int
  package let accounts: Int

  package var description: String {
    "\(lost) of \(total) rules of router \(router), of \(accounts) accounts, would go at once"
  }

  /// The routers that lose too much when `removed` goes from `plan`, which still holds it.
  package static func found(
    in removed: some Sequence<PlanObject>, of plan: some Sequence<PlanObject>
  ) -> [MassRemoval] {
    var taken: [String: (count: Int, accounts: Set<String>)] = [:]
    for object in removed {
      guard let router = object.customerRuleRouter else { continue }
      taken[router, default: (0, [])].count += 1
      taken[router, default: (0, [])].accounts.insert(object.account)
    }
    taken = taken.filter { $0.value.count >= count && $0.value.accounts.count >= accounts }
    if taken.isEmpty { return [] }
    var totals: [String: Int] = [:]
    // Most routers have so many rules that some of them show it.
    for object in plan {
      guard let router = object.customerRuleRouter, let loss = taken[router] else { continue }
      let total = totals[router, default: 0] + 1
      totals[router] = total
      if Double(loss.count) <= Double(total) * share {
        taken[router] = nil
        if taken.isEmpty { return [] }
      }
    }
    return taken.sorted { $0.key < $1.key }.map { router, loss in
      MassRemoval(router: router, lost: loss.count, total: totals[router] ?? 0, accounts: loss.accounts.count)
    }
  }
}

extension PlanObject {
  /// The router whose rule of a customer this is.
  package var customerRuleRouter: String? {
    guard !account.isEmpty else { return nil }
    return switch body {
    case .staticNat(let rule): rule.router
    case .portForward(let rule): rule.router
    case .loadBalancer(let rule): rule.router
    case .firewall(let rule): rule.router
    default: nil
    }
  }
}
