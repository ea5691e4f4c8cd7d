/// Work on the cloud as its jobs report it; a maintenance bound to it follows the deed.
package struct PlannedAction: Sendable, Hashable, Codable {
  package enum State: String, Sendable, Codable { case waiting, running, done, failed }

  /// `host-maintenance/<host>`, `gateway-update/<zone>`, …
  package var id: String
  package var state: State
  /// When it came into that state.
  package var at: Moment

  package init(id: String, state: State, at: Moment) {
    self.id = id
    self.state = state
    self.at = at
  }

  var isOver: Bool { state == .done || state == .failed }
}

/// Statuspage's words.
package enum MaintenanceStatus: String, Sendable, Hashable, Codable {
  case scheduled
  case inProgress = "in_progress"
  case verifying
  case completed
}

package struct MaintenanceUpdate: Sendable, Hashable, Codable {
  package var id: String
  package var status: MaintenanceStatus
  package var body: Wording
  package var createdAt: Moment
}

/// Planned work that was announced.
package struct Maintenance: Sendable, Hashable, Codable {
  package var id: String
  package var title: Wording
  package var status: MaintenanceStatus
  package var components: [String]
  /// The action it follows; without one it keeps its own times.
  package var action: String?
  package var scheduledFor: Moment
  package var scheduledUntil: Moment
  package var createdAt: Moment
  package var startedAt: Moment?
  package var completedAt: Moment?
  package var author: String
  package var updates: [MaintenanceUpdate] = []
  /// Said once that it takes longer than announced.
  var isLate = false

  package var updatedAt: Moment { updates.last?.createdAt ?? createdAt }
  package var isActive: Bool { status == .inProgress || status == .verifying }

  /// Faults of its components at that moment are expected: while it is under way, never after its announced end.
  func covers(_ moment: Moment) -> Bool {
    guard let startedAt else { return false }
    return moment >= startedAt && moment <= min(scheduledUntil, completedAt ?? scheduledUntil)
  }
}
