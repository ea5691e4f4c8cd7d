import CloudModel
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Ledger

@Suite struct ArchiveTests {
  let folder = Folder()
  let home = Folder()
  var archive: String { home.path + "/archive" }

  private func limits(segment: Int = 16 << 20, base: Int = 64 << 20) -> ArchiveLimits {
    var limits = ArchiveLimits()
    limits.segment = segment
    limits.base = base
    limits.pace = .milliseconds(20)
    limits.patience = .milliseconds(20)
    return limits
  }

  private func archiver(
    _ ledger: Ledger, secret: BackupSecret? = nil, limits: ArchiveLimits? = nil
  ) -> (Archiver, Task<Void, Never>) {
    let archiver = Archiver(of: ledger, in: archive, secret: secret, limits: limits ?? self.limits(), logger: quiet)
    return (archiver, Task { await archiver.run() })
  }

  private func isCaughtUp(_ archiver: Archiver) -> Bool {
    let state = archiver.state
    return state.archived == state.last && state.base != nil && state.trouble == nil
  }

  private func restored(_ secret: BackupSecret? = nil, base: Int = 0) throws -> RestoredLedger {
    let copy = try Archive(archive, secret: secret, base: base)
    return try RestoredLedger(of: copy, at: "\(home.path)/\(UUID().uuidString)", above: 0, logger: quiet)
  }

  @Test(arguments: Kept.allCases, [0, 1]) func `an archive has every revision soon after it is written`(
    kept: Kept, which: Int
  ) async throws {
    let secret = BackupTests.secrets[which]
    let place = try await kept.place()
    let ledger = try place.open(create: true)
    try await ledger.put(offering("before"))
    try Archiver.prepare(archive)
    let (archiver, task) = archiver(ledger, secret: secret)
    for number in 1...200 { try await ledger.put(offering("o\(number)")) }
    try await until { isCaughtUp(archiver) }
    task.cancel()
    await archiver.finish()
    let restored = try restored(secret)
    #expect(restored.last == 201 && restored.ledger.snapshot.state.serviceOfferings.count == 201)
    _ = try await restored.goBack(to: try restored.earlier(50))
    #expect(restored.ledger.snapshot.state.serviceOfferings.count == 50)
    await restored.ledger.close()
    await ledger.close()
  }

  @Test func `a later start goes on where the archive ends, and a new epoch begins with a base`() async throws {
    try Archiver.prepare(archive)
    for round in 1...4 {
      let ledger = try folder.open(create: true, restore: round == 4)
      let (archiver, task) = archiver(ledger)
      for number in 1...10 { try await ledger.put(offering("r\(round) o\(number)")) }
      try await until { isCaughtUp(archiver) }
      task.cancel()
      await archiver.finish()
      await ledger.close()
      let content = try ArchiveFolder(path: archive).content()
      #expect(content.bases.count == (round == 4 ? 2 : 1))
      let restored = try restored()
      #expect(restored.last == UInt64(round) * 10 && restored.ledger.snapshot.epoch == (round == 4 ? 3 : 2))
      await restored.ledger.close()
    }
  }

  @Test func `bases are made anew, and what only older ones need is deleted`() async throws {
    try Archiver.prepare(archive)
    let ledger = try folder.open(create: true)
    let (archiver, task) = archiver(ledger, limits: limits(segment: 2000, base: 4000))
    let place = ArchiveFolder(path: archive)
    // The first base is of a ledger that holds nothing yet.
    try await until { (try? place.content().bases.count) == 1 }
    var oldest: UInt64 = 0
    for number in 1...2000 where oldest < 20 {
      try await ledger.put(offering("o\(number)"))
      if number % 20 == 0 { try await until { isCaughtUp(archiver) } }
      oldest = try place.content().segments.first?.revision ?? 0
    }
    try await until { isCaughtUp(archiver) }
    task.cancel()
    await archiver.finish()
    let content = try place.content()
    #expect(oldest >= 20 && content.bases.count == 2)
    for base in 0..<2 {
      let restored = try restored(base: base)
      #expect(restored.last == ledger.snapshot.revision)
      await restored.ledger.close()
    }
    await ledger.close()
  }

  @Test func `writers go on while the folder is gone, and it is caught up with when it is back`() async throws {
    try Archiver.prepare(archive)
    let ledger = try folder.open(create: true)
    let (archiver, task) = archiver(ledger)
    try await ledger.put(offering("first"))
    try await until { isCaughtUp(archiver) }
    let away = home.path + "/away"
    rename(archive, away)
    for number in 1...20 { try await ledger.put(offering("o\(number)")) }
    try await until { archiver.state.trouble != nil }
    #expect(archiver.state.behindSince != nil && archiver.state.archived == 1)
    // An empty folder, as where a disk is not mounted, is not written into.
    mkdir(archive, 0o700)
    try await ledger.put(offering("more"))
    try await Task.sleep(for: .milliseconds(100))
    #expect(try FileManager.default.contentsOfDirectory(atPath: archive).isEmpty)
    rmdir(archive)
    rename(away, archive)
    try await until { isCaughtUp(archiver) }
    task.cancel()
    await archiver.finish()
    let restored = try restored()
    #expect(restored.last == 22)
    await restored.ledger.close()
    await ledger.close()
  }

