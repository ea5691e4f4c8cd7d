import CloudModel
import Control
import FoundationEssentials
import Ledger
import Testing

@testable import CloudStackAPI

@Suite struct PreviewTests {
  @Test func `every command that changes something has a dry run, no other has`() {
    for command in Catalog.all {
      let isReading =
        ["list", "find", "get", "query"].contains { command.name.hasPrefix($0) }
        || ["quotaIsEnabled", "quotaSummary", "quotaTariffList"].contains(command.name)
      #expect(command.parameters.contains { $0.name == "dryrun" } == !isReading, "\(command.name)")
    }
  }

  @Test func `a dry run writes nothing and tells resources and rules`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let address = try #require(
      try await cloud.call("associateIpAddress", ["zoneid": try await zone(cloud)], as: alice)
        .at("associateipaddressresponse", "id"))
    let machine = try #require(
      try await cloud.call("deployVirtualMachine", try await deployment(cloud, "web"), as: alice)
        .at("deployvirtualmachineresponse", "id"))
    let before = cloud.control.snapshot.revision
    let told = try await cloud.call(
      "enableStaticNat", ["ipaddressid": address, "virtualmachineid": machine, "dryrun": "true"], as: alice)
    #expect(told.status == 200)
    #expect(told.at("enablestaticnatresponse", "dryrun") == "true")
    #expect(told.at("enablestaticnatresponse", "change", "kind") == "publicip")
    #expect(told.at("enablestaticnatresponse", "change", "field", "name") == "staticnat")
    #expect(told.at("enablestaticnatresponse", "rule", "action") == "create")
    #expect(told.at("enablestaticnatresponse", "rule", "account") == "alice")
    #expect(try #require(told.at("enablestaticnatresponse", "rule", "after")).hasPrefix("static NAT 203.0.113."))
    #expect(told.at("enablestaticnatresponse", "rule", "node") == nil, "customers are not told of nodes")
    #expect(cloud.control.snapshot.revision == before)
    #expect(cloud.control.state.publicIPs.all.allSatisfy { $0.staticNAT == nil })
  }

  @Test func `a dry run is refused as the command would be, and shows no secret`() async throws {
    let cloud = try await TestCloud()
    let (alice, mallory) = (try await cloud.account("alice"), try await cloud.account("mallory"))
    let address = try #require(
      try await cloud.call("associateIpAddress", ["zoneid": try await zone(cloud)], as: alice)
        .at("associateipaddressresponse", "id"))
    let before = cloud.control.snapshot.revision
    #expect(
      try await cloud.call("disassociateIpAddress", ["id": address, "dryrun": "true"], as: mallory).status == 531)
    #expect(try await cloud.call("listZones", ["dryrun": "true"], as: alice).status == 200)
    #expect(try await cloud.call("confirmHeldRemovals", ["name": "hold-1", "dryrun": "true"]).status == 432)
    let user = try #require(try await cloud.call("listUsers", as: alice).at("listusersresponse", "user", "id"))
    let told = await cloud.send("registerUserKeys", ["id": user, "dryrun": "true"], as: alice)
    let text = String(decoding: told.body, as: UTF8.self)
    #expect(told.status == 200 && text.contains("(secret)"))
    for secret in [alice.secretKey, alice.apiKey] { #expect(!text.contains(secret)) }
    #expect(cloud.control.snapshot.revision == before)
  }
}

func zone(_ cloud: TestCloud, _ name: String = "basic") async throws -> String {
  try #require(try await cloud.call("listZones", ["name": name]).at("listzonesresponse", "zone", "id"))
}

func deployment(_ cloud: TestCloud, _ name: String, zone zoneName: String = "basic") async throws -> [String: String] {
  let template = try await cloud.call("listTemplates", ["templatefilter": "all", "name": "tiny-simulator"])
  let offering = try await cloud.call("listServiceOfferings")
  return [
    "zoneid": try await zone(cloud, zoneName), "name": name,
    "templateid": try #require(template.at("listtemplatesresponse", "template", "id")),
    "serviceofferingid": try #require(offering.at("listserviceofferingsresponse", "serviceoffering", "id")),
  ]
}
