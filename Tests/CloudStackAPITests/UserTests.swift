import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct UserTests {
  private func id(_ cloud: TestCloud, _ username: String) throws -> String {
    try #require(cloud.control.state.users.all.first { $0.username == username }).id.description
  }

  @Test func `a user is made, changed, and taken away`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let second = try await cloud.create("createUser", "user", TestCloud.user("anna", ["account": "alice"]))
    #expect(try await cloud.call("createUser", TestCloud.user("ANNA", ["account": "alice"])).status == 431)
    #expect(try await cloud.call("createUser", TestCloud.user("x", ["account": "nobody"])).status == 531)
    #expect(try await cloud.call("createUser", TestCloud.user("x", ["account": "alice"]), as: alice).status == 432)
    let told = try await cloud.call(
      "updateUser", ["id": second, "firstname": "Anna", "timezone": "Asia/Tokyo"], as: alice)
    #expect(told.at("updateuserresponse", "user", "firstname") == "Anna")
    #expect(told.at("updateuserresponse", "user", "timezone") == "Asia/Tokyo")
    #expect(try await cloud.call("updateUser", ["id": second, "username": "alice"]).status == 431)
    #expect(try await cloud.call("updateUser", ["id": second, "userapikey": "1234567890123456"]).status == 431)
    #expect(try await cloud.call("listUsers", as: alice).at("listusersresponse", "count") == "2")
    let key = try #require(
      try await cloud.call("getUser", ["userapikey": alice.apiKey]).at("getuserresponse", "user", "username"))
    #expect(key == "alice")
    #expect(try await cloud.call("getUser", ["userapikey": "nobody's"]).status == 431)
    #expect(try await cloud.call("deleteUser", ["id": second]).at("deleteuserresponse", "success") == "true")
    #expect(try await cloud.call("listUsers", as: alice).at("listusersresponse", "count") == "1")
    let admin = try id(cloud, "admin")
    #expect(try await cloud.call("deleteUser", ["id": admin]).status == 431)
  }

  @Test func `a password is changed by who knows the old one`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let user = try id(cloud, "alice")
    let wanted = ["id": user, "password": "another"]
    #expect(try await cloud.call("updateUser", wanted, as: alice).status == 431)
    let wrong = wanted.merging(["currentpassword": "wrong"]) { $1 }
    #expect(try await cloud.call("updateUser", wrong, as: alice).status == 431)
    let right = wanted.merging(["currentpassword": "password"]) { $1 }
    #expect(try await cloud.call("updateUser", right, as: alice).status == 200)
    #expect(try await cloud.call("updateUser", ["id": user, "password": "third"]).status == 200)
    let domain = try #require(cloud.control.state.domains.all.first { _ in true }).id
    let caller = try await cloud.server.logins.caller(
      username: "alice", password: "third", domain: domain, in: cloud.control.state)
    #expect(caller.user.description == user)
  }

  @Test func `who is disabled or locked is told nothing`() async throws {
    try await TestCloud.running { cloud in
      let alice = try await cloud.account("alice")
      let user = ["id": try id(cloud, "alice")]
      #expect(try await cloud.finish("disableUser", user, as: TestCloud.admin) == nil)
      #expect(try await cloud.call("listZones", as: alice).status == 401)
      let listed = try await cloud.call("listUsers", ["listall": "true", "state": "disabled"])
      #expect(listed.at("listusersresponse", "user", "username") == "alice")
      #expect(try await cloud.call("lockUser", user).status == 431)
      #expect(try await cloud.call("enableUser", user).at("enableuserresponse", "user", "state") == "enabled")
      #expect(try await cloud.call("listZones", as: alice).status == 200)
      #expect(try await cloud.call("lockUser", user).at("lockuserresponse", "user", "state") == "locked")
      #expect(try await cloud.call("listZones", as: alice).status == 401)
    }
  }

  @Test func `a user moves within its domain`() async throws {
    let cloud = try await TestCloud()
    _ = try await cloud.account("alice")
    _ = try await cloud.account("bob")
    let user = try await cloud.create("createUser", "user", TestCloud.user("anna", ["account": "alice"]))
    #expect(try await cloud.call("moveUser", ["id": user]).status == 431)
    #expect(try await cloud.call("moveUser", ["id": user, "account": "bob"]).status == 200)
    let told = try await cloud.call("listUsers", ["id": user])
    #expect(told.at("listusersresponse", "user", "account") == "bob")
    let domain = try await cloud.create("createDomain", "domain", ["name": "d"])
    let other = try await cloud.create(
      "createAccount", "account", TestCloud.user("carol", ["accounttype": "0", "domainid": domain]))
    #expect(try await cloud.call("moveUser", ["id": user, "accountid": other]).status == 431)
  }

  @Test func `wrong passwords lock a user out after as many as the setting says`() async throws {
    let cloud = try await TestCloud()
    #expect(
      try await cloud.call(
        "updateConfiguration", ["name": "incorrect.login.attempts.allowed", "value": "1"]
      ).status == 200)
    let domain = try #require(cloud.control.state.domains.all.first { _ in true }).id
    for refusal in [Login.Refusal.wrong, .locked] {
      await #expect(throws: refusal) {
        _ = try await cloud.server.logins.caller(
          username: "admin", password: "wrong", domain: domain, in: cloud.control.state)
      }
    }
  }
}
