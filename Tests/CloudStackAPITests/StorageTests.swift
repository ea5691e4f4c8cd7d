import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

@Suite struct StorageTests {
  /// A cloud with a node, a customer, and a running instance of hers.
  struct Place {
    let cloud: TestCloud
    let alice: TestCloud.Keys
    let zone: String
    let machine: String

    func call(_ command: String, _ parameters: [String: String] = [:]) async throws -> Told {
      try await cloud.call(command, parameters, as: alice)
    }

    func finish(_ command: String, _ parameters: [String: String]) async throws -> String? {
      try await cloud.finish(command, parameters, as: alice)
    }

    func make(_ command: String, _ parameters: [String: String]) async throws -> String {
      try #require(try await cloud.done(command, parameters, as: alice))
    }

    func disk(_ name: String) async throws -> String {
      let told = try await call("listDiskOfferings", ["name": name])
      return try #require(told.at("listdiskofferingsresponse", "diskoffering", "id"))
    }

    /// A field of one volume.
    func volume(_ id: String, _ field: String) async throws -> String? {
      try await call("listVolumes", ["id": id]).at("listvolumesresponse", "volume", field)
    }

    /// The instance's ROOT volume.
    func root() async throws -> String {
      let told = try await call("listVolumes", ["virtualmachineid": machine, "type": "ROOT"])
      return try #require(told.at("listvolumesresponse", "volume", "id"))
    }
  }