  @Test func `revisions that were forgotten before they were archived lead to a new base`() async throws {
    try Archiver.prepare(archive)
    let ledger = try folder.open(create: true, retention: Retention(age: .seconds(1000), count: 8, window: 10))
    let (archiver, task) = archiver(ledger)
    try await ledger.put(offering("first"))
    try await until { isCaughtUp(archiver) }
    let away = home.path + "/away"
    rename(archive, away)
    for number in 1...100 { try await ledger.put(offering("o\(number)")) }
    try await until { ledger.oldest > 50 }
    rename(away, archive)
    try await until { isCaughtUp(archiver) && archiver.state.base == 101 }
    try await ledger.put(offering("last"))
    try await until { isCaughtUp(archiver) }
    task.cancel()
    await archiver.finish()
    let restored = try restored()
    #expect(restored.last == 102 && restored.ledger.snapshot.state.serviceOfferings.count == 102)
    await restored.ledger.close()
    await ledger.close()
  }

  @Test func `another ledger's archive and a folder with other files are refused`() async throws {
    try Archiver.prepare(archive)
    let ledger = try folder.open(create: true)
    let (archiver, task) = archiver(ledger)
    try await ledger.put(offering("first"))
    try await until { isCaughtUp(archiver) }
    task.cancel()
    let content = try FileManager.default.contentsOfDirectory(atPath: archive)
    let other = try Folder().open(create: true)
    let (stranger, strange) = self.archiver(other)
    try await other.put(offering("x"))
    try await until { stranger.state.trouble?.contains("another ledger") == true }
    strange.cancel()
    await stranger.finish()
    #expect(try FileManager.default.contentsOfDirectory(atPath: archive) == content)
    #expect(throws: LedgerError.self) { try Archiver.prepare(archive, for: other.snapshot.ledger) }
    try Archiver.prepare(archive, for: ledger.snapshot.ledger)
    #expect(throws: LedgerError.self) { try Archiver.prepare(folder.path) }
    await other.close()
    await ledger.close()
  }

  /// A closed archive of 30 revisions in several segments, and what reads it.
  private func prepare() async throws -> [ArchiveFolder.Entry] {
    try Archiver.prepare(archive)
    let ledger = try folder.open(create: true)
    let (archiver, task) = archiver(ledger, limits: limits(segment: 1500))
    try await ledger.put(offering("o"))
    try await until { isCaughtUp(archiver) }
    for _ in 2...30 {
      try await ledger.put(offering("o"))
      try await until { isCaughtUp(archiver) }
    }
    task.cancel()
    await archiver.finish()
    await ledger.close()
    return try ArchiveFolder(path: archive).content().segments
  }

  private func last(_ acceptsDamage: Bool = false) -> Result<UInt64, LedgerError> {
    do throws(LedgerError) {
      let proof = Proof(name: "archive", known: nil, secrets: Secrets(nil))
      try Archive(archive, secret: nil, acceptsDamage: acceptsDamage).load(proof)
      return .success(try proof.finish().standing.head.revision)
    } catch { return .failure(error) }
  }

  @Test func `a missing, altered or foreign segment is found, and one that was cut short is the end`() async throws {
    let segments = try await prepare()
    #expect(segments.count > 4)
    #expect(try last().get() == 30)
    let middle = "\(archive)/\(segments[2].name)"
    let whole = try Data(contentsOf: URL(filePath: middle))
    func put(_ data: Data, _ path: String) throws { try data.write(to: URL(filePath: path)) }
    unlink(middle)
    #expect(throws: LedgerError.self) { try last().get() }
    #expect(try last(true).get() == segments[2].revision)
    for position in stride(from: 0, to: whole.count, by: 37) {
      var altered = whole
      altered[position] ^= 4
      try put(altered, middle)
      #expect(throws: LedgerError.self, "bit flipped in \(position)") { try last().get() }
      #expect(try last(true).get() >= segments[2].revision)
    }
    try put(try Data(contentsOf: URL(filePath: "\(archive)/\(segments[3].name)")), middle)
    #expect(throws: LedgerError.self) { try last().get() }
    try put(whole, middle)
    let newest = "\(archive)/\(segments[segments.count - 1].name)"
    let tail = try Data(contentsOf: URL(filePath: newest))
    for length in 0...tail.count {
      try put(tail.prefix(length), newest)
      let found = try last().get()
      #expect(found >= segments[segments.count - 1].revision && found <= 30, "cut to \(length)")
      if length % 16 == 0 {
        try put(tail.prefix(length) + Data(count: tail.count - length), newest)
        #expect(try last(true).get() <= 30)
      }
    }
    #expect(try last().get() == 30)
  }

  @Test func `what is no archive is refused with the reason`() async throws {
    #expect(#expect(throws: LedgerError.self) { try Archive(home.path, secret: nil) }?.code == .absent)
    let segments = try await prepare()
    let error = #expect(throws: LedgerError.self) { try BackupFile("\(archive)/\(segments[0].name)", secret: nil) }
    #expect(error?.message.contains("piece of an archive") == true)
  }
}
