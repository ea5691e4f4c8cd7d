package import CloudModel
package import FoundationEssentials
import Ledger

/// CloudStack's kinds of alerts; the position is the number.
package enum AlertTypes {
  package static let names = [
    "ALERT.MEMORY", "ALERT.CPU", "ALERT.STORAGE", "ALERT.STORAGE.ALLOCATED", "ALERT.VIRTUAL.NETWORK.PUBLIC.IP",
    "ALERT.PRIVATE.IP", "ALERT.SECONDARY.STORAGE", "ALERT.COMPUTE.HOST", "ALERT.USERVM", "ALERT.SERVICE.DOMAINROUTER",
    "ALERT.SERVICE.CONSOLEPROXY", "ALERT.NETWORK.ROUTING", "ALERT.STORAGE.MISC", "ALERT.USAGE",
    "ALERT.MANAGEMENT", "ALERT.NETWORK.DOMAINROUTERMIGRATE", "ALERT.NETWORK.CONSOLEPROXYMIGRATE",
    "ALERT.USERVM.MIGRATE", "ALERT.NETWORK.VLAN", "ALERT.SERVICE.SSVM", "ALERT.USAGE.RESULT", "ALERT.STORAGE.DELETE",
    "ALERT.RESOURCE.COUNT", "ALERT.USAGE.SANITY", "ALERT.NETWORK.DIRECTPUBLICIP", "ALERT.STORAGE.LOCAL",
    "ALERT.RESOURCE.EXCEED", "ALERT.TYPE.SYNC", "ALERT.UPLOAD.FAILED", "ALERT.OOBM.AUTHERROR", "ALERT.HA.ACTION",
    "ALERT.CA.CERT",
  ]
}

/// Which alerts are meant; nothing given means none.
package struct AlertChoice: Sendable {
  package var ids: [ID<Alert>]?
  package var type: Int?
  package var from: Date?
  package var to: Date?

  package init() {}

  var isEmpty: Bool { ids == nil && type == nil && from == nil && to == nil }

  func holds(_ alert: Alert) -> Bool {
    ids?.contains(alert.id) ?? true && type.map { $0 == alert.type } ?? true && from.map { $0 <= alert.sent } ?? true
      && to.map { alert.sent <= $0 } ?? true
  }
}

extension Control {
  private static let keptAlerts = 10_000

  package func generateAlert(
    type: Int, name: String, description: String, zone: ID<Zone>?, pod: ID<Pod>?, by caller: Caller
  ) async throws -> Started {
    try await administer("generateAlert", .alert, by: caller) { draft in
      guard AlertTypes.names.indices.contains(type) else {
        throw ControlError(.invalidParameter, "There is no alert type \(type); see listAlertTypes")
      }
      let alert = Alert(
        id: draft.newID(), type: type, name: try Self.checked(name), description: description, zone: zone?.uuid,
        pod: pod?.uuid, sent: draft.now)
      try draft.put(alert)
      let surplus = draft.state.alerts.count - Self.keptAlerts
      if surplus > 0 {
        for old in draft.state.alerts.all.sorted(by: { $0.sent < $1.sent }).prefix(surplus) { try draft.remove(old.id) }
      }
      try Self.note("ALERT.GENERATE", "Generated alert \(name)", by: caller, "Alert", alert.id.uuid, &draft)
      return alert.id.uuid
    }
  }

  /// Archived alerts are not listed any more.
  package func archiveAlerts(_ choice: AlertChoice, by caller: Caller) async throws {
    try await administer("archiveAlerts", by: caller) { draft in
      for var alert in try Self.chosen(choice, draft) {
        alert.isArchived = true
        try draft.put(alert)
      }
    }
  }

  package func deleteAlerts(_ choice: AlertChoice, by caller: Caller) async throws {
    try await administer("deleteAlerts", by: caller) { draft in
      for alert in try Self.chosen(choice, draft) { try draft.remove(alert.id) }
    }
  }

  private static func chosen(_ choice: AlertChoice, _ draft: borrowing Draft) throws -> [Alert] {
    guard !choice.isEmpty else {
      throw ControlError(.invalidParameter, "either ids, type or startdate and enddate must be specified")
    }
    return draft.state.alerts.all.filter(choice.holds)
  }
}
