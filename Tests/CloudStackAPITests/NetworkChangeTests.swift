import Addresses
import CloudModel
import Control
import Foundation
import NodePlan
import Testing

@testable import CloudStackAPI

/// What can be done to networks, rules, addresses and routers that are there already.
@Suite struct NetworkChangeTests {
  private struct Place {
    let cloud: TestCloud
    let alice: TestCloud.Keys
    let network: String
    let machine: String

    /// A network with an instance, in a zone that a node carries or in one of simulated hosts.
    init(simulated: Bool) async throws {
      cloud = try await TestCloud()
      alice = try await cloud.account("alice")
      let other = try await cloud.simulatedZone()
      let state = cloud.control.state
      let zone = simulated ? other : try #require(state.zones.first("name", .text("isolate"))).id.description
      let offering = try #require(
        state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      network = try #require(
        try await cloud.call(
          "createNetwork", ["name": "net", "networkofferingid": offering.id.description, "zoneid": zone], as: alice
        ).at("createnetworkresponse", "network", "id"))
      let template = try #require(state.templates.first("name", .text("tiny-simulator")))
      let size = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
      machine = try #require(
        try await cloud.call(
          "deployVirtualMachine",
          [
            "name": "web", "zoneid": zone, "templateid": template.id.description,
            "serviceofferingid": size.id.description, "networkids": network,
          ], as: alice
        ).at("deployvirtualmachineresponse", "id"))
    }

    var router: VirtualRouter? {
      ID<Network>(network).flatMap { cloud.control.state.routers.first("network", .id($0)) }
    }

    func status(_ command: String, _ parameters: [String: String], as keys: TestCloud.Keys? = nil) async throws -> Int {
      try await cloud.call(command, parameters, as: keys ?? alice).status
    }

    func create(_ command: String, _ parameters: [String: String]) async throws -> String {
      let told = try await cloud.call(command, parameters, as: alice)
      return try #require(
        told.at(command.lowercased() + "response", "id"), "\(command): \(told.errorText ?? "no id")")
    }
  }

  @Test func `a network changes its name and domain, and its offering among its kind`() async throws {
    let place = try await Place(simulated: true)
    let changed = try await place.status(
      "updateNetwork", ["id": place.network, "name": "other", "networkdomain": "Corp.Example"])
    #expect(changed == 200)
    let told = try await place.cloud.call("listNetworks", ["id": place.network], as: place.alice)
    #expect(told.at("listnetworksresponse", "network", "name") == "other")
    #expect(told.at("listnetworksresponse", "network", "networkdomain") == "corp.example")
    #expect(told.at("listnetworksresponse", "network", "displaytext") == "net", "what was not named stays")
    for other in place.cloud.control.state.networkOfferings.all where other.guestType == .shared || other.forVPC == true
    {
      #expect(
        try await place.status(
          "updateNetwork", ["id": place.network, "networkofferingid": other.id.description]) == 431)
    }
    #expect(try await place.status("updateNetwork", ["id": place.network, "networkdomain": "-x-"]) == 431)
  }

  @Test func `a carried router is made from nothing, a simulated one is replaced`() async throws {
    let carried = try await Place(simulated: false)
    let router = try #require(carried.router)
    #expect(try await carried.status("restartNetwork", ["id": carried.network]) == 200)
    #expect(carried.cloud.control.state.rollouts.isEmpty)
    #expect(try await carried.status("restartNetwork", ["id": carried.network, "cleanup": "true"]) == 200)
    #expect(carried.cloud.control.state.rollouts.all.first { _ in true }?.steps.first?.router == router.id.uuid)
    let admin = TestCloud.admin
    for command in ["stopRouter", "destroyRouter"] {
      #expect(try await carried.status(command, ["id": router.id.description], as: admin) == 432)
    }
    #expect(try await carried.status("startRouter", ["id": router.id.description], as: admin) == 200)
    #expect(carried.router == router, "nothing was changed")

    let simulated = try await Place(simulated: true)
    let first = try #require(simulated.router)
    #expect(try await simulated.status("restartNetwork", ["id": simulated.network, "cleanup": "true"]) == 200)
    #expect(simulated.router?.id != first.id)
    #expect(simulated.cloud.control.state.rollouts.isEmpty)
  }

  @Test func `a simulated router stops, changes its offering, starts and goes`() async throws {
    let place = try await Place(simulated: true)
    let id = try #require(place.router).id.description
    let admin = TestCloud.admin
    let size = try #require(place.cloud.control.state.serviceOfferings.first("name", .text("small instance")))
    let wanted = ["id": id, "serviceofferingid": size.id.description]
    #expect(try await place.status("changeServiceForRouter", wanted, as: admin) == 431, "it runs")
    #expect(try await place.status("stopRouter", ["id": id], as: place.alice) == 432)
    #expect(try await place.status("stopRouter", ["id": id], as: admin) == 200)
    #expect(try await place.status("rebootRouter", ["id": id], as: admin) == 534)
    #expect(try await place.status("changeServiceForRouter", wanted, as: admin) == 200)
    let told = try await place.cloud.call("listRouters", ["listall": "true", "state": "Stopped"])
    #expect(told.at("listroutersresponse", "router", "id") == id)
    #expect(told.at("listroutersresponse", "router", "serviceofferingname") == size.name)
    #expect(try await place.status("startRouter", ["id": id], as: admin) == 200)
    #expect(place.router?.isStopped == nil)
    #expect(try await place.status("destroyRouter", ["id": id], as: admin) == 200)
    #expect(place.router == nil)
    #expect(try await place.status("restartNetwork", ["id": place.network]) == 200)
    #expect(place.router != nil)
  }

  @Test func `a router's health is what its node reported`() async throws {
    let place = try await Place(simulated: false)
    let id = try #require(place.router).id.description
    let none = try await place.cloud.call("getRouterHealthCheckResults", ["routerid": id])
    #expect(none.at("getrouterhealthcheckresultsresponse", "routerhealthchecks", "routerid") == id)
    var health = Health()
    var report = ScopeReport()
    report.scope = "router/\(id)"
    report.phase = .verified
    var firewall = ServiceCount()
    firewall.service = "firewall"
    firewall.wanted = 3
    firewall.verified = 2
    report.services = [firewall]
    health.scopes[report.scope] = report
    let checks = RouterCheck.all(of: id, in: health)
    #expect(checks.map(\.name) == ["dataplane", "firewall"])
    #expect(checks.map(\.isHealthy) == [true, false])
    #expect(checks.allSatisfy { !$0.isCurrent }, "no session is known")
  }

  @Test func `rules change in place`() async throws {
    let place = try await Place(simulated: false)
    let address = try await place.create("associateIpAddress", ["networkid": place.network])
    let forwarding = try await place.create(
      "createPortForwardingRule",
      [
        "ipaddressid": address, "protocol": "tcp", "publicport": "22", "privateport": "22",
        "virtualmachineid": place.machine,
      ])
    #expect(
      try await place.status("updatePortForwardingRule", ["id": forwarding, "privateport": "2222"]) == 200)
    #expect(
      try await place.status(
        "updatePortForwardingRule", ["id": forwarding, "privateport": "1", "privateendport": "9"]) == 431)
    let stored = ID<PortForwardingRule>(forwarding).flatMap {
      place.cloud.control.state.portForwardingRules[$0]
    }
    #expect(stored?.privatePorts == PortRange(2222, 2222))
    let balancer = try await place.create(
      "createLoadBalancerRule",
      ["publicipid": address, "algorithm": "roundrobin", "name": "lb", "publicport": "80", "privateport": "80"])
    let changed = try await place.status(
      "updateLoadBalancerRule", ["id": balancer, "algorithm": "leastconn", "name": "least", "cidrlist": "10.0.0.0/8"])
    #expect(changed == 200)
    let rule = ID<LoadBalancerRule>(balancer).flatMap { place.cloud.control.state.loadBalancerRules[$0] }
    #expect(rule?.algorithm == .leastConnections && rule?.name == "least" && rule?.sources.count == 1)
    #expect(try await place.status("updateLoadBalancerRule", ["id": balancer, "protocol": "udp"]) == 432)
    #expect(
      try await place.status(
        "createLBStickinessPolicy", ["lbruleid": balancer, "name": "s", "methodname": "LbCookie"]) == 432)
    #expect(try await place.status("createLBHealthCheckPolicy", ["lbruleid": balancer]) == 432)
    #expect(rule?.stickiness == nil)
  }

  @Test func `what is hidden from users only the administrator sees`() async throws {
    let place = try await Place(simulated: false)
    let address = try await place.create("associateIpAddress", ["networkid": place.network])
    let rule = try await place.create(
      "createFirewallRule", ["ipaddressid": address, "protocol": "tcp", "startport": "22"])
    let hide = ["id": rule, "fordisplay": "false"]
    #expect(try await place.status("updateFirewallRule", hide) == 200, "for users it says nothing")
    func shown(_ keys: TestCloud.Keys) async throws -> String? {
      try await place.cloud.call("listFirewallRules", ["ipaddressid": address, "listall": "true"], as: keys)
        .at("listfirewallrulesresponse", "firewallrule", "id")
    }
    #expect(try await shown(place.alice) == rule)
    #expect(try await place.status("updateFirewallRule", hide, as: TestCloud.admin) == 200)
    #expect(try await shown(place.alice) == nil)
    #expect(try await shown(TestCloud.admin) == rule)
  }

  @Test func `a reserved address is kept for its account`() async throws {
    let place = try await Place(simulated: true)
    let free = try #require(
      place.cloud.control.state.publicIPs.all.first {
        $0.state == .free && $0.address.description.hasPrefix("192.0.2.")
      }
    )
    let id = free.id.description
    let bob = try await place.cloud.account("bob")
    #expect(try await place.status("reserveIpAddress", ["id": id, "account": "alice"], as: TestCloud.admin) == 200)
    #expect(try await place.status("reserveIpAddress", ["id": id, "account": "bob"], as: TestCloud.admin) == 431)
    let wanted = ["networkid": place.network, "ipaddress": free.address.description]
    #expect(try await place.status("releaseIpAddress", ["id": id], as: bob) == 531)
    #expect(try await place.status("associateIpAddress", wanted) == 200)
    #expect(try await place.status("releaseIpAddress", ["id": id]) == 431, "it is in use")
  }

  @Test func `ports of a static NAT address go with it`() async throws {
    let place = try await Place(simulated: false)
    let address = try await place.create("associateIpAddress", ["networkid": place.network])
    let ports = ["ipaddressid": address, "protocol": "tcp", "startport": "80", "endport": "90"]
    #expect(try await place.status("createIpForwardingRule", ports) == 431, "there is no static NAT")
    _ = try await place.cloud.call(
      "enableStaticNat", ["ipaddressid": address, "virtualmachineid": place.machine], as: place.alice)
    let rule = try await place.create("createIpForwardingRule", ports)
    #expect(try await place.status("createIpForwardingRule", ports) == 537)
    let told = try await place.cloud.call("listIpForwardingRules", ["ipaddressid": address], as: place.alice)
    #expect(told.at("listipforwardingrulesresponse", "ipforwardingrule", "id") == rule)
    #expect(told.at("listipforwardingrulesresponse", "ipforwardingrule", "virtualmachinename") == "web")
    #expect(place.cloud.control.state.firewallRules.count == 1, "the firewall was opened")
    #expect(try await place.status("disableStaticNat", ["ipaddressid": address]) == 200)
    #expect(place.cloud.control.state.ipForwardingRules.all.allSatisfy { $0.state == .deleting })
    #expect(place.cloud.control.state.firewallRules.all.allSatisfy { $0.state == .deleting })
  }

  @Test func `a permitted account has instances in another's network, and nothing else of it`() async throws {
    let place = try await Place(simulated: true)
    let bob = try await place.cloud.account("bob")
    let state = place.cloud.control.state
    let template = try #require(state.templates.first("name", .text("tiny-simulator")))
    let size = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
    let machine = try #require(ID<VirtualMachine>(place.machine).flatMap { state.virtualMachines[$0] })
    let guest = [
      "name": "guest", "zoneid": machine.zone.description, "templateid": template.id.description,
      "serviceofferingid": size.id.description, "networkids": place.network,
    ]
    #expect(try await place.status("deployVirtualMachine", guest, as: bob) == 531)
    #expect(
      try await place.status("createNetworkPermissions", ["networkid": place.network, "accounts": "bob"]) == 200)
    let told = try await place.cloud.call("listNetworkPermissions", ["networkid": place.network], as: place.alice)
    #expect(told.at("listnetworkpermissionsresponse", "networkpermission", "account") == "bob")
    let listed = try await place.cloud.call("listNetworks", ["id": place.network], as: bob)
    #expect(listed.at("listnetworksresponse", "network", "id") == place.network)
    #expect(try await place.status("deployVirtualMachine", guest, as: bob) == 200)
    for command in ["deleteNetwork", "restartNetwork", "updateNetwork"] {
      #expect(try await place.status(command, ["id": place.network], as: bob) == 531, "\(command)")
    }
    let alice = try #require(state.accounts.all.first { $0.name == "alice" }).id.description
    #expect(try await place.status("deleteAccount", ["id": alice], as: TestCloud.admin) == 536)
    #expect(try await place.status("resetNetworkPermissions", ["networkid": place.network]) == 200)
    #expect(
      try await place.status("deployVirtualMachine", guest.merging(["name": "late"]) { $1 }, as: bob) == 531)
  }

  @Test func `portable ranges overlap nothing`() async throws {
    let cloud = try await TestCloud()
    let range = [
      "regionid": "1", "startip": "198.18.0.10", "endip": "198.18.0.20", "gateway": "198.18.0.1",
      "netmask": "255.255.255.0",
    ]
    #expect(try await cloud.call("createPortableIpRange", range.merging(["endip": "198.18.1.2"]) { $1 }).status == 431)
    let told = try await cloud.call("createPortableIpRange", range)
    let id = try #require(told.at("createportableiprangeresponse", "id"))
    #expect(
      try await cloud.call("createPortableIpRange", range.merging(["startip": "198.18.0.20"]) { $1 }).status == 431)
    let listed = try await cloud.call("listPortableIpRanges", ["regionid": "1"])
    #expect(listed.at("listportableiprangesresponse", "portableiprange", "netmask") == "255.255.255.0")
    #expect(try await cloud.call("deletePortableIpRange", ["id": id]).status == 200)
    #expect(cloud.control.state.portableIPRanges.isEmpty)
  }

  @Test func `a certificate has its own key and a chain in order`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let root = try TestCertificate("root")
    let middle = try TestCertificate("middle", signedBy: root)
    let leaf = try TestCertificate("leaf", signedBy: middle)
    let old = try TestCertificate("old", days: -1)
    func upload(_ name: String, _ certificate: String, _ key: String, _ chain: String = "") async throws -> Told {
      try await cloud.call(
        "uploadSslCert", ["name": name, "certificate": certificate, "privatekey": key, "certchain": chain], as: alice)
    }
    let (pem, key) = (try leaf.pem, try leaf.keyPEM)
    #expect(try await upload("a", pem, try middle.keyPEM).status == 431)
    #expect(try await upload("a", "nonsense", key).status == 431)
    #expect(try await upload("a", try old.pem, try old.keyPEM).status == 431)
    #expect(try await upload("a", pem, key, try root.pem + "\n" + middle.pem).status == 431, "out of order")
    let told = try await upload("a", pem, key, try middle.pem + "\n" + root.pem)
    #expect(told.status == 200, "\(told.errorText ?? "")")
    let id = try #require(told.at("uploadsslcertresponse", "sslcert", "id"))
    #expect(try #require(told.at("uploadsslcertresponse", "sslcert", "fingerprint")).count == 95)
    #expect(try await upload("A", pem, key).status == 431, "the name is taken")
    let listed = await cloud.send("listSslCerts", as: alice)
    let text = String(decoding: listed.body, as: UTF8.self)
    #expect(text.contains(id) && !text.contains("PRIVATE KEY"))
    #expect(try await cloud.call("deleteSslCert", ["id": id], as: alice).status == 200)
    #expect(cloud.control.state.certificates.isEmpty)
  }
}
