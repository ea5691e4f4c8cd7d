import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct ConfigurationTests {
  @Test func `every default is one of the setting's values, and names are taken once`() {
    for configuration in Configuration.all {
      #expect(configuration.normalized(configuration.fallback) == configuration.fallback, "\(configuration.name)")
      #expect(!configuration.description.isEmpty)
    }
    #expect(Set(Configuration.all.map(\.name)).count == Configuration.all.count)
  }

  @Test func `a setting is changed, followed, and brought back`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    func page(_ size: String) async throws -> Int {
      try await cloud.call("listZones", ["page": "1", "pagesize": size]).status
    }
    #expect(try await page("500") == 200)
    let told = try await cloud.call("updateConfiguration", ["name": "default.page.size", "value": "10"])
    #expect(told.at("updateconfigurationresponse", "configuration", "value") == "10")
    #expect(told.at("updateconfigurationresponse", "configuration", "defaultvalue") == "500")
    #expect(try await page("11") == 431)
    #expect(try await page("10") == 200)
    for wrong in ["0", "x", "99999999999", ""] {
      let status = try await cloud.call("updateConfiguration", ["name": "default.page.size", "value": wrong]).status
      #expect(status == 431, "\(wrong)")
    }
    #expect(try await cloud.call("updateConfiguration", ["name": "no.such", "value": "1"]).status == 431)
    #expect(try await cloud.call("updateConfiguration", ["name": "default.page.size"], as: alice).status == 432)
    let reset = try await cloud.call("resetConfiguration", ["name": "default.page.size"])
    #expect(reset.at("resetconfigurationresponse", "configuration", "value") == "500")
    #expect(cloud.control.state.settings.isEmpty)
    let listed = try await cloud.call("listConfigurations", ["name": "expunge.delay"])
    #expect(listed.at("listconfigurationsresponse", "configuration", "value") == "60")
    #expect(try await cloud.call("listConfigurationGroups").status == 200)
  }

  @Test func `calls are limited as the settings say, but not root administrators'`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    #expect(try await cloud.call("getApiLimit", as: alice).status == 432)
    for (name, value) in [
      ("api.throttling.max", "2"), ("api.throttling.interval", "3600"), ("api.throttling.enabled", "true"),
    ] {
      #expect(try await cloud.call("updateConfiguration", ["name": name, "value": value]).status == 200)
    }
    let told = try await cloud.call("getApiLimit", as: alice)
    #expect(told.at("getapilimitresponse", "apilimit", "apiIssued") == "1")
    #expect(told.at("getapilimitresponse", "apilimit", "apiAllowed") == "2")
    #expect(try await cloud.call("listZones", as: alice).status == 200)
    #expect(try await cloud.call("listZones", as: alice).status == 429)
    for _ in 0..<4 { #expect(try await cloud.call("listZones").status == 200) }
    let account = try #require(cloud.control.state.accounts.all.first { $0.name == "alice" }).id.description
    #expect(try await cloud.call("resetApiLimit", ["account": account]).status == 200)
    #expect(try await cloud.call("listZones", as: alice).status == 200)
  }

  @Test func `old events and jobs are forgotten as the settings say`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let before = cloud.control.state.events.count
    #expect(before > 0)
    try await cloud.control.forgetExpired()
    #expect(cloud.control.state.events.count == before)
    #expect(try await cloud.call("updateConfiguration", ["name": "event.purge.delay", "value": "1"]).status == 200)
    try await cloud.control.forgetExpired()
    #expect(cloud.control.state.events.count == before + 1)
    #expect(try await cloud.call("listZones", as: alice).status == 200)
  }
}
