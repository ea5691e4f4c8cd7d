import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct SystemVMTests {
  private static func machines(_ cloud: TestCloud, _ centre: DataCentre) -> [SystemVM] {
    cloud.control.state.systemVMs.all.filter { $0.zone.description == centre.zone }.sorted { $0.number < $1.number }
  }

  @Test(.timeLimit(.minutes(1)), arguments: [Series.basic, .isolate])
  func `an enabled zone of simulated hosts has its two, which live as instances do`(series: Series) async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, series, hosts: 2)
      let told = try await cloud.call("listSystemVms", ["zoneid": centre.zone])
      #expect(told.at("listsystemvmsresponse", "count") == "2")
      let store = try await cloud.call("listSystemVms", ["systemvmtype": "secondarystoragevm"])
      #expect(store.at("listsystemvmsresponse", "systemvm", "name") == "s-1-VM")
      #expect(store.at("listsystemvmsresponse", "systemvm", "state") == "Running")
      #expect(store.at("listsystemvmsresponse", "systemvm", "podid") == centre.pod)
      let id = try #require(store.at("listsystemvmsresponse", "systemvm", "id"))
      func state() async throws -> String? {
        try await cloud.call("listSystemVms", ["id": id]).at("listsystemvmsresponse", "systemvm", "state")
      }
      #expect(try await cloud.call("migrateSystemVm", ["virtualmachineid": id]).status == 431)
      try await cloud.must("migrateSystemVm", ["virtualmachineid": id, "autoselect": "true"])
      let host = try #require(
        try await cloud.call("listSystemVms", ["id": id]).at("listsystemvmsresponse", "systemvm", "hostid"))
      #expect(host != store.at("listsystemvmsresponse", "systemvm", "hostid") && centre.hosts.contains(host))
      #expect(try await cloud.call("migrateSystemVm", ["virtualmachineid": id, "hostid": host]).status == 431)
      try await cloud.must("rebootSystemVm", ["id": id])
      try await cloud.must("stopSystemVm", ["id": id])
      #expect(try await state() == "Stopped")
      #expect(try await cloud.call("rebootSystemVm", ["id": id]).status == 431)
      try await cloud.must("startSystemVm", ["id": id])
      #expect(try await state() == "Running")
      try await cloud.must("destroySystemVm", ["id": id])
      #expect(Self.machines(cloud, centre).map(\.name) == ["v-2-VM", "s-3-VM"])
      let alice = try await cloud.account("alice")
      #expect(try await cloud.call("listSystemVms", as: alice).status == 432)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `they leave their host with everything else`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 2)
      let first = try #require(Self.machines(cloud, centre).first).host.description
      let other = try #require(centre.hosts.first { $0 != first })
      try await cloud.must("prepareHostForMaintenance", ["id": first])
      #expect(Self.machines(cloud, centre).allSatisfy { $0.host.description == other && $0.state == .running })
      let stopped = try #require(Self.machines(cloud, centre).last).id.description
      try await cloud.must("stopSystemVm", ["id": stopped])
      try await cloud.must("prepareHostForMaintenance", ["id": other])
      #expect(Self.machines(cloud, centre).allSatisfy { $0.state == .stopped })
      #expect(try await cloud.call("startSystemVm", ["id": stopped]).status == 533)
      // What was stopped for want of a host starts by itself, what somebody stopped does not.
      try await cloud.must("cancelHostMaintenance", ["id": first])
      #expect(Self.machines(cloud, centre).map(\.state) == [.running, .stopped])
      try await cloud.must("deleteHost", ["id": other])
      #expect(Self.machines(cloud, centre).allSatisfy { $0.host.description == first })
      try await cloud.must("prepareHostForMaintenance", ["id": first])
      try await cloud.must("deleteHost", ["id": first])
      #expect(Self.machines(cloud, centre).isEmpty)
      try await cloud.must("deleteCluster", ["id": centre.cluster])
      try await cloud.must("deletePod", ["id": centre.pod])
    }
  }

  @Test func `there are none before the zone is enabled, nor where nodes carry it`() async throws {
    try await TestCloud.withRunning { cloud in
      let zone = try await cloud.made(
        "createZone", "zone",
        ["name": "off", "networktype": "Basic", "dns1": "192.0.2.53", "internaldns1": "192.0.2.54"])
      let pod = try await cloud.made(
        "createPod", "pod",
        [
          "name": "pod", "zoneid": zone, "gateway": "172.16.9.1", "netmask": "255.255.255.0",
          "startip": "172.16.9.10", "endip": "172.16.9.100",
        ])
      try await cloud.must(
        "addHost",
        [
          "hypervisor": "Simulator", "podid": pod, "zoneid": zone, "clustername": "c", "url": "http://sim/c0/h0",
          "username": "root", "password": "password",
        ])
      #expect(cloud.control.state.systemVMs.isEmpty)
    }
  }
}
