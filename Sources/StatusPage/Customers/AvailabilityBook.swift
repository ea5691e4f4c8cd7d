/// How long each component was up in each month, as probes saw it.
package struct AvailabilityBook: Sendable, Equatable, Codable {
  /// In seconds. What nobody measured counts as neither.
  package struct Month: Sendable, Equatable, Codable {
    package var up = 0.0
    package var down = 0.0
    /// Announced work does not count against the promise.
    package var planned = 0.0

    /// None before anything was measured.
    package var percent: Double? {
      let measured = up + down
      return measured > 0 ? up / measured * 100 : nil
    }
  }

  /// By component, then by month (`2018-07`, in Japan's time).
  package private(set) var months: [String: [String: Month]] = [:]
  private var last: Moment?

  /// Longer gaps between two measurements count as unknown.
  static let gap = 60.0
  static let kept = 13

  package init() {}

  private enum CodingKeys: String, CodingKey { case months, last }

  /// Counts the time since the last call by what is shown now.
  mutating func count(_ components: [Component], unknown: Set<String>, now: Moment) {
    defer { last = now }
    guard let last, now > last else { return }
    let seconds = now.seconds(since: last)
    guard seconds <= Self.gap else { return }
    let month = Self.month(now)
    for component in components.prefix(Bounds.components) where !unknown.contains(component.id) {
      var entry = months[component.id]?[month] ?? Month()
      switch component.state {
      case .operational, .degradedPerformance: entry.up += seconds
      case .partialOutage, .majorOutage: entry.down += seconds
      case .underMaintenance: entry.planned += seconds
      }
      months[component.id, default: [:]][month] = entry
      if let count = months[component.id]?.count, count > Self.kept,
        let oldest = months[component.id]?.keys.min()
      {
        months[component.id]?[oldest] = nil
      }
    }
    if months.count > 2 * Bounds.components {
      let current = Set(components.map(\.id))
      months = months.filter { current.contains($0.key) }
    }
  }

  static func month(_ moment: Moment) -> String { String(Clock.jst.fields(moment).date.prefix(7)) }
}

/// What was promised, and how much of the promise's slack is left.
package struct ErrorBudget: Sendable, Equatable {
  /// In seconds, of the whole month.
  package var allowed: Double
  package var spent: Double
  package var left: Double { allowed - spent }

  /// - Parameter objective: in per cent, such as 99.9.
  package init(objective: Double, month: AvailabilityBook.Month, monthSeconds: Double) {
    allowed = monthSeconds * (100 - min(max(objective, 0), 100)) / 100
    spent = month.down
  }
}
