import CloudModel
import Control

extension Commands {
  static let snapshots = [
    .job(
      "createSnapshot", "Makes a snapshot of a disk", creates: true,
      [
        .string("name", "the snapshot's name"),
        .id("volumeid", .volume, "the disk", required: true),
      ] + Parameter.owner,
      refused: [
        "asyncbackup", .unless("locationtype", "primary"), "policyid", "quiescevm", .admin("storageids"), "tags",
        "usestoragereplication", "zoneids",
      ], response: .snapshot
    ) { request in
      try await request.control.createSnapshot(
        of: request.id("volumeid"), name: request.arguments.string("name").flatMap { $0.isEmpty ? nil : $0 },
        account: request.arguments.string("account"), domain: request.arguments.id("domainid"), by: request.caller)
    },
    .job(
      "deleteSnapshot", "Deletes a snapshot",
      [
        .id("id", .snapshot, "the snapshot's id", required: true),
        .id("zoneid", .zone, "the zone of the snapshot"),
      ]
    ) { request in
      try await request.control.deleteSnapshot(
        request.id("id"), zone: request.arguments.id("zoneid"), by: request.caller)
    },
    .job(
      "revertSnapshot", "Brings a disk back to what a snapshot holds",
      [.id("id", .snapshot, "the snapshot's id", required: true)], response: .snapshot
    ) { request in
      try await request.control.revertSnapshot(request.id("id"), by: request.caller)
    },
    Command(
      "listSnapshots", "Lists snapshots of disks",
      [
        .id("id", .snapshot, "the snapshot's id"),
        .ids("ids", .snapshot, "the snapshots' ids"),
        .string("intervaltype", "HOURLY, DAILY, WEEKLY or MONTHLY; MANUAL for those that somebody made"),
        .string("name", "the snapshot's name"),
        .boolean("showunique", "each snapshot once, as all are"),
        .string("snapshottype", "as intervaltype; RECURRING for all that a policy had made"),
        .tags,
        .id("volumeid", .volume, "the disk"),
        .id("zoneid", .zone, "the zone of the snapshot"),
      ] + Parameter.scope,
      refused: [.admin("imagestoreid"), .unless("locationtype", "primary"), .admin("storageid")],
      response: .snapshot
    ) { request in
      let ids = request.arguments.ids("ids", VolumeSnapshot.self)
      let type = request.arguments.string("snapshottype")?.uppercased()
      let isNamed = ids != nil || request.arguments.has("volumeid")
      let rows = try request.visible(request.state.snapshots, byName: isNamed) { $0.account }.filter { snapshot in
        let interval = snapshot.interval?.rawValue ?? "MANUAL"
        return ids?.contains(snapshot.id) ?? true && request.matches("intervaltype", interval)
          && (type == "RECURRING" ? snapshot.interval != nil : request.matches("snapshottype", interval))
          && request.matches("name", snapshot.name) && request.matches("volumeid", snapshot.volume)
          && request.matches("zoneid", snapshot.zone)
      }
      return try request.page("snapshot", rows.oldestFirst(\.created)) {
        [$0.name, $0.volumeName]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  static let snapshotPolicies = [
    Command(
      "createSnapshotPolicy", "Has snapshots of a disk made again and again",
      [
        .boolean("fordisplay", "whether others than administrators are shown it", roles: .admin),
        .string("intervaltype", "HOURLY, DAILY, WEEKLY or MONTHLY", required: true),
        .integer("maxsnaps", "how many of them are kept", required: true),
        .string("schedule", "MM, MM:HH, MM:HH:DD (1 to 7, from Sunday) or MM:HH:DD (1 to 28)", required: true),
        .string("timezone", "such as Europe/Zurich", required: true),
        .id("volumeid", .volume, "the disk", required: true),
      ], refused: ["storageids", "tags", "usestoragereplication", "zoneids"], response: .snapshotPolicy
    ) { request in
      let text = try request.string("intervaltype")
      guard let interval = SnapshotInterval(rawValue: text.uppercased()) else {
        throw APIError.invalid("intervaltype", text, "it is HOURLY, DAILY, WEEKLY or MONTHLY")
      }
      var policy = try NewSnapshotPolicy(
        volume: request.id("volumeid"), interval: interval, schedule: request.string("schedule"),
        timezone: request.string("timezone"), kept: request.require("maxsnaps", Arguments.integer))
      policy.isShown = request.arguments.boolean("fordisplay") ?? true
      let id = try await request.control.createSnapshotPolicy(policy, by: request.caller)
      return try request.created(id, "snapshotpolicy") { request.latest.fields(of: $0) }
    },
    .job(
      "updateSnapshotPolicy", "Changes what is said of a snapshot policy",
      [
        .boolean("fordisplay", "whether others than administrators are shown it", roles: .admin),
        .id("id", .snapshotPolicy, "the policy's id"),
      ], refused: [.admin("customid")], response: .snapshotPolicy
    ) { request in
      try await request.control.updateSnapshotPolicy(
        request.id("id"), isShown: request.arguments.boolean("fordisplay"), by: request.caller)
    },
    Command(
      "deleteSnapshotPolicies", "Deletes snapshot policies; the snapshots stay",
      [
        .id("id", .snapshotPolicy, "the policy's id"),
        .ids("ids", .snapshotPolicy, "the policies' ids"),
      ], response: .success
    ) { request in
      let one: ID<SnapshotPolicy>? = request.arguments.id("id")
      let ids = (one.map { [$0] } ?? []) + (request.arguments.ids("ids") ?? [])
      guard !ids.isEmpty else { throw APIError.value("Give id or ids of the policies to delete") }
      try await request.control.deleteSnapshotPolicies(ids, by: request.caller)
      return .success()
    },
    Command(
      "listSnapshotPolicies", "Lists snapshot policies",
      [
        .boolean("fordisplay", "whether others than administrators are shown it", roles: .admin),
        .id("id", .snapshotPolicy, "the policy's id"),
        .id("volumeid", .volume, "the disk"),
      ] + Parameter.scope, response: .snapshotPolicy
    ) { request in
      let isNamed = request.arguments.has("volumeid")
      let rows = try request.visible(request.state.snapshotPolicies, byName: isNamed) { $0.account }.filter { policy in
        (policy.isShown || request.caller.isRootAdmin) && request.matches("fordisplay", policy.isShown)
          && request.matches("volumeid", policy.volume)
      }
      return try request.page("snapshotpolicy", rows.oldestFirst(\.created)) {
        [$0.interval.rawValue]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
