import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct VolumeMigrationTests {
  private static func pool(_ centre: DataCentre, _ name: String, _ more: [String: String] = [:]) async throws -> String
  {
    try await centre.cloud.made(
      "createStoragePool", "storagepool",
      ["name": name, "zoneid": centre.zone, "url": "nfs://nas/\(name)"].merging(more) { $1 })
  }

  private static func field(_ cloud: TestCloud, _ volume: String, _ name: String) async throws -> String? {
    try await cloud.call("listVolumes", ["id": volume]).at("listvolumesresponse", "volume", name)
  }

  @Test(.timeLimit(.minutes(1))) func `a volume moves from pool to pool, and they say so`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate)
      let alice = try await cloud.account("alice")
      let network = try await centre.isolatedNetwork("net", as: alice)
      let machine = try await centre.deploy("web", as: alice, networks: [network])
      let root = try #require(
        try await cloud.call("listVolumes", ["virtualmachineid": machine], as: alice)
          .at("listvolumesresponse", "volume", "id"))
      let size = try #require(try await Self.field(cloud, root, "size"))
      let one = try await Self.pool(centre, "one")
      let two = try await Self.pool(centre, "two")
      let small = try await Self.pool(centre, "small", ["capacitybytes": "1000"])
      #expect(try await Self.field(cloud, root, "storageid") == nil)
      func move(_ pool: String, _ more: [String: String] = ["livemigrate": "true"]) async throws -> Told {
        try await cloud.call("migrateVolume", ["volumeid": root, "storageid": pool].merging(more) { $1 })
      }
      let unsaid = try await move(one, [:])
      #expect(unsaid.status == 431 && unsaid.errorText?.contains("livemigrate") == true, "its instance runs")
      let choices = try await cloud.call("findStoragePoolsForMigration", ["id": root])
      #expect(choices.at("findstoragepoolsformigrationresponse", "count") == "3")
      try await cloud.must("migrateVolume", ["volumeid": root, "storageid": one, "livemigrate": "true"])
      #expect(try await Self.field(cloud, root, "storage") == "one")
      #expect(try await Self.field(cloud, root, "storagetype") == "shared")
      let hers = try await cloud.call("listVolumes", ["id": root], as: alice)
      #expect(hers.at("listvolumesresponse", "volume", "storageid") == nil, "for administrators only")
      func allocated(_ pool: String) async throws -> String? {
        try await cloud.call("listStoragePools", ["id": pool])
          .at("liststoragepoolsresponse", "storagepool", "disksizeallocated")
      }
      #expect(try await allocated(one) == size)
      #expect(
        try await cloud.call("listCapacity", ["zoneid": centre.zone, "type": "3"])
          .at("listcapacityresponse", "capacity", "capacityused") == size)
      #expect(try await move(one).status == 431, "it is there already")
      #expect(try await move(small).status == 533, "too small")
      try await cloud.must("updateStoragePool", ["id": two, "enabled": "false"])
      #expect(try await move(two).status == 431, "disabled")
      try await cloud.must("updateStoragePool", ["id": two, "enabled": "true"])
      try await cloud.must("stopVirtualMachine", ["id": machine], as: alice)
      try await cloud.must("migrateVolume", ["volumeid": root, "storageid": two])
      #expect(try await allocated(one) == "0")
      #expect(try await allocated(two) == size)
      #expect(
        try await cloud.call("listVolumes", ["storageid": two, "listall": "true"])
          .at("listvolumesresponse", "volume", "id") == root)
      #expect(try await cloud.call("deleteStoragePool", ["id": two, "forced": "true"]).status == 536, "it is in use")
      try await cloud.must("startVirtualMachine", ["id": machine], as: alice)
      try await cloud.must("destroyVirtualMachine", ["id": machine, "expunge": "true"])
      try await cloud.must("deleteStoragePool", ["id": two, "forced": "true"])
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a cluster's pool binds the instance to the cluster`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 1)
      let other = try await cloud.made(
        "addCluster", "cluster",
        [
          "clustername": "other", "clustertype": "CloudManaged", "hypervisor": "Simulator", "podid": centre.pod,
          "zoneid": centre.zone,
        ])
      let host = try await cloud.made(
        "addHost", "host",
        [
          "hypervisor": "Simulator", "podid": centre.pod, "zoneid": centre.zone, "clusterid": other,
          "url": "http://sim/c1/h0", "username": "root", "password": "password",
        ])
      let alice = try await cloud.account("alice")
      let network = try await centre.isolatedNetwork("net", as: alice)
      let machine = try await centre.deploy("web", as: alice, networks: [network])
      let root = try #require(
        try await cloud.call("listVolumes", ["virtualmachineid": machine], as: alice)
          .at("listvolumesresponse", "volume", "id"))
      try await cloud.must("stopVirtualMachine", ["id": machine], as: alice)
      let pool = try await Self.pool(centre, "c", ["podid": centre.pod, "clusterid": other, "scope": "CLUSTER"])
      try await cloud.must("migrateVolume", ["volumeid": root, "storageid": pool])
      try await cloud.must("startVirtualMachine", ["id": machine], as: alice)
      #expect(cloud.machine(machine)?.host?.description == host)
      #expect(
        try await cloud.call("migrateVirtualMachine", ["virtualmachineid": machine, "hostid": centre.hosts[0]]).status
          == 533)
      let own = try await Self.pool(
        centre, "own", ["podid": centre.pod, "clusterid": centre.cluster, "scope": "CLUSTER"])
      let moved = try await cloud.call(
        "migrateVolume", ["volumeid": root, "storageid": own, "livemigrate": "true"])
      #expect(moved.errorText?.contains("different cluster") == true)
    }
  }
}
