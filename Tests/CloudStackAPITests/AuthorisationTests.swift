import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// Walks the whole catalog: every parameter that names something, with one's own and with somebody else's.
@Suite struct AuthorisationTests {
  /// What everybody may name, whosever it looks like in the estate.
  static let common: Set<String> = [
    "diskoffering", "domain", "networkoffering", "oscategory", "ostype", "role", "serviceoffering", "vpcoffering",
    "zone",
  ]

  /// Lists of what belongs to one thing, which has to be named.
  static let narrow: Set<String> = [
    "listApis", "listIsoPermissions", "listLoadBalancerRuleInstances", "listNetworkPermissions", "listNics",
    "listProjectAccounts", "listProjectRolePermissions", "listProjectRoles",
    "listResourceHistory", "listTemplatePermissions", "listVMSchedule",
  ]

  /// What only root administrators may name.
  static let operators: Set<String> = [
    Host.kind, Pod.kind, Cluster.kind, PhysicalNetwork.kind, StoragePool.kind, ImageStore.kind, Alert.kind,
    Entity.trafficType.name, Entity.serviceProvider.name, Entity.routerElement.name, StorageIPRange.kind,
    SystemVM.kind, Entity.internalLoadBalancerElement.name,
  ]

  @Test func `nobody but administrators can name what is somebody else's`() async throws {
    let estate = try await Estate()
    let control = estate.cloud.control
    let alice = try #require(control.caller(apiKey: estate.alice.apiKey)).caller
    let admin = try #require(control.caller(apiKey: TestCloud.admin.apiKey)).caller
    for command in Catalog.all {
      for parameter in command.parameters {
        guard let entity = parameter.entity, let own = estate.aliceHas[entity.name],
          let foreign = estate.bobHas[entity.name]
        else { continue }
        var arguments: [String: String] = [:]
        for other in command.parameters where other.isRequired {
          arguments[other.name] = other.entity.flatMap { estate.aliceHas[$0.name] } ?? "1"
        }
        let parser = { (caller: Caller) in ArgumentParser(command: command, caller: caller, state: control.state) }
        for (value, isForeign) in [(own, false), (foreign, true)] {
          arguments[parameter.name] = value
          var form = Form()
          for (name, value) in arguments { form.set(name, value) }
          #expect(throws: Never.self, "admin \(command.name) \(parameter.name)") { try parser(admin).parse(form) }
          let isAllowed = !isForeign || Self.common.contains(entity.name)
          let needed = command.parameters.filter(\.isRequired).compactMap(\.entity?.name) + [entity.name]
          let isReserved = !parameter.roles.contains(.user) || !Self.operators.isDisjoint(with: needed)
          if isReserved { continue }
          if isAllowed {
            #expect(throws: Never.self, "user \(command.name) \(parameter.name)") { try parser(alice).parse(form) }
            continue
          }
          let told = try await estate.cloud.call(command.name, arguments, as: estate.alice)
          #expect(
            told.status == (command.roles.contains(.user) ? 531 : 432), "\(command.name) \(parameter.name) foreign")
          if let text = told.errorText, command.roles.contains(.user) {
            #expect(text == "Acct does not have permission to operate on this resource")
          }
        }
      }
    }
  }

  @Test func `lists show a user the own and the shared only`() async throws {
    let estate = try await Estate()
    for command in Catalog.all where command.name.hasPrefix("list") && command.roles.contains(.user) {
      if Self.narrow.contains(command.name) { continue }
      for parameters in [[:], ["listall": "true"], ["listall": "true", "isrecursive": "true"]] {
        var parameters = parameters
        if command.name == "listTemplates" { parameters["templatefilter"] = "executable" }
        if command.name == "listResourceDetails" { parameters["resourcetype"] = "Network" }
        let answer = await estate.cloud.send(command.name, parameters, as: estate.alice)
        #expect(answer.status == 200, "\(command.name)")
        let text = String(decoding: answer.body, as: UTF8.self)
        for (kind, id) in estate.bobHas where estate.aliceHas[kind] != id {
          #expect(!text.contains(id), "\(command.name) shows bob's \(kind)")
        }
      }
      var parameters = ["account": "bob", "templatefilter": "self"]
      if command.name == "listResourceDetails" { parameters["resourcetype"] = "Network" }
      let foreign = await estate.cloud.send(command.name, parameters, as: estate.alice)
      let knowsAccounts = command.parameters.contains { $0.name == "account" }
      if knowsAccounts {
        #expect(foreign.status == 531, "\(command.name) account=bob")
      }
    }
  }

  @Test func `administrators see their own without listall and everything with it`() async throws {
    let estate = try await Estate()
    let own = try await estate.cloud.call("listVirtualMachines")
    #expect(own.content?.members.isEmpty == true)
    let all = try await estate.cloud.call("listVirtualMachines", ["listall": "true"])
    #expect(all.at("listvirtualmachinesresponse", "count") == "4")
    let named = try await estate.cloud.call(
      "listVirtualMachines", ["id": try #require(estate.bobHas["virtualmachine"])])
    #expect(named.at("listvirtualmachinesresponse", "virtualmachine", "name") == "bob-web")
    let account = try await estate.cloud.call("listVirtualMachines", ["account": "alice"])
    #expect(account.at("listvirtualmachinesresponse", "virtualmachine", "name") == "alice-web")
    #expect(try await estate.cloud.call("listVirtualMachines", ["account": "nobody"]).status == 431)
  }
}
