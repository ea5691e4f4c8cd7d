import CloudModel
import Control
import CoreMetrics
import Ledger
import NodePlan

/// How the cloud stands at this moment, as gauges.
enum CloudMetrics {
  static func record(_ control: Control, in registry: some MetricsFactory) {
    func set(_ label: String, _ value: Int) { set(label, [], value) }
    func set(_ label: String, _ dimensions: [(String, String)], _ value: Int) {
      registry.makeMeter(label: label, dimensions: dimensions).set(Int64(value))
    }
    let health = control.health()
    let state = control.state
    set("daruma_ledger_revision", Int(control.snapshot.revision))
    set("daruma_plans_fed_revision", Int(health.revision))
    set("daruma_jobs_pending", state.jobs.count("pending", .number(1)))
    set("daruma_jobs_waiting_for_nodes", health.waitingJobs)
    set("daruma_nodes_connected", health.connectedNodes.count)
    set("daruma_nodes", state.nodes.count)
    set("daruma_nodes_refusing", health.refusals.count)
    set("daruma_removals_held", health.guards.reduce(0) { $0 + Int($1.value.held) })
    set("daruma_instances", state.virtualMachines.count)
    set("daruma_networks", state.networks.count)
    set("daruma_routers", state.routers.count)
    set("daruma_public_addresses", state.publicIPs.count)
    var phases: [String: Int] = [:]
    var services: [String: (wanted: Int, applied: Int, verified: Int)] = [:]
    var repairs = 0
    for (name, report) in health.scopes {
      phases[phase(report, isCurrent: health.current.contains(name)), default: 0] += 1
      repairs += Int(report.repairs)
      for service in report.services {
        var sum = services[service.service] ?? (0, 0, 0)
        sum.wanted += Int(service.wanted)
        sum.applied += Int(service.applied)
        sum.verified += Int(service.verified)
        services[service.service] = sum
      }
    }
    for name in ["verified", "applied", "applying", "lost", "failed", "unknown"] {
      set("daruma_scopes", [("phase", name)], phases[name] ?? 0)
    }
    for (name, sum) in services {
      for (step, value) in [("wanted", sum.wanted), ("applied", sum.applied), ("verified", sum.verified)] {
        set("daruma_objects", [("service", name), ("step", step)], value)
      }
    }
    set("daruma_drift_repairs", repairs)
  }

  private static func phase(_ report: ScopeReport, isCurrent: Bool) -> String {
    guard isCurrent else { return "unknown" }
    switch report.phase {
    case .verified: return "verified"
    case .applied: return "applied"
    case .lost: return "lost"
    case .failed: return "failed"
    default: return "applying"
    }
  }
}
