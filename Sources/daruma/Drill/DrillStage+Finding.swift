import Addresses
import Foundation
import Synchronization

extension DrillStage {
  /// Takes what an earlier drill left in the cloud for what this one built.
  func find(staticNATs: Int, loadBalancers: Int, probed: Int) async throws {
    let zones = try await admin.list("listZones")
    let accounts = try await admin.list("listAccounts", ["listall": "true"])
    guard let zone = zones.first(where: { $0["networktype"] as? String == "Basic" })?["id"] as? String,
      let account = accounts.first(where: { ($0["name"] as? String ?? "").hasPrefix(Self.prefix) }),
      let name = account["name"] as? String, let domain = account["domainid"] as? String
    else { throw CommandFailure("No earlier drill left anything; build it without --reuse, and with --keep") }
    _ = try await lookAtGateways(of: zone)
    let own = ["account": name, "domainid": domain, "pagesize": "-1"]
    let instances = try await admin.list("listVirtualMachines", own).compactMap { machine -> Instance? in
      guard let id = machine["id"] as? String, let nic = (machine["nic"] as? [APIClient.Object])?.first,
        let card = nic["id"] as? String, let address = (nic["ipaddress"] as? String).flatMap({ IPv4($0) })
      else { return nil }
      return Instance(id: id, nic: card, address: address)
    }
    let nats = try await admin.list("listPublicIpAddresses", own.merging(["isstaticnat": "true"]) { $1 })
      .compactMap { row -> Target? in
        guard let address = (row["ipaddress"] as? String).flatMap({ IPv4($0) }),
          let inside = (row["vmipaddress"] as? String).flatMap({ IPv4($0) })
        else { return nil }
        return Target(service: .staticNAT, address: address, answers: [inside])
      }
    let balancers = try await admin.list("listLoadBalancerRules", own)
    guard nats.count == staticNATs, balancers.count == loadBalancers else {
      throw CommandFailure(
        "An earlier drill left \(nats.count) static NATs and \(balancers.count) load balancers; name just as many")
    }
    var targets = Self.some(nats.sorted { $0.address.value < $1.address.value }, probed)
    for rule in Self.some(balancers, probed) { targets.append(try await target(rule, instances)) }
    let found = targets
    contents.withLock { contents in
      contents.zone = zone
      contents.instances = instances
      contents.targets = found
    }
  }

  private func target(_ rule: APIClient.Object, _ instances: [Instance]) async throws -> Target {
    guard let id = rule["id"] as? String, let address = (rule["publicip"] as? String).flatMap({ IPv4($0) }) else {
      throw CommandFailure("listLoadBalancerRules answered without an address")
    }
    let rows = try await admin.list("listLoadBalancerRuleInstances", ["id": id])
    let members = Set(rows.compactMap { $0["id"] as? String })
    return Target(
      service: .loadBalancer, address: address,
      answers: Set(instances.filter { members.contains($0.id) }.map(\.address)))
  }
}
