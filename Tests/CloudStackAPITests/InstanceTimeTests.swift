import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// Snapshots and schedules of instances.
@Suite struct InstanceTimeTests {
  @Test(.timeLimit(.minutes(1))) func `an instance goes back to its snapshots`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let id = try #require(
        try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: keys))
      func take(_ name: String, _ memory: String) async throws -> String {
        try #require(
          try await cloud.done(
            "createVMSnapshot", ["virtualmachineid": id, "name": name, "snapshotmemory": memory], as: keys))
      }
      let first = try await take("first", "false")
      let second = try await take("second", "true")
      let listed = try await cloud.call("listVMSnapshot", ["vmsnapshotid": second], as: keys)
      #expect(listed.at("listvmsnapshotresponse", "vmSnapshot", "state") == "Ready")
      #expect(listed.at("listvmsnapshotresponse", "vmSnapshot", "type") == "DiskAndMemory")
      #expect(listed.at("listvmsnapshotresponse", "vmSnapshot", "parent") == first)
      #expect(try await cloud.call("restoreVirtualMachine", ["virtualmachineid": id], as: keys).status == 431)
      #expect(try await cloud.call("revertToVMSnapshot", ["vmsnapshotid": first], as: keys).status == 431, "it runs")
      #expect(try await cloud.finish("revertToVMSnapshot", ["vmsnapshotid": second], as: keys) == nil)
      #expect(cloud.machine(id)?.bootCount == 1)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.finish("revertToVMSnapshot", ["vmsnapshotid": first], as: keys) == nil)
      let current = cloud.control.state.instanceSnapshots.all.filter(\.isCurrent)
      #expect(current.map(\.id.description) == [first] && current[0].state == .ready)
      #expect(try await cloud.finish("deleteVMSnapshot", ["vmsnapshotid": first], as: keys) == nil)
      let left = Array(cloud.control.state.instanceSnapshots.all)
      #expect(left.map(\.id.description) == [second] && left[0].parent == nil)
      let memory = ["virtualmachineid": id, "snapshotmemory": "true"]
      #expect(try await cloud.call("createVMSnapshot", memory, as: keys).status == 431, "it is stopped")
      for number in 0..<9 { _ = try await take("more-\(number)", "false") }
      #expect(try await cloud.call("createVMSnapshot", ["virtualmachineid": id], as: keys).status == 535)
      // They go with the instance.
      #expect(try await cloud.finish("destroyVirtualMachine", ["id": id, "expunge": "true"], as: keys) == nil)
      #expect(cloud.control.state.instanceSnapshots.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `schedules are followed when they are due`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let id = try #require(
        try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: keys))
      var request = [
        "virtualmachineid": id, "action": "stop", "schedule": "0 3 * * mon-fri", "timezone": "Asia/Tokyo",
      ]
      for (name, value) in [
        ("schedule", "0 3 * *"), ("schedule", "61 3 * * *"), ("timezone", "Middle/Earth"), ("action", "EXPLODE"),
        ("startdate", "2001-01-01"), ("enddate", "2001-01-01"),
      ] {
        let wrong = try await cloud.call("createVMSchedule", request.merging([name: value]) { $1 }, as: keys)
        #expect(wrong.status == 431, "\(name) \(value)")
      }
      request["description"] = "at night"
      let made = try await cloud.call("createVMSchedule", request, as: keys)
      let stop = try #require(made.at("createvmscheduleresponse", "vmschedule", "id"), "\(made.errorText ?? "")")
      #expect(made.at("createvmscheduleresponse", "vmschedule", "action") == "STOP")
      func due(_ id: String) async throws {
        let id = try #require(ID<InstanceSchedule>(id))
        try await cloud.change { draft in
          var schedule = try #require(draft.get(id))
          schedule.next = draft.now.addingTimeInterval(-1)
          try draft.put(schedule)
        }
      }
      func next(_ id: String) -> Date? {
        ID<InstanceSchedule>(id).flatMap { cloud.control.state.instanceSchedules[$0]?.next }
      }
      #expect(try #require(next(stop)) > Date())
      try await due(stop)
      #expect(try await cloud.eventually { cloud.machine(id)?.state == .stopped })
      #expect(try #require(next(stop)) > Date())
      // What cannot be done is skipped and told.
      try await due(stop)
      #expect(
        try await cloud.eventually { cloud.control.state.events.all.contains { $0.type == "VM.SCHEDULE.SKIPPED" } })
      #expect(try #require(next(stop)) > Date())
      let updated = try await cloud.call("updateVMSchedule", ["id": stop, "enabled": "false"], as: keys)
      #expect(updated.at("updatevmscheduleresponse", "vmschedule", "enabled") == "false")
      #expect(cloud.control.state.instanceSchedules.count("due", .number(1)) == 0)
      let listed = try await cloud.call("listVMSchedule", ["virtualmachineid": id, "action": "STOP"], as: keys)
      #expect(listed.at("listvmscheduleresponse", "vmschedule", "description") == "at night")
      let mallory = try await cloud.account("mallory")
      #expect(try await cloud.call("listVMSchedule", ["virtualmachineid": id], as: mallory).status == 531)
      let delete = ["virtualmachineid": id, "ids": stop]
      #expect(try await cloud.call("deleteVMSchedule", delete, as: keys).status == 200)
      #expect(cloud.control.state.instanceSchedules.isEmpty)
    }
  }
}
