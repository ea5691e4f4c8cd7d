import CloudModel
import Foundation
import Testing

@testable import Ledger

/// Keys are changed step by step; after a crash between any two the rest is done, and nothing was lost.
@Suite struct RotationTests {
  private static let retention = Retention(age: .seconds(1000), count: 20, window: 5)
  /// More than two pieces.
  private static let users = (0..<150).map(user)

  private enum Step: Int, CaseIterable {
    case nothing, added, takenUp, begun, sealed, trimmed, forgotten
  }

  let apart = Folder()

  @Test(.timeLimit(.minutes(isFull ? 60 : 3)), arguments: Kept.allCases)
  func `a rotation that is interrupted anywhere goes on, and the old key goes when nothing needs it`(
    kept: Kept
  ) async throws {
    for last in Step.allCases {
      try? FileManager.default.removeItem(atPath: apart.keys)
      let place = try await kept.place()
      var ledger = try place.open(keys: KeyFile(apart.keys), create: true, retention: Self.retention)
      try await ledger.takeUpKeys()
      _ = try await ledger.transact(test) { draft in for user in Self.users { try draft.put(user) } }
      for step in Step.allCases where step.rawValue <= last.rawValue { try await take(step, ledger) }
      try await place.crash(ledger)

      ledger = try await place.reopened(keys: KeyFile(apart.keys), retention: Self.retention)
      expectUsers(ledger, "after \(last)")
      if last == .nothing { try KeyFile(apart.keys).add() }
      let standing = try await ledger.tendKeys()
      #expect(standing.sealing == 2, "after \(last)")
      expectSealed(ledger, "after \(last)")
      try await trim(ledger)
      #expect(try await ledger.tendKeys() == SealingStanding(sealing: 2, kept: [2]), "after \(last)")
      await ledger.close()
      let keys = KeyFile(apart.keys)
      #expect(try keys.read() && keys.numbers == [2], "after \(last)")
      ledger = try await place.reopened(keys: keys, retention: Self.retention)
      expectUsers(ledger, "in the end, after \(last)")
      #expect(try ledger.history(from: ledger.oldest, to: .max).count > 0)
      await ledger.close()
    }
  }

  private func take(_ step: Step, _ ledger: Ledger) async throws {
    switch step {
    case .nothing: break
    case .added: try KeyFile(apart.keys).add()
    case .takenUp: try await ledger.takeUpKeys()
    case .begun:
      let first = ledger.snapshot.revision + 1
      let sealing = Task { try await ledger.sealAnew() }
      for try await step in ledger.revisions(after: first - 1) where step.revision.number == first { break }
      sealing.cancel()
      _ = await sealing.result
    case .sealed: try await ledger.sealAnew()
    case .trimmed: try await trim(ledger)
    case .forgotten:
      let before = try apart.content()
      try await ledger.forgetKeys()
      #expect(try KeyFile(apart.keys).read())
      // As if it had not come to the file any more.
      try apart.write(before)
    }
  }

  /// Has all that is written so far forgotten.
  private func trim(_ ledger: Ledger) async throws {
    let head = ledger.snapshot.revision
    for _ in 0..<100 where ledger.oldest <= head {
      for number in 0..<10 { try await ledger.put(offering("o", cpus: number + 1, id: Self.filler)) }
    }
    #expect(ledger.oldest > head)
  }

  private static let filler = ID<ServiceOffering>(UUID())

  private func expectUsers(_ ledger: Ledger, _ comment: Comment) {
    #expect(ledger.snapshot.state.users.count == Self.users.count, comment)
    for user in Self.users { #expect(ledger.snapshot.state.users[user.id] == user, comment) }
  }

  /// Nothing current is under an older key.
  private func expectSealed(_ ledger: Ledger, _ comment: Comment) {
    let state = ledger.snapshot.state
    let since = SealingKey.newest(in: state.sealingKeys)?.revision ?? .max
    for user in Self.users { #expect(User.row(user.id, in: state)?.revision ?? 0 > since, comment) }
  }

  @Test(arguments: Kept.allCases)
  func `what was stored before there was a key is sealed, and then never believed again`(
    kept: Kept
  ) async throws {
    let place = try await kept.place()
    var ledger = try place.open(create: true, retention: Self.retention)
    let one = user(1)
    try await ledger.put(one)
    await ledger.close()
    ledger = try await place.reopened(keys: KeyFile(apart.keys), retention: Self.retention)
    #expect(ledger.snapshot.state.users[one.id] == one)
    #expect(try await ledger.tendKeys() == SealingStanding(sealing: 1, kept: [0, 1]))
    #expect(try ledger.history(from: 1, to: 1).first?.changes.first?.after as? User == one)
    try await trim(ledger)
    #expect(try await ledger.tendKeys() == SealingStanding(sealing: 1, kept: [1]))
    await ledger.close()
    ledger = try await place.reopened(keys: KeyFile(apart.keys), retention: Self.retention)
    let body = try #require(try ledger.storage.read(kind: User.kind, id: one.id.uuid)?.body)
    #expect(Data(body).range(of: Data("mysecret".utf8)) == nil)
    let plain = try RevisionContent.encode(one)
    let error = #expect(throws: LedgerError.self) {
      try User.decode(plain[...], id: one.id.uuid, ledger.secrets)
    }
    #expect(error?.code == .damaged)
    await ledger.close()
  }

  @Test func `a follower waits for a key that is not in its file yet`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(keys: KeyFile(apart.keys), create: true)
    try await ledger.takeUpKeys()
    let other = Folder()
    try other.write(try apart.content())
    let follower = try Follower.open(place.access, keys: KeyFile(other.keys), logger: quiet)
    try await ledger.put(user(1))
    try await until { follower.snapshot.revision == ledger.snapshot.revision }
    let seen = follower.snapshot.revision
    try KeyFile(apart.keys).add()
    _ = try await ledger.tendKeys()
    try await ledger.put(user(2))
    #expect(follower.snapshot.revision == seen)
    try other.write(try apart.content())
    try await until { follower.snapshot.revision == ledger.snapshot.revision }
    #expect(follower.snapshot.state.users.count == 2)
    follower.close()
    #expect(await follower.over() == nil)
    await ledger.close()
  }
}
