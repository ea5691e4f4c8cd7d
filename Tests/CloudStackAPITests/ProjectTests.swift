import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

@Suite struct ProjectTests {
  /// A project of alice's, and the keys of alice, bob and carol.
  private func project(
    _ cloud: TestCloud
  ) async throws -> (id: String, alice: TestCloud.Keys, bob: TestCloud.Keys, carol: TestCloud.Keys) {
    let alice = try await cloud.account("alice")
    let bob = try await cloud.account("bob")
    let carol = try await cloud.account("carol")
    let made = try await cloud.call("createProject", ["name": "web", "displaytext": "The web site"], as: alice)
    return (try #require(made.at("createprojectresponse", "id")), alice, bob, carol)
  }

  @Test func `members act for a project, others neither see nor name it`() async throws {
    let cloud = try await TestCloud()
    let (id, alice, bob, carol) = try await project(cloud)
    func group(_ name: String, _ keys: TestCloud.Keys) async throws -> Told {
      try await cloud.call("createSecurityGroup", ["name": name, "projectid": id], as: keys)
    }
    #expect(try await group("early", bob).status == 531)
    #expect(try await cloud.call("listProjects", as: bob).at("listprojectsresponse", "count") == nil)
    let added = try await cloud.call("addAccountToProject", ["projectid": id, "account": "bob"], as: alice)
    #expect(added.status == 200, "\(added.errorText ?? "")")
    let made = try await group("front", bob)
    #expect(made.at("createsecuritygroupresponse", "securitygroup", "projectid") == id)
    #expect(made.at("createsecuritygroupresponse", "securitygroup", "project") == "web")
    #expect(made.at("createsecuritygroupresponse", "securitygroup", "account") == nil)
    let front = try #require(made.at("createsecuritygroupresponse", "securitygroup", "id"))
    #expect(try await group("late", carol).status == 531)
    #expect(try await cloud.call("deleteSecurityGroup", ["id": front], as: carol).status == 531)

    func names(_ parameters: [String: String], _ keys: TestCloud.Keys) async throws -> String {
      String(decoding: await cloud.send("listSecurityGroups", parameters, as: keys).body, as: UTF8.self)
    }
    for keys in [alice, bob] {
      #expect(try await names(["projectid": id], keys).contains("front"))
      #expect(try await names(["projectid": "-1"], keys).contains("front"))
      #expect(try await names(["id": front], keys).contains("front"))
      #expect(!(try await names([:], keys).contains("front")))
      #expect(!(try await names(["listall": "true"], keys).contains("front")))
    }
    #expect(!(try await names(["projectid": "-1"], carol).contains("front")))
    #expect(await cloud.send("listSecurityGroups", ["projectid": id], as: carol).status == 531)
    #expect(!(try await names(["listall": "true"], TestCloud.admin).contains("front")))
    #expect(try await names(["listall": "true", "projectid": "-1"], TestCloud.admin).contains("front"))
    #expect(!(try await names(["projectid": "-1"], alice).contains("Default Security Group\",\"account")))

    #expect(try await cloud.call("deleteSecurityGroup", ["id": front], as: alice).status == 200)
    let both = try await cloud.call("createSecurityGroup", ["name": "g", "projectid": id, "account": "bob"], as: bob)
    #expect(both.status == 431)
  }

  @Test func `only those who answer for a project change it, and somebody always does`() async throws {
    let cloud = try await TestCloud()
    let (id, alice, bob, carol) = try await project(cloud)
    func call(_ command: String, _ parameters: [String: String], as keys: TestCloud.Keys) async throws -> Int {
      try await cloud.call(command, ["projectid": id].merging(parameters) { $1 }, as: keys).status
    }
    #expect(try await call("addAccountToProject", ["account": "bob"], as: alice) == 200)
    #expect(try await call("addAccountToProject", ["account": "bob"], as: alice) == 431)
    #expect(try await call("addAccountToProject", ["account": "nobody"], as: alice) == 431)
    #expect(try await call("addAccountToProject", ["account": "carol"], as: bob) == 531)
    #expect(try await call("addAccountToProject", ["account": "carol", "roletype": "Owner"], as: alice) == 431)
    #expect(try await call("deleteAccountFromProject", ["account": "alice"], as: alice) == 431)
    #expect(try await cloud.call("updateProject", ["id": id, "displaytext": "t"], as: bob).status == 531)
    #expect(try await cloud.call("updateProject", ["id": id, "displaytext": "t"], as: carol).status == 531)
    #expect(try await cloud.call("deleteProject", ["id": id], as: bob).status == 531)
    #expect(try await cloud.call("updateProject", ["id": id, "account": "carol"], as: alice).status == 431)
    #expect(try await cloud.call("updateProject", ["id": id, "account": "bob"], as: alice).status == 200)
    let told = try await cloud.call("listProjects", as: alice)
    #expect(told.at("listprojectsresponse", "project", "owner", "account") == "bob")
    #expect(try await cloud.call("updateProject", ["id": id, "displaytext": "t"], as: alice).status == 531)
    let members = try await cloud.call("listProjectAccounts", ["projectid": id], as: alice)
    #expect(members.at("listprojectaccountsresponse", "count") == "2")
    #expect(try await call("deleteAccountFromProject", ["account": "alice"], as: bob) == 200)
    #expect(try await cloud.call("listProjects", as: alice).at("listprojectsresponse", "count") == nil)

    let account = try #require(cloud.control.state.accounts.all.first { $0.name == "bob" })
    let refused = try await cloud.call("deleteAccount", ["id": account.id.description])
    #expect(refused.errorText?.contains("manages the project web") == true)
    let hidden = try #require(cloud.control.state.accounts.all.first { $0.type == .project })
    #expect(try await cloud.call("deleteAccount", ["id": hidden.id.description]).status == 431)
    #expect(try await cloud.call("enableAccount", ["id": hidden.id.description]).status == 431)
    let user = TestCloud.user("mallory", ["account": hidden.name]).filter { $0.key != "accounttype" }
    #expect(try await cloud.call("createUser", user).status == 431)
  }

  @Test func `one user of an account takes part alone`() async throws {
    let cloud = try await TestCloud()
    let (id, alice, bob, _) = try await project(cloud)
    var second = TestCloud.user("bert", ["account": "bob"])
    second["accounttype"] = nil
    let made = try await cloud.call("createUser", second)
    let user = try #require(made.at("createuserresponse", "user", "id"))
    #expect(try await cloud.call("addUserToProject", ["projectid": id, "username": "bert"], as: alice).status == 200)
    let keys = try await cloud.call("registerUserKeys", ["id": user])
    let bert = TestCloud.Keys(
      apiKey: try #require(keys.at("registeruserkeysresponse", "userkeys", "apikey")),
      secretKey: try #require(keys.at("registeruserkeysresponse", "userkeys", "secretkey")))
    let group = ["name": "berts", "projectid": id]
    #expect(try await cloud.call("createSecurityGroup", group, as: bob).status == 531)
    #expect(try await cloud.call("createSecurityGroup", group, as: bert).status == 200)
    #expect(try await cloud.call("deleteUserFromProject", ["projectid": id, "userid": user], as: alice).status == 200)
    #expect(try await cloud.call("listSecurityGroups", ["projectid": id], as: bert).status == 531)
    #expect(try await cloud.call("addUserToProject", ["projectid": id, "username": "bert"], as: alice).status == 200)
    #expect(try await cloud.call("deleteUser", ["id": user]).status == 200)
    #expect(cloud.control.state.projects.all.first { _ in true }?.members.count == 1)
  }

  @Test func `where projects invite, who is invited decides`() async throws {
    let cloud = try await TestCloud()
    let (id, alice, bob, carol) = try await project(cloud)
    _ = try await cloud.call("updateConfiguration", ["name": "project.invite.required", "value": "true"])
    #expect(try await cloud.call("addAccountToProject", ["projectid": id, "account": "bob"], as: alice).status == 200)
    #expect(try await cloud.call("listSecurityGroups", ["projectid": id], as: bob).status == 531)
    let pending = try await cloud.call("listProjectInvitations", as: bob)
    #expect(pending.at("listprojectinvitationsresponse", "projectinvitation", "state") == "Pending")
    #expect(
      try await cloud.call("listProjectInvitations", as: carol).at("listprojectinvitationsresponse", "count") == nil)
    #expect(try await cloud.call("listProjectInvitations", ["projectid": id], as: carol).status == 531)
    let invitation = try #require(pending.at("listprojectinvitationsresponse", "projectinvitation", "id"))
    #expect(try await cloud.call("deleteProjectInvitation", ["id": invitation], as: bob).status == 531)
    #expect(try await cloud.call("updateProjectInvitation", ["projectid": id], as: carol).status == 531)
    let asBob = ["projectid": id, "account": "bob"]
    #expect(try await cloud.call("updateProjectInvitation", asBob, as: alice).status == 531)
    #expect(try await cloud.call("updateProjectInvitation", ["projectid": id], as: bob).status == 200)
    #expect(try await cloud.call("listSecurityGroups", ["projectid": id], as: bob).status == 200)
    #expect(try await cloud.call("updateProjectInvitation", ["projectid": id], as: bob).status == 431)

    _ = try await cloud.call("updateConfiguration", ["name": "project.invite.timeout", "value": "1"])
    #expect(
      try await cloud.call("addAccountToProject", ["projectid": id, "account": "carol"], as: alice).status == 200)
    try await cloud.change { draft in
      var project = try #require(draft.state.projects.all.first { _ in true })
      for place in project.invitations.indices { project.invitations[place].created -= 60 }
      try draft.put(project)
    }
    let late = try await cloud.call("updateProjectInvitation", ["projectid": id], as: carol)
    #expect(late.errorText?.contains("expired") == true)
    let expired = try await cloud.call("listProjectInvitations", ["state": "Expired"], as: carol)
    #expect(expired.at("listprojectinvitationsresponse", "count") == "1")
  }

