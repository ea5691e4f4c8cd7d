package import NodePlan

/// What the node is to be: the accepted objects by key, those included that stay only because their removal is held.
package struct Plan: Equatable, Sendable {
  package var ledger = ""
  package var epoch: UInt64 = 0
  /// Of the latest manager that was followed in this epoch; 0 where managers hold no lease.
  package var fence: UInt64 = 0
  /// The newest generation accepted in this epoch.
  package var generation: UInt64 = 0
  package var objects: [String: PlanObject] = [:]
  package var held: [String: HeldKey] = [:]

  package init() {}

  /// Whether the change changes anything that is worth keeping.
  func isChanged(by change: PlanAcceptance) -> Bool {
    ledger != change.ledger || epoch != change.epoch || fence != change.fence || generation != change.generation
      || held != change.held || !change.upserts.isEmpty || !change.renumbered.isEmpty || !change.removals.isEmpty
  }

  package mutating func apply(_ change: PlanAcceptance) {
    ledger = change.ledger
    epoch = change.epoch
    fence = change.fence
    generation = change.generation
    for object in change.renumbered { objects[object.key] = object }
    for object in change.upserts { objects[object.key] = object }
    for key in change.removals { objects[key] = nil }
    held = change.held
  }

  /// What takes the change back once it was applied.
  func inverse(of change: PlanAcceptance) -> PlanAcceptance {
    var inverse = PlanAcceptance()
    inverse.ledger = ledger
    inverse.epoch = epoch
    inverse.fence = fence
    inverse.generation = generation
    inverse.held = held
    inverse.upserts = change.renumbered.compactMap { objects[$0.key] }
    for object in change.upserts {
      if let old = objects[object.key] { inverse.upserts.append(old) } else { inverse.removals.append(object.key) }
    }
    inverse.upserts += change.removals.compactMap { objects[$0] }
    return inverse
  }

  /// One report for each name that operators can confirm.
  package var guardReports: [GuardReport] { Plan.guardReports(held) }

  static func guardReports(_ held: [String: HeldKey]) -> [GuardReport] {
    var reports: [String: GuardReport] = [:]
    for (key, hold) in held.sorted(by: { $0.key < $1.key }) {
      var report = reports[hold.name] ?? GuardReport()
      report.confirmation = hold.name
      report.reason = hold.reason
      report.held += 1
      if report.heldKeys.count < Plan.reportedKeys { report.heldKeys.append(key) }
      if case .removal(let removal) = hold.pending, removal.revision > 0,
        !report.revisions.contains(removal.revision)
      {
        report.revisions.append(removal.revision)
      }
      reports[hold.name] = report
    }
    return reports.values.sorted { $0.confirmation < $1.confirmation }
  }

  private static let reportedKeys = 1000
}

/// A removal, or a replacement, that the agent does not carry out.
package struct HeldKey: Equatable, Sendable {
  /// What an operator confirms; shared by the keys held together.
  package var name: String
  package var reason: String
  package var pending: Pending

  package enum Pending: Equatable, Sendable {
    case removal(Removal)
    case replacement(PlanObject)
  }

  package init(name: String, reason: String, pending: Pending) {
    self.name = name
    self.reason = reason
    self.pending = pending
  }

  var isAttributedRemoval: Bool {
    if case .removal(let removal) = pending { return removal.revision > 0 }
    return false
  }

  /// The same keys always have the same name.
  static func name(of keys: some Sequence<String>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for key in keys.sorted() {
      for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      hash = (hash ^ 0xff) &* 0x100_0000_01b3
    }
    let text = String(hash ^ hash >> 32 & 0xffff_ffff, radix: 16)
    return "hold-" + String(String(repeating: "0", count: 8) + text).suffix(8)
  }
}

/// What of an update is to be done.
package struct PlanAcceptance: Equatable, Sendable {
  package var ledger = ""
  package var epoch: UInt64 = 0
  package var fence: UInt64 = 0
  package var generation: UInt64 = 0
  package var upserts: [PlanObject] = []
  /// Nothing but their revision is new.
  package var renumbered: [PlanObject] = []
  package var removals: [String] = []
  /// All that is held afterwards.
  package var held: [String: HeldKey] = [:]

  package init() {}
}
