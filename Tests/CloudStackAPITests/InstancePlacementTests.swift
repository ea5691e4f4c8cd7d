import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// Where instances are, and with whom.
@Suite struct InstancePlacementTests {
  /// Hosts like the zone's simulator, so that there are `count`.
  private func addHosts(_ cloud: TestCloud, _ count: Int) async throws {
    try await cloud.change { draft in
      let zone = try #require(draft.state.zones.first("name", .text("basic")))
      let first = try #require(
        draft.state.hosts.matching("zone", .id(zone.id)).first { $0.hypervisor == .simulator })
      for number in 2...count {
        try draft.put(
          CloudModel.Host(
            id: draft.newID(), name: "sim-\(number)", zone: zone.id, node: first.node, hypervisor: .simulator,
            cpuNumber: 4, memoryMiB: 8192, created: draft.now))
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func `affinity groups decide where instances start`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      try await addHosts(cloud, 2)
      func group(_ name: String, _ type: String) async throws -> String {
        try #require(try await cloud.done("createAffinityGroup", ["name": name, "type": type], as: keys))
      }
      func deploy(_ name: String, _ groups: String) async throws -> ID<CloudModel.Host>? {
        var request = try await deployment(cloud, name)
        request["affinitygroupids"] = groups
        guard let id = try await cloud.done("deployVirtualMachine", request, as: keys) else { return nil }
        return cloud.machine(id)?.host
      }
      let types = try await cloud.call("listAffinityGroupTypes", as: keys)
      #expect(types.at("listaffinitygrouptypesresponse", "count") == "4")
      let wrong = try await cloud.call("createAffinityGroup", ["name": "x", "type": "love"], as: keys)
      #expect(wrong.status == 431)
      let apart = try await group("apart", "host anti-affinity")
      let first = try await deploy("a", apart)
      let second = try await deploy("b", apart)
      #expect(first != nil && second != nil && first != second)
      var third = try await deployment(cloud, "c")
      third["affinitygroupids"] = apart
      #expect(try await cloud.call("deployVirtualMachine", third, as: keys).status == 533)
      third["affinitygroupids"] = nil
      third["affinitygroupnames"] = "apart"
      #expect(try await cloud.call("deployVirtualMachine", third, as: keys).status == 533)
      let together = try await group("together", "host affinity")
      let hosts = [try await deploy("d", together), try await deploy("e", together)]
      #expect(hosts[0] != nil && hosts[0] == hosts[1])
      let rather = try await group("rather", "non-strict host anti-affinity")
      let spread = [try await deploy("f", rather), try await deploy("g", rather), try await deploy("h", rather)]
      #expect(Set(spread).count == 2 && !spread.contains(nil))

      let listed = try await cloud.call("listVirtualMachines", ["affinitygroupid": apart], as: keys)
      #expect(listed.at("listvirtualmachinesresponse", "count") == "2")
      let id = try #require(listed.at("listvirtualmachinesresponse", "virtualmachine", "id"))
      let update = ["id": id, "affinitygroupids": together]
      #expect(try await cloud.call("updateVMAffinityGroup", update, as: keys).status == 431, "it runs")
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.finish("updateVMAffinityGroup", update, as: keys) == nil)
      #expect(cloud.machine(id)?.affinityGroups?.map(\.description) == [together])
      #expect(try await cloud.finish("deleteAffinityGroup", ["name": "together"], as: keys) == nil)
      #expect(cloud.machine(id)?.affinityGroups == nil)
      let left = try await cloud.call("listAffinityGroups", ["name": "together"], as: keys)
      #expect(left.content?.members.isEmpty == true)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a running instance moves between simulator hosts of its zone`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let id = try #require(
        try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: keys))
      let nowhere = try await cloud.call("migrateVirtualMachine", ["virtualmachineid": id, "autoselect": "true"])
      #expect(nowhere.status == 533)
      try await addHosts(cloud, 3)
      let found = try await cloud.call("findHostsForMigration", ["virtualmachineid": id])
      #expect(found.at("findhostsformigrationresponse", "count") == "2")
      #expect(found.at("findhostsformigrationresponse", "host", "suitableformigration") == "true")
      let target = try #require(found.at("findhostsformigrationresponse", "host", "id"))
      let move = ["virtualmachineid": id, "hostid": target]
      #expect(try await cloud.call("migrateVirtualMachine", move, as: keys).status == 432)
      #expect(try await cloud.finish("migrateVirtualMachine", move, as: TestCloud.admin) == nil)
      let machine = try #require(cloud.machine(id))
      #expect(machine.host?.description == target && machine.state == .running && machine.migratesFrom == nil)
      #expect(try await cloud.call("migrateVirtualMachine", move).status == 431, "it is there")
      let other = try #require(
        cloud.control.state.hosts.all.first { $0.zone != machine.zone && $0.hypervisor == .simulator })
      let away = ["virtualmachineid": id, "hostid": other.id.description]
      #expect(try await cloud.call("migrateVirtualMachineWithVolume", away).status == 431)
      let any = ["virtualmachineid": id, "autoselect": "true"]
      #expect(try await cloud.finish("migrateVirtualMachineWithVolume", any, as: TestCloud.admin) == nil)
      #expect(cloud.machine(id)?.host != machine.host)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `groups are named, renamed and left`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      var request = try await deployment(cloud, "web")
      request["group"] = "front"
      request["startvm"] = "false"
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      #expect(try await cloud.call("createInstanceGroup", ["name": "Front"], as: keys).status == 431)
      let group = try #require(
        try await cloud.call("listInstanceGroups", as: keys).at("listinstancegroupsresponse", "instancegroup", "id"))
      let renamed = try await cloud.call("updateInstanceGroup", ["id": group, "name": "back"], as: keys)
      #expect(renamed.at("updateinstancegroupresponse", "instancegroup", "name") == "back")
      let listed = try await cloud.call("listVirtualMachines", ["groupid": group], as: keys)
      #expect(listed.at("listvirtualmachinesresponse", "virtualmachine", "group") == "back")
      let short = try await cloud.call("listVirtualMachines", ["details": "min"], as: keys)
      #expect(short.at("listvirtualmachinesresponse", "virtualmachine", "group") == nil)
      #expect(short.at("listvirtualmachinesresponse", "virtualmachine", "nic", "id") == nil)
      #expect(short.at("listvirtualmachinesresponse", "virtualmachine", "name") == "web")
      #expect(try await cloud.call("listVirtualMachines", ["details": "everything"], as: keys).status == 431)
      #expect(try await cloud.call("deleteInstanceGroup", ["id": group], as: keys).status == 200)
      #expect(cloud.machine(id)?.group == nil)
    }
  }
}
