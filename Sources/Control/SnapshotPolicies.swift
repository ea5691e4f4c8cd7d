package import CloudModel
import FoundationEssentials
import Ledger

package struct NewSnapshotPolicy: Sendable {
  package var volume: ID<Volume>
  package var interval: SnapshotInterval
  package var schedule: String
  package var timezone: String
  /// How many of its snapshots are kept.
  package var kept: Int
  package var isShown = true

  package init(volume: ID<Volume>, interval: SnapshotInterval, schedule: String, timezone: String, kept: Int) {
    self.volume = volume
    self.interval = interval
    self.schedule = schedule
    self.timezone = timezone
    self.kept = kept
  }
}

extension Control {
  /// How many snapshots a policy can keep.
  static let keptSnapshots = 1...8

  /// A volume has one policy of each interval; asking again changes it.
  package func createSnapshotPolicy(_ request: NewSnapshotPolicy, by caller: Caller) async throws -> ID<SnapshotPolicy>
  {
    let schedule = try SnapshotSchedule(request.interval, request.schedule, timezone: request.timezone)
    guard Self.keptSnapshots.contains(request.kept) else {
      throw ControlError(
        .invalidParameter,
        "maxSnaps should be 1 to \(Self.keptSnapshots.upperBound) for interval type \(request.interval.rawValue)")
    }
    return try await transact(cause(caller, "createSnapshotPolicy")) { draft in
      let volume = try Self.volume(request.volume, caller, draft)
      try Self.requireSimulated(volume)
      guard volume.state == .ready else {
        throw ControlError(
          .invalidParameter, "Only volumes in state Ready can have a policy, not \(volume.state.rawValue) ones")
      }
      let former = draft.state.snapshotPolicies.first(
        "interval", .scoped(volume.id.uuid, request.interval.rawValue))
      var policy = SnapshotPolicy(
        id: former?.id ?? draft.newID(), volume: volume, interval: request.interval, schedule: request.schedule,
        timezone: request.timezone, kept: request.kept, due: schedule.next(after: draft.now),
        created: former?.created ?? draft.now)
      policy.isShown = request.isShown
      try draft.put(policy)
      try Self.trim(policy, &draft)
      try draft.put(
        Self.event(
          former == nil ? "SNAPSHOTPOLICY.CREATE" : "SNAPSHOTPOLICY.UPDATE",
          "Snapshot policy \(policy.interval.rawValue) of volume \(volume.name)", volume, caller, draft))
      return policy.id
    }
  }

  package func updateSnapshotPolicy(
    _ id: ID<SnapshotPolicy>, isShown: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateSnapshotPolicy", .snapshotPolicy, by: caller) { draft in
      var policy = try Self.policy(id, caller, draft)
      policy.isShown = isShown ?? policy.isShown
      try draft.put(policy)
      try draft.put(
        Self.event(
          "SNAPSHOTPOLICY.UPDATE", "Changed a snapshot policy", policy.account, caller.user, draft,
          resourceType: "SnapshotPolicy", resource: id.uuid))
      return id.uuid
    }
  }

  /// The snapshots that they had made stay.
  package func deleteSnapshotPolicies(_ ids: [ID<SnapshotPolicy>], by caller: Caller) async throws {
    try await transact(cause(caller, "deleteSnapshotPolicies")) { draft in
      for id in Set(ids).sorted() {
        let policy = try Self.policy(id, caller, draft)
        try draft.remove(id)
        try draft.put(
          Self.event(
            "SNAPSHOTPOLICY.DELETE", "Deleted a snapshot policy", policy.account, caller.user, draft,
            resourceType: "SnapshotPolicy", resource: id.uuid))
      }
    }
  }

  private static func policy(
    _ id: ID<SnapshotPolicy>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> SnapshotPolicy {
    guard let policy = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find snapshot policy \(id)")
    }
    try Access.require(caller, owner: policy.account, in: draft.state)
    return policy
  }

  /// Makes the snapshot that is due and lets the oldest go. However many times were missed meanwhile, one makes up for them.
  func carryOut(_ id: ID<SnapshotPolicy>) async throws {
    _ = try await transact(Cause(actor: "system/sweep", command: "createSnapshot", job: nil)) { draft in
      guard var policy = draft.get(id), policy.due <= draft.now, let volume = draft.get(policy.volume) else { return }
      policy.due = try SnapshotSchedule(policy.interval, policy.schedule, timezone: policy.timezone)
        .next(after: draft.now)
      try draft.put(policy)
      do {
        try StorageLimits.requireRoomForSnapshot(of: volume.account, draft.state)
        var snapshot = try Self.snapshot(of: volume, name: nil, state: .backedUp, draft)
        snapshot.policy = id
        snapshot.interval = policy.interval
        try draft.put(snapshot)
        try draft.put(Self.event("SNAPSHOT.CREATE", "Created snapshot \(snapshot.name)", snapshot, nil, draft))
        try Self.trim(policy, &draft)
      } catch let error as ControlError {
        var event = Self.event(
          "SNAPSHOT.CREATE", "No snapshot of \(volume.name) was made: \(error.message)", volume.account, nil, draft,
          resourceType: "Volume", resource: volume.id.uuid)
        event.level = "ERROR"
        try draft.put(event)
      }
    }
  }

  private static func trim(_ policy: SnapshotPolicy, _ draft: inout Draft) throws {
    let made = draft.state.snapshots.matching("policy", .id(policy.id)).sorted {
      ($0.created, $0.id) < ($1.created, $1.id)
    }
    for snapshot in made.dropLast(policy.kept) {
      try draft.remove(snapshot.id)
      try draft.put(event("SNAPSHOT.DELETE", "Deleted snapshot \(snapshot.name)", snapshot, nil, draft))
    }
  }
}
