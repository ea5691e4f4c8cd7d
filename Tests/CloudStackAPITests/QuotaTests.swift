import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct QuotaTests {
  private static func enabled() async throws -> TestCloud {
    let cloud = try await TestCloud()
    try await cloud.call("updateConfiguration", ["name": "quota.enable.service", "value": "true"])
    return cloud
  }

  private static func list(_ cloud: TestCloud, _ parameters: [String: String]) async throws -> Told {
    try await cloud.call("quotaTariffList", parameters)
  }

  @Test func `the service is off until it is turned on`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    #expect(
      try await cloud.call("quotaIsEnabled", as: alice).at("quotaisenabledresponse", "isenabled", "isenabled")
        == "false")
    for (command, parameters) in [
      ("quotaSummary", [:]), ("quotaTariffList", [:]), ("quotaTariffUpdate", ["name": "RUNNING_VM", "value": "1"]),
      ("quotaTariffCreate", ["name": "x", "usagetype": "1", "value": "1"]), ("quotaTariffDelete", ["id": "x"]),
    ] {
      #expect(try await cloud.call(command, parameters).status == 432, "\(command)")
    }
    try await cloud.call("updateConfiguration", ["name": "quota.enable.service", "value": "true"])
    #expect(
      try await cloud.call("quotaIsEnabled", as: alice).at("quotaisenabledresponse", "isenabled", "isenabled") == "true"
    )
    #expect(cloud.control.state.quotaTariffs.isEmpty)
  }

  @Test func `every type has a tariff of nothing by default`() async throws {
    let cloud = try await Self.enabled()
    let alice = try await cloud.account("alice")
    let told = try await cloud.call("quotaTariffList", as: alice)
    #expect(told.at("quotatarifflistresponse", "count") == String(UsageType.all.count))
    let one = try await Self.list(cloud, ["usagetype": "1"])
    func value(_ name: String) -> String? { one.at("quotatarifflistresponse", "quotatariff", name) }
    #expect(value("usageName") == "RUNNING_VM")
    #expect(value("usageUnit") == "Compute-Month")
    #expect(value("tariffValue") == "0.00")
    #expect(value("effectiveDate") == "2010-05-04T00:00:00+0000")
    #expect(value("position") == "1")
    let page = try await Self.list(cloud, ["page": "2", "pagesize": "20"])
    #expect(page.at("quotatarifflistresponse", "count") == String(UsageType.all.count))
    #expect(try await Self.list(cloud, ["keyword": "vm_disk"]).at("quotatarifflistresponse", "count") == "4")
  }

  @Test func `a tariff is made, changed and removed, and what was before is remembered`() async throws {
    let cloud = try await Self.enabled()
    let made = try await cloud.call(
      "quotaTariffCreate",
      ["name": "small", "usagetype": "1", "value": "0.05", "description": "cheap", "position": "2"])
    #expect(made.at("quotatariffcreateresponse", "quotatariff", "tariffValue") == "0.05")
    let first = try #require(made.at("quotatariffcreateresponse", "quotatariff", "id"))
    let changed = try await cloud.call(
      "quotaTariffUpdate", ["name": "small", "value": "-1.23456789", "description": " "])
    func told(_ name: String) -> String? { changed.at("quotatariffupdateresponse", "quotatariff", name) }
    #expect(told("tariffValue") == "-1.23456789")
    #expect(told("description") == nil)
    #expect(told("position") == "2")
    let second = try #require(told("id"))
    #expect(second != first)
    #expect(try await Self.list(cloud, ["name": "small"]).at("quotatarifflistresponse", "quotatariff", "id") == second)
    let gone = try await Self.list(cloud, ["listonlyremoved": "true"])
    #expect(gone.at("quotatarifflistresponse", "count") == "1")
    #expect(gone.at("quotatarifflistresponse", "quotatariff", "id") == first)
    #expect(gone.at("quotatarifflistresponse", "quotatariff", "removed") != nil)
    #expect(
      try await Self.list(cloud, ["name": "small", "listall": "true"]).at("quotatarifflistresponse", "count") == "2")

    let usual = try #require(
      try await Self.list(cloud, ["name": "VPC"]).at("quotatarifflistresponse", "quotatariff", "id"))
    for id in [second, usual] {
      #expect(
        try await cloud.call("quotaTariffDelete", ["id": id]).at("quotatariffdeleteresponse", "success") == "true")
      #expect(try await cloud.call("quotaTariffDelete", ["id": id]).status == 431)
    }
    #expect(try await Self.list(cloud, ["name": "VPC"]).content?.members.isEmpty == true)
    #expect(try await cloud.call("quotaTariffUpdate", ["name": "VPC", "value": "1"]).status == 431)
  }

  @Test func `what is wrong is refused`() async throws {
    let cloud = try await Self.enabled()
    let tomorrow = WireDate.text(Date(timeIntervalSinceNow: 86_400))
    let good = ["name": "x", "usagetype": "1", "value": "1"]
    for (wrong, status) in [
      (["name": "running_vm"], 431), (["usagetype": "15"], 431), (["value": "much"], 431), (["value": "1e10"], 431),
      (["startdate": "2020-01-01"], 431), (["enddate": "2020-01-01"], 431),
      (["startdate": tomorrow, "enddate": WireDate.text(Date(timeIntervalSinceNow: 3600))], 431),
      (["activationrule": "1 == 1"], 531),
    ] {
      let told = try await cloud.call("quotaTariffCreate", good.merging(wrong) { $1 })
      #expect(told.status == status, "\(wrong): \(told.errorText ?? "")")
    }
    #expect(cloud.control.state.quotaTariffs.isEmpty)
    let alice = try await cloud.account("alice")
    #expect(try await cloud.call("quotaTariffCreate", good, as: alice).status == 432)
    let later = try await cloud.call("quotaTariffCreate", good.merging(["startdate": tomorrow]) { $1 })
    #expect(later.at("quotatariffcreateresponse", "quotatariff", "effectiveDate") == tomorrow)
    #expect(try await Self.list(cloud, ["startdate": "2020-01-01"]).at("quotatarifflistresponse", "count") == "1")
  }

  @Test func `an account sees its own summary, an administrator everybody's`() async throws {
    let cloud = try await Self.enabled()
    let alice = try await cloud.account("alice")
    _ = try await cloud.account("bob")
    let own = try await cloud.call("quotaSummary", ["listall": "true"], as: alice)
    func told(_ name: String) -> String? { own.at("quotasummaryresponse", "summary", name) }
    #expect(own.at("quotasummaryresponse", "count") == "1")
    #expect(told("account") == "alice")
    #expect(told("balance") == "0.00")
    #expect(told("quota") == "0.00")
    #expect(told("state") == "enabled")
    #expect(told("currency") == "$")
    #expect(told("startdate")?.hasSuffix("-01T00:00:00+0000") == true)
    #expect(try await cloud.call("quotaSummary", ["account": "bob"], as: alice).status == 531)
    let all = try await cloud.call("quotaSummary", ["listall": "true", "keyword": "o"])
    #expect(String(decoding: all.reply.json, as: UTF8.self).contains(#""account":"bob""#))
    #expect(
      try await cloud.call("quotaSummary", ["account": "bob"]).at("quotasummaryresponse", "summary", "account") == "bob"
    )
    #expect(try await cloud.call("quotaSummary").at("quotasummaryresponse", "count") == "1")
  }
}
