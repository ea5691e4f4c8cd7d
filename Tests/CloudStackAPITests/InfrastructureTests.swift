import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

@Suite struct InfrastructureTests {
  @Test(arguments: [Series.isolate, .basic])
  func `a data centre is built, used and taken down through the API alone`(series: Series) async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, series)
      let alice = try await cloud.account("alice")
      let networks = series == .basic ? [] : [try await centre.isolatedNetwork("net", as: alice)]
      let machine = try await centre.deploy("web", as: alice, networks: networks)
      let shown = try await cloud.call("listVirtualMachines", ["id": machine], as: alice)
      #expect(shown.at("listvirtualmachinesresponse", "virtualmachine", "state") == "Running")
      let address = try #require(shown.at("listvirtualmachinesresponse", "virtualmachine", "nic", "ipaddress"))
      #expect(address.hasPrefix(series == .basic ? "10.7.7." : "10.1.1."))
      let id = try #require(ID<VirtualMachine>(machine))
      let host = try #require(cloud.control.state.virtualMachines[id]?.host.map { $0.description })
      #expect(centre.hosts.contains(host))
      try await cloud.must("stopVirtualMachine", ["id": machine], as: alice)
      try await cloud.must("startVirtualMachine", ["id": machine], as: alice)

      #expect(try await cloud.call("deleteZone", ["id": centre.zone]).status == 536)
      #expect(try await cloud.call("deletePod", ["id": centre.pod]).status == 536)
      #expect(try await cloud.call("deleteCluster", ["id": centre.cluster]).status == 536)
      try await cloud.must("destroyVirtualMachine", ["id": machine, "expunge": "true"], as: alice)
      try await takeDown(centre, networks, alice)
      let zones = try await cloud.call("listZones", ["id": centre.zone])
      #expect(zones.status == 431)
    }
  }

  private func takeDown(_ centre: DataCentre, _ networks: [String], _ keys: TestCloud.Keys) async throws {
    let cloud = centre.cloud
    for network in networks { try await cloud.must("deleteNetwork", ["id": network], as: keys) }
    if let shared = centre.sharedNetwork { try await cloud.must("deleteNetwork", ["id": shared]) }
    let ranges = cloud.control.state.publicIPRanges.matching("zone", .id(try #require(ID<Zone>(centre.zone))))
    for range in ranges { try await cloud.must("deleteVlanIpRange", ["id": range.id.description]) }
    for host in centre.hosts {
      #expect(try await cloud.call("deleteHost", ["id": host]).status == 431)
      try await cloud.must("prepareHostForMaintenance", ["id": host])
      try await cloud.must("deleteHost", ["id": host])
    }
    try await cloud.must("deleteCluster", ["id": centre.cluster])
    try await cloud.must("deletePod", ["id": centre.pod])
    try await cloud.must("deletePhysicalNetwork", ["id": centre.physicalNetwork])
    try await cloud.must("deleteZone", ["id": centre.zone])
  }

  @Test func `a host in maintenance is empty and takes nothing, until there is no room`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 2)
      let alice = try await cloud.account("alice")
      let network = try await centre.isolatedNetwork("net", as: alice)
      for name in ["a", "b", "c", "d"] { _ = try await centre.deploy(name, as: alice, networks: [network]) }
      func hosts() -> Set<String> {
        Set(cloud.control.state.virtualMachines.all.compactMap { $0.host?.description })
      }
      #expect(hosts() == Set(centre.hosts), "instances are spread")
      try await cloud.must("prepareHostForMaintenance", ["id": centre.hosts[0]])
      #expect(hosts() == [centre.hosts[1]])
      #expect(cloud.control.state.routers.all.allSatisfy { $0.host.description == centre.hosts[1] })
      let told = try await cloud.call("listHosts", ["id": centre.hosts[0]])
      #expect(told.at("listhostsresponse", "host", "resourcestate") == "Maintenance")
      #expect(try await cloud.call("prepareHostForMaintenance", ["id": centre.hosts[0]]).status == 431)
      #expect(try await cloud.call("prepareHostForMaintenance", ["id": centre.hosts[1]]).status == 533)
      try await cloud.must("cancelHostMaintenance", ["id": centre.hosts[0]])
      try await cloud.must("reconnectHost", ["id": centre.hosts[0]])
      let machine = try #require(cloud.control.state.virtualMachines.all.first { _ in true }?.id.description)
      let found = try await cloud.call("findHostsForMigration", ["virtualmachineid": machine])
      #expect(found.at("findhostsformigrationresponse", "host", "id") == centre.hosts[0])
      #expect(found.at("findhostsformigrationresponse", "host", "suitableformigration") == "true")
      // Forced away, with what is on it.
      try await cloud.must("deleteHost", ["id": centre.hosts[1], "forced": "true"])
      #expect(hosts() == [centre.hosts[0]])
      #expect(cloud.control.state.virtualMachines.all.allSatisfy { $0.state == .running })
    }
  }

  @Test func `what nodes carry is neither added nor taken away by the API`() async throws {
    try await TestCloud.withRunning { cloud in
      let state = cloud.control.state
      let zone = try #require(state.zones.first("name", .text("isolate"))).id
      let pod = try #require(state.pods.matching("zone", .id(zone)).first)
      let cluster = try #require(state.clusters.matching("pod", .id(pod.id)).first { $0.hypervisor == .simulator })
      let host = try #require(state.hosts.matching("cluster", .id(cluster.id)).first)
      let before = cloud.control.snapshot.revision
      let place = ["zoneid": zone.description, "podid": pod.id.description]
      let refused: [(String, [String: String])] = [
        ("addHost", place.merging(["hypervisor": "KVM", "url": "http://h", "clustername": "c"]) { $1 }),
        ("addHost", place.merging(["hypervisor": "Simulator", "url": "http://sim/h", "clustername": "c"]) { $1 }),
        ("addHost", place.merging(["hypervisor": "VMware", "url": "http://h", "clustername": "c"]) { $1 }),
        (
          "addCluster",
          place.merging(["hypervisor": "KVM", "clustername": "c", "clustertype": "CloudManaged"]) { $1 }
        ),
        ("deleteHost", ["id": host.id.description, "forced": "true"]),
        ("reconnectHost", ["id": host.id.description]),
        ("updateZone", ["id": zone.description, "guestcidraddress": "10.9.0.0/16"]),
        ("createStoragePool", ["zoneid": zone.description, "name": "p", "url": "nfs://s/p"]),
        ("addImageStore", ["zoneid": zone.description, "provider": "NFS", "url": "nfs://s/p"]),
      ]
      for (command, parameters) in refused {
        let told = try await cloud.call(command, parameters)
        #expect(told.status == 432, "\(command) \(parameters): \(told.errorText ?? "")")
      }
      #expect(cloud.control.snapshot.revision == before)
      let told = try await cloud.call("deleteZone", ["id": zone.description])
      #expect(told.status == 536)
    }
  }

  @Test func `a disabled zone is the administrator's, and is enabled only when traffic has a way`() async throws {
    try await TestCloud.withRunning { cloud in
      let zone = try await cloud.made(
        "createZone", "zone",
        ["name": "bare", "networktype": "Advanced", "dns1": "192.0.2.53", "internaldns1": "192.0.2.54"])
      let alice = try await cloud.account("alice")
      #expect(try await cloud.call("listZones", ["name": "bare"], as: alice).content?.members.isEmpty == true)
      #expect(
        try await cloud.call("listZones", ["name": "bare"]).at("listzonesresponse", "zone", "allocationstate")
          == "Disabled")
      #expect(try await cloud.call("updateZone", ["id": zone, "allocationstate": "Enabled"]).status == 431)
      #expect(
        try await cloud.call(
          "createZone", ["name": "BARE", "networktype": "Basic", "dns1": "192.0.2.53", "internaldns1": "192.0.2.54"]
        ).status == 431, "the name is taken")
      let told = try await cloud.call(
        "updateZone", ["id": zone, "name": "still bare", "internaldns2": "192.0.2.55", "domain": "Example.org"])
      #expect(told.at("updatezoneresponse", "zone", "internaldns1") == "192.0.2.54")
      #expect(told.at("updatezoneresponse", "zone", "internaldns2") == "192.0.2.55")
      #expect(told.at("updatezoneresponse", "zone", "domain") == "example.org")
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      let request = ["name": "n", "zoneid": zone, "networkofferingid": offering.id.description]
      #expect(try await cloud.call("createNetwork", request, as: alice).status == 531)
      #expect(try await cloud.call("createNetwork", request).status == 431)
      try await cloud.must("deleteZone", ["id": zone])
    }
  }

  @Test func `pods, ranges and addresses do not overlap and hold what is in use`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .basic, hosts: 1)
      let alice = try await cloud.account("alice")
      let overlapping = [
        "name": "second", "zoneid": centre.zone, "gateway": "172.16.7.1", "netmask": "255.255.255.128",
        "startip": "172.16.7.20",
      ]
      #expect(try await cloud.call("createPod", overlapping).status == 431)
      #expect(try await cloud.call("updatePod", ["id": centre.pod, "startip": "172.16.7.50"]).status == 536)
      let renamed = try await cloud.call("updatePod", ["id": centre.pod, "name": "first", "endip": "172.16.7.200"])
      #expect(renamed.at("updatepodresponse", "pod", "name") == "first")
      #expect(renamed.at("updatepodresponse", "pod", "endip") == "172.16.7.200")
      for number in 0..<3 { _ = try await centre.deploy("web\(number)", as: alice) }
      let range = try #require(
        try await cloud.call("listVlanIpRanges", ["zoneid": centre.zone, "forvirtualnetwork": "false"])
          .at("listvlaniprangesresponse", "vlaniprange", "id"))
      #expect(try await cloud.call("deleteVlanIpRange", ["id": range]).status == 536)
      try await cloud.must("updateVlanIpRange", ["id": range, "endip": "10.7.7.30"])
      #expect(try await cloud.call("updateVlanIpRange", ["id": range, "endip": "10.7.8.1"]).status == 431)
      #expect(
        try await cloud.call("updateVlanIpRange", ["id": range, "startip": "10.7.7.30"]).status == 536)
      #expect(
        try await cloud.call(
          "createVlanIpRange",
          ["zoneid": centre.zone, "podid": centre.pod, "startip": "10.7.7.25", "endip": "10.7.7.40"]
        ).status == 431)
      let told = try await cloud.call("listCapacity", ["zoneid": centre.zone, "type": "8"])
      #expect(told.at("listcapacityresponse", "capacity", "capacityused") == "3")
      #expect(told.at("listcapacityresponse", "capacity", "capacitytotal") == "21")
      // Public addresses of a Basic zone get a gateway of their own, and an instance one of them.
      try await cloud.must(
        "createVlanIpRange", ["zoneid": centre.zone, "startip": "198.51.7.10", "endip": "198.51.7.12"])
      let address = try await cloud.begun("associateIpAddress", ["zoneid": centre.zone], as: alice)
      let machine = try #require(cloud.control.state.virtualMachines.all.first { $0.name == "web0" }?.id.description)
      try await cloud.call("enableStaticNat", ["ipaddressid": address, "virtualmachineid": machine], as: alice)
      let held = cloud.control.state.publicIPs[try #require(ID(address))]
      #expect(held?.staticNAT?.virtualMachine.description == machine)
    }
  }

  @Test func `physical networks, traffic types and providers go their way`() async throws {
    try await TestCloud.withRunning { cloud in
      let centre = try await DataCentre(cloud, .isolate, hosts: 0)
      let network = centre.physicalNetwork
      let id = try #require(ID<PhysicalNetwork>(network))
      let guest = try #require(cloud.control.state.physicalNetworks[id]?.trafficTypes.first?.id.wireText)
      #expect(
        try await cloud.call("addTrafficType", ["physicalnetworkid": network, "traffictype": "guest"]).status == 431)
      try await cloud.must("updateTrafficType", ["id": guest, "kvmnetworklabel": "br0"])
      let types = try await cloud.call("listTrafficTypes", ["physicalnetworkid": network])
      #expect(types.at("listtraffictypesresponse", "count") == "3")
      #expect(types.at("listtraffictypesresponse", "traffictype", "kvmnetworklabel") == "br0")
      let storage = try await cloud.begun(
        "addTrafficType", ["physicalnetworkid": network, "traffictype": "Storage"])
      try await cloud.must("deleteTrafficType", ["id": storage])
      let vpc = try #require(
        try await cloud.call("listNetworkServiceProviders", ["name": "VpcVirtualRouter"])
          .at("listnetworkserviceprovidersresponse", "networkserviceprovider", "id"))
      #expect(
        try await cloud.call("updateNetworkServiceProvider", ["id": vpc, "state": "Enabled"]).status == 431,
        "its element is not enabled")
      try await cloud.must("deleteNetworkServiceProvider", ["id": vpc])
      let again = try await cloud.begun(
        "addNetworkServiceProvider",
        ["physicalnetworkid": network, "name": "VpcVirtualRouter", "servicelist": "Dhcp,Dns"])
      #expect(
        try await cloud.call("updateNetworkServiceProvider", ["id": again, "state": "Enabled"]).status == 431,
        "it has no element")
      let element = try await cloud.begun("createVirtualRouterElement", ["nspid": again])
      #expect(try await cloud.call("createVirtualRouterElement", ["nspid": again]).status == 536)
      try await cloud.must("configureVirtualRouterElement", ["id": element, "enabled": "true"])
      try await cloud.must("updateNetworkServiceProvider", ["id": again, "state": "Enabled"])
      #expect(
        try await cloud.call("addNetworkServiceProvider", ["physicalnetworkid": network, "name": "Netscaler"]).status
          == 432)
      let listed = try await cloud.call("listInternalLoadBalancerElements")
      #expect(listed.at("listinternalloadbalancerelementsresponse", "count") == "1")
      #expect(
        listed.at("listinternalloadbalancerelementsresponse", "internalloadbalancerelement", "enabled") == "false")
      let balancer = try #require(
        listed.at("listinternalloadbalancerelementsresponse", "internalloadbalancerelement", "id"))
      let nsp = try #require(
        listed.at("listinternalloadbalancerelementsresponse", "internalloadbalancerelement", "nspid"))
      #expect(try await cloud.call("listVirtualRouterElements", ["nspid": nsp]).content?.members.isEmpty == true)
      #expect(try await cloud.call("updateNetworkServiceProvider", ["id": nsp, "state": "Enabled"]).status == 431)
      #expect(
        try await cloud.call("configureVirtualRouterElement", ["id": balancer, "enabled": "true"]).status == 431)
      #expect(
        try await cloud.call("configureInternalLoadBalancerElement", ["id": element, "enabled": "true"]).status == 431)
      try await cloud.must("configureInternalLoadBalancerElement", ["id": balancer, "enabled": "true"])
      try await cloud.must("updateNetworkServiceProvider", ["id": nsp, "state": "Enabled"])
      #expect(
        try await cloud.call("listInternalLoadBalancerElements", ["enabled": "true"])
          .at("listinternalloadbalancerelementsresponse", "internalloadbalancerelement", "id") == balancer)
      #expect(try await cloud.call("createVirtualRouterElement", ["nspid": nsp]).status == 536)
      let services = try await cloud.call("listSupportedNetworkServices", ["service": "SourceNat"])
      #expect(
        services.at("listsupportednetworkservicesresponse", "networkservice", "provider", "name") == "VirtualRouter")
      // Without the router's provider no network can be made.
      let router = try #require(
        try await cloud.call("listNetworkServiceProviders", ["physicalnetworkid": network, "name": "VirtualRouter"])
          .at("listnetworkserviceprovidersresponse", "networkserviceprovider", "id"))
      try await cloud.must("updateNetworkServiceProvider", ["id": router, "state": "Disabled"])
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      #expect(
        try await cloud.call(
          "createNetwork", ["name": "n", "zoneid": centre.zone, "networkofferingid": offering.id.description]
        ).status == 431)
    }
  }
}
