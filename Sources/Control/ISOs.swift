package import CloudModel
import Ledger

extension Control {
  package func attachISO(
    _ id: ID<Template>, to machine: ID<VirtualMachine>, by caller: Caller
  ) async throws -> Started {
    try await begin("attachIso", .virtualMachine, by: caller) { draft in
      var machine = try Self.machine(machine, caller, draft)
      guard let iso = draft.get(id), iso.isISO, iso.isRemoved != true, let owner = draft.get(machine.account) else {
        throw ControlError(.invalidParameter, "Unable to find iso \(id)")
      }
      try Self.requireUsable(iso, by: owner)
      try Self.requireSimulated(machine)
      guard iso.zones.contains(machine.zone) else {
        throw ControlError(.invalidParameter, "The ISO \(iso.name) is not available in the instance's zone")
      }
      guard machine.iso == nil else {
        throw ControlError(.invalidParameter, "An ISO is attached to the instance already; detach it first")
      }
      try Self.requireStill(machine)
      machine.iso = id
      try draft.put(machine)
      try draft.put(Self.event("ISO.ATTACH", "Attached ISO \(iso.name) to \(machine.name)", machine, caller, draft))
      return machine.id.uuid
    }
  }

  package func detachISO(from machine: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await begin("detachIso", .virtualMachine, by: caller) { draft in
      var machine = try Self.machine(machine, caller, draft)
      try Self.requireSimulated(machine)
      guard machine.iso != nil else {
        throw ControlError(.invalidParameter, "The specified instance has no ISO attached to it.")
      }
      try Self.requireStill(machine)
      machine.iso = nil
      try draft.put(machine)
      try draft.put(Self.event("ISO.DETACH", "Detached the ISO of \(machine.name)", machine, caller, draft))
      return machine.id.uuid
    }
  }

  private static func requireStill(_ machine: VirtualMachine) throws(ControlError) {
    guard machine.state == .running || machine.state == .stopped else {
      throw ControlError(.invalidParameter, "The instance is \(machine.state.rawValue); it must be Running or Stopped")
    }
  }

  private static func event(
    _ type: String, _ description: String, _ machine: VirtualMachine, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, description, machine.account, caller.user, draft, resourceType: "VirtualMachine",
      resource: machine.id.uuid)
  }
}
