import CloudModel
import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

/// Writers that were overtaken, connections that were cut, servers that die: what was acknowledged is there, once.
@Suite(.serialized) struct PostgreSQLFencingTests {
  @Test func `an overtaken writer can append, fold and trim nothing`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let first = try place.open(create: true)
    try await first.put(offering("a"))
    let standing = first.standing
    let lease = try place.overtake()
    let fenced = await #expect(throws: LedgerError.self) { try await first.put(offering("b")) }
    #expect(fenced?.code == .fenced)
    let second = try Ledger.open(PostgreSQLStorage(place.access, lease: lease), logger: quiet)
    try await second.put(offering("c"))
    let before = try place.texts("SELECT s::text FROM daruma.standing s")
    var next = standing
    next.head.revision += 1
    let record = RevisionRecord(number: 2, time: 0, content: [1], chain: .zero)
    #expect(#expect(throws: LedgerError.self) { try first.storage.append([record], next) }?.code == .fenced)
    #expect(#expect(throws: LedgerError.self) { try first.storage.fold([], next) }?.code == .fenced)
    #expect(#expect(throws: LedgerError.self) { try first.storage.trim(next) }?.code == .fenced)
    await #expect(throws: LedgerError.self) { try await first.put(offering("d")) }
    await first.close()
    #expect(try place.texts("SELECT s::text FROM daruma.standing s") == before)
    try await second.put(offering("e"))
    #expect(second.snapshot.state.serviceOfferings.all.map(\.name).sorted() == ["a", "c", "e"])
    await second.close()
    lease.release()
  }

  @Test(.timeLimit(.minutes(3))) func `overtaken again and again under load, nothing is lost or there twice`()
    async throws
  {
    let place = try PostgreSQLServer.shared.get().database()
    let count = Count()
    var ledger = try place.open(create: true, retention: Count.retention)
    for _ in 0..<8 {
      let old = ledger
      let load = Task { await count.load(old) }
      try await Task.sleep(for: .milliseconds(Int.random(in: 50...400)))
      let lease = try place.overtake()
      ledger = try Ledger.open(
        PostgreSQLStorage(place.access, lease: lease), retention: Count.retention, logger: quiet)
      let codes = await load.value
      #expect(codes == [.fenced])
      await old.close()
      try count.check(ledger)
    }
    #expect(count.total > 0)
    await ledger.close()
  }

  @Test(.timeLimit(.minutes(3)), arguments: PostgreSQLProxy.Cut.allCases)
  func `a connection that is cut around a commit is no error, and nothing is written twice`(
    cut: PostgreSQLProxy.Cut
  ) async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    try place.access.prepare(create: true)
    let proxy = try PostgreSQLProxy(server)
    defer { proxy.close() }
    let lease = try await Lease.wait(place.access, holder: "test", logger: quiet)
    let access = try PostgreSQLAccess(server.conninfo(place.name) + " port=\(PostgreSQLProxy.port)")
    let ledger = try Ledger.open(
      PostgreSQLStorage(access, lease: lease), retention: Count.retention, logger: quiet)
    let count = Count()
    let load = Task { await count.load(ledger) }
    for _ in 0..<20 {
      proxy.cut(cut)
      try await until { proxy.isDone }
      let total = count.total
      try await until { count.total > total + 20 }
    }
    await ledger.close()
    #expect(await load.value == [.closed])
    lease.release()
    let again = try place.open()
    try count.check(again)
    await again.close()
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)))
  func `a server that is killed under load and started again loses nothing`()
    async throws
  {
    let server = try PostgreSQLServer()
    let place = try server.database()
    let count = Count()
    var survived = 0
    for _ in 0..<6 {
      let ledger = try await place.opened(retention: Count.retention)
      try count.check(ledger)
      let load = Task { await count.load(ledger) }
      for _ in 0..<2 {
        let total = count.total
        try await until { count.total > total + 50 || count.isOver }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...100)))
        try server.kill()
        try server.start()
      }
      // Either it goes on, or it gave up before its lease was over.
      let total = count.total
      for _ in 0..<600 where count.total == total && !count.isOver { try await Task.sleep(for: .milliseconds(10)) }
      if !count.isOver { survived += 1 }
      await ledger.close()
      let codes = await load.value
      #expect(codes.isSubset(of: [.closed, .failed, .fenced]), "\(codes)")
    }
    print("went on after \(survived) of 6, \(count.total) acknowledged")
    let ledger = try await place.opened()
    try count.check(ledger)
    #expect(ledger.snapshot.revision >= UInt64(count.total))
    await ledger.close()
  }

  @Test func `folds that a crash of the server lost are repeated`() async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    // Nothing that is not waited for reaches the disk by itself.
    try server.restart("wal_writer_delay=10s")
    let retention = Retention(age: .seconds(3600), count: 5, window: 1)
    for _ in 0..<3 {
      let ledger = try await place.opened(retention: retention)
      for number in 1...20 { try await ledger.put(offering("o\(number)")) }
      // Nothing is under way when the server goes.
      let last = ledger.snapshot.revision
      try await until { ledger.standing.checkpoint == last && ledger.standing.anchor.number + retention.count == last }
      try server.kill()
      try server.start()
      for number in 1...20 { try await ledger.put(offering("p\(number)")) }
      let revision = ledger.snapshot.revision
      await ledger.close()
      let again = try place.open(retention: retention)
      #expect(again.snapshot.revision == revision)
      await again.close()
    }
  }

  @Test func `a disk without room is survived`() async throws {
    let server = try PostgreSQLServer()
    // The database alone is in a small place; what the server itself needs is elsewhere.
    try PostgreSQLServer.shell(
      """
      mkdir \(server.folder)/small; mount -t tmpfs -o size=24m none \(server.folder)/small
      mkdir \(server.folder)/small/s; chown -R postgres \(server.folder)/small
      """)
    let connection = try server.connection()
    try connection.execute("CREATE TABLESPACE small LOCATION '\(server.folder)/small/s'")
    connection.close()
    let place = try server.database("TABLESPACE small")
    let ledger = try place.open(create: true)
    var kept: [String] = []
    var refused = 0
    // Random, so that the server cannot make it small.
    func big() -> String {
      String((0..<300_000).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "a" })
    }
    while refused < 3 && kept.count < 200 {
      let name = big()
      do {
        try await ledger.put(offering(name))
        kept.append(name)
      } catch let error as LedgerError {
        #expect(error.code == .diskFull, "\(error)")
        refused += 1
      }
    }
    #expect(refused == 3 && kept.count > 5)
    try PostgreSQLServer.shell("mount -o remount,size=48m \(server.folder)/small")
    kept.append("last")
    try await ledger.put(offering("last"))
    await ledger.close()
    let again = try place.open()
    #expect(again.snapshot.state.serviceOfferings.all.map(\.name).sorted() == kept.sorted())
    await again.close()
  }

  @Test(.timeLimit(.minutes(1))) func `a server that does not answer is noticed within seconds`() async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    let ledger = try place.open(create: true)
    try await ledger.put(offering("a"))
    try server.signal("STOP")
    let clock = ContinuousClock()
    var failed: LedgerError?
    let writing = await clock.measure {
      failed = await #expect(throws: LedgerError.self) { try await ledger.put(offering("b")) }
    }
    #expect(failed?.code == .failed)
    #expect(writing < .seconds(12))
    let opening = clock.measure {
      #expect(#expect(throws: LedgerError.self) { try place.access.prepare() }?.code == .unreachable)
    }
    #expect(opening < .seconds(6))
    try server.signal("CONT")
    await ledger.close()
    let again = try await place.opened()
    // It was never told whether it was written.
    #expect([1, 2].contains(again.snapshot.revision))
    #expect(Int(again.snapshot.revision) == again.snapshot.state.serviceOfferings.count)
    await again.close()
  }
}

