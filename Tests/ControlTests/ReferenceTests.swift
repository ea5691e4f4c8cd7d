import CloudModel
import FoundationEssentials
import Ledger
import Testing

@testable import Control

@Suite struct ReferenceTests {
  @Test func `every reference has an index of its name that files the same`() async throws {
    try await Cloud.with { cloud in
      for kind in CloudState.kinds { try check(kind, cloud.control.state) }
    }
  }

  private func check<R: Resource>(_ kind: R.Type, _ state: CloudState) throws {
    let table = R.table
    for reference in R.references {
      let index = try #require(R.indexes.first { $0.name == reference.name }, "\(R.kind) \(reference.name)")
      for resource in state[keyPath: table].all {
        #expect(
          Set(index.keys(resource)) == Set(reference.ids(resource).map(IndexKey.uuid)), "\(R.kind) \(reference.name)")
      }
    }
  }

  @Test func `what is named cannot go, and what is not there cannot be named`() async throws {
    try await Cloud.with { cloud in
      let control = cloud.control
      let before = control.snapshot.revision
      let zone = try #require(control.state.zones.all.first { _ in true })
      let cause = Cause(actor: "system/test", command: "test")
      await #expect(throws: ControlError.self) { try await control.transact(cause) { try $0.remove(zone.id) } }
      let account = try #require(control.state.accounts[cloud.caller.account])
      await #expect(throws: ControlError.self) { try await control.transact(cause) { try $0.remove(account.id) } }
      await #expect(throws: ControlError.self) {
        try await control.transact(cause) { draft in
          let group = SecurityGroup(
            id: draft.newID(), name: "stray", account: draft.newID(), domain: account.domain, created: draft.now)
          try draft.put(group)
        }
      }
      #expect(control.snapshot.revision == before)
    }
  }
}
