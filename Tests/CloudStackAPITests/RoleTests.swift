import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct RoleTests {
  /// Keys of a new account with the role.
  private func account(_ cloud: TestCloud, _ name: String, role: String) async throws -> TestCloud.Keys {
    _ = try await cloud.create("createAccount", "account", TestCloud.user(name, ["roleid": role]))
    let user = try #require(cloud.control.state.users.all.first { $0.username == name }).id.description
    let made = try await cloud.call("registerUserKeys", ["id": user])
    return TestCloud.Keys(
      apiKey: try #require(made.at("registeruserkeysresponse", "userkeys", "apikey")),
      secretKey: try #require(made.at("registeruserkeysresponse", "userkeys", "secretkey")))
  }

  @Test(arguments: [
    ("list*", "listZones", true), ("list*", "deleteZone", false), ("*", "anything", true), ("*VM*", "listVMs", true),
    ("*a*b", "xaxxb", true), ("*a*b", "xaxxbc", false), ("LISTzones", "listZones", true),
    ("listZones", "listZone", false),
    ("listZone", "listZones", false), ("**", "x", true),
  ]) func `rules fit names`(rule: String, name: String, isFitting: Bool) {
    #expect(RolePermission(id: UUID(), rule: rule, isAllowed: true).fits(name) == isFitting)
  }

  @Test func `the first rule that fits decides, else the command's declaration`() async throws {
    let cloud = try await TestCloud()
    let role = try await cloud.create("createRole", "role", ["name": "reader", "type": "User"])
    func rule(_ rule: String, _ permission: String) async throws -> String {
      try await cloud.create(
        "createRolePermission", "rolepermission", ["roleid": role, "rule": rule, "permission": permission])
    }
    let zones = try await rule("listZones", "deny")
    let lists = try await rule("list*", "allow")
    _ = try await rule("create*", "deny")
    let keys = try await account(cloud, "reader", role: role)
    #expect(try await cloud.call("listZones", as: keys).status == 432)
    #expect(try await cloud.call("listNetworks", as: keys).status == 200)
    #expect(try await cloud.call("createSecurityGroup", ["name": "g"], as: keys).status == 432)
    #expect(try await cloud.call("deleteSecurityGroup", ["name": "g"], as: keys).status == 431)
    #expect(try await cloud.call("listApis", ["name": "listZones"], as: keys).status == 530)
    let rest = try #require(
      cloud.control.state.roles.all.first { $0.name == "reader" }?.permissions.last
    ).id.uuidString
    let order = ["roleid": role, "ruleorder": "\(lists),\(zones),\(rest)"]
    #expect(try await cloud.call("updateRolePermission", order).status == 200)
    #expect(try await cloud.call("listZones", as: keys).status == 200)
    #expect(try await cloud.call("updateRolePermission", ["roleid": role, "ruleorder": lists]).status == 431)
    let deny = ["roleid": role, "ruleid": lists, "permission": "deny"]
    #expect(try await cloud.call("updateRolePermission", deny).status == 200)
    #expect(try await cloud.call("listNetworks", as: keys).status == 432)
    #expect(try await cloud.call("deleteRolePermission", ["id": lists]).status == 200)
    #expect(try await cloud.call("listNetworks", as: keys).status == 200)
    #expect(try await cloud.call("disableRole", ["id": role]).status == 200)
    #expect(try await cloud.call("listNetworks", as: keys).status == 432)
    #expect(try await cloud.call("deleteRole", ["id": role]).status == 531)
    let told = try await cloud.call("listAccounts", ["name": "reader"])
    #expect(told.at("listaccountsresponse", "account", "rolename") == "reader")
    #expect(told.at("listaccountsresponse", "account", "roletype") == "User")
  }

  @Test func `default roles are there and stay as they are`() async throws {
    let cloud = try await TestCloud()
    let told = try await cloud.call("listRoles")
    #expect(told.at("listrolesresponse", "count") == "4")
    let user = try #require(Role.builtIn(.user)).id.description
    #expect(try await cloud.call("updateRole", ["id": user, "name": "x"]).status == 531)
    #expect(try await cloud.call("deleteRole", ["id": user]).status == 531)
    #expect(try await cloud.call("createRole", ["name": "user", "type": "User"]).status == 431)
    #expect(try await cloud.call("createRole", ["name": "x"]).status == 431)
    let rule = ["roleid": user, "rule": "list*", "permission": "allow"]
    #expect(try await cloud.call("createRolePermission", rule).status == 531)
    let rules = try await cloud.call("listRolePermissions", ["roleid": user])
    #expect(
      rules.at("listrolepermissionsresponse", "count") == String(Catalog.all.count { $0.roles.contains(.user) }))
    let copy = try await cloud.create("createRole", "role", ["name": "copy", "roleid": user])
    let copied = try await cloud.call("listRolePermissions", ["roleid": copy])
    #expect(
      copied.at("listrolepermissionsresponse", "count") == rules.at("listrolepermissionsresponse", "count"))
    let keys = try await account(cloud, "plain", role: user)
    #expect(try await cloud.call("listZones", as: keys).status == 200)
    #expect(try await cloud.call("listHosts", as: keys).status == 432)
  }

  @Test func `a role is imported with its rules, and replaced if that is forced`() async throws {
    let cloud = try await TestCloud()
    let rules = [
      "name": "imported", "type": "DomainAdmin", "rules[0].rule": "listZones", "rules[0].permission": "allow",
      "rules[1].rule": "*", "rules[1].permission": "deny",
    ]
    let role = try await cloud.create("importRole", "role", rules)
    #expect(try await cloud.call("importRole", rules).status == 431)
    #expect(try await cloud.create("importRole", "role", rules.merging(["forced": "true"]) { $1 }) == role)
    #expect(try await cloud.call("importRole", rules.merging(["rules[0].rule": "a b"]) { $1 }).status == 431)
    let keys = try await account(cloud, "dora", role: role)
    #expect(try await cloud.call("listApis", as: keys).status == 432)
    #expect(try await cloud.call("listZones", as: keys).status == 200)
    #expect(cloud.control.state.accounts.all.first { $0.name == "dora" }?.type == .domainAdmin)
  }

  @Test func `nobody gives, or gets at, more than the own role has`() async throws {
    let cloud = try await TestCloud()
    let reader = try await cloud.create(
      "importRole", "role",
      [
        "name": "reader", "type": "Admin", "rules[0].rule": "list*", "rules[0].permission": "allow",
        "rules[1].rule": "get*", "rules[1].permission": "allow", "rules[2].rule": "createAccount",
        "rules[2].permission": "allow", "rules[3].rule": "updateUser", "rules[3].permission": "allow",
        "rules[4].rule": "*", "rules[4].permission": "deny",
      ])
    let keys = try await account(cloud, "reader", role: reader)
    let admin = try #require(cloud.control.state.users.all.first { $0.username == "admin" }).id.description
    #expect(try await cloud.call("listUsers", ["listall": "true"], as: keys).status == 200)
    #expect(try await cloud.call("getUserKeys", ["id": admin], as: keys).status == 531)
    #expect(try await cloud.call("updateUser", ["id": admin, "password": "x"], as: keys).status == 531)
    for type in ["0", "1", "2"] {
      let wanted = TestCloud.user("new\(type)", ["accounttype": type])
      #expect(try await cloud.call("createAccount", wanted, as: keys).status == 531)
    }
    let twin = TestCloud.user("twin", ["roleid": reader])
    #expect(try await cloud.call("createAccount", twin, as: keys).status == 200)
    #expect(try await cloud.call("getUserKeys", ["id": admin]).status == 200)
  }

  @Test func `an account changes its role, and with it its type`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let account = try #require(cloud.control.state.accounts.all.first { $0.name == "alice" }).id.description
    let domainAdmin = try #require(Role.builtIn(.domainAdmin)).id.description
    let told = try await cloud.call("updateAccount", ["id": account, "roleid": domainAdmin])
    #expect(told.at("updateaccountresponse", "account", "roletype") == "DomainAdmin")
    #expect(told.at("updateaccountresponse", "account", "accounttype") == "2")
    #expect(try await cloud.call("listDomains", as: alice).status == 200)
    let resourceAdmin = try await cloud.account("ruth", type: 3)
    #expect(try await cloud.call("listDomains", as: resourceAdmin).status == 200)
    #expect(try await cloud.call("createDomain", ["name": "d"], as: resourceAdmin).status == 432)
  }
}
