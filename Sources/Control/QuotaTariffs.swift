package import CloudModel
package import FoundationEssentials
import Ledger

package struct QuotaTariffChange: Sendable {
  package var value: Double?
  /// Blank takes it away.
  package var description: String?
  package var activationRule: String?
  package var start: Date?
  package var end: Date?
  package var position: Int?

  package init() {}
}

extension CloudState {
  /// All there are and were, in no order.
  package var allQuotaTariffs: [QuotaTariff] {
    QuotaTariff.defaults.filter { quotaTariffs[$0.id] == nil } + Array(quotaTariffs.all)
  }

  fileprivate func quotaTariff(named name: String) -> QuotaTariff? {
    allQuotaTariffs.first { $0.removed == nil && $0.name.lowercased() == name.lowercased() }
  }

  /// Quota is a service that an operator turns on.
  package func requireQuota() throws(ControlError) {
    guard flag(.isQuotaEnabled) else {
      throw ControlError(.unsupported, "The quota service is off; set quota.enable.service to true")
    }
  }
}

extension Control {
  private static let quotaTariffLimit = 1000
  private static let removedTariffLimit = 1000
  private static let unitsOfValue = 100_000_000.0
  private static let largestValue = 1_000_000_000.0

  package func createQuotaTariff(
    _ name: String, usageType: Int, _ new: QuotaTariffChange, by caller: Caller
  ) async throws -> ID<QuotaTariff> {
    try await administer("quotaTariffCreate", by: caller) { draft in
      try draft.state.requireQuota()
      guard draft.state.quotaTariff(named: name) == nil else {
        throw ControlError(.invalidParameter, "A quota tariff with name [\(name)] already exist.")
      }
      guard UsageType.numbered(usageType) != nil else {
        throw ControlError(.invalidParameter, "There is no usage type with value [\(usageType)].")
      }
      if let start = new.start, start < draft.now {
        throw ControlError(
          .invalidParameter,
          "The quota tariff's start date is in the past; give one in the future, or none for the present")
      }
      try Self.limit(
        draft.state.allQuotaTariffs.count { $0.removed == nil }, to: Self.quotaTariffLimit, "quota tariffs")
      let tariff = QuotaTariff(
        id: draft.newID(), name: try Self.checked(name), usageType: usageType, value: 0, start: new.start ?? draft.now,
        created: draft.now)
      return try Self.put(tariff, changed: new, "QUOTA.TARIFF.CREATE", by: caller, &draft)
    }
  }

  /// Another tariff of the same name takes its place.
  package func updateQuotaTariff(
    _ name: String, _ change: QuotaTariffChange, by caller: Caller
  ) async throws -> ID<QuotaTariff> {
    try await administer("quotaTariffUpdate", by: caller) { draft in
      try draft.state.requireQuota()
      guard let old = draft.state.quotaTariff(named: name) else {
        throw ControlError(.invalidParameter, "There is no quota tariffs with name [\(name)].")
      }
      try Self.remove(old, &draft)
      var new = QuotaTariff(
        id: draft.newID(), name: old.name, usageType: old.usageType, value: old.value, description: old.description,
        position: old.position, start: old.start, created: draft.now)
      new.end = old.end
      return try Self.put(new, changed: change, "QUOTA.TARIFF.UPDATE", by: caller, &draft)
    }
  }

  package func deleteQuotaTariff(_ id: String, by caller: Caller) async throws {
    try await administer("quotaTariffDelete", by: caller) { draft in
      try draft.state.requireQuota()
      let known = ID<QuotaTariff>(id).flatMap { id in
        draft.state.allQuotaTariffs.first { $0.id == id && $0.removed == nil }
      }
      guard let tariff = known else {
        throw ControlError(.invalidParameter, "Quota tariff with the provided UUID does not exist.")
      }
      try Self.remove(tariff, &draft)
      try Self.note(
        "QUOTA.TARIFF.DELETE", "Removed tariff \(tariff.name)", by: caller, "QuotaTariff", tariff.id.uuid, &draft)
    }
  }

  private static func put(
    _ tariff: QuotaTariff, changed change: QuotaTariffChange, _ event: String, by caller: Caller, _ draft: inout Draft
  ) throws -> ID<QuotaTariff> {
    var tariff = tariff
    if let rule = change.activationRule, rule.contains(where: { !$0.isWhitespace }) {
      throw ControlError(
        .permissionDenied, "Quota Tariff Activation Rule cannot be set, as Javascript interpretation is disabled.")
    }
    if let value = change.value {
      guard value.magnitude <= largestValue else {
        throw ControlError(.invalidParameter, "value is at most \(Int(largestValue))")
      }
      tariff.value = Int((value * unitsOfValue).rounded())
    }
    if let text = change.description {
      tariff.description = text.contains { !$0.isWhitespace } ? text : nil
    }
    if let end = change.end {
      guard end >= tariff.start, end >= draft.now else {
        throw ControlError(.invalidParameter, "The quota tariff's end date is before its start date or in the past")
      }
      tariff.end = end
    }
    tariff.position = change.position ?? tariff.position
    try draft.put(tariff)
    try note(event, "Set tariff \(tariff.name)", by: caller, "QuotaTariff", tariff.id.uuid, &draft)
    return tariff.id
  }

  /// The oldest of those that were removed before are forgotten, but for the defaults, which would come back.
  private static func remove(_ tariff: QuotaTariff, _ draft: inout Draft) throws {
    var tariff = tariff
    tariff.removed = draft.now
    try draft.put(tariff)
    let defaults = Set(QuotaTariff.defaults.map(\.id))
    let removed = draft.state.quotaTariffs.matching("removed", .number(1)).filter { !defaults.contains($0.id) }
    let surplus = removed.count - removedTariffLimit
    guard surplus > 0 else { return }
    for old in removed.sorted(by: { ($0.removed ?? draft.now, $0.id) < ($1.removed ?? draft.now, $1.id) })
      .prefix(surplus)
    {
      try draft.remove(old.id)
    }
  }
}
