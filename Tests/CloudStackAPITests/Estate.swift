import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// Two customers, each with one of everything.
final class Estate: Sendable {
  let cloud: TestCloud
  let alice: TestCloud.Keys
  let bob: TestCloud.Keys
  /// By `Entity.name`.
  let aliceHas: [String: String]
  let bobHas: [String: String]

  init() async throws {
    cloud = try await TestCloud()
    alice = try await cloud.account("alice")
    bob = try await cloud.account("bob")
    aliceHas = try await Self.furnish(cloud, "alice", alice)
    bobHas = try await Self.furnish(cloud, "bob", bob)
  }

  private static func furnish(
    _ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys
  ) async throws -> [String: String] {
    func create(_ command: String, _ parameters: [String: String]) async throws -> String {
      let told = try await cloud.call(command, parameters, as: keys)
      let id = told.at(command.lowercased() + "response", "id")
      return try #require(id, "\(command): \(told.errorText ?? "no id")")
    }
    let state = cloud.control.state
    let zone = try #require(state.zones.first("name", .text("isolate")))
    let template = try #require(state.templates.first("name", .text("tiny-simulator")))
    let offering = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
    let networkOffering = try #require(state.networkOfferings.all.first { $0.guestType == .isolated })
    let network = try #require(
      try await cloud.call(
        "createNetwork",
        ["name": "\(name)-net", "networkofferingid": networkOffering.id.description, "zoneid": zone.id.description],
        as: keys
      ).at("createnetworkresponse", "network", "id"))
    let machine = try await create(
      "deployVirtualMachine",
      [
        "name": "\(name)-web", "zoneid": zone.id.description, "templateid": template.id.description,
        "serviceofferingid": offering.id.description, "networkids": network,
      ])
    let nic = try #require(
      ID<VirtualMachine>(machine).flatMap { cloud.control.state.virtualMachines[$0]?.nics.first?.id.description })
    let secondary = try await create("addIpToNic", ["nicid": nic])
    let address = try await create("associateIpAddress", ["networkid": network])
    let firewall = try await create(
      "createFirewallRule", ["ipaddressid": address, "protocol": "tcp", "startport": "22", "endport": "22"])
    _ = try await create("createEgressFirewallRule", ["networkid": network, "protocol": "icmp"])
    let forwarding = try await create(
      "createPortForwardingRule",
      [
        "ipaddressid": address, "protocol": "TCP", "publicport": "22", "privateport": "22",
        "virtualmachineid": machine, "openfirewall": "false",
      ])
    let balancer = try await create(
      "createLoadBalancerRule",
      ["publicipid": address, "algorithm": "roundrobin", "name": "web", "publicport": "80", "privateport": "80"])
    let authorized = try await cloud.call(
      "authorizeSecurityGroupIngress",
      [
        "securitygroupname": "default", "cidrlist": "10.0.0.0/8,192.0.2.1/32", "protocol": "tcp", "startport": "80",
        "usersecuritygrouplist[0].account": name, "usersecuritygrouplist[0].group": "default",
      ], as: keys)
    let job = try #require(authorized.at("authorizesecuritygroupingressresponse", "jobid"))
    _ = try await cloud.call("rebuildNetwork", ["networkid": network], as: keys)
    let after = cloud.control.state
    let account = try #require(after.accounts.all.first { $0.name == name })
    let group = try #require(after.securityGroups.matching("account", .id(account.id)).first)
    let found: [(Entity, String?)] = [
      (.account, account.id.description), (.asyncJob, job), (.domain, account.domain.description),
      (.event, after.events.matching("account", .id(account.id)).first?.id.description), (.firewallRule, firewall),
      (.host, after.hosts.all.first { _ in true }?.id.description), (.loadBalancerRule, balancer), (.network, network),
      (.nic, nic), (.secondaryAddress, secondary),
      (.networkOffering, networkOffering.id.description), (.portForwardingRule, forwarding),
      (.publicIPAddress, address),
      (.rollout, after.rollouts.matching("account", .id(account.id)).first?.id.description),
      (.router, after.routers.matching("account", .id(account.id)).first?.id.description),
      (.securityGroup, group.id.description), (.securityGroupRule, group.ingress.first?.id.uuidString.lowercased()),
      (.serviceOffering, offering.id.description), (.template, template.id.description),
      (.user, after.users.matching("account", .id(account.id)).first?.id.description), (.virtualMachine, machine),
      (.zone, zone.id.description),
    ]
    return try Dictionary(uniqueKeysWithValues: found.map { ($0.0.name, try #require($0.1, "no \($0.0.name)")) })
  }
}
