import NodePlan
import StatusPage

/// What was last seen of each scope, by each way to look at it: remembered, because a look tells since when.
struct ScopeLooks {
  private var looks: [String: [LookSource: Look]] = [:]

  /// - Parameter isCurrent: whether its node still speaks of it. If not, what was last seen grows old.
  mutating func see(_ report: ScopeReport?, isCurrent: Bool, _ scope: String, now: Moment) -> [Look] {
    if let report, isCurrent {
      let lostAt = report.lostAtNs > 0 ? Moment(milliseconds: report.lostAtNs / 1_000_000) : now
      switch report.phase {
      case .verified: seeWell(scope, now)
      // What could not be put in place is named; the rest was read back and probed.
      case .failed where !report.failedKeys.isEmpty: seeWell(scope, now)
      case .lost, .failed:
        let why = report.phase == .lost ? report.lastDrift : report.message
        see(scope, why.contains("probe") ? .packets : .readBack, isFailing: true, since: min(lostAt, now), now)
      // Changes under way say nothing about what was there before.
      default: break
      }
    }
    return LookSource.allCases.compactMap { looks[scope]?[$0] }
  }

  mutating func seeAgent(_ node: String, isConnected: Bool, now: Moment) -> Look {
    let name = "node/\(node)"
    see(name, .agent, isFailing: !isConnected, since: now, now)
    return looks[name]?[.agent] ?? Look(.agent, isFailing: !isConnected, since: now, at: now)
  }

  /// The newest look by test packets through a scope.
  func packets(_ scope: String) -> Look? { looks[scope]?[.packets] }

  /// Nothing of the scope is known to be in place.
  static func isWhollyFailed(_ report: ScopeReport?) -> Bool {
    report?.phase == .failed && report?.failedKeys.isEmpty == true
  }

  /// Lost, and not verified since.
  static func isOut(_ report: ScopeReport?) -> Bool {
    guard let report else { return false }
    if report.phase == .lost || isWhollyFailed(report) { return true }
    return report.phase != .verified && report.phase != .failed && report.lostAtNs > report.verifiedAtNs
  }

  /// Many scopes as one: it fails while any of them does, and is well when all are.
  static func together(_ looks: [[Look]]) -> [Look] {
    let all = looks.flatMap { $0 }
    return LookSource.allCases.compactMap { source in
      let seen = all.filter { $0.source == source }
      let failing = seen.filter(\.isFailing)
      let told = failing.isEmpty ? seen : failing
      guard let at = told.map(\.at).max(),
        let since = failing.isEmpty ? told.map(\.since).max() : told.map(\.since).min()
      else { return nil }
      return Look(source, isFailing: !failing.isEmpty, since: since, at: at)
    }
  }

  private mutating func seeWell(_ scope: String, _ now: Moment) {
    see(scope, .readBack, isFailing: false, since: now, now)
    see(scope, .packets, isFailing: false, since: now, now)
  }

  private mutating func see(_ scope: String, _ source: LookSource, isFailing: Bool, since: Moment, _ now: Moment) {
    let before = looks[scope]?[source]
    let began = before.map { $0.isFailing == isFailing ? $0.since : since } ?? since
    looks[scope, default: [:]][source] = Look(source, isFailing: isFailing, since: began, at: now)
  }
}
