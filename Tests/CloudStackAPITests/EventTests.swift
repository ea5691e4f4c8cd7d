import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct EventTests {
  @Test func `every event that is written has a type that is listed`() async throws {
    let estate = try await Estate()
    let known = Set(EventTypes.all)
    for event in estate.cloud.control.state.events.all { #expect(known.contains(event.type), "\(event.type)") }
    #expect(known.count == EventTypes.all.count)
  }

  @Test func `events are put away and deleted by whose they are`() async throws {
    let estate = try await Estate()
    let (cloud, alice) = (estate.cloud, estate.alice)
    func count(_ parameters: [String: String] = [:]) async throws -> Int {
      Int(try await cloud.call("listEvents", parameters, as: alice).at("listeventsresponse", "count") ?? "0") ?? 0
    }
    let all = try await count()
    let own = try #require(estate.aliceHas["event"])
    #expect(try await cloud.call("archiveEvents", as: alice).status == 431)
    #expect(
      try await cloud.call("archiveEvents", ["ids": try #require(estate.bobHas["event"])], as: alice).status == 531)
    #expect(try await cloud.call("archiveEvents", ["ids": own], as: alice).status == 200)
    #expect(try await count() == all - 1)
    #expect(try await count(["archived": "true"]) == 1)
    let before = cloud.control.state.events.count
    // The one that was put away may be of this type.
    let created =
      try await count(["type": "NETWORK.CREATE"]) + count(["type": "NETWORK.CREATE", "archived": "true"])
    #expect(created > 0)
    #expect(try await cloud.call("deleteEvents", ["type": "NETWORK.CREATE"], as: alice).status == 200)
    #expect(cloud.control.state.events.count == before - created)
    #expect(try await cloud.call("deleteEvents", ["startdate": "2020-01-01"], as: alice).status == 200)
    #expect(try await count() == 0)
    let bob = try await cloud.call("listEvents", as: estate.bob)
    #expect(Int(bob.at("listeventsresponse", "count") ?? "0") ?? 0 > 1)
  }

  @Test func `what takes a while tells of its beginning and of its end`() async throws {
    try await TestCloud.living { cloud in
      let alice = try await cloud.account("alice")
      let reason = try await cloud.finish(
        "createAffinityGroup", ["name": "a", "type": "host anti-affinity"], as: alice)
      #expect(reason == nil)
      let begun = try #require(cloud.control.state.events.all.first { $0.type == "AG.CREATE" && $0.parent == nil })
      #expect(begun.state == "Started")
      let told = try await cloud.call(
        "listEvents", ["startid": begun.id.description, "state": "Completed"], as: alice)
      #expect(told.at("listeventsresponse", "count") == "1")
      #expect(told.at("listeventsresponse", "event", "parentid") == begun.id.description)
      #expect(told.at("listeventsresponse", "event", "level") == "INFO")
    }
  }
}
