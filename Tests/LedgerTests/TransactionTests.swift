import Addresses
import CloudModel
import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

@Suite struct TransactionTests {
  @Test(arguments: Kept.allCases) func `a revision is durable, numbered and attributed`(kept: Kept) async throws {
    let folder = try await kept.place()
    let ledger = try folder.open(create: true)
    let small = offering("small")
    let first = try await ledger.transact(test) { draft in
      try draft.put(small)
      #expect(draft.get(small.id) == small)
      return draft.nextRevision
    }
    #expect(first.value == 1)
    #expect(first.revision.number == 1)
    #expect(first.revision.cause == test)
    #expect(first.before.state.serviceOfferings.isEmpty)
    #expect(first.after.state.serviceOfferings[small.id] == small)
    #expect(first.revision.changes.map(\.id) == [small.id.uuid])
    try await ledger.delete(small.id)
    #expect(first.after.state.serviceOfferings.count == 1)
    await ledger.close()
    let again = try folder.open()
    #expect(again.snapshot.revision == 2)
    #expect(again.snapshot.ledger == first.after.ledger)
    let history = try again.history(from: 1, to: 9)
    #expect(history.map(\.number) == [1, 2])
    #expect(history[0].time == first.revision.time)
    #expect(history[1].changes.first?.before as? ServiceOffering == small)
    #expect(history[1].changes.first?.after == nil)
    await again.close()
  }

