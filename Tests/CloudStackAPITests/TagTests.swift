import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct TagTests {
  private static func tag(_ id: String, _ key: String, _ value: String, _ type: String = "Network") -> [String: String]
  {
    ["resourceids": id, "resourcetype": type, "tags[0].key": key, "tags[0].value": value]
  }

  @Test func `tags are put on, shown, asked for, and taken off`() async throws {
    let estate = try await Estate()
    let (cloud, alice) = (estate.cloud, estate.alice)
    let network = try #require(estate.aliceHas["network"])
    #expect(try await cloud.call("createTags", Self.tag(network, "env", "prod", "network"), as: alice).status == 200)
    #expect(try await cloud.call("createTags", Self.tag(network, "ENV", "test"), as: alice).status == 431)
    #expect(try await cloud.call("createTags", Self.tag(network, "a", "b", "Planet"), as: alice).status == 431)
    #expect(try await cloud.call("createTags", Self.tag(network, "a", "b", "UserVm"), as: alice).status == 431)
    let shown = try await cloud.call("listNetworks", ["id": network], as: alice)
    #expect(shown.at("listnetworksresponse", "network", "tags", "key") == "env")
    #expect(shown.at("listnetworksresponse", "network", "tags", "value") == "prod")
    #expect(shown.at("listnetworksresponse", "network", "tags", "resourcetype") == nil, "keys and values alone")
    func count(_ value: String) async throws -> String? {
      try await cloud.call(
        "listNetworks", ["tags[0].key": "env", "tags[0].value": value, "type": "Isolated"], as: alice
      )
      .at("listnetworksresponse", "count")
    }
    #expect(try await count("prod") == "1")
    #expect(try await count("test") == nil)
    let listed = try await cloud.call("listTags", ["key": "env"], as: alice)
    #expect(listed.at("listtagsresponse", "count") == "1")
    #expect(listed.at("listtagsresponse", "tag", "resourceid") == network)
    #expect(listed.at("listtagsresponse", "tag", "resourcetype") == "Network")
    #expect(listed.at("listtagsresponse", "tag", "account") == "alice")
    let off = ["resourceids": network, "resourcetype": "Network", "tags[0].key": "env"]
    #expect(
      try await cloud.call("deleteTags", off.merging(["tags[0].value": "x"]) { $1 }, as: alice).status == 431)
    #expect(try await cloud.call("deleteTags", off, as: alice).status == 200)
    #expect(try await count("prod") == nil)
  }

  @Test func `nobody tags, or sees tags of, what is another's`() async throws {
    let estate = try await Estate()
    let (cloud, alice) = (estate.cloud, estate.alice)
    let foreign = try #require(estate.bobHas["network"])
    #expect(try await cloud.call("createTags", Self.tag(foreign, "a", "b"), as: alice).status == 531)
    #expect(
      try await cloud.call("deleteTags", ["resourceids": foreign, "resourcetype": "Network"], as: alice).status == 531)
    let listed = try await cloud.call("listTags", ["resourceid": foreign, "listall": "true"], as: alice)
    #expect(listed.content?.members.isEmpty == true)
    let builtIn = cloud.control.state.templates.first("name", .text("tiny-simulator"))
    let template = try #require(builtIn).id.description
    #expect(try await cloud.call("createTags", Self.tag(template, "a", "b", "Template"), as: alice).status == 531)
    #expect(try await cloud.call("createTags", Self.tag(template, "a", "b", "Template")).status == 200)
    let details = ["resourcetype": "Network", "resourceid": foreign]
    #expect(try await cloud.call("listResourceDetails", details, as: alice).content?.members.isEmpty == true)
    #expect(
      try await cloud.call("listResourceDetails", details).at("listresourcedetailsresponse", "resourcedetail", "value")
        == "bob")
  }

  @Test func `hidden details are for root administrators`() async throws {
    let estate = try await Estate()
    let (cloud, alice) = (estate.cloud, estate.alice)
    let network = ["resourcetype": "Network", "resourceid": try #require(estate.aliceHas["network"])]
    let hidden = network.merging(["details[0].note": "late", "fordisplay": "false"]) { $1 }
    #expect(try await cloud.call("addResourceDetail", hidden).status == 200)
    #expect(try await cloud.call("addResourceDetail", hidden, as: alice).status == 432)
    let own = try await cloud.call("listResourceDetails", network, as: alice)
    #expect(own.at("listresourcedetailsresponse", "count") == "1")
    let all = try await cloud.call("listResourceDetails", network)
    #expect(all.at("listresourcedetailsresponse", "count") == "2")
    #expect(try await cloud.call("removeResourceDetail", network.merging(["key": "note"]) { $1 }).status == 200)
    #expect(
      try await cloud.call("listResourceDetails", network).at("listresourcedetailsresponse", "count") == "1")
  }

  @Test func `tags and details go with what they are on`() async throws {
    try await TestCloud.running { cloud in
      let alice = try await cloud.account("alice")
      let group = try await cloud.create("createSecurityGroup", "securitygroup", ["name": "g"], as: alice)
      #expect(try await cloud.finish("createTags", Self.tag(group, "a", "b", "SecurityGroup"), as: alice) == nil)
      let state = cloud.control.state
      let zone = try #require(state.zones.first("name", .text("basic"))).id.description
      let address = try #require(try await cloud.done("associateIpAddress", ["zoneid": zone], as: alice))
      #expect(try await cloud.finish("createTags", Self.tag(address, "a", "b", "PublicIpAddress"), as: alice) == nil)
      let detail = ["resourcetype": "PublicIpAddress", "resourceid": address, "details[0].a": "b"]
      #expect(try await cloud.finish("addResourceDetail", detail, as: TestCloud.admin) == nil)
      #expect(cloud.control.state.tags.count == 2)
      #expect(try await cloud.call("deleteSecurityGroup", ["id": group], as: alice).status == 200)
      #expect(try await cloud.finish("disassociateIpAddress", ["id": address], as: alice) == nil)
      #expect(cloud.control.state.tags.isEmpty)
      #expect(cloud.control.state.resourceDetails.isEmpty)
    }
  }
}