  @Test func `a project's role narrows what its members may call for it`() async throws {
    let cloud = try await TestCloud()
    let (id, alice, bob, _) = try await project(cloud)
    let role = try #require(
      try await cloud.call("createProjectRole", ["projectid": id, "name": "reader"], as: alice)
        .at("createprojectroleresponse", "projectrole", "id"))
    func rule(_ rule: String, _ permission: String) async throws -> String {
      try #require(
        try await cloud.call(
          "createProjectRolePermission",
          ["projectid": id, "projectroleid": role, "rule": rule, "permission": permission], as: alice
        ).at("createprojectrolepermissionresponse", "projectrolepermission", "id"))
    }
    let lists = try await rule("list*", "allow")
    let rest = try await rule("*", "deny")
    let member = ["projectid": id, "account": "bob", "projectroleid": role]
    #expect(try await cloud.call("addAccountToProject", member, as: alice).status == 200)
    #expect(try await cloud.call("listSecurityGroups", ["projectid": id], as: bob).status == 200)
    let group = ["name": "g", "projectid": id]
    #expect(try await cloud.call("createSecurityGroup", group, as: bob).status == 531)
    #expect(try await cloud.call("createSecurityGroup", ["name": "own"], as: bob).status == 200)
    #expect(try await cloud.call("deleteProjectRole", ["projectid": id, "id": role], as: alice).status == 536)
    let change = ["projectid": id, "projectroleid": role]
    let order = change.merging(["ruleorder": "\(rest),\(lists)"]) { $1 }
    #expect(try await cloud.call("updateProjectRolePermission", order, as: bob).status == 531)
    #expect(try await cloud.call("updateProjectRolePermission", order, as: alice).status == 200)
    #expect(try await cloud.call("listSecurityGroups", ["projectid": id], as: bob).status == 531)
    let allow = change.merging(["projectrolepermissionid": rest, "permission": "allow"]) { $1 }
    #expect(try await cloud.call("updateProjectRolePermission", allow, as: alice).status == 200)
    #expect(try await cloud.call("createSecurityGroup", group, as: bob).status == 200)
    #expect(
      try await cloud.call("deleteProjectRolePermission", ["projectid": id, "id": lists], as: alice).status == 200)
    let rules = try await cloud.call("listProjectRolePermissions", ["projectid": id], as: alice)
    #expect(rules.at("listprojectrolepermissionsresponse", "count") == "1")
  }

  @Test func `limits, suspension and the end`() async throws {
    try await TestCloud.living { cloud in
      let (id, alice, _, _) = try await project(cloud)
      func group(_ name: String) async throws -> Int {
        try await cloud.call("createSecurityGroup", ["name": name, "projectid": id], as: alice).status
      }
      _ = try await cloud.call("updateConfiguration", ["name": "max.account.projects", "value": "1"])
      let second = try await cloud.call("createProject", ["name": "other"], as: alice)
      #expect(second.status == 535, "\(second.errorText ?? "")")
      #expect(try await cloud.call("createProject", ["name": "WEB"]).status == 431)
      let limit = ["projectid": id, "resourcetype": "0", "max": "3"]
      #expect(
        try await cloud.call("updateResourceLimit", limit).at("updateresourcelimitresponse", "resourcelimit", "project")
          == "web")
      #expect(try await group("one") == 200)
      #expect(try await cloud.call("suspendProject", ["id": id], as: alice).status == 200)
      #expect(try await group("two") == 531)
      #expect(try await cloud.call("activateProject", ["id": id], as: alice).status == 200)
      #expect(try await group("two") == 200)
      let dry = try await cloud.call("deleteProject", ["id": id, "dryrun": "true"], as: alice)
      #expect(dry.status == 200)
      #expect(try await cloud.finish("deleteProject", ["id": id], as: alice) == nil)
      #expect(cloud.control.state.projects.isEmpty)
      #expect(!cloud.control.state.accounts.all.contains { $0.type == .project })
      #expect(!cloud.control.state.securityGroups.all.contains { $0.name == "one" })
    }
  }
}
