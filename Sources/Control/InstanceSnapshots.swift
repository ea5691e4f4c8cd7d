package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  private static let snapshotsPerInstance = 10

  package func createVMSnapshot(
    of id: ID<VirtualMachine>, name: String?, description: String?, withMemory: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("createVMSnapshot", .instanceSnapshot, by: caller) { draft in
      let machine = try Self.machine(id, caller, draft)
      try Self.requireSimulator(machine, "A snapshot of the instance")
      guard machine.state == .running || machine.state == .stopped else {
        throw Self.wrongState(machine, "taken a snapshot of")
      }
      guard !withMemory || machine.state == .running else {
        throw ControlError(.invalidParameter, "Can not snapshot memory when the instance is not Running")
      }
      let others = draft.state.instanceSnapshots.matching("virtualmachine", .id(id))
      guard others.count < Self.snapshotsPerInstance else {
        throw ControlError(
          .resourceLimit, "An instance has at most \(Self.snapshotsPerInstance) snapshots; delete old ones first")
      }
      try Self.requireCalm(others)
      var parent: ID<InstanceSnapshot>?
      for var other in others where other.isCurrent {
        parent = other.id
        other.isCurrent = false
        try draft.put(other)
      }
      let snapshot: ID<InstanceSnapshot> = draft.newID()
      let internalName = "\(machine.internalName)_VS_\(snapshot.description.prefix(8))"
      let displayName = name.flatMap { $0.isEmpty ? nil : $0 } ?? internalName
      try draft.put(
        InstanceSnapshot(
          id: snapshot, name: internalName, displayName: displayName, description: description ?? displayName,
          account: machine.account, virtualMachine: id, offering: machine.offering, hasMemory: withMemory,
          parent: parent, created: draft.now))
      try draft.put(
        Self.event(
          "VMSNAPSHOT.CREATE", "Taking snapshot \(displayName) of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VMSnapshot", resource: snapshot.uuid))
      return snapshot.uuid
    }
  }

  package func deleteVMSnapshot(_ id: ID<InstanceSnapshot>, by caller: Caller) async throws -> Started {
    try await begin("deleteVMSnapshot", .instanceSnapshot, by: caller) { draft in
      var snapshot = try Self.snapshot(id, caller, draft)
      try Self.requireCalm(draft.state.instanceSnapshots.matching("virtualmachine", .id(snapshot.virtualMachine)))
      snapshot.state = .deleting
      try draft.put(snapshot)
      try draft.put(
        Self.event(
          "VMSNAPSHOT.DELETE", "Deleting snapshot \(snapshot.displayName)", snapshot.account, caller.user, draft,
          resourceType: "VMSnapshot", resource: id.uuid))
      return id.uuid
    }
  }

  /// Brings an instance back to how it was: a running one to a snapshot with memory, a stopped one to one without.
  package func revertToVMSnapshot(_ id: ID<InstanceSnapshot>, by caller: Caller) async throws -> Started {
    try await begin("revertToVMSnapshot", .virtualMachine, by: caller) { draft in
      var snapshot = try Self.snapshot(id, caller, draft)
      var machine = try Self.machine(snapshot.virtualMachine, caller, draft)
      guard machine.state == .running || machine.state == .stopped else {
        throw Self.wrongState(machine, "reverted to a snapshot")
      }
      guard snapshot.hasMemory == (machine.state == .running) else {
        throw ControlError(
          .invalidParameter,
          "Reverting would change the state of the instance: a running one goes back to a snapshot of disk and memory, a "
            + "stopped one to a snapshot of its disk")
      }
      let others = draft.state.instanceSnapshots.matching("virtualmachine", .id(machine.id))
      try Self.requireCalm(others)
      for var other in others where other.isCurrent && other.id != id {
        other.isCurrent = false
        try draft.put(other)
      }
      snapshot.isCurrent = true
      snapshot.state = .reverting
      try draft.put(snapshot)
      machine.offering = snapshot.offering
      if machine.state == .running { machine.bootCount += 1 }
      try draft.put(machine)
      try draft.put(
        Self.event(
          "VMSNAPSHOT.REVERTTO", "Reverting \(machine.name) to snapshot \(snapshot.displayName)", machine.account,
          caller.user, draft, resourceType: "VirtualMachine", resource: machine.id.uuid))
      return machine.id.uuid
    }
  }

  private static func requireCalm(_ snapshots: [InstanceSnapshot]) throws {
    if let busy = snapshots.first(where: { $0.state != .ready }) {
      throw ControlError(
        .invalidParameter, "The snapshot \(busy.displayName) of the instance is \(busy.state.rawValue); try again later"
      )
    }
  }

  private static func snapshot(
    _ id: ID<InstanceSnapshot>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> InstanceSnapshot {
    guard let snapshot = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find the instance snapshot \(id)")
    }
    try Access.require(caller, owner: snapshot.account, in: draft.state)
    return snapshot
  }
}

extension Settlement {
  static func settle(snapshot id: ID<InstanceSnapshot>, _ draft: inout Draft) throws {
    guard var snapshot = draft.get(id) else { return }
    switch snapshot.state {
    case .creating, .reverting:
      snapshot.state = .ready
      try draft.put(snapshot)
    case .deleting:
      for var child in draft.state.instanceSnapshots.matching("parent", .id(id)) {
        child.parent = snapshot.parent
        try draft.put(child)
      }
      if snapshot.isCurrent, var parent = snapshot.parent.flatMap({ draft.get($0) }) {
        parent.isCurrent = true
        try draft.put(parent)
      }
      try draft.remove(id)
    case .ready: return
    }
  }

  /// What a revert to a snapshot ends with.
  static func settleReverts(of machine: ID<VirtualMachine>, _ draft: inout Draft) throws {
    for snapshot in draft.state.instanceSnapshots.matching("virtualmachine", .id(machine))
    where snapshot.state == .reverting {
      try settle(snapshot: snapshot.id, &draft)
    }
  }

  /// What goes with an instance.
  static func removeBelongings(of machine: ID<VirtualMachine>, _ draft: inout Draft) throws {
    for snapshot in draft.state.instanceSnapshots.matching("virtualmachine", .id(machine)) {
      try draft.remove(snapshot.id)
    }
    for schedule in draft.state.instanceSchedules.matching("virtualmachine", .id(machine)) {
      try draft.remove(schedule.id)
    }
  }
}
