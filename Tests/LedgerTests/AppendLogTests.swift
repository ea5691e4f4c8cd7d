import CloudModel
import FoundationEssentials
import Glibc
import Testing

@testable import Ledger

/// What was appended is found beside a database that does not have it, whatever was lost of either.
@Suite struct AppendLogTests {
  private let folder = Folder()
  private var appended: String { folder.ledger + "-appended" }

  /// Everything but what was appended is as before the first of `count` revisions, each of them an entry of one block.
  private func behind(by count: Int) async throws -> [String: Data] {
    let ledger = try folder.open(create: true)
    try await ledger.put(domain("ROOT"))
    try ledger.storage.settle()
    var content = try folder.content()
    for number in 0..<count { try await ledger.put(offering("o\(number)")) }
    content["ledger-appended"] = try folder.content()["ledger-appended"]
    await ledger.close()
    return content
  }

  private func open(_ content: [String: Data]) throws(LedgerError) -> Ledger {
    do { try folder.write(content) } catch { Issue.record(error) }
    return try folder.open()
  }

  /// Where the entry of a revision begins; the first revision of `behind` is 2.
  private func place(of revision: Int) -> Int { AppendLog.block * revision }

  @Test func `a database that lost what was not flushed gets it back`() async throws {
    let content = try await behind(by: 700)
    let ledger = try open(content)
    #expect(ledger.snapshot.revision == 701)
    #expect(ledger.snapshot.state.serviceOfferings.count == 700)
    #expect(try ledger.history(from: 1, to: 701).count == 701)
    try await ledger.put(offering("next"))
    await ledger.close()
    #expect(access(appended, F_OK) != 0)
    #expect(try folder.open().snapshot.revision == 702)
  }

  @Test func `both areas are used again and again, and the database may be behind by more than one`() async throws {
    let ledger = try folder.open(create: true)
    var behind: [String: Data] = [:]
    let text = String(repeating: "x", count: 60_000)
    let perArea = AppendLog.areaSize / (16 * AppendLog.block)
    for number in 1...5 * perArea {
      try await ledger.put(offering("\(number) \(text)"))
      // What comes later makes the area before durable, but not this one.
      if number == 3 * perArea + 5 {
        try ledger.storage.settle()
        behind = try folder.content()
      }
    }
    let running = try folder.content()
    await ledger.close()
    #expect(try #require(running["ledger-appended"]).count == AppendLog.size)
    for content in [behind, running] {
      let again = try open(content)
      #expect(again.snapshot.revision == (content == behind ? 3 * perArea + 5 : 5 * perArea))
      await again.close()
    }
    // The log begins after what this database has.
    behind["ledger-appended"] = running["ledger-appended"]
    #expect(#expect(throws: LedgerError.self) { try open(behind) }?.message.contains("is missing or altered") == true)
  }

  @Test func `the last entry counts as a whole, wherever the disk stopped`() async throws {
    let content = try await behind(by: 5)
    let log = try #require(content["ledger-appended"])
    let last = place(of: 6)
    #expect(log[last..<last + 16] == log[16..<32])
    var places = Array(stride(from: last, to: last + AppendLog.block, by: 512))
    for _ in 0..<20 { places.append(Int.random(in: last..<last + AppendLog.block)) }
    for stop in places {
      var torn = content
      torn["ledger-appended"] = log[..<stop] + Data(count: log.count - stop)
      let ledger = try open(torn)
      #expect(ledger.snapshot.revision == 5, "stopped at \(stop - last)")
      await ledger.close()
    }
    // Blocks may arrive in any order.
    var altered = content
    altered["ledger-appended"]?[last + AppendLog.entryHead + 60] ^= 1
    let ledger = try open(altered)
    #expect(ledger.snapshot.revision == 5)
    try await ledger.put(offering("instead"))
    await ledger.close()
    #expect(try folder.open().snapshot.revision == 6)
  }

  @Test func `an entry that others follow is damaged when it is altered`() async throws {
    let content = try await behind(by: 5)
    for revision in 2...5 {
      for offset in [0, 17, 25, 29, AppendLog.entryHead + 3, AppendLog.entryHead + 60, AppendLog.block - 1] {
        var altered = content
        altered["ledger-appended"]?[place(of: revision) + offset] ^= 1
        let error = #expect(throws: LedgerError.self) { try open(altered) }
        #expect(error?.code == .damaged, "revision \(revision) at \(offset)")
        #expect(error?.message.contains("revision \(revision)") == true, "\(String(describing: error))")
      }
    }
    let ledger = try open(content)
    #expect(ledger.snapshot.revision == 6)
    await ledger.close()
  }

  @Test func `a log that is missing, empty, garbled or public is refused while the ledger was not closed`() async throws
  {
    let content = try await behind(by: 5)
    let log = try #require(content["ledger-appended"])
    for lost in [Data(), log.prefix(100_000), Data(count: log.count), Data(log.map { $0 ^ 1 })] {
      var altered = content
      altered["ledger-appended"] = lost
      #expect(#expect(throws: LedgerError.self) { try open(altered) }?.message.contains("missing or altered") == true)
    }
    unlink(appended)
    var altered = content
    altered["ledger-appended"] = nil
    #expect(#expect(throws: LedgerError.self) { try open(altered) }?.message.contains("missing or altered") == true)
    try folder.write(content)
    #expect(chmod(appended, 0o644) == 0)
    #expect(#expect(throws: LedgerError.self) { try folder.open() }?.message.contains("chmod 600") == true)
    let ledger = try open(content)
    #expect(ledger.snapshot.revision == 6)
    await ledger.close()
    // Closed, a ledger needs none, and one that is left over is of no interest.
    try folder.write(["ledger-appended": log])
    #expect(try folder.open().snapshot.revision == 6)
  }

  @Test func `a log of another opening is refused`() async throws {
    let first = try await behind(by: 5)
    let ledger = try open(first)
    try await ledger.put(offering("more"))
    var mixed = try folder.content()
    await ledger.close()
    mixed["ledger-appended"] = first["ledger-appended"]
    #expect(#expect(throws: LedgerError.self) { try open(mixed) }?.message.contains("missing or altered") == true)
  }

  @Test func `a copy has what only the log has`() async throws {
    let ledger = try folder.open(create: true)
    for number in 1...300 {
      try await ledger.put(offering("o\(number)"))
      if number % 60 > 0 { continue }
      let found = Found()
      try SQLiteReading(path: folder.ledger).copy(found, isOurs: true)
      #expect(found.standing?.head.revision == UInt64(number))
      #expect(found.revisions.map(\.number).max() == UInt64(number))
    }
    await ledger.close()
  }
}
