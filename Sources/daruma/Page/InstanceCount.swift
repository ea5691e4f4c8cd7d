import CloudModel
import Control
import NodePlan
import StatusPage

/// How many instances of each zone do not run as they should, counted once a second.
struct InstanceCount {
  private var bad: [ID<Zone>: Int] = [:]
  private var counted: Moment?

  /// A single instance that does not start is its owner's matter; a twentieth of them, at least two, is the zone's.
  mutating func standing(of zone: ID<Zone>, _ health: Health, _ state: CloudState, now: Moment) -> ComponentState {
    if counted.map({ abs(now.milliseconds - $0.milliseconds) >= 1000 }) ?? true {
      counted = now
      bad = [:]
      for (scope, report) in health.scopes where report.phase == .lost || report.phase == .failed {
        guard scope.hasPrefix("instance/"), let id = ID<VirtualMachine>(scope.dropFirst("instance/".count)),
          let machine = state.virtualMachines[id], machine.state == .running
        else { continue }
        bad[machine.zone, default: 0] += 1
      }
    }
    let broken = bad[zone] ?? 0
    guard broken >= 2 else { return .operational }
    let all = state.hosts.matching("zone", .id(zone)).reduce(0) {
      $0 + state.virtualMachines.count("host", .id($1.id))
    }
    if broken * 2 >= all { return .majorOutage }
    return broken * 20 >= all ? .partialOutage : .operational
  }
}
