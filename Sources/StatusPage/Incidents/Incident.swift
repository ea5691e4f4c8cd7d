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

/// The same of one cell.
package struct CellTotal: Sendable, Hashable, Codable {
  package var cell: String
  package var total: ServiceTotal
}

/// What operators made of an incident.
package struct Editorial: Sendable, Hashable, Codable {
  /// Only operators see it.
  package var isDraft = false
  /// Who wrote it; none if it was measured.
  package var author: String?
  package var title: Wording?
  package var cause: Wording?
  package var impact: Impact?
  /// The incident that tells of this one too.
  package var mergedInto: String?

  package init() {}
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
  /// Between which the end is likely.
  package var earliestEnd: Moment?
  package var latestEnd: Moment?
  /// Customers and addresses that are out now.
  package var customersOut: Int?
  package var addressesOut: Int?
  package var cells: [CellTotal]?
  /// What is on record about its time and scopes, for the timeline.
  package var facts: [Fact]?
  package var editorial: Editorial?
  /// How often everything had been verified and was lost again.
  package var recurrences = 0
  /// How many rules were verified when progress was last told.
  var toldVerified: Int?
  /// Where the present recovery started from; the estimate is drawn from here.
  var baseline: Baseline?

  struct Baseline: Sendable, Hashable, Codable {
    var at: Moment
    var verified: Int
    /// Where the newest part of the recovery started from.
    var recentAt: Moment?
    var recentVerified: Int?
    /// Per second.
    var recentRate: Double?
  }

  package var isDraft: Bool { editorial?.isDraft ?? false }
  package var isPublic: Bool { !isDraft && editorial?.mergedInto == nil }
  /// Opened by measurements, so only they end it.
  package var isMeasured: Bool { !losses.isEmpty }
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
  package var maintenances: [Maintenance] = []

  package init() {}

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    incidents = try container.decode([Incident].self, forKey: .incidents)
    notes = try container.decode([InternalNote].self, forKey: .notes)
    // Files of before there were any.
    maintenances = try container.decodeIfPresent([Maintenance].self, forKey: .maintenances) ?? []
  }

  mutating func trim(now: Moment) {
    if incidents.count > Bounds.incidents {
      // An open incident is never dropped before all that ended.
      for _ in 0..<(incidents.count - Bounds.incidents) {
        incidents.remove(at: incidents.firstIndex { !$0.isOpen } ?? 0)
      }
    }
    if maintenances.count > Bounds.maintenances {
      for _ in 0..<(maintenances.count - Bounds.maintenances) {
        maintenances.remove(at: maintenances.firstIndex { $0.status == .completed } ?? 0)
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
