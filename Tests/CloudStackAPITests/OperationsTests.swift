import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// Offerings of networks, storage, regions, alerts and the lists of what a cloud consists of.
@Suite struct OperationsTests {
  @Test func `a network offering is made, enabled, used and deleted`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 1)
      let alice = try await cloud.account("alice")
      let base = ["name": "mine", "displaytext": "Mine", "guestiptype": "Isolated", "traffictype": "GUEST"]
      let services = ["supportedservices": "Dhcp,Dns,SourceNat,Firewall"]
      let providers = [
        "serviceproviderlist[0].service": "Dhcp", "serviceproviderlist[0].provider": "VirtualRouter",
        "servicecapabilitylist[0].service": "SourceNat",
        "servicecapabilitylist[0].capabilitytype": "SupportedSourceNatTypes",
        "servicecapabilitylist[0].capabilityvalue": "peraccount",
      ]
      for (more, status) in [
        (["supportedservices": "Vpn"], 432), (["supportedservices": "StaticNat"], 431), ([:], 431),
        (
          services.merging(["serviceproviderlist[0].service": "Dhcp", "serviceproviderlist[0].provider": "Netscaler"]) {
            $1
          }, 432
        ),
        (services.merging(["specifyvlan": "true"]) { $1 }, 431),
      ] {
        let told = try await cloud.call("createNetworkOffering", base.merging(more) { $1 })
        #expect(told.status == status, "\(more) \(told.errorText ?? "")")
      }
      let id = try await cloud.made(
        "createNetworkOffering", "networkoffering", base.merging(services) { $1 }.merging(providers) { $1 })
      #expect(
        try await cloud.call("listNetworkOfferings", ["id": id], as: alice).content?.members.isEmpty == true,
        "it is disabled")
      let request = ["name": "n", "zoneid": centre.zone, "networkofferingid": id]
      #expect(try await cloud.call("createNetwork", request, as: alice).status == 431)
      let told = try await cloud.call(
        "updateNetworkOffering", ["id": id, "state": "Enabled", "displaytext": "Ours", "availability": "Required"])
      #expect(told.at("updatenetworkofferingresponse", "networkoffering", "state") == "Enabled")
      #expect(told.at("updatenetworkofferingresponse", "networkoffering", "availability") == "Required")
      let network = try await cloud.made("createNetwork", "network", request, as: alice)
      #expect(try await cloud.call("deleteNetworkOffering", ["id": id]).status == 431)
      let carried = try #require(cloud.control.state.zones.first("name", .text("isolate"))).id.description
      #expect(
        try await cloud.call("createNetwork", request.merging(["zoneid": carried]) { $1 }, as: alice).status == 432)
      try await cloud.must("deleteNetwork", ["id": network], as: alice)
      try await cloud.must("deleteNetworkOffering", ["id": id])
      let usual = try #require(cloud.control.state.networkOfferings.all.first { $0.isDefault }?.id.description)
      #expect(try await cloud.call("deleteNetworkOffering", ["id": usual]).status == 431)
    }
  }

  @Test func `storage of a simulated zone is added, kept in order and removed`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 1)
      let base = ["zoneid": centre.zone, "name": "pool"]
      for (more, status) in [
        (["url": "rbd://s/p"], 432), (["url": "nfs://"], 431), (["url": "nfs://s/p", "scope": "cluster"], 431),
        (["url": "nfs://s/p", "scope": "host"], 432), (["url": "nfs://s/p", "capacitybytes": "0"], 431),
      ] {
        let told = try await cloud.call("createStoragePool", base.merging(more) { $1 })
        #expect(told.status == status, "\(more) \(told.errorText ?? "")")
      }
      let pool = try await cloud.made(
        "createStoragePool", "storagepool",
        base.merging([
          "url": "nfs://nas/export/primary", "scope": "cluster", "podid": centre.pod, "clusterid": centre.cluster,
          "capacitybytes": "1000", "tags": "fast, near",
        ]) { $1 })
      #expect(
        try await cloud.call("createStoragePool", base.merging(["url": "nfs://nas/export/primary"]) { $1 }).status
          == 431, "the place is taken")
      let listed = try await cloud.call("listStoragePools", ["hostid": centre.hosts[0], "scope": "CLUSTER"])
      #expect(listed.at("liststoragepoolsresponse", "storagepool", "path") == "/export/primary")
      #expect(listed.at("liststoragepoolsresponse", "storagepool", "tags") == "fast,near")
      let full = try await cloud.call("listCapacity", ["zoneid": centre.zone, "type": "3"])
      #expect(full.at("listcapacityresponse", "capacity", "capacitytotal") == "1000")
      #expect(try await cloud.call("deleteStoragePool", ["id": pool]).status == 431)
      try await cloud.must("updateStoragePool", ["id": pool, "name": "renamed", "capacitybytes": "2000"])
      try await cloud.must("enableStorageMaintenance", ["id": pool])
      let id = try #require(ID<StoragePool>(pool))
      #expect(cloud.control.state.storagePools[id]?.state == .maintenance)
      try await cloud.must("cancelStorageMaintenance", ["id": pool])
      try await cloud.must("enableStorageMaintenance", ["id": pool])
      #expect(try await cloud.call("deleteCluster", ["id": centre.cluster]).status == 536)
      try await cloud.must("deleteStoragePool", ["id": pool])
      let stores = try await ["a", "b"].asyncMap {
        try await cloud.made(
          "addImageStore", "imagestore",
          ["provider": "NFS", "zoneid": centre.zone, "url": "nfs://nas/\($0)", "name": $0])
      }
      try await cloud.must("migrateSecondaryStorageData", ["srcpool": stores[0], "destpools": stores[1]])
      try await cloud.must("updateImageStore", ["id": stores[1], "readonly": "true"])
      #expect(
        try await cloud.call("migrateSecondaryStorageData", ["srcpool": stores[0], "destpools": stores[1]]).status
          == 431)
      for store in stores { try await cloud.must("deleteImageStore", ["id": store]) }
    }
  }

  @Test func `regions and alerts are kept`() async throws {
    try await TestCloud.withRunning { cloud in
      #expect(try await cloud.call("listRegions").at("listregionsresponse", "region", "name") == "Local")
      let region = ["id": "2", "name": "there", "endpoint": "http://there.example/client/"]
      try await cloud.must("addRegion", region)
      #expect(try await cloud.call("addRegion", region).status == 431)
      try await cloud.must("updateRegion", ["id": "2", "name": "elsewhere"])
      #expect(
        try await cloud.call("listRegions", ["id": "2"]).at("listregionsresponse", "region", "name") == "elsewhere")
      #expect(try await cloud.call("removeRegion", ["id": "1"]).status == 431)
      try await cloud.must("removeRegion", ["id": "2"])

      for (name, type) in [("hot", "0"), ("cold", "7")] {
        try await cloud.must("generateAlert", ["name": name, "type": type, "description": "it is \(name)"])
      }
      #expect(try await cloud.call("generateAlert", ["name": "n", "type": "99", "description": "d"]).status == 431)
      #expect(try await cloud.call("listAlerts", ["type": "7"]).at("listalertsresponse", "alert", "name") == "cold")
      #expect(try await cloud.call("archiveAlerts").status == 431)
      try await cloud.must("archiveAlerts", ["type": "7"])
      #expect(try await cloud.call("listAlerts").at("listalertsresponse", "count") == "1")
      let hot = try #require(try await cloud.call("listAlerts").at("listalertsresponse", "alert", "id"))
      try await cloud.must("deleteAlerts", ["ids": hot])
      #expect(try await cloud.call("listAlerts").content?.members.isEmpty == true)
    }
  }

  @Test func `what a cloud consists of is told`() async throws {
    try await TestCloud.withRunning { cloud in
      #expect(try await cloud.call("listHypervisors").at("listhypervisorsresponse", "count") == "2")
      #expect(
        try await cloud.call("listHypervisorCapabilities", ["hypervisor": "simulator"])
          .at("listhypervisorcapabilitiesresponse", "hypervisorCapabilities", "hypervisor") == "Simulator")
      #expect(
        try await cloud.call("listManagementServers").at("listmanagementserversresponse", "managementserver", "state")
          == "Up")
      #expect(try await cloud.call("listSystemVms").content?.members.isEmpty == true)
      #expect(try await cloud.call("destroySystemVm", ["id": UUID().uuidString]).status == 431)
      #expect(try await cloud.call("listStorageProviders", ["type": "primary"]).status == 200)
      let capacity = try await cloud.call("listCapacity", ["sortby": "usage"])
      #expect(capacity.status == 200)
      #expect(capacity.at("listcapacityresponse", "capacity", "percentused") != nil)
      // Hosts of one node are one machine.
      let zone = try #require(cloud.control.state.zones.first("name", .text("isolate"))).id.description
      let memory = try await cloud.call("listCapacity", ["zoneid": zone, "type": "0"])
      #expect(memory.at("listcapacityresponse", "capacity", "capacitytotal") == String(8192 * 1024 * 1024))
    }
  }

  @Test func `the integration port acts as the system account and knows no body`() async throws {
    try await TestCloud.withRunning { cloud in
      func ask(_ query: String) async -> (Int, String) {
        let answer = await cloud.server.answerTrusted(APIServer.Call(method: "GET", query: query))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
      }
      #expect(await ask("command=listHosts&response=json").0 == 200)
      let (status, text) = await ask("command=nothing&response=json")
      #expect(status == 432)
      #expect(text.contains("Unknown API command: nothing"))
      let made = await ask(
        "command=createZone&response=json&name=i&networktype=Basic&dns1=192.0.2.1&internaldns1=192.0.2.1")
      #expect(made.0 == 200, "\(made.1)")
      let users = cloud.control.state.users.all.filter { $0.username == "system" }
      #expect(users.count == 1)
      #expect(users.allSatisfy { $0.apiKey == nil })
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ body: (Element) async throws -> T) async throws -> [T] {
    var results: [T] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}
