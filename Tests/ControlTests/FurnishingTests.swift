import Addresses
import CloudModel
import Foundation
import Ledger
import Testing

@testable import Control

@Suite struct FurnishingTests {
  @Test func `zones from before there were pods get them once, and stay as they were`() async throws {
    try await Cloud.with(isRunning: false) { cloud in
      let control = cloud.control
      #expect(Furnishing.isComplete(control.state))
      let before = control.state
      // As a ledger of an earlier release has it.
      try await control.transact(Cause(actor: "system/test", command: "test", job: nil)) { draft in
        for var host in draft.state.hosts.all {
          (host.pod, host.cluster) = (nil, nil)
          try draft.put(host)
        }
        for network in draft.state.physicalNetworks.all { try draft.remove(network.id) }
        for cluster in draft.state.clusters.all { try draft.remove(cluster.id) }
        for pod in draft.state.pods.all { try draft.remove(pod.id) }
        for region in draft.state.regions.all { try draft.remove(region.id) }
      }
      #expect(!Furnishing.isComplete(control.state))
      try await control.furnish()
      let after = control.state
      #expect(after.pods.count == before.pods.count)
      #expect(after.clusters.count == before.clusters.count)
      #expect(after.physicalNetworks.count == before.physicalNetworks.count)
      #expect(after.hosts.all.allSatisfy { $0.pod != nil && $0.cluster != nil })
      #expect(Set(after.zones.all) == Set(before.zones.all))
      let revision = control.snapshot.revision
      try await control.furnish()
      #expect(control.snapshot.revision == revision)
    }
  }

  @Test func `what is on hosts that no node carries is in no plan, and its jobs end`() async throws {
    try await Cloud.with { cloud in
      let control = cloud.control
      var request = ZoneRequest()
      request.name = "simulated"
      let zone = try await control.createZone(request, series: .isolate, by: cloud.caller)
      var space = PodRequest()
      space.name = "pod"
      space.gateway = IPv4(172, 16, 7, 1)
      space.netmask = IPv4(255, 255, 255, 0)
      space.first = IPv4(172, 16, 7, 10)
      let pod = try await control.createPod(space, zone: zone, by: cloud.caller)
      var new = NewHost(zone: zone, pod: pod, hypervisor: .simulator, url: "http://sim/c/h")
      new.clusterName = "c"
      let host = try await control.addHost(new, by: cloud.caller)
      #expect(!control.state.isCarried(zone))
      #expect(control.state.hosts[host]?.address == "172.16.7.10")
      let started = try await control.prepareHostForMaintenance(host, by: cloud.caller)
      let job = try await control.finished(started.job)
      #expect(job.status == .succeeded)
      #expect(control.state.hosts[host]?.resourceState == .maintenance)
    }
  }
}
