import CloudModel
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct ImageTests {
  private func register(
    _ cloud: TestCloud, _ name: String, _ more: [String: String] = [:], as keys: TestCloud.Keys
  ) async throws -> Told {
    try await cloud.call(
      "registerTemplate",
      [
        "name": name, "url": "http://example.org/\(name).raw", "format": "RAW", "hypervisor": "Simulator",
        "zoneid": try await zone(cloud),
      ].merging(more) { $1 }, as: keys)
  }

  private func names(_ cloud: TestCloud, _ filter: String, as keys: TestCloud.Keys) async throws -> Set<String> {
    let told = try await cloud.call("listTemplates", ["templatefilter": filter, "showunique": "true"], as: keys)
    #expect(told.status == 200, "\(filter)")
    guard case .list(let templates) = told.content?["template"] else { return [] }
    return Set(
      templates.compactMap { template in
        guard case .object(let fields) = template, case .string(let name) = fields["name"] else { return nil }
        return name
      })
  }

  @Test func `a private template is its owner's and theirs whom it is shared with`() async throws {
    let cloud = try await TestCloud()
    let (alice, bob) = (try await cloud.account("alice"), try await cloud.account("bob"))
    let told = try await register(cloud, "hers", as: alice)
    let id = try #require(told.at("registertemplateresponse", "template", "id"))
    #expect(told.at("registertemplateresponse", "template", "isready") == "true")
    #expect(told.at("registertemplateresponse", "template", "url") == nil)
    var wanted = try await deployment(cloud, "web")
    wanted["templateid"] = id
    #expect(try await cloud.call("deployVirtualMachine", wanted, as: bob).status == 531)
    #expect(try await names(cloud, "executable", as: bob) == ["tiny", "tiny-simulator"])
    #expect(try await names(cloud, "executable", as: alice).contains("hers"))
    #expect(try await names(cloud, "self", as: alice) == ["hers"])
    #expect(try await names(cloud, "featured", as: alice) == ["tiny", "tiny-simulator"])
    #expect(try await names(cloud, "all", as: TestCloud.admin).contains("hers"))
    #expect(try await cloud.call("listTemplates", ["templatefilter": "all"], as: alice).status == 431)
    let share = ["id": id, "op": "add", "accounts": "bob"]
    #expect(try await cloud.call("updateTemplatePermissions", share, as: bob).status == 531)
    #expect(try await cloud.call("updateTemplatePermissions", share, as: alice).status == 200)
    #expect(try await names(cloud, "sharedexecutable", as: bob) == ["hers"])
    let shared = try await cloud.call("listTemplatePermissions", ["id": id], as: alice)
    #expect(shared.at("listtemplatepermissionsresponse", "templatepermission", "account") == "bob")
    #expect(try await cloud.call("listTemplatePermissions", ["id": id], as: bob).status == 531)
    #expect(try await cloud.call("deployVirtualMachine", wanted, as: bob).status == 200)
    for (command, more) in [
      ("updateTemplate", ["name": "his"]), ("deleteTemplate", [:]),
      ("copyTemplate", ["destzoneid": try await zone(cloud)]),
    ] as [(String, [String: String])] {
      #expect(try await cloud.call(command, more.merging(["id": id]) { $1 }, as: bob).status == 531, "\(command)")
    }
    #expect(
      try await cloud.call("updateTemplatePermissions", ["id": id, "op": "reset"], as: alice).status == 200)
    #expect(try await names(cloud, "sharedexecutable", as: bob).isEmpty)
  }

  @Test func `users make nothing public, administrators do`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    #expect(try await register(cloud, "open", ["ispublic": "true"], as: alice).status == 431)
    let own = try await register(cloud, "own", ["isfeatured": "true"], as: alice)
    let id = try #require(own.at("registertemplateresponse", "template", "id"))
    #expect(own.at("registertemplateresponse", "template", "isfeatured") == "false")
    #expect(
      try await cloud.call("updateTemplatePermissions", ["id": id, "ispublic": "true"], as: alice).status == 431)
    #expect(
      try await cloud.call("updateTemplatePermissions", ["id": id, "isextractable": "true"], as: alice).status == 531)
    #expect(try await register(cloud, "everybody", ["ispublic": "true"], as: TestCloud.admin).status == 200)
    #expect(try await names(cloud, "community", as: alice) == ["everybody"])
    #expect(try await names(cloud, "executable", as: alice) == ["everybody", "own", "tiny", "tiny-simulator"])
  }

  @Test func `what comes with the cloud stays, and nothing is downloaded`() async throws {
    let cloud = try await TestCloud()
    for name in ["KVM", "VMware"] {
      #expect(try await register(cloud, "x", ["hypervisor": name], as: TestCloud.admin).status == 432, "\(name)")
    }
    for change in [
      ["url": "example.org"], ["url": "javascript://x y"], ["format": "EXE"], ["ostypeid": "1"],
      ["details[0].<b>": "x"],
    ] {
      #expect(try await register(cloud, "x", change, as: TestCloud.admin).status == 431, "\(change)")
    }
    let built = try await cloud.call("listTemplates", ["templatefilter": "all", "name": "tiny-simulator"])
    let id = try #require(built.at("listtemplatesresponse", "template", "id"))
    #expect(try await cloud.call("deleteTemplate", ["id": id, "forced": "true"]).status == 531)
    #expect(try await cloud.call("updateTemplate", ["id": id, "passwordenabled": "true"]).status == 432)
    #expect(try await cloud.call("updateTemplate", ["id": id, "displaytext": "Small"]).status == 200)
    #expect(try await cloud.call("updateIso", ["id": id, "name": "x"]).status == 431, "not an ISO")
    let everywhere = try await register(
      cloud, "wide", ["zoneid": "-1", "details[0].disk.bus": "virtio"], as: TestCloud.admin)
    #expect(everywhere.at("registertemplateresponse", "template", "details", "disk.bus") == "virtio")
    #expect(everywhere.at("registertemplateresponse", "count") == "2")
  }

  @Test func `systems have ids for ever`() async throws {
    let cloud = try await TestCloud()
    #expect(Set(OperatingSystem.all.map(\.id)).count == OperatingSystem.all.count)
    let told = try await cloud.call("listOsTypes", ["description": "Other Linux (64-bit)"])
    #expect(told.at("listostypesresponse", "ostype", "id") == "da603a00-0005-4000-8000-00000000000f")
    let category = try #require(told.at("listostypesresponse", "ostype", "oscategoryid"))
    let categories = try await cloud.call("listOsCategories", ["id": category])
    #expect(categories.at("listoscategoriesresponse", "oscategory", "name") == "Other")
  }
}
