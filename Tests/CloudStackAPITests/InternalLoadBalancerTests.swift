import Addresses
import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct InternalLoadBalancerTests {
  private struct Place {
    let cloud: TestCloud
    let zone: String
    let alice: TestCloud.Keys
    let vpc: String
    let tier: String
    let other: String

    init(_ cloud: TestCloud) async throws {
      self.cloud = cloud
      zone = try await cloud.simulatedZone()
      alice = try await cloud.account("alice")
      vpc = try await cloud.begun("createVPC", try await VirtualCloud.newVPC(cloud, "one", zone), as: alice)
      tier = try await cloud.made(
        "createNetwork", "network", try await VirtualCloud.newTier(cloud, "web", vpc, zone, "10.8.1.1"), as: alice)
      other = try await cloud.made(
        "createNetwork", "network", try await VirtualCloud.newTier(cloud, "app", vpc, zone, "10.8.2.1"), as: alice)
    }

    func create(_ name: String, _ more: [String: String] = [:]) async throws -> String {
      try await cloud.begun(
        "createLoadBalancer", VirtualCloud.newBalancer(name, tier).merging(more) { $1 }, as: alice)
    }

    func refusal(_ more: [String: String]) async throws -> Int {
      try await cloud.call(
        "createLoadBalancer", VirtualCloud.newBalancer("x", tier).merging(more) { $1 }, as: alice
      ).status
    }

    func deploy(_ name: String, in network: String) async throws -> String {
      let state = cloud.control.state
      let template = try #require(state.templates.first("name", .text("tiny-simulator")))
      let offering = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
      return try await cloud.begun(
        "deployVirtualMachine",
        [
          "name": name, "zoneid": zone, "templateid": template.id.description,
          "serviceofferingid": offering.id.description, "networkids": network,
        ], as: alice)
    }

    func vms(_ parameters: [String: String] = [:]) async throws -> Told {
      try await cloud.call("listInternalLoadBalancerVMs", parameters.merging(["listall": "true"]) { $1 })
    }
  }

  @Test func `a load balancer takes an address of its tier, and a machine with its first instance`() async throws {
    try await TestCloud.withRunning { cloud in
      let place = try await Place(cloud)
      let id = try await place.create(
        "front", ["sourceipaddress": "10.8.2.9", "sourceipaddressnetworkid": place.other])
      var listed = try await cloud.call("listLoadBalancers", ["id": id], as: place.alice)
      func told(_ names: String...) -> String? {
        names.count == 1
          ? listed.at("listloadbalancersresponse", "loadbalancer", names[0])
          : listed.at("listloadbalancersresponse", "loadbalancer", names[0], names[1])
      }
      #expect(told("sourceipaddress") == "10.8.2.9")
      #expect(told("networkid") == place.tier)
      #expect(told("sourceipaddressnetworkid") == place.other)
      #expect(told("loadbalancerrule", "sourceport") == "80")
      #expect(told("loadbalancerrule", "instanceport") == "8080")
      #expect(told("loadbalancerrule", "state") == "Add")
      #expect(try await place.vms().content?.members.isEmpty == true)

      let web = try await place.deploy("web-1", in: place.tier)
      try await cloud.must("assignToLoadBalancerRule", ["id": id, "virtualmachineids": web], as: place.alice)
      listed = try await cloud.call("listLoadBalancers", ["networkid": place.tier], as: place.alice)
      #expect(told("loadbalancerrule", "state") == "Active")
      #expect(told("loadbalancerinstance", "id") == web)
      let address = cloud.machine(web)?.nics.first?.address.description
      #expect(told("loadbalancerinstance", "ipaddress") == address)
      let members = try await cloud.call(
        "listLoadBalancerRuleInstances", ["id": id, "lbvmips": "true"], as: place.alice)
      #expect(members.at("listloadbalancerruleinstancesresponse", "lbrulevmidip", "lbvmipaddresses") == address)
      let vms = try await place.vms(["vpcid": place.vpc, "forvpc": "true"])
      func vm(_ name: String) -> String? {
        vms.at("listinternalloadbalancervmsresponse", "internalloadbalancervm", name)
      }
      #expect(vm("guestipaddress") == "10.8.2.9")
      #expect(vm("state") == "Running")
      #expect(vm("role") == "INTERNAL_LB_VM")
      #expect(vm("guestnetworkid") == place.other)

      try await cloud.must("removeFromLoadBalancerRule", ["id": id, "virtualmachineids": web], as: place.alice)
      let rest = try await cloud.call("listLoadBalancerRuleInstances", ["id": id], as: place.alice)
      #expect(rest.content?.members.isEmpty == true)
      let could = try await cloud.call(
        "listLoadBalancerRuleInstances", ["id": id, "applied": "false"], as: place.alice)
      #expect(could.at("listloadbalancerruleinstancesresponse", "loadbalancerruleinstance", "id") == web)
      try await cloud.must("deleteLoadBalancer", ["id": id], as: place.alice)
      #expect(cloud.control.state.internalLoadBalancers.isEmpty)
      #expect(cloud.control.state.internalLoadBalancerVMs.isEmpty)
    }
  }

  @Test func `load balancers share an address but no port of it, and instances never get it`() async throws {
    try await TestCloud.withRunning { cloud in
      let place = try await Place(cloud)
      let first = try await place.create("first", ["sourceipaddress": "10.8.1.9"])
      #expect(try await place.refusal(["sourceipaddress": "10.8.1.9"]) == 537)
      let second = try await place.create("second", ["sourceipaddress": "10.8.1.9", "sourceport": "443"])
      let web = try await place.deploy("web-1", in: place.tier)
      for id in [first, second] {
        try await cloud.must("assignToLoadBalancerRule", ["id": id, "virtualmachineids": web], as: place.alice)
      }
      #expect(cloud.control.state.internalLoadBalancerVMs.count == 1)
      try await cloud.must("deleteLoadBalancer", ["id": first], as: place.alice)
      #expect(cloud.control.state.internalLoadBalancerVMs.count == 1)
      let nic = try #require(cloud.machine(web)?.nics.first).id.description
      #expect(
        try await cloud.call("addIpToNic", ["nicid": nic, "ipaddress": "10.8.1.9"], as: place.alice).status != 200)
    }
  }

  @Test func `what is wrong is refused and nothing is left of it`() async throws {
    try await TestCloud.withRunning { cloud in
      let place = try await Place(cloud)
      for (wrong, status) in [
        (["scheme": "Public"], 431), (["algorithm": "best"], 431), (["sourceport": "0"], 431),
        (["instanceport": "65536"], 431), (["sourceipaddress": "10.9.9.9"], 431),
        (["sourceipaddress": "10.8.1.1"], 431),
        (["name": ""], 431),
      ] {
        #expect(try await place.refusal(wrong) == status, "\(wrong)")
      }
      let carried = try #require(cloud.control.state.zones.first("name", .text("isolate")))
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      let real = try await cloud.made(
        "createNetwork", "network",
        ["name": "real", "zoneid": carried.id.description, "networkofferingid": offering.id.description],
        as: place.alice)
      #expect(try await place.refusal(["networkid": real, "sourceipaddressnetworkid": real]) == 432)
      #expect(try await place.refusal(["sourceipaddressnetworkid": real]) == 432)
      let bob = try await cloud.account("bob")
      #expect(
        try await cloud.call("createLoadBalancer", VirtualCloud.newBalancer("b", place.tier), as: bob).status == 531)
      #expect(cloud.control.state.internalLoadBalancers.isEmpty)
    }
  }

  @Test func `its machine is stopped and started, and all goes with the network`() async throws {
    try await TestCloud.withRunning { cloud in
      let place = try await Place(cloud)
      let id = try await place.create("front")
      let web = try await place.deploy("web-1", in: place.tier)
      try await cloud.must("assignToLoadBalancerRule", ["id": id, "virtualmachineids": web], as: place.alice)
      let vm = try #require(cloud.control.state.internalLoadBalancerVMs.all.first { _ in true }).id.description
      try await cloud.must("stopInternalLoadBalancerVM", ["id": vm])
      #expect(
        try await place.vms(["state": "Stopped"])
          .at("listinternalloadbalancervmsresponse", "internalloadbalancervm", "id") == vm)
      try await cloud.must("startInternalLoadBalancerVM", ["id": vm])
      #expect(try await place.vms(["state": "Stopped"]).content?.members.isEmpty == true)
      #expect(try await cloud.call("stopInternalLoadBalancerVM", ["id": vm], as: place.alice).status == 432)

      try await cloud.must("destroyVirtualMachine", ["id": web, "expunge": "true"])
      #expect(cloud.control.state.internalLoadBalancers.all.allSatisfy { $0.members.isEmpty })
      try await cloud.must("deleteNetwork", ["id": place.tier], as: place.alice)
      #expect(cloud.control.state.internalLoadBalancers.isEmpty)
      #expect(cloud.control.state.internalLoadBalancerVMs.isEmpty)
    }
  }

  @Test func `an administrator hides one, and tags find another`() async throws {
    try await TestCloud.withRunning { cloud in
      let place = try await Place(cloud)
      let hidden = try await place.create("hidden")
      let shown = try await place.create("shown", ["sourceport": "81"])
      try await cloud.must("updateLoadBalancer", ["id": hidden, "fordisplay": "false"])
      let listed = try await cloud.call("listLoadBalancers", as: place.alice)
      #expect(listed.at("listloadbalancersresponse", "count") == "1")
      #expect(listed.at("listloadbalancersresponse", "loadbalancer", "id") == shown)
      try await cloud.must(
        "createTags",
        ["resourceids": shown, "resourcetype": "LoadBalancer", "tags[0].key": "tier", "tags[0].value": "web"],
        as: place.alice)
      let tagged = try await cloud.call(
        "listLoadBalancers", ["tags[0].key": "tier", "tags[0].value": "web"], as: place.alice)
      #expect(tagged.at("listloadbalancersresponse", "loadbalancer", "id") == shown)
      try await cloud.must("deleteLoadBalancer", ["id": shown], as: place.alice)
      #expect(cloud.control.state.tags.isEmpty)
    }
  }
}