  @Test(arguments: Kept.allCases) func `a closure that throws and one that changes nothing leave no revision`(
    kept: Kept
  ) async throws {
    let folder = try await kept.place()
    let ledger = try folder.open(create: true)
    let root = domain("ROOT")
    try await ledger.put(root)
    await #expect(throws: ModelError.self) {
      try await ledger.transact(test) { draft in
        try draft.put(offering("x"))
        try draft.put(domain("root"))
      }
    }
    let same = try await ledger.transact(test) { try $0.put(root) }
    #expect(same.revision.number == 1)
    #expect(same.revision.changes.isEmpty)
    let preview = try ledger.preview(test) { try $0.put(offering("y")) }
    #expect(preview.revision.number == 2)
    #expect(preview.after.state.serviceOfferings.count == 1)
    #expect(ledger.snapshot.revision == 1)
    #expect(ledger.snapshot.state.serviceOfferings.isEmpty)
    await ledger.close()
    await #expect(throws: LedgerError.self) { try await ledger.put(root) }
    #expect(try folder.open().snapshot.revision == 1)
  }

  @Test(arguments: Kept.allCases)
  func `transactions handed in together have revisions and outcomes of their own`(kept: Kept) async throws {
    let folder = try await kept.place()
    let ledger = try folder.open(create: true)
    try await ledger.put(domain("ROOT"))
    // More than are drafted in one go.
    let all = (0..<40).map { number in
      (
        cause: Cause(actor: "test", command: "c\(number)", job: nil),
        body: { @Sendable (draft: inout Draft) -> Int in
          if number % 5 == 4 { throw ModelError("no") }
          if number % 5 != 3 { try draft.put(offering("o\(number)")) }
          return number
        }
      )
    }
    let outcomes = await ledger.transact(all: all)
    #expect(outcomes.count == 40)
    var last: UInt64 = 1
    for (number, outcome) in outcomes.enumerated() {
      guard number % 5 != 4 else {
        #expect(throws: ModelError.self) { try outcome.get() }
        continue
      }
      let committed = try outcome.get()
      #expect(committed.value == number && committed.revision.number == last + (number % 5 == 3 ? 0 : 1))
      #expect(committed.before.revision == last && committed.after.revision == committed.revision.number)
      #expect(committed.after.state.serviceOfferings.all.contains { $0.name == "o\(number)" } == (number % 5 != 3))
      last = committed.revision.number
    }
    #expect(ledger.snapshot.revision == 25)
    #expect(try ledger.history(from: 2, to: 25).map(\.cause.command).first == "c0")
    var revisions = ledger.revisions(after: 1).makeAsyncIterator()
    #expect(revisions.ready { $0.number == 3 } == nil, "it stays the next one")
    let begin = try #require(try await revisions.next())
    var joined = begin.revision
    var end = begin
    while let next = revisions.ready(if: { $0.number <= 20 }) {
      (joined, end) = (joined.joined(by: next.revision), next)
    }
    #expect(joined.number == 20 && joined.changes.count == 19)
    #expect(end.after.state.serviceOfferings.count == begin.before.state.serviceOfferings.count + 19)
    #expect(try await revisions.next()?.revision.number == 21)
    await ledger.close()
    #expect(await ledger.transact(all: all).allSatisfy { if case .failure = $0 { true } else { false } })
    #expect(await ledger.transact(all: [(cause: Cause, body: @Sendable (inout Draft) throws -> Int)]()).isEmpty)
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)), arguments: Kept.allCases)
  func `64 callers who each count to 50 reach 3200`(kept: Kept)
    async throws
  {
    let folder = try await kept.place()
    let ledger = try folder.open(create: true)
    let id = ID<ServiceOffering>(UUID())
    try await ledger.put(offering("counter", cpus: 0, id: id))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<64 {
        group.addTask {
          var last: UInt64 = 0
          for _ in 0..<50 {
            let done = try await ledger.transact(test) { draft in
              guard var counter: ServiceOffering = draft.get(id) else { throw ModelError("no counter") }
              counter.cpuNumber += 1
              try draft.put(counter)
              return counter.cpuNumber
            }
            #expect(done.revision.number > last)
            #expect(ledger.snapshot.revision >= done.revision.number)
            #expect(UInt64(done.value) + 1 == done.revision.number)
            last = done.revision.number
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(ledger.snapshot.state.serviceOfferings[id]?.cpuNumber == 3200)
    await ledger.close()
    #expect(try folder.open().snapshot.state.serviceOfferings[id]?.cpuNumber == 3200)
  }

  @Test(arguments: Kept.allCases)
  func `a subscriber sees every revision once and in order, from memory and from the disk`(kept: Kept) async throws {
    let folder = try await kept.place()
    do {
      let ledger = try folder.open(create: true)
      for number in 1...20 { try await ledger.put(offering("o\(number)")) }
      await ledger.close()
    }
    let ledger = try folder.open()
    let watcher = Task {
      var seen: [UInt64] = []
      var last: Snapshot?
      for try await step in ledger.revisions(after: 5) {
        #expect(last == nil || last?.revision == step.before.revision)
        #expect(step.before.state.serviceOfferings.count == Int(step.revision.number) - 1)
        #expect(step.after.state.serviceOfferings.count == Int(step.revision.number))
        seen.append(step.revision.number)
        last = step.after
        if step.revision.number == 40 { break }
      }
      return seen
    }
    for number in 21...40 { try await ledger.put(offering("o\(number)")) }
    #expect(try await watcher.value == Array(6...40))
    let idle = Task { for try await _ in ledger.revisions(after: 40) { Issue.record("nothing happened") } }
    await ledger.close()
    try await idle.value
  }

  @Test func `while SQLite finds no room, what was appended is kept and no more is taken`() async throws {
    let folder = Folder()
    let ledger = try folder.open(create: true)
    try await ledger.put(offering("a"))
    try ledger.storage.settle()
    try ledger.limitPages(to: 1)
    try await ledger.put(offering(String(repeating: "x", count: 100_000)))
    #expect(#expect(throws: LedgerError.self) { try ledger.storage.settle() }?.code == .diskFull)
    let full = await #expect(throws: LedgerError.self) { try await ledger.put(offering("refused")) }
    #expect(full?.code == .diskFull)
    #expect(try ledger.history(from: 1, to: 2).map(\.number) == [1, 2])
    try ledger.limitPages(to: 1_000_000)
    #expect(try await ledger.put(offering("b")).number == 3)
    await ledger.close()
    #expect(try folder.open().snapshot.state.serviceOfferings.count == 3)
  }

  @Test func `what is too long for the append log is durable in SQLite, or not there`() async throws {
    let folder = Folder()
    let ledger = try folder.open(create: true)
    try await ledger.put(offering("a"))
    try ledger.storage.settle()
    try ledger.limitPages(to: 1)
    let long = String(repeating: "x", count: 5 << 20)
    let full = await #expect(throws: LedgerError.self) { try await ledger.put(offering(long)) }
    #expect(full?.code == .diskFull)
    try ledger.limitPages(to: 1_000_000)
    #expect(try await ledger.put(offering("b")).number == 2)
    try await ledger.put(offering(long))
    try await ledger.put(offering("c"))
    try await folder.crash(ledger)
    let again = try folder.open()
    #expect(again.snapshot.revision == 4)
    #expect(again.snapshot.state.serviceOfferings.count == 4)
    await again.close()
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
