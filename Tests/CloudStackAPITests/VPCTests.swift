import Addresses
import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// VPCs, what is between their tiers, and what leads into them.
@Suite struct VPCTests {
  private struct Place {
    let cloud: TestCloud
    let zone: String
    let alice: TestCloud.Keys

    init() async throws {
      cloud = try await TestCloud()
      zone = try await cloud.simulatedZone()
      alice = try await cloud.account("alice")
    }

    func create(_ command: String, _ parameters: [String: String]) async throws -> String {
      let told = try await cloud.call(command, parameters, as: alice)
      return try #require(
        told.at(command.lowercased() + "response", "id"), "\(command): \(told.errorText ?? "no id")")
    }

    func status(_ command: String, _ parameters: [String: String]) async throws -> Int {
      try await cloud.call(command, parameters, as: alice).status
    }

    func vpc() async throws -> String { try await create("createVPC", VirtualCloud.newVPC(cloud, "one", zone)) }

    func tier(_ name: String, _ vpc: String, _ gateway: String) async throws -> String {
      let told = try await cloud.call(
        "createNetwork", try await VirtualCloud.newTier(cloud, name, vpc, zone, gateway), as: alice)
      return try #require(told.at("createnetworkresponse", "network", "id"), "\(told.errorText ?? "")")
    }
  }

  @Test func `a VPC is made only where no node carries networks`() async throws {
    let place = try await Place()
    let carried = try #require(place.cloud.control.state.zones.first("name", .text("isolate")))
    let refused = try await place.cloud.call(
      "createVPC", try await VirtualCloud.newVPC(place.cloud, "one", carried.id.description), as: place.alice)
    #expect(refused.status == 432)
    #expect(place.cloud.control.state.vpcs.isEmpty)
    let vpc = try await place.vpc()
    let told = try await place.cloud.call("listVPCs", as: place.alice)
    #expect(told.at("listvpcsresponse", "vpc", "id") == vpc)
    #expect(told.at("listvpcsresponse", "vpc", "cidr") == "10.8.0.0/16")
    #expect(told.at("listvpcsresponse", "vpc", "state") == "Enabled")
    let source = try await place.cloud.call("listPublicIpAddresses", ["vpcid": vpc], as: place.alice)
    #expect(source.at("listpublicipaddressesresponse", "publicipaddress", "issourcenat") == "true")
    #expect(source.at("listpublicipaddressesresponse", "publicipaddress", "vpcname") == "one")
  }

  @Test func `tiers divide the VPC's prefix and go before it`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let tier = try await place.tier("web", vpc, "10.8.1.1")
    for gateway in ["10.8.1.1", "10.9.1.1"] {
      let wrong = try await VirtualCloud.newTier(place.cloud, "wrong", vpc, place.zone, gateway)
      #expect(try await place.status("createNetwork", wrong) == 431)
    }
    let alone = try #require(
      place.cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
    #expect(
      try await place.status(
        "createNetwork",
        ["name": "x", "zoneid": place.zone, "vpcid": vpc, "networkofferingid": alone.id.description]) == 431)
    let listed = try await place.cloud.call("listNetworks", ["vpcid": vpc], as: place.alice)
    #expect(listed.at("listnetworksresponse", "network", "aclname") == "default_deny")
    #expect(try await place.status("deleteVPC", ["id": vpc]) == 536)
    #expect(try await place.status("deleteNetwork", ["id": tier]) == 200)
  }

  @Test func `a list's rules keep their numbers apart and can be moved`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let list = try await place.create("createNetworkACLList", ["name": "front", "vpcid": vpc])
    var items: [String] = []
    for port in ["22", "80", "443"] {
      items.append(
        try await place.create("createNetworkACL", ["aclid": list, "protocol": "tcp", "startport": port]))
    }
    #expect(
      try await place.status("createNetworkACL", ["aclid": list, "protocol": "icmp", "number": "2"]) == 431)
    #expect(try await place.status("createNetworkACL", ["aclid": list, "protocol": "all", "action": "maybe"]) == 431)
    let moved = try await place.status("moveNetworkAclItem", ["id": items[2], "nextaclruleid": items[0]])
    #expect(moved == 200)
    #expect(order(place, list) == [items[2], items[0], items[1]])
    #expect(
      try await place.status("moveNetworkAclItem", ["id": items[2], "previousaclruleid": items[0]]) == 200)
    #expect(order(place, list) == [items[0], items[2], items[1]])
    #expect(Set(numbers(place, list)).count == 3)
    #expect(
      try await place.status("updateNetworkACLItem", ["id": items[1], "action": "Deny", "reason": "closed"]) == 200)
    let told = try await place.cloud.call("listNetworkACLs", ["aclid": list, "action": "deny"], as: place.alice)
    #expect(told.at("listnetworkaclsresponse", "networkacl", "reason") == "closed")
    #expect(told.at("listnetworkaclsresponse", "networkacl", "startport") == "80", "what was not named stays")
    #expect(try await place.status("deleteNetworkACL", ["id": items[0]]) == 200)
    #expect(order(place, list) == [items[2], items[1]])
  }

  private func items(_ place: Place, _ list: String) -> [NetworkACLItem] {
    ID<NetworkACLList>(list).flatMap { place.cloud.control.state.networkACLLists[$0]?.items } ?? []
  }

  private func order(_ place: Place, _ list: String) -> [String] {
    items(place, list).map { $0.id.uuidString.lowercased() }
  }

  private func numbers(_ place: Place, _ list: String) -> [Int] { items(place, list).map(\.number) }

  @Test func `default lists are everybody's to follow and nobody's to change`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let tier = try await place.tier("web", vpc, "10.8.1.1")
    let told = try await place.cloud.call("listNetworkACLLists", ["name": "default_allow"], as: place.alice)
    let allow = try #require(told.at("listnetworkacllistsresponse", "networkacllist", "id"))
    #expect(try await place.status("replaceNetworkACLList", ["aclid": allow, "networkid": tier]) == 200)
    #expect(try await place.status("createNetworkACL", ["aclid": allow, "protocol": "all"]) == 431)
    #expect(try await place.status("deleteNetworkACLList", ["id": allow]) == 431)
    let own = try await place.create("createNetworkACLList", ["name": "own", "vpcid": vpc])
    #expect(try await place.status("replaceNetworkACLList", ["aclid": own, "networkid": tier]) == 200)
    #expect(try await place.status("deleteNetworkACLList", ["id": own]) == 536)
    let second = try await place.create("createVPC", VirtualCloud.newVPC(place.cloud, "two", place.zone))
    let other = try await place.tier("other", second, "10.8.1.1")
    #expect(try await place.status("replaceNetworkACLList", ["aclid": own, "networkid": other]) == 431)
  }

  @Test func `an address of a VPC leads to the tier that its first rule names`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let (web, data) = (try await place.tier("web", vpc, "10.8.1.1"), try await place.tier("data", vpc, "10.8.2.1"))
    let address = try await place.create("associateIpAddress", ["vpcid": vpc])
    func held() -> PublicIPAddress? {
      ID<PublicIPAddress>(address).flatMap { place.cloud.control.state.publicIPs[$0] }
    }
    #expect(held()?.network == nil)
    #expect(
      try await place.status("createFirewallRule", ["ipaddressid": address, "protocol": "tcp", "startport": "1"])
        == 431)
    let rule = [
      "publicipid": address, "networkid": web, "algorithm": "source", "name": "lb", "publicport": "80",
      "privateport": "80",
    ]
    _ = try await place.create("createLoadBalancerRule", rule)
    #expect(held()?.network?.description == web)
    #expect(
      try await place.status(
        "createLoadBalancerRule", rule.merging(["networkid": data, "publicport": "81"]) { $1 }) == 431)
    #expect(try await place.status("deleteNetwork", ["id": web]) == 200)
    #expect(held()?.network == nil)
    #expect(held()?.vpc?.description == vpc, "the VPC keeps it")
  }

  @Test func `gateways and routes do not overlap what is there`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let good = ["vpcid": vpc, "gateway": "172.16.9.1", "ipaddress": "172.16.9.2", "netmask": "255.255.255.0"]
    for wrong in [["ipaddress": "172.16.10.2"], ["netmask": "255.0.255.0"], ["gateway": "10.8.0.1"]] {
      #expect(try await place.status("createPrivateGateway", good.merging(wrong) { $1 }) == 431)
    }
    let gateway = try await place.create("createPrivateGateway", good)
    let route = try await place.create("createStaticRoute", ["gatewayid": gateway, "cidr": "172.20.0.0/16"])
    #expect(try await place.status("createStaticRoute", ["gatewayid": gateway, "cidr": "172.20.1.0/24"]) == 537)
    #expect(try await place.status("createStaticRoute", ["gatewayid": gateway, "cidr": "10.8.3.0/24"]) == 431)
    #expect(try await place.status("deletePrivateGateway", ["id": gateway]) == 536)
    #expect(try await place.status("deleteStaticRoute", ["id": route]) == 200)
    #expect(try await place.status("deletePrivateGateway", ["id": gateway]) == 200)
    #expect(place.cloud.control.state.privateGateways.isEmpty)
  }

  @Test func `offerings are the administrator's, and the default one stays`() async throws {
    let place = try await Place()
    #expect(try await place.status("createVPCOffering", ["name": "mine"]) == 432)
    let told = try await place.cloud.call("createVPCOffering", ["name": "small", "supportedservices": "dhcp,dns"])
    let small = try #require(told.at("createvpcofferingresponse", "id"))
    var new = try await VirtualCloud.newVPC(place.cloud, "one", place.zone)
    let standard = try #require(new["vpcofferingid"])
    new["vpcofferingid"] = small
    #expect(try await place.status("createVPC", new) == 431, "it is disabled")
    #expect(try await place.cloud.call("updateVPCOffering", ["id": small, "state": "Enabled"]).status == 200)
    let vpc = try await place.create("createVPC", new)
    #expect(try await place.cloud.call("deleteVPCOffering", ["id": small]).status == 536)
    #expect(try await place.status("deleteVPC", ["id": vpc]) == 200)
    #expect(try await place.cloud.call("deleteVPCOffering", ["id": small]).status == 200)
    #expect(try await place.cloud.call("deleteVPCOffering", ["id": standard]).status == 431)
    #expect(try await place.cloud.call("createVPCOffering", ["name": "x", "supportedservices": "Tea"]).status == 431)
    let rows = { (provider: String) in
      ["name": "rows", "serviceproviderlist[0].service": "Dhcp", "serviceproviderlist[0].provider": provider]
    }
    #expect(try await place.cloud.call("createVPCOffering", rows("Tea")).status == 432)
    #expect(try await place.cloud.call("createVPCOffering", rows("VpcVirtualRouter")).status == 200)
    #expect(place.cloud.control.state.vpcOfferings.all.first { $0.name == "rows" }?.services == ["Dhcp"])
  }

  @Test func `the keys of VPNs are told to their owner and kept out of jobs`() async throws {
    let place = try await Place()
    let vpc = try await place.vpc()
    let address = try await place.create("associateIpAddress", ["vpcid": vpc])
    _ = try await place.create("createRemoteAccessVpn", ["publicipid": address])
    let told = try await place.cloud.call("listRemoteAccessVpns", as: place.alice)
    let key = try #require(told.at("listremoteaccessvpnsresponse", "remoteaccessvpn", "presharedkey"))
    #expect(key.count >= 20)
    #expect(try await place.status("createRemoteAccessVpn", ["publicipid": address]) == 431)
    #expect(try await place.status("disassociateIpAddress", ["id": address]) == 536)
    let gateway = try await place.create("createVpnGateway", ["vpcid": vpc])
    let site = try await place.create("createVpnCustomerGateway", VirtualCloud.newSite("alice"))
    let connection = try await place.create(
      "createVpnConnection", ["s2svpngatewayid": gateway, "s2scustomergatewayid": site])
    let view = View(state: place.cloud.control.state, isRootAdmin: false)
    for job in place.cloud.control.state.jobs.all {
      let text = JobResult.render(job, place.cloud.control.state)
      #expect(!text.contains(key) && !text.contains("psk-of-alice"), "\(job.command)")
      #expect(!String(decoding: Reply.object(view.fields(of: job)).json, as: UTF8.self).contains("psk-of-alice"))
    }
    #expect(try await place.status("deleteVpnGateway", ["id": gateway]) == 536)
    #expect(try await place.status("deleteVpnCustomerGateway", ["id": site]) == 536)
    #expect(try await place.status("resetVpnConnection", ["id": connection]) == 200)
    #expect(try await place.status("deleteVpnConnection", ["id": connection]) == 200)
    #expect(try await place.status("deleteVpnCustomerGateway", ["id": site]) == 200)
    #expect(try await place.status("deleteRemoteAccessVpn", ["publicipid": address]) == 200)
    for wrong in [["ikepolicy": "rot13-sha1;modp1536"], ["ikepolicy": "aes128-sha1"], ["cidrlist": "10.0.0.0/33"]] {
      #expect(
        try await place.status(
          "createVpnCustomerGateway", VirtualCloud.newSite("bob").merging(wrong) { $1 }) == 431)
    }
  }

  @Test func `VPN users have names of their own and passwords that nobody is shown`() async throws {
    let place = try await Place()
    _ = try await place.create("addVpnUser", ["username": "road", "password": "warrior-77"])
    #expect(try await place.status("addVpnUser", ["username": "road", "password": "other"]) == 431)
    #expect(try await place.status("addVpnUser", ["username": "ro ad", "password": "other"]) == 431)
    let answer = await place.cloud.send("listVpnUsers", as: place.alice)
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(text.contains("road") && !text.contains("warrior"))
    #expect(try await place.status("removeVpnUser", ["username": "road"]) == 200)
    #expect(try await place.status("removeVpnUser", ["username": "road"]) == 431)
  }

  @Test func `an account takes its VPCs along`() async throws {
    let place = try await Place()
    let control = place.cloud.control
    let running = Task { try await control.run() }
    let node = Task { try await ObedientNode("node").run(control) }
    defer {
      node.cancel()
      running.cancel()
    }
    _ = try await VirtualCloud.furnish(place.cloud, "alice", place.alice, in: place.zone)
    let alice = try #require(control.state.accounts.all.first { $0.name == "alice" })
    #expect(try await place.cloud.finish("deleteAccount", ["id": alice.id.description], as: TestCloud.admin) == nil)
    let state = control.state
    #expect(state.accounts[alice.id] == nil)
    #expect(state.vpcs.isEmpty && state.vpnUsers.isEmpty && state.certificates.isEmpty)
    #expect(state.networkACLLists.all.allSatisfy { $0.account == nil })
    #expect(state.publicIPs.all.allSatisfy { $0.state == .free && $0.vpc == nil })
  }
}
