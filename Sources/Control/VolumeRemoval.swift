package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Removes a volume that is attached to nothing. Its snapshots stay.
  package func deleteVolume(_ id: ID<Volume>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteVolume")) { draft in
      let volume = try Self.removable(id, caller, draft)
      try Self.remove(volume, &draft)
      try draft.put(Self.event("VOLUME.DELETE", "Deleted volume \(volume.name)", volume, caller, draft))
    }
  }

  /// Removes a volume at once, or after the expunge delay; until then it can be recovered.
  package func destroyVolume(_ id: ID<Volume>, expunge: Bool, by caller: Caller) async throws -> Started {
    try await begin("destroyVolume", .volume, by: caller) { draft in
      var volume = try Self.removable(id, caller, draft)
      guard volume.state != .destroyed || expunge else {
        throw ControlError(.invalidParameter, "The volume \(volume.name) is destroyed already; expunge or recover it")
      }
      if expunge {
        try Self.remove(volume, &draft)
      } else {
        volume.state = .destroyed
        volume.expungeAfter = draft.now.addingTimeInterval(TimeInterval(draft.state.integer(.expungeDelay)))
        try draft.put(volume)
      }
      try draft.put(Self.event("VOLUME.DESTROY", "Destroyed volume \(volume.name)", volume, caller, draft))
      return id.uuid
    }
  }

  package func recoverVolume(_ id: ID<Volume>, by caller: Caller) async throws {
    try await transact(cause(caller, "recoverVolume")) { draft in
      var volume = try Self.volume(id, caller, draft)
      guard volume.state == .destroyed else {
        throw ControlError(.invalidParameter, "The volume \(volume.name) is not destroyed; there is nothing to recover")
      }
      volume.expungeAfter = nil
      volume.state = volume.hypervisor == nil ? (volume.url == nil ? .allocated : .uploaded) : .ready
      try draft.put(volume)
      try draft.put(Self.event("VOLUME.RECOVER", "Recovered volume \(volume.name)", volume, caller, draft))
    }
  }

  private static func removable(_ id: ID<Volume>, _ caller: Caller, _ draft: borrowing Draft) throws -> Volume {
    let volume = try volume(id, caller, draft)
    guard volume.virtualMachine == nil else {
      throw ControlError(
        .invalidParameter, "Please specify a volume that is not attached to any VM; \(volume.name) is")
    }
    guard !volume.isProtected else {
      throw ControlError(.invalidParameter, "The volume \(volume.name) is protected from deletion; lift that first")
    }
    return volume
  }

  /// Takes a volume away with the policies for its snapshots, and its offering if that waited for it.
  static func remove(_ volume: Volume, _ draft: inout Draft) throws {
    for policy in draft.state.snapshotPolicies.matching("volume", .id(volume.id)) { try draft.remove(policy.id) }
    try draft.remove(volume.id)
    try forget(diskOffering: volume.diskOffering, &draft)
  }
}
