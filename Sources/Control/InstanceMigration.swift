package import CloudModel
import Ledger

extension Control {
  /// Moves a running instance to another host of its zone: to `wanted`, or to the best there is.
  package func migrateVirtualMachine(
    _ id: ID<VirtualMachine>, to wanted: ID<Host>?, command: String, by caller: Caller
  ) async throws -> Started {
    try Access.requireRootAdmin(caller)
    return try await change(id, command, "VM.MIGRATE", by: caller) { machine, draft in
      guard machine.state == .running, let present = machine.host else { throw Self.wrongState(machine, "migrated") }
      try Self.requireSimulator(machine, "Migration")
      let destinations = MigrationDestination.all(for: machine, in: draft.state)
      guard let wanted else {
        guard let best = destinations.first(where: \.isSuitable) else {
          throw ControlError(.insufficientCapacity, "No other host has room for the instance")
        }
        Self.migrate(&machine, from: present, to: best.host.id)
        return
      }
      guard wanted != present else {
        throw ControlError(.invalidParameter, "The instance is on that host already; name another")
      }
      guard let destination = destinations.first(where: { $0.host.id == wanted }) else {
        throw ControlError(.invalidParameter, "The host is of another zone or hypervisor than the instance")
      }
      guard destination.isSuitable else {
        throw ControlError(
          .insufficientCapacity,
          "The host \(destination.host.name) has no room for the instance, or an affinity group forbids it")
      }
      Self.migrate(&machine, from: present, to: wanted)
    }
  }

  private static func migrate(_ machine: inout VirtualMachine, from present: ID<Host>, to host: ID<Host>) {
    machine.migratesFrom = present
    machine.host = host
    machine.state = .migrating
  }
}

/// A host that an instance could go to.
package struct MigrationDestination: Sendable {
  package let host: Host
  package let hasRoom: Bool
  package let isSuitable: Bool

  /// The hosts of its zone and hypervisor but its own, the best first.
  package static func all(for machine: VirtualMachine, in state: CloudState) -> [MigrationDestination] {
    let affinity = Affinity(of: machine, in: state)
    let hosts = state.hosts.matching("zone", .id(machine.zone)).filter {
      $0.hypervisor == machine.hypervisor && $0.id != machine.host && Control.isOpen($0, in: state)
    }
    let ranked = hosts.map { host in
      let room = Placement.room(on: host, for: machine, in: state)
      let destination = MigrationDestination(
        host: host, hasRoom: room != nil, isSuitable: room != nil && affinity.allows(host.id))
      return (destination: destination, preference: affinity.preference(of: host.id), room: room ?? -1)
    }
    return ranked.sorted {
      ($1.preference, $1.room, $0.destination.host.id) < ($0.preference, $0.room, $1.destination.host.id)
    }.map(\.destination)
  }
}
