package enum IncidentStatus: String, Sendable, Codable {
  case investigating, identified, monitoring, resolved
}

package enum Impact: String, Sendable, Codable, Comparable, CaseIterable {
  case none, minor, major, critical

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  package static func < (a: Impact, b: Impact) -> Bool { a.rank < b.rank }
}

/// What was said at one moment. It stays as it was said.
package struct IncidentUpdate: Sendable, Hashable, Codable {
  package var id: String
  package var status: IncidentStatus
  package var body: Wording
  /// When it was published.
  package var createdAt: Moment
  /// The moment it speaks of.
  package var displayAt: Moment
}

/// How far one service is, over all scopes of an incident.
package struct ServiceTotal: Sendable, Hashable, Codable {
  package var service: String
  package var wanted: Int
  package var verified: Int

  /// 100 only when nothing is missing.
  package var percent: Int { verified >= wanted ? 100 : verified * 100 / wanted }
}

package struct Incident: Sendable, Hashable, Codable {
  package var id: String
  package var status: IncidentStatus
  package var impact: Impact
  package var losses: [ScopeLoss]
  package var updates: [IncidentUpdate] = []
  package var services: [ServiceTotal] = []
  /// Components of the services concerned.
  package var components: [String] = []
  package var customers = 0
  package var addresses = 0
  package var createdAt: Moment
  package var startedAt: Moment
  package var monitoringAt: Moment?
  package var resolvedAt: Moment?
  package var estimatedEnd: Moment?
  /// How often everything had been verified and was lost again.
  package var recurrences = 0
  /// Where the present recovery started from; the estimate is drawn from here.
  var baseline: Baseline?

  struct Baseline: Sendable, Hashable, Codable {
    var at: Moment
    var verified: Int
  }

  package var isOpen: Bool { resolvedAt == nil }
  package var updatedAt: Moment { updates.last?.createdAt ?? createdAt }
  var lastLostAt: Moment { losses.map(\.lostAt).max() ?? startedAt }

  /// The time in which at least one scope was out, in milliseconds.
  func outage(until now: Moment) -> Int64 {
    var total: Int64 = 0
    var reached: Moment?
    for loss in losses.sorted(by: { $0.lostAt < $1.lostAt }) {
      let end = loss.verifiedAt ?? now
      let start = max(loss.lostAt, reached ?? loss.lostAt)
      if end > start { total += end.milliseconds - start.milliseconds }
      reached = max(end, reached ?? end)
    }
    return total
  }
}

/// A repair that no customer could notice; kept for operators, never shown.
package struct InternalNote: Sendable, Hashable, Codable {
  package var at: Moment
  package var loss: ScopeLoss
}

/// What the store keeps. Oldest first.
package struct IncidentArchive: Sendable, Equatable, Codable {
  package var incidents: [Incident] = []
  package var notes: [InternalNote] = []

  package init() {}

  mutating func trim(now: Moment) {
    if incidents.count > Bounds.incidents {
      // An open incident is never dropped before all that ended.
      for _ in 0..<(incidents.count - Bounds.incidents) {
        incidents.remove(at: incidents.firstIndex { !$0.isOpen } ?? 0)
      }
    }
    for index in incidents.indices where incidents[index].losses.count > Bounds.oldLosses {
      if let resolved = incidents[index].resolvedAt, now.seconds(since: resolved) > 3600 {
        incidents[index].losses.removeSubrange(Bounds.oldLosses...)
      }
    }
    if notes.count > Bounds.notes { notes.removeFirst(notes.count - Bounds.notes) }
  }
}
