import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct ResourceLimitTests {
  /// Parameters of a simulated instance in the Basic zone.
  static func deployment(_ state: CloudState) throws -> [String: String] {
    [
      "zoneid": try #require(state.zones.first("name", .text("basic"))).id.description,
      "templateid": try #require(state.templates.first("name", .text("tiny-simulator"))).id.description,
      "serviceofferingid": try #require(state.serviceOfferings.first("name", .text("tiny instance"))).id.description,
    ]
  }

  @Test func `an account gets as much as its limit and its domain's allow`() async throws {
    let cloud = try await TestCloud()
    let domain = try await cloud.create("createDomain", "domain", ["name": "d"])
    let account = try await cloud.create(
      "createAccount", "account", TestCloud.user("alice", ["accounttype": "0", "domainid": domain]))
    let whose = ["account": "alice", "domainid": domain]
    let deployment = try Self.deployment(cloud.control.state).merging(whose) { $1 }
    func limit(_ type: Int, _ max: Int, _ owner: [String: String]) async throws -> Told {
      try await cloud.call(
        "updateResourceLimit", owner.merging(["resourcetype": "\(type)", "max": "\(max)"]) { $1 })
    }
    let told = try await limit(0, 1, whose)
    #expect(told.at("updateresourcelimitresponse", "resourcelimit", "max") == "1")
    #expect(told.at("updateresourcelimitresponse", "resourcelimit", "resourcetypename") == "user_vm")
    #expect(told.at("updateresourcelimitresponse", "resourcelimit", "resourcetype") == "0")
    #expect(try await cloud.call("deployVirtualMachine", deployment).status == 200)
    let refused = try await cloud.call("deployVirtualMachine", deployment)
    #expect(refused.status == 535)
    #expect(refused.errorText?.contains("Maximum amount of resources of Type = 'user_vm'") == true)
    let shown = try await cloud.call("listAccounts", ["id": account])
    #expect(shown.at("listaccountsresponse", "account", "vmlimit") == "1")
    #expect(shown.at("listaccountsresponse", "account", "vmavailable") == "0")
    #expect(try await limit(0, -1, whose).status == 200)
    #expect(try await limit(9, 1, ["domainid": domain]).status == 200)
    #expect(try await cloud.call("deployVirtualMachine", deployment).status == 535)
    #expect(try await limit(9, -1, ["domainid": domain]).status == 200)
    #expect(try await limit(1, 0, whose).status == 200)
    let zone = ["zoneid": try #require(deployment["zoneid"])].merging(whose) { $1 }
    #expect(try await cloud.call("associateIpAddress", zone).status == 535)
    #expect(try await limit(1, -1, whose).status == 200)
    #expect(try await cloud.call("associateIpAddress", zone).status == 200)
    let counted = try await cloud.call("updateResourceCount", ["domainid": domain, "resourcetype": "1"])
    #expect(counted.at("updateresourcecountresponse", "resourcecount", "resourcecount") == "1")
    #expect(try await limit(12, 1, whose).status == 431)
  }

  @Test func `what has no limit of its own follows the setting`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    func networks() async throws -> String? {
      try await cloud.call("listResourceLimits", ["resourcetypename": "network"], as: alice)
        .at("listresourcelimitsresponse", "resourcelimit", "max")
    }
    #expect(try await networks() == "-1")
    let setting = ["name": "max.account.networks", "value": "0"]
    #expect(try await cloud.call("updateConfiguration", setting).status == 200)
    #expect(try await networks() == "0")
    let state = cloud.control.state
    let offering = try #require(state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
    let told = try await cloud.call(
      "createNetwork",
      [
        "name": "net", "networkofferingid": offering.id.description,
        "zoneid": try #require(state.zones.first("name", .text("isolate"))).id.description,
      ], as: alice)
    #expect(told.status == 535)
    let all = try await cloud.call("listResourceLimits", as: alice)
    #expect(all.at("listresourcelimitsresponse", "count") == "12")
  }

  @Test func `an administrator of a domain limits what is below it, within its own limits`() async throws {
    let cloud = try await TestCloud()
    let domain = try await cloud.create("createDomain", "domain", ["name": "d"])
    let lower = try await cloud.create("createDomain", "domain", ["name": "e", "parentdomainid": domain])
    _ = try await cloud.create(
      "createAccount", "account", TestCloud.user("dora", ["accounttype": "2", "domainid": domain]))
    let user = try #require(cloud.control.state.users.all.first { $0.username == "dora" }).id.description
    let made = try await cloud.call("registerUserKeys", ["id": user])
    let dora = TestCloud.Keys(
      apiKey: try #require(made.at("registeruserkeysresponse", "userkeys", "apikey")),
      secretKey: try #require(made.at("registeruserkeysresponse", "userkeys", "secretkey")))
    let limit = ["domainid": domain, "resourcetype": "0", "max": "5"]
    #expect(try await cloud.call("updateResourceLimit", limit, as: dora).status == 531)
    #expect(try await cloud.call("updateResourceLimit", limit).status == 200)
    let inner = ["domainid": lower, "resourcetype": "0"]
    #expect(
      try await cloud.call("updateResourceLimit", inner.merging(["max": "6"]) { $1 }, as: dora).status == 431)
    #expect(
      try await cloud.call("updateResourceLimit", inner.merging(["max": "5"]) { $1 }, as: dora).status == 200)
    let own = ["account": "dora", "domainid": domain, "resourcetype": "0", "max": "9"]
    #expect(try await cloud.call("updateResourceLimit", own, as: dora).status == 531)
  }
}
