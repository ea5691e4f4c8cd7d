import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct AccountTests {
  private func id(_ cloud: TestCloud, _ name: String) throws -> String {
    try #require(cloud.control.state.accounts.all.first { $0.name == name }).id.description
  }

  @Test func `an account is renamed and keeps details`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    _ = try await cloud.account("bob")
    let account = try id(cloud, "alice")
    let told = try await cloud.call(
      "updateAccount",
      ["id": account, "newname": "alicia", "accountdetails[0].plan": "gold", "networkdomain": "alice.internal"])
    #expect(told.at("updateaccountresponse", "account", "name") == "alicia")
    #expect(told.at("updateaccountresponse", "account", "accountdetails", "plan") == "gold")
    #expect(told.at("updateaccountresponse", "account", "networkdomain") == "alice.internal")
    #expect(try await cloud.call("updateAccount", ["id": account, "newname": "bob"]).status == 431)
    #expect(try await cloud.call("updateAccount", ["newname": "x"]).status == 431)
    #expect(try await cloud.call("updateAccount", ["id": account], as: alice).status == 432)
    let listed = try await cloud.call("listAccounts", ["id": account, "details": "min"])
    #expect(listed.at("listaccountsresponse", "account", "name") == "alicia")
    #expect(listed.at("listaccountsresponse", "account", "vmtotal") == nil)
  }

  @Test func `a disabled account is refused and its instances stop; a locked one's go on`() async throws {
    try await TestCloud.running { cloud in
      let alice = try await cloud.account("alice")
      let deployment = try ResourceLimitTests.deployment(cloud.control.state)
      let machine = try #require(try await cloud.done("deployVirtualMachine", deployment, as: alice))
      func machineState() async throws -> String? {
        try await cloud.call("listVirtualMachines", ["id": machine])
          .at("listvirtualmachinesresponse", "virtualmachine", "state")
      }
      let account = ["id": try id(cloud, "alice")]
      let admin = ["id": try id(cloud, "admin"), "lock": "false"]
      #expect(try await machineState() == "Running")
      #expect(try await cloud.call("disableAccount", account).status == 431)
      #expect(try await cloud.call("disableAccount", admin).status == 531)
      let lock = account.merging(["lock": "true"]) { $1 }
      #expect(try await cloud.finish("disableAccount", lock, as: TestCloud.admin) == nil)
      #expect(try await cloud.call("listZones", as: alice).status == 401)
      #expect(try await machineState() == "Running")
      let disable = account.merging(["lock": "false"]) { $1 }
      #expect(try await cloud.finish("disableAccount", disable, as: TestCloud.admin) == nil)
      #expect(try await machineState() == "Stopped")
      let told = try await cloud.call("enableAccount", account)
      #expect(told.at("enableaccountresponse", "account", "state") == "enabled")
      #expect(try await cloud.call("listZones", as: alice).status == 200)
    }
  }

  @Test func `domains nest, move and go with all that is in them`() async throws {
    try await TestCloud.running { cloud in
      let upper = try await cloud.create("createDomain", "domain", ["name": "upper"])
      let lower = try await cloud.create("createDomain", "domain", ["name": "lower", "parentdomainid": upper])
      #expect(try await cloud.call("createDomain", ["name": "UPPER"]).status == 431)
      #expect(try await cloud.call("createDomain", ["name": "a/b"]).status == 431)
      #expect(try await cloud.call("updateDomain", ["id": upper, "name": "top"]).status == 200)
      let path = try await cloud.call("listDomains", ["id": lower])
      #expect(path.at("listdomainsresponse", "domain", "path") == "ROOT/top/lower")
      let account = try await cloud.create(
        "createAccount", "account", TestCloud.user("dora", ["accounttype": "2", "domainid": upper]))
      let user = try #require(cloud.control.state.users.all.first { $0.username == "dora" }).id.description
      let made = try await cloud.call("registerUserKeys", ["id": user])
      let dora = TestCloud.Keys(
        apiKey: try #require(made.at("registeruserkeysresponse", "userkeys", "apikey")),
        secretKey: try #require(made.at("registeruserkeysresponse", "userkeys", "secretkey")))
      let children = try await cloud.call("listDomainChildren", as: dora)
      #expect(children.at("listdomainchildrenresponse", "domain", "name") == "lower")
      let root = try #require(cloud.control.state.domains.all.first { $0.parent == nil }).id.description
      #expect(try await cloud.call("createDomain", ["name": "x", "parentdomainid": root], as: dora).status == 531)
      #expect(try await cloud.call("createDomain", ["name": "own"], as: dora).status == 200)
      #expect(try await cloud.call("deleteDomain", ["id": upper], as: dora).status == 531)
      #expect(try await cloud.call("deleteDomain", ["id": upper]).status == 536)
      #expect(try await cloud.call("deleteDomain", ["id": root, "cleanup": "true"]).status == 531)
      #expect(try await cloud.finish("deleteDomain", ["id": upper, "cleanup": "true"], as: TestCloud.admin) == nil)
      #expect(cloud.control.state.domains.count == 1)
      #expect(try await cloud.call("listAccounts", ["id": account]).status == 431)
    }
  }

  @Test func `a domain moves with all below it`() async throws {
    let cloud = try await TestCloud()
    let one = try await cloud.create("createDomain", "domain", ["name": "one"])
    let inner = try await cloud.create("createDomain", "domain", ["name": "inner", "parentdomainid": one])
    let two = try await cloud.create("createDomain", "domain", ["name": "two"])
    #expect(try await cloud.call("moveDomain", ["domainid": one, "parentdomainid": inner]).status == 431)
    #expect(try await cloud.call("moveDomain", ["domainid": one, "parentdomainid": two]).status == 200)
    let path = try await cloud.call("listDomains", ["id": inner])
    #expect(path.at("listdomainsresponse", "domain", "path") == "ROOT/two/one/inner")
    #expect(path.at("listdomainsresponse", "domain", "level") == "3")
  }
}