  static func with(_ body: (Place) async throws -> Void) async throws {
    let cloud = try await TestCloud(patience: .seconds(10))
    let running = Task { try await cloud.control.run() }
    let node = Task { try await ObedientNode("node").run(cloud.control) }
    defer {
      node.cancel()
      running.cancel()
    }
    let alice = try await cloud.account("alice")
    let machine = try #require(
      try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: alice))
    try await body(
      Place(cloud: cloud, alice: alice, zone: try await CloudStackAPITests.zone(cloud), machine: machine))
  }

  @Test(.timeLimit(.minutes(1))) func `a disk goes from instance to instance`() async throws {
    try await Self.with { place in
      let root = try await place.root()
      #expect(try await place.volume(root, "state") == "Ready")
      #expect(try await place.volume(root, "deviceid") == "0")
      let disk = try await place.make(
        "createVolume",
        ["name": "data", "diskofferingid": try await place.disk("Custom"), "size": "7", "zoneid": place.zone])
      #expect(try await place.volume(disk, "state") == "Allocated")
      #expect(try await place.volume(disk, "size") == String(7 * Volume.bytesPerGiB))
      let attach = ["id": disk, "virtualmachineid": place.machine]
      #expect(try await place.finish("attachVolume", attach.merging(["deviceid": "3"]) { $1 }) != nil)
      #expect(try await place.finish("attachVolume", attach) == nil)
      #expect(try await place.finish("attachVolume", attach) != nil, "twice")
      #expect(try await place.volume(disk, "state") == "Ready")
      #expect(try await place.volume(disk, "deviceid") == "1")
      #expect(try await place.call("deleteVolume", ["id": disk]).status == 431)
      #expect(try await place.finish("resizeVolume", ["id": disk, "size": "9"]) == nil)
      #expect(try await place.finish("resizeVolume", ["id": disk, "size": "5"]) != nil, "shrinking unasked")
      #expect(try await place.finish("resizeVolume", ["id": disk, "size": "5", "shrinkok": "true"]) == nil)
      #expect(try await place.finish("detachVolume", ["virtualmachineid": place.machine, "deviceid": "0"]) != nil)
      #expect(
        try await place.finish("destroyVirtualMachine", ["id": place.machine, "expunge": "true"]) == nil)
      #expect(try await place.call("listVolumes").at("listvolumesresponse", "count") == "1", "ROOT is gone")
      #expect(try await place.volume(disk, "virtualmachineid") == nil)
      #expect(try await place.finish("destroyVolume", ["id": disk]) == nil)
      #expect(try await place.volume(disk, "state") == "Destroy")
      #expect(try await place.call("recoverVolume", ["id": disk]).status == 200)
      #expect(try await place.volume(disk, "state") == "Ready")
      #expect(try await place.call("deleteVolume", ["id": disk]).status == 200)
      #expect(place.cloud.control.state.volumes.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a deployment brings its disks, and what it cannot have is refused`() async throws
  {
    try await Self.with { place in
      var wanted = try await deployment(place.cloud, "two")
      wanted["diskofferingid"] = try await place.disk("Custom")
      #expect(try await place.call("deployVirtualMachine", wanted).status == 431, "no size")
      wanted["size"] = "3"
      wanted["rootdisksize"] = "4"
      let machine = try await place.make("deployVirtualMachine", wanted)
      let told = try await place.call("listVolumes", ["virtualmachineid": machine, "type": "DATADISK"])
      #expect(told.at("listvolumesresponse", "volume", "state") == "Ready")
      #expect(told.at("listvolumesresponse", "volume", "size") == String(3 * Volume.bytesPerGiB))
      let kvm = try await place.cloud.call("listTemplates", ["templatefilter": "all", "name": "tiny"])
      wanted["templateid"] = kvm.at("listtemplatesresponse", "template", "id")
      wanted["name"] = "three"
      #expect(try await place.call("deployVirtualMachine", wanted).status == 432)
      for name in ["diskofferingid", "size", "rootdisksize"] { wanted[name] = nil }
      let real = try await place.make("deployVirtualMachine", wanted)
      let roots = try await place.call("listVolumes", ["virtualmachineid": real])
      let root = try #require(roots.at("listvolumesresponse", "volume", "id"))
      let disk = try await place.make(
        "createVolume", ["name": "data", "diskofferingid": try await place.disk("Small"), "zoneid": place.zone])
      let before = place.cloud.control.snapshot.revision
      for (command, parameters) in [
        ("attachVolume", ["id": disk, "virtualmachineid": real]), ("resizeVolume", ["id": root, "size": "5"]),
        ("createSnapshot", ["volumeid": root]),
        ("extractVolume", ["id": root, "mode": "HTTP_DOWNLOAD", "zoneid": place.zone]),
        ("detachIso", ["virtualmachineid": real]),
      ] {
        #expect(try await place.call(command, parameters).status == 432, "\(command)")
      }
      #expect(place.cloud.control.snapshot.revision == before)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a snapshot outlives its disk and becomes disks and templates`() async throws {
    try await Self.with { place in
      let root = try await place.root()
      let snapshot = try await place.make("createSnapshot", ["volumeid": root, "name": "then"])
      let told = try await place.call("listSnapshots", ["id": snapshot])
      #expect(told.at("listsnapshotsresponse", "snapshot", "state") == "BackedUp")
      #expect(told.at("listsnapshotsresponse", "snapshot", "snapshottype") == "MANUAL")
      #expect(try await place.finish("revertSnapshot", ["id": snapshot]) != nil, "while it runs")
      #expect(try await place.finish("stopVirtualMachine", ["id": place.machine]) == nil)
      #expect(try await place.finish("revertSnapshot", ["id": snapshot]) == nil)
      let disk = try await place.make("createVolume", ["snapshotid": snapshot, "name": "copy"])
      #expect(try await place.volume(disk, "state") == "Ready")
      let system = OperatingSystem.otherLinux.uuidString.lowercased()
      let template = try await place.make(
        "createTemplate", ["name": "mine", "ostypeid": system, "snapshotid": snapshot])
      var wanted = try await deployment(place.cloud, "again")
      wanted["templateid"] = template
      _ = try await place.make("deployVirtualMachine", wanted)
      #expect(try await place.finish("deleteTemplate", ["id": template]) != nil, "in use")
      #expect(try await place.finish("deleteTemplate", ["id": template, "forced": "true"]) == nil)
      #expect(try await place.call("listTemplates", ["id": template, "templatefilter": "self"]).status == 431)
      wanted["name"] = "late"
      #expect(try await place.call("deployVirtualMachine", wanted).status == 431)
      let again = try await place.call("listVirtualMachines", ["name": "again"])
      #expect(again.at("listvirtualmachinesresponse", "virtualmachine", "templatename") == "mine")
      let machine = try #require(again.at("listvirtualmachinesresponse", "virtualmachine", "id"))
      #expect(try await place.finish("destroyVirtualMachine", ["id": machine, "expunge": "true"]) == nil)
      #expect(!place.cloud.control.state.templates.all.contains { $0.name == "mine" }, "gone with the last instance")
      #expect(try await place.finish("destroyVirtualMachine", ["id": place.machine, "expunge": "true"]) == nil)
      #expect(try await place.call("listSnapshots").at("listsnapshotsresponse", "count") == "1")
      #expect(try await place.finish("deleteSnapshot", ["id": snapshot]) == nil)
      #expect(place.cloud.control.state.snapshots.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `policies are one per interval, and what they cannot mean is refused`()
    async throws
  {
    try await Self.with { place in
      var wanted = [
        "volumeid": try await place.root(), "intervaltype": "DAILY", "maxsnaps": "2", "schedule": "30:02",
        "timezone": "Europe/Zurich",
      ]
      func create(_ change: [String: String] = [:]) async throws -> Told {
        try await place.call("createSnapshotPolicy", wanted.merging(change) { $1 })
      }
      let made = try await create()
      let id = try #require(made.at("createsnapshotpolicyresponse", "snapshotpolicy", "id"))
      #expect(made.at("createsnapshotpolicyresponse", "snapshotpolicy", "intervaltype") == "1")
      for change in [
        ["schedule": "60:02"], ["schedule": "30"], ["schedule": "-1:02"], ["timezone": "Nowhere/At_All"],
        ["maxsnaps": "9"], ["maxsnaps": "0"], ["intervaltype": "YEARLY"],
      ] { #expect(try await create(change).status == 431, "\(change)") }
      wanted["maxsnaps"] = "3"
      let changed = try await create()
      #expect(changed.at("createsnapshotpolicyresponse", "snapshotpolicy", "id") == id)
      let listed = try await place.call("listSnapshotPolicies", ["volumeid": wanted["volumeid"] ?? ""])
      #expect(listed.at("listsnapshotpoliciesresponse", "count") == "1")
      #expect(listed.at("listsnapshotpoliciesresponse", "snapshotpolicy", "maxsnaps") == "3")
      #expect(try await place.call("deleteSnapshotPolicies", ["id": id]).status == 200)
      #expect(place.cloud.control.state.snapshotPolicies.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `an ISO is attached, installs instances, and goes when nothing needs it`()
    async throws
  {
    try await Self.with { place in
      let told = try await place.call(
        "registerIso", ["name": "setup", "url": "https://example.org/setup.iso", "zoneid": "-1"])
      let iso = try #require(told.at("registerisoresponse", "iso", "id"))
      #expect(told.at("registerisoresponse", "count") == "2", "one for each zone")
      let pair = ["id": iso, "virtualmachineid": place.machine]
      #expect(try await place.finish("attachIso", pair) == nil)
      #expect(try await place.finish("attachIso", pair) != nil, "twice")
      let shown = try await place.call("listVirtualMachines", ["id": place.machine])
      #expect(shown.at("listvirtualmachinesresponse", "virtualmachine", "isoname") == "setup")
      #expect(try await place.finish("deleteIso", ["id": iso]) != nil, "attached")
      #expect(try await place.finish("detachIso", ["virtualmachineid": place.machine]) == nil)
      #expect(try await place.finish("detachIso", ["virtualmachineid": place.machine]) != nil)
      var wanted = try await deployment(place.cloud, "fresh")
      wanted["templateid"] = iso
      #expect(try await place.call("deployVirtualMachine", wanted).status == 431, "no root disk")
      wanted["diskofferingid"] = try await place.disk("Small")
      let machine = try await place.make("deployVirtualMachine", wanted)
      let root = try await place.call("listVolumes", ["virtualmachineid": machine])
      #expect(root.at("listvolumesresponse", "volume", "isoname") == "setup")
      #expect(root.at("listvolumesresponse", "volume", "size") == String(5 * Volume.bytesPerGiB))
      #expect(try await place.finish("destroyVirtualMachine", ["id": machine, "expunge": "true"]) == nil)
      #expect(try await place.finish("deleteIso", ["id": iso]) == nil)
      #expect(try await place.call("listIsos").content?.members.isEmpty == true)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `an account goes with all its storage`() async throws {
    try await Self.with { place in
      _ = try await place.make("createSnapshot", ["volumeid": try await place.root()])
      _ = try await place.make(
        "createVolume", ["name": "data", "diskofferingid": try await place.disk("Small"), "zoneid": place.zone])
      let image = ["name": "hers", "url": "http://example.org/i", "format": "RAW", "hypervisor": "Simulator"]
      #expect(try await place.call("registerTemplate", image).status == 200)
      let accounts = try await place.cloud.call("listAccounts", ["name": "alice", "listall": "true"])
      let account = try #require(accounts.at("listaccountsresponse", "account", "id"))
      #expect(try await place.cloud.finish("deleteAccount", ["id": account], as: TestCloud.admin) == nil)
      let state = place.cloud.control.state
      #expect(state.volumes.isEmpty && state.snapshots.isEmpty)
      #expect(state.templates.all.allSatisfy { $0.isBuiltIn })
    }
  }
}
