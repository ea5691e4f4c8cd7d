import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct StorageNetworkTests {
  private static func range(_ pod: String, _ first: String, _ last: String?) -> [String: String] {
    var range = ["podid": pod, "gateway": "172.17.7.1", "netmask": "255.255.255.0", "startip": first, "vlan": "30"]
    range["endip"] = last
    return range
  }

  @Test func `a pod's storage network gets addresses that nothing else has`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 1)
      let range = Self.range(centre.pod, "172.17.7.10", "172.17.7.20")
      #expect(try await cloud.call("createStorageNetworkIpRange", range).status == 431)
      try await cloud.must(
        "addTrafficType", ["physicalnetworkid": centre.physicalNetwork, "traffictype": "Storage"])
      try await cloud.must("createStorageNetworkIpRange", range)
      let listed = try await cloud.call("listStorageNetworkIpRange", ["podid": centre.pod])
      func told(_ name: String) -> String? {
        listed.at("liststoragenetworkiprangeresponse", "storagenetworkiprange", name)
      }
      #expect(told("startip") == "172.17.7.10")
      #expect(told("endip") == "172.17.7.20")
      #expect(told("netmask") == "255.255.255.0")
      #expect(told("vlan") == "30")
      #expect(told("zoneid") == centre.zone)
      let types = try await cloud.call("listTrafficTypes", ["physicalnetworkid": centre.physicalNetwork])
      let storage = told("networkid")
      #expect(String(decoding: types.reply.json, as: UTF8.self).contains(try #require(storage)))

      for (first, last) in [
        ("172.17.7.20", "172.17.7.30"), ("172.17.7.1", nil), ("172.17.8.10", nil), ("172.17.7.40", "172.17.7.30"),
      ] {
        let status = try await cloud.call("createStorageNetworkIpRange", Self.range(centre.pod, first, last)).status
        #expect(status == 431, "\(first)")
      }
      var wrong = Self.range(centre.pod, "172.16.7.50", nil)
      wrong["gateway"] = "172.16.7.1"
      #expect(try await cloud.call("createStorageNetworkIpRange", wrong).status == 431)
      wrong = Self.range(centre.pod, "172.17.7.50", nil)
      wrong["vlan"] = "4095"
      #expect(try await cloud.call("createStorageNetworkIpRange", wrong).status == 431)

      let id = try #require(told("id"))
      try await cloud.must("updateStorageNetworkIpRange", ["id": id, "endip": "172.17.7.30", "vlan": "31"])
      let changed = try await cloud.call("listStorageNetworkIpRange", ["id": id])
      #expect(changed.at("liststoragenetworkiprangeresponse", "storagenetworkiprange", "endip") == "172.17.7.30")
      #expect(changed.at("liststoragenetworkiprangeresponse", "storagenetworkiprange", "vlan") == "31")
      #expect(try await cloud.call("updateStorageNetworkIpRange", ["id": id, "startip": "172.17.7.31"]).status == 431)
      try await cloud.must("deleteStorageNetworkIpRange", ["id": id])
      #expect(try await cloud.call("listStorageNetworkIpRange").content?.members.isEmpty == true)
    }
  }

  @Test func `where nodes carry the zone there is no storage network`() async throws {
    let cloud = try await TestCloud()
    let pod = try #require(cloud.control.state.pods.all.first { _ in true }).id.description
    let told = try await cloud.call("createStorageNetworkIpRange", Self.range(pod, "172.17.7.10", nil))
    #expect(told.status == 432)
    #expect(cloud.control.state.storageIPRanges.isEmpty)
  }

  @Test func `the pools that a volume can move to are told`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 1)
      let alice = try await cloud.account("alice")
      let pool = try await cloud.made(
        "createStoragePool", "storagepool", ["name": "one", "zoneid": centre.zone, "url": "nfs://nas/one"])
      let network = try await centre.isolatedNetwork("net", as: alice)
      let machine = try await centre.deploy("web", as: alice, networks: [network])
      let volume = try #require(
        cloud.control.state.volumes.all.first { $0.virtualMachine?.description == machine }
      ).id.description
      let told = try await cloud.call("findStoragePoolsForMigration", ["id": volume])
      #expect(told.at("findstoragepoolsformigrationresponse", "storagepool", "id") == pool)
      #expect(told.at("findstoragepoolsformigrationresponse", "storagepool", "suitableformigration") == "true")
      try await cloud.must("updateStoragePool", ["id": pool, "capacitybytes": "1"])
      let full = try await cloud.call("findStoragePoolsForMigration", ["id": volume])
      #expect(full.at("findstoragepoolsformigrationresponse", "storagepool", "suitableformigration") == "false")
      #expect(try await cloud.call("findStoragePoolsForMigration", ["id": volume], as: alice).status == 432)
    }
  }
}
