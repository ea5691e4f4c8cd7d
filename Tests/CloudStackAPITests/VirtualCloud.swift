import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// One of everything that an account can have in a zone of simulated hosts only.
enum VirtualCloud {
  static func furnish(
    _ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys, in zone: String
  ) async throws -> [String: String] {
    func create(_ command: String, _ parameters: [String: String]) async throws -> String {
      let told = try await cloud.call(command, parameters, as: keys)
      return try #require(
        told.at(command.lowercased() + "response", "id"), "\(command): \(told.errorText ?? "no id")")
    }
    let vpc = try await create("createVPC", await newVPC(cloud, "\(name)-vpc", zone))
    let tier = try #require(
      try await cloud.call("createNetwork", try await newTier(cloud, "\(name)-tier", vpc, zone, "10.8.1.1"), as: keys)
        .at("createnetworkresponse", "network", "id"))
    let list = try await create("createNetworkACLList", ["name": "\(name)-acl", "vpcid": vpc])
    let item = try await create(
      "createNetworkACL", ["aclid": list, "protocol": "tcp", "startport": "22", "endport": "22"])
    let privateGateway = try await create(
      "createPrivateGateway",
      ["vpcid": vpc, "gateway": "172.16.9.1", "ipaddress": "172.16.9.2", "netmask": "255.255.255.0"])
    let route = try await create("createStaticRoute", ["gatewayid": privateGateway, "cidr": "172.20.0.0/16"])
    let gateway = try await create("createVpnGateway", ["vpcid": vpc])
    let site = try await create("createVpnCustomerGateway", newSite(name))
    let connection = try await create(
      "createVpnConnection", ["s2svpngatewayid": gateway, "s2scustomergatewayid": site])
    let user = try await create("addVpnUser", ["username": "\(name)-road", "password": "road-\(name)"])
    let address = try await create("associateIpAddress", ["vpcid": vpc])
    let way = try await create("createRemoteAccessVpn", ["publicipid": address])
    let balancer = try await create(
      "createLoadBalancerRule",
      [
        "publicipid": address, "networkid": tier, "algorithm": "roundrobin", "name": "web", "publicport": "80",
        "privateport": "80",
      ])
    let stickiness = try await create(
      "createLBStickinessPolicy", ["lbruleid": balancer, "methodname": "SourceBased", "name": "\(name)-sticky"])
    let check = try await create("createLBHealthCheckPolicy", ["lbruleid": balancer, "pingpath": "/alive"])
    let made = try TestCertificate(name)
    let certificate = try #require(
      try await cloud.call(
        "uploadSslCert", ["name": name, "certificate": try made.pem, "privatekey": try made.keyPEM], as: keys
      ).at("uploadsslcertresponse", "sslcert", "id"))
    let internalBalancer = try await create("createLoadBalancer", newBalancer("\(name)-inner", tier))
    let balancerVM = try await putVM(of: internalBalancer, cloud)
    let offering = try #require(
      cloud.control.state.vpcOfferings.all.sorted { $0.name < $1.name }.first { $0.isDefault })
    return [
      "balancer": internalBalancer, InternalLoadBalancer.kind: internalBalancer,
      InternalLoadBalancerVM.kind: balancerVM,
      "healthcheckpolicy": check, "networkaclitem": item, "networkacllist": list, "privategateway": privateGateway,
      "remoteaccessvpn": way,
      "sslcertificate": certificate, "staticroute": route, "stickinesspolicy": stickiness, "vpc": vpc,
      "vpcoffering": offering.id.description, "vpnconnection": connection, "vpncustomergateway": site,
      "vpngateway": gateway, "vpnuser": user,
    ]
  }

  /// A rule of a static NAT address, in the network that the account has in a zone that a node carries.
  static func ipForwardingRule(_ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys) async throws -> String {
    let state = cloud.control.state
    let machine = try #require(state.virtualMachines.all.first { $0.name == "\(name)-web" })
    let network = try #require(machine.nics.first).network.description
    let address = try #require(
      try await cloud.call("associateIpAddress", ["networkid": network], as: keys)
        .at("associateipaddressresponse", "id"))
    // Nobody confirms it, but it is recorded.
    _ = try await cloud.call(
      "enableStaticNat", ["ipaddressid": address, "virtualmachineid": machine.id.description], as: keys)
    let told = try await cloud.call(
      "createIpForwardingRule", ["ipaddressid": address, "protocol": "tcp", "startport": "8080"], as: keys)
    return try #require(told.at("createipforwardingruleresponse", "id"), "\(told.errorText ?? "")")
  }

  static func newBalancer(_ name: String, _ network: String, source: String? = nil) -> [String: String] {
    [
      "name": name, "scheme": "Internal", "algorithm": "roundrobin", "networkid": network,
      "sourceipaddressnetworkid": source ?? network, "sourceport": "80", "instanceport": "8080",
    ]
  }

  /// What the first instance of an internal load balancer would bring.
  private static func putVM(of balancer: String, _ cloud: TestCloud) async throws -> String {
    let id = try #require(ID<InternalLoadBalancer>(balancer))
    return try await cloud.change { draft in
      let balancer = try #require(draft.get(id))
      let zone = try #require(draft.get(balancer.sourceNetwork)).zone
      let host = try #require(draft.state.hosts.matching("zone", .id(zone)).first)
      let machine = InternalLoadBalancerVM(
        id: draft.newID(), name: "b-1-VM", network: balancer.sourceNetwork, address: balancer.sourceAddress, zone: zone,
        account: balancer.account, host: host.id, created: draft.now)
      try draft.put(machine)
      return machine.id.description
    }
  }

  static func newVPC(_ cloud: TestCloud, _ name: String, _ zone: String) async throws -> [String: String] {
    let offering = try #require(
      cloud.control.state.vpcOfferings.all.sorted { $0.name < $1.name }.first { $0.isDefault })
    return ["name": name, "zoneid": zone, "vpcofferingid": offering.id.description, "cidr": "10.8.0.0/16"]
  }

  static func newTier(
    _ cloud: TestCloud, _ name: String, _ vpc: String, _ zone: String, _ gateway: String
  ) async throws -> [String: String] {
    let offering = try #require(
      cloud.control.state.networkOfferings.all.sorted { $0.name < $1.name }.first { $0.forVPC == true })
    return [
      "name": name, "zoneid": zone, "vpcid": vpc, "networkofferingid": offering.id.description, "gateway": gateway,
      "netmask": "255.255.255.0",
    ]
  }

  static func newSite(_ name: String) -> [String: String] {
    [
      "name": "\(name)-site", "gateway": "198.51.100.7", "cidrlist": "192.168.7.0/24", "ipsecpsk": "psk-of-\(name)",
      "ikepolicy": "aes128-sha1;modp1536", "esppolicy": "aes128-sha1",
    ]
  }
}
