package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  package func createSnapshot(
    of id: ID<Volume>, name: String?, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> Started {
    try await begin("createSnapshot", .snapshot, by: caller) { draft in
      let volume = try Self.volume(id, caller, draft)
      if account != nil {
        let owner = try Access.owner(for: caller, account: account, domain: domain, in: draft.state)
        guard owner.id == volume.account else {
          throw ControlError(.permissionDenied, "The volume belongs to another account")
        }
      }
      try StorageLimits.requireRoomForSnapshot(of: volume.account, draft.state)
      let snapshot = try Self.snapshot(of: volume, name: name, state: .backingUp, draft)
      try draft.put(snapshot)
      try draft.put(Self.event("SNAPSHOT.CREATE", "Created snapshot \(snapshot.name)", snapshot, caller.user, draft))
      return snapshot.id.uuid
    }
  }

  static func snapshot(
    of volume: Volume, name: String?, state: VolumeSnapshotState, _ draft: borrowing Draft
  ) throws -> VolumeSnapshot {
    try requireSimulated(volume)
    guard volume.state == .ready else {
      throw ControlError(
        .invalidParameter,
        "VolumeId: \(volume.id) is not in Ready state but \(volume.state.rawValue). Cannot take snapshot.")
    }
    let machine = volume.virtualMachine.flatMap { draft.get($0) }
    let name = name ?? "\(machine?.name ?? "detached")_\(volume.name)_\(stamp(draft.now))"
    guard !name.isEmpty, name.utf16.count <= 255 else {
      throw ControlError(.invalidParameter, "The name of a snapshot is 1 to 255 characters long")
    }
    var snapshot = VolumeSnapshot(id: draft.newID(), name: name, of: volume, state: state, created: draft.now)
    if volume.type == .root { snapshot.osType = machine.flatMap { draft.get($0.template)?.osType } }
    return snapshot
  }

  /// `20260101123000`, in UTC.
  private static func stamp(_ date: Date) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
    let numbers = [parts.month, parts.day, parts.hour, parts.minute, parts.second].map { $0 ?? 0 }
    return "\(parts.year ?? 0)" + numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
  }

  package func deleteSnapshot(
    _ id: ID<VolumeSnapshot>, zone: ID<Zone>?, by caller: Caller
  ) async throws -> Started {
    try await begin("deleteSnapshot", .snapshot, by: caller) { draft in
      let snapshot = try Self.volumeSnapshot(id, caller, draft)
      guard zone == nil || zone == snapshot.zone else {
        throw ControlError(.invalidParameter, "The snapshot is in another zone")
      }
      guard snapshot.state == .backedUp else {
        throw ControlError(.invalidParameter, "The snapshot is still being made; delete it when it is BackedUp")
      }
      try draft.remove(id)
      try draft.put(Self.event("SNAPSHOT.DELETE", "Deleted snapshot \(snapshot.name)", snapshot, caller.user, draft))
      return id.uuid
    }
  }

  /// The volume holds again what it held then.
  package func revertSnapshot(_ id: ID<VolumeSnapshot>, by caller: Caller) async throws -> Started {
    try await begin("revertSnapshot", .snapshot, by: caller) { draft in
      let snapshot = try Self.volumeSnapshot(id, caller, draft)
      guard snapshot.state == .backedUp, var volume = draft.get(snapshot.volume) else {
        throw ControlError(
          .invalidParameter, "The snapshot is still being made, or its volume is gone; make a new volume from it")
      }
      try Access.require(caller, owner: volume.account, in: draft.state)
      if let machine = volume.virtualMachine.flatMap({ draft.get($0) }), machine.state != .stopped {
        throw ControlError(
          .invalidParameter, "The volume is attached to an instance that is not stopped; stop it before reverting")
      }
      guard volume.state == .ready else {
        throw ControlError(.invalidParameter, "The volume is in state \(volume.state.rawValue); it must be Ready")
      }
      volume.sizeBytes = snapshot.sizeBytes
      try draft.put(volume)
      try draft.put(
        Self.event("SNAPSHOT.REVERT", "Reverted to snapshot \(snapshot.name)", snapshot, caller.user, draft))
      return id.uuid
    }
  }

  static func volumeSnapshot(
    _ id: ID<VolumeSnapshot>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> VolumeSnapshot {
    guard let snapshot = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find snapshot \(id)") }
    try Access.require(caller, owner: snapshot.account, in: draft.state)
    return snapshot
  }

  static func event(
    _ type: String, _ description: String, _ snapshot: VolumeSnapshot, _ user: ID<User>?, _ draft: borrowing Draft
  ) -> Event {
    event(type, description, snapshot.account, user, draft, resourceType: "Snapshot", resource: snapshot.id.uuid)
  }
}
