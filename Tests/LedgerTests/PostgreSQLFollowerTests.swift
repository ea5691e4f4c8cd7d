import CloudModel
import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

@Suite(.serialized) struct PostgreSQLFollowerTests {
  @Test(.timeLimit(.minutes(3))) func `it sees every revision once and in order while leaders change`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let count = Count()
    var ledger = try place.open(create: true, retention: Count.retention)
    let follower = try Follower.open(place.access, logger: quiet)
    let seen = Mutex<[UInt64]>([])
    let watcher = Task {
      var last: Snapshot?
      for try await step in follower.revisions(after: 0) {
        #expect(last == nil || last === step.before)
        last = step.after
        seen.withLock { $0.append(step.revision.number) }
      }
    }
    for round in 0..<5 {
      let old = ledger
      let load = Task { await count.load(old) }
      try await Task.sleep(for: .milliseconds(300))
      // It must do without the connection that it was notified over.
      if round % 2 == 0 { try Self.cutListeners(place) }
      let lease = try place.overtake()
      ledger = try Ledger.open(
        PostgreSQLStorage(place.access, lease: lease), retention: Count.retention, logger: quiet)
      #expect(await load.value == [.fenced])
      await old.close()
    }
    let head = ledger.snapshot
    try await until { follower.snapshot.revision == head.revision }
    try await until { seen.withLock { $0.count } == Int(head.revision) }
    #expect(seen.withLock { $0 } == Array(1..<head.revision + 1))
    #expect(Self.same(follower.snapshot, head))
    // A resource's revision as well as its value: what it follows later rests on both.
    for row in head.state.serviceOfferings.ids {
      #expect(
        ServiceOffering.row(row, in: follower.snapshot.state)?.revision
          == ServiceOffering.row(row, in: head.state)?.revision)
    }
    follower.close()
    try await watcher.value
    #expect(await follower.over() == nil)
    await ledger.close()
  }

  @Test func `a new revision is seen at once, and without notifications within a second or so`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(create: true)
    let follower = try Follower.open(place.access, logger: quiet)
    var delays: [Duration] = []
    for number in 1...20 {
      let revision = try await ledger.put(offering("o\(number)")).number
      let begin = ContinuousClock.now
      while follower.snapshot.revision < revision { try await Task.sleep(for: .microseconds(200)) }
      delays.append(.now - begin)
    }
    print("seen after \(delays.sorted()[10]), at most \(delays.max() ?? .zero)")
    #expect(delays.sorted()[10] < .milliseconds(200))
    for number in 1...3 {
      try Self.cutListeners(place)
      let revision = try await ledger.put(offering("p\(number)")).number
      try await until { follower.snapshot.revision == revision }
    }
    #expect(.now - follower.confirmed < .seconds(3))
    follower.close()
    await ledger.close()
  }

  @Test func `a subscriber goes on from a number, also from before the follower began`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(create: true)
    for number in 1...10 { try await ledger.put(offering("o\(number)")) }
    let follower = try Follower.open(place.access, logger: quiet)
    let watcher = Task {
      var seen: [UInt64] = []
      for try await step in follower.revisions(after: 4) {
        #expect(step.after.state.serviceOfferings.count == Int(step.revision.number))
        seen.append(step.revision.number)
        if step.revision.number == 15 { break }
      }
      return seen
    }
    for number in 11...15 { try await ledger.put(offering("o\(number)")) }
    #expect(try await watcher.value == Array(5...15))
    follower.close()
    await ledger.close()
  }

  @Test func `it outlives a server that is restarted`() async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    var ledger = try place.open(create: true)
    try await ledger.put(offering("a"))
    let follower = try Follower.open(place.access, logger: quiet)
    try server.kill()
    try server.start()
    await ledger.close()
    ledger = try await place.opened()
    try await ledger.put(offering("b"))
    try await until { follower.snapshot.revision == 2 }
    #expect(Self.same(follower.snapshot, ledger.snapshot))
    follower.close()
    await ledger.close()
  }

  @Test(arguments: [
    "content = '\\x00'", "chain = decode(repeat('00', 32), 'hex')", "\"time\" = \"time\" + 1", "number = number + 1",
  ])
  func `a revision that does not follow ends it`(change: String) async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let ledger = try place.open(create: true)
    try await ledger.put(offering("a"))
    let follower = try Follower.open(place.access, logger: quiet)
    // As if the writer itself had written something else.
    try place.execute(
      """
      CREATE FUNCTION daruma.alter_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        \(change.split(separator: " = ", maxSplits: 1).enumerated().map {
          $0.offset == 0 ? "NEW.\($0.element)" : $0.element.replacing("\"time\"", with: "NEW.\"time\"").replacing("number", with: "NEW.number")
        }.joined(separator: " := "));
        RETURN NEW; END $$;
      CREATE TRIGGER alter_it BEFORE INSERT ON daruma.revision FOR EACH ROW EXECUTE FUNCTION daruma.alter_it();
      """)
    try await ledger.put(offering("b"))
    let failure = await follower.over()
    #expect(failure?.code == .damaged, "\(String(describing: failure))")
    #expect(follower.snapshot.revision == 1)
    await ledger.close()
  }

  @Test func `after a restore it ends`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    var ledger = try place.open(create: true)
    try await ledger.put(offering("a"))
    let follower = try Follower.open(place.access, logger: quiet)
    await ledger.close()
    ledger = try place.open(restore: true)
    #expect(await follower.over()?.code == .behind)
    #expect(ledger.snapshot.epoch == 2)
    await ledger.close()
  }

  private static func cutListeners(_ place: PostgreSQLPlace) throws {
    try place.execute(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%daruma.revision%'
        AND query LIKE 'SELECT%'
      """)
  }

  private static func same(_ one: Snapshot, _ other: Snapshot) -> Bool {
    one.revision == other.revision && one.ledger == other.ledger
      && Set(one.state.serviceOfferings.all) == Set(other.state.serviceOfferings.all)
  }
}
