import Control
import FoundationEssentials
import NodePlan

/// One of the things that a node verifies of a router.
struct RouterCheck: Hashable, Sendable {
  let name: String
  let isHealthy: Bool
  let isCurrent: Bool
  let details: String
  let updated: Date?

  /// What the router's node reported last: of the whole, and of each service how much of what is wanted was read back and probed.
  static func all(of router: String, in health: Health) -> [RouterCheck] {
    guard let report = health.scopes["router/\(router)"] else { return [] }
    let isCurrent = health.current.contains(report.scope)
    let updated =
      report.verifiedAtNs > 0 ? Date(timeIntervalSince1970: Double(report.verifiedAtNs) / 1e9) : nil
    let isVerified = report.phase == .verified
    let whole = RouterCheck(
      name: "dataplane", isHealthy: isVerified, isCurrent: isCurrent,
      details: isVerified ? "read back and probed" : report.message, updated: updated)
    return [whole]
      + report.services.map { service in
        RouterCheck(
          name: service.service, isHealthy: service.verified == service.wanted, isCurrent: isCurrent,
          details: "\(service.verified) of \(service.wanted) verified", updated: updated)
      }
  }
}