/// Callers that each count, one revision a step; a step replaces a counter and makes a mark of its own.
final class Count: Sendable {
  static let retention = Retention(age: .seconds(3600), count: 1_000_000, window: 50)
  private let callers = (0..<16).map { _ in ID<ServiceOffering>(UUID()) }
  private let acknowledged = Mutex<[ID<ServiceOffering>: Int]>([:])
  private let running = Atomic(0)

  var total: Int { acknowledged.withLock { $0.values.reduce(0, +) } }
  var isOver: Bool { running.load(ordering: .relaxed) == 0 }

  /// Until each caller is refused. Returns why they were.
  func load(_ ledger: Ledger) async -> Set<LedgerError.Code> {
    running.store(callers.count, ordering: .relaxed)
    return await withTaskGroup(of: LedgerError.Code?.self) { group in
      for id in callers {
        group.addTask {
          defer { self.running.subtract(1, ordering: .relaxed) }
          do {
            while true {
              let done = try await ledger.transact(test) { draft in
                let number = (draft.get(id)?.cpuNumber ?? 0) + 1
                try draft.put(offering("counter", cpus: number, id: id))
                try draft.put(offering("mark", cpus: number))
                return number
              }
              self.acknowledged.withLock { $0[id] = done.value }
            }
          } catch {
            return (error as? LedgerError)?.code ?? .invalid
          }
        }
      }
      return await group.reduce(into: []) { codes, code in
        if let code { codes.insert(code) }
      }
    }
  }

  /// Each caller's steps are there, once each, up to what it was told of, and at most one more.
  func check(_ ledger: Ledger) throws {
    let state = ledger.snapshot.state.serviceOfferings
    var sum = 0
    acknowledged.withLock { acknowledged in
      for id in callers {
        let number = state[id]?.cpuNumber ?? 0
        let told = acknowledged[id] ?? 0
        #expect(number == told || number == told + 1)
        acknowledged[id] = number
        sum += number
      }
    }
    #expect(Int(ledger.snapshot.revision) == sum)
    #expect(state.all.count(where: { $0.name == "mark" }) == sum)
    let history = try ledger.history(from: 1, to: .max)
    #expect(history.map { Int($0.number) } == Array(1..<sum + 1))
    var seen: [ID<ServiceOffering>: Int] = [:]
    for case let counter as ServiceOffering in history.flatMap(\.changes).compactMap(\.after)
    where counter.name == "counter" {
      seen[counter.id, default: 0] += 1
      #expect(seen[counter.id] == counter.cpuNumber)
    }
  }
}
