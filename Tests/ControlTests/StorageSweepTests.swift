import CloudModel
import FoundationEssentials
import Ledger
import Testing

@testable import Control

@Suite struct StorageSweepTests {
  private func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  @Test(arguments: [
    (SnapshotInterval.hourly, "15", "GMT", "2026-01-01T10:15:00Z", "2026-01-01T11:15:00Z"),
    (.hourly, "15", "GMT", "2026-01-01T10:14:59Z", "2026-01-01T10:15:00Z"),
    (.daily, "30:02", "Europe/Zurich", "2026-01-01T12:00:00Z", "2026-01-02T01:30:00Z"),
    // The clock goes from 2 to 3 that night, and comes to 2:30 twice in autumn.
    (.daily, "30:02", "Europe/Zurich", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
    (.daily, "30:02", "Europe/Zurich", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
    (.weekly, "0:0:1", "GMT", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
    (.monthly, "59:23:28", "GMT", "2026-01-29T00:00:00Z", "2026-02-28T23:59:00Z"),
  ]) func `a schedule says when`(
    interval: SnapshotInterval, text: String, zone: String, after: String, next: String
  ) throws {
    let schedule = try SnapshotSchedule(interval, text, timezone: zone)
    #expect(schedule.next(after: try date(after)) == (try date(next)))
  }

  /// Polls for at most ten seconds.
  private func wait(until isSo: () -> Bool) async throws {
    for _ in 0..<500 where !isSo() { try await Task.sleep(for: .milliseconds(20)) }
    #expect(isSo())
  }

  @Test(.timeLimit(.minutes(1))) func `policies are carried out, and the oldest snapshots go`() async throws {
    try await Cloud.with { cloud in
      cloud.connect()
      let machine = try await cloud.control.deployVirtualMachine(cloud.deployment(.basic, "web"), by: cloud.caller)
      #expect(try await cloud.end(of: machine.job) == .succeeded)
      let id: ID<VirtualMachine> = try machine.id()
      let root = try #require(cloud.state.volumes.first("instance", .id(id)))
      let policyID = try await cloud.control.createSnapshotPolicy(
        NewSnapshotPolicy(volume: root.id, interval: .hourly, schedule: "0", timezone: "GMT", kept: 2), by: cloud.caller
      )
      for round in 1...3 {
        let newest = cloud.state.snapshots.all.map(\.created).max()
        try await cloud.write { draft in
          var policy = try #require(draft.get(policyID))
          policy.due = draft.now.addingTimeInterval(-1)
          try draft.put(policy)
        }
        try await wait { cloud.state.snapshots.all.map(\.created).max() != newest }
        #expect(cloud.state.snapshots.count == min(round, 2))
      }
      #expect(cloud.state.snapshots.all.allSatisfy { $0.interval == .hourly && $0.state == .backedUp })
      #expect(try #require(cloud.state.snapshotPolicies[policyID]).due > Date())
    }
  }

  @Test(.timeLimit(.minutes(1))) func `destroyed disks are expunged in time`() async throws {
    try await Cloud.with { cloud in
      let offering = try #require(cloud.state.diskOfferings.first("name", .text("small")))
      var wanted = NewVolume()
      wanted.zone = try cloud.zone(.basic).id
      wanted.offering = offering.id
      let id: ID<Volume> = try await cloud.control.createVolume(wanted, by: cloud.caller).id()
      _ = try await cloud.control.destroyVolume(id, expunge: false, by: cloud.caller)
      try await cloud.write { draft in
        var volume = try #require(draft.get(id))
        volume.expungeAfter = draft.now
        try draft.put(volume)
      }
      try await wait { cloud.state.volumes[id] == nil }
    }
  }

  @Test(.timeLimit(.minutes(1))) func `instances of before get their ROOT volumes once`() async throws {
    try await Cloud.with { cloud in
      cloud.connect()
      let machine = try await cloud.control.deployVirtualMachine(cloud.deployment(.basic, "web"), by: cloud.caller)
      #expect(try await cloud.end(of: machine.job) == .succeeded)
      await cloud.disconnect()
      try await cloud.write { draft in
        for volume in Array(draft.state.volumes.all) { try draft.remove(volume.id) }
        for offering in Array(draft.state.diskOfferings.all) { try draft.remove(offering.id) }
      }
      try await cloud.restart()
      try await wait { !cloud.state.volumes.isEmpty }
      let volume = try #require(cloud.state.volumes.all.first { _ in true })
      #expect(volume.type == .root && volume.state == .ready && volume.virtualMachine?.uuid == machine.resource)
      #expect(cloud.state.diskOfferings.count == 4)
      let revision = cloud.control.snapshot.revision
      try await cloud.restart()
      await cloud.control.takeUpVolumes()
      #expect(cloud.control.snapshot.revision == revision)
    }
  }
}
