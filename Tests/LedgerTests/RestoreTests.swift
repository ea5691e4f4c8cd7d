import CloudModel
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Ledger

@Suite struct RestoreTests {
  /// Random changes to a few resources that compete for names.
  private func history(_ count: Int, _ dice: inout Dice) async throws -> (Folder, [CloudState], [Date]) {
    let folder = Folder()
    let clock = PassingTime()
    let ledger = try folder.open(create: true, sources: Sources(now: { clock.now }, uuid: { UUID() }))
    let ids = (0..<6).map { _ in ID<Domain>(UUID()) }
    var states = [ledger.snapshot.state]
    var times = [clock.now]
    while states.count <= count {
      clock.pass(1)
      let (id, other, name, kind) = (dice.pick(ids), dice.pick(ids), "d\(dice.roll(8))", dice.roll(4))
      let step = try? await ledger.transact(test) { draft in
        switch kind {
        case 0: try draft.remove(id)
        case 1:
          // Names that pass from one to another.
          try draft.remove(other)
          try draft.put(Domain(id: id, name: name, path: name, created: epoch))
        case 2: try draft.put(offering(name))
        default: try draft.put(Domain(id: id, name: name, path: name, created: epoch))
        }
      }
      guard let step, !step.revision.changes.isEmpty else { continue }
      states.append(step.after.state)
      times.append(step.revision.time)
    }
    try Backup.write(.sqlite(folder.ledger), to: folder.backup)
    await ledger.close()
    return (folder, states, times)
  }

  @Test func `going back to any revision brings back the state of then, and can itself be gone back on`() async throws {
    var dice = Dice()
    let (folder, states, times) = try await history(60, &dice)
    for round in 0..<12 {
      let copy = try BackupFile(folder.backup, secret: nil)
      let restored = try RestoredLedger(of: copy, at: "\(folder.ledger)-\(round)", above: 4, logger: quiet)
      let wanted = UInt64(dice.roll(states.count))
      let earlier = try restored.earlier(wanted)
      let previewed = try restored.preview(earlier).after.state
      #expect(restored.ledger.snapshot.revision == 60)
      let done = try await restored.goBack(to: earlier)
      #expect(done.revision.number == 61 && done.revision.cause.command == "restore")
      #expect(done.after.epoch == 5)
      for state in [previewed, done.after.state] {
        #expect(difference(states[Int(wanted)], state) == ["restoration"])
      }
      let restoration = try #require(done.after.state.restoration(of: 5))
      #expect(restoration.last == 60 && restoration.moment == wanted && restoration.revision == 61)
      if wanted > 0 {
        #expect(try restored.revision(at: .instant(times[Int(wanted)])) == wanted)
        #expect(try restored.revision(at: .instant(times[Int(wanted)].addingTimeInterval(0.5))) == wanted)
      }
      await restored.ledger.close()
      // All of the history is still there: a second restore takes back the first.
      let second = "\(folder.backup)-\(round)"
      try Backup.write(.sqlite("\(folder.ledger)-\(round)"), to: second)
      let again = try RestoredLedger(
        of: try BackupFile(second, secret: nil), at: "\(folder.ledger)-\(round)-again", above: 0, logger: quiet)
      let undone = try await again.goBack(to: try again.earlier(60))
      #expect(undone.after.epoch == 6 && undone.revision.number == 62)
      #expect(difference(states[60], undone.after.state) == ["restoration"])
      #expect(undone.after.state.restoration(of: 5) == nil && undone.after.state.restoration(of: 6) != nil)
      await again.ledger.close()
    }
  }

  private func difference(_ one: CloudState, _ other: CloudState) -> [String] {
    StateComparison(from: one, to: other).kinds.keys.sorted()
  }

  @Test func `a moment before all and one in the future are refused`() async throws {
    var dice = Dice()
    let (folder, _, times) = try await history(10, &dice)
    let restored = try RestoredLedger(
      of: try BackupFile(folder.backup, secret: nil), at: folder.ledger + "-new", above: 0, logger: quiet)
    func refused(_ point: RestorePoint, _ code: LedgerError.Code, _ text: String) {
      let error = #expect(throws: LedgerError.self) { try restored.revision(at: point, now: times[10]) }
      #expect(error?.code == code && error?.message.contains(text) == true, "\(String(describing: error))")
    }
    refused(.revision(11), .invalid, "ends at revision 10")
    refused(.instant(times[10].addingTimeInterval(1)), .invalid, "is in the future")
    refused(.instant(times[0]), .behind, "before all")
    #expect(try restored.revision(at: .revision(0)) == 0)
    #expect(try restored.revision(at: .end) == 10)
    await restored.ledger.close()
    #expect(RestorePoint("7") == .revision(7))
    #expect(RestorePoint("2026-03-01T12:00:00Z") == .instant(Date(timeIntervalSince1970: 1_772_366_400)))
    #expect(RestorePoint("2026-03-01T12:00:00.5Z") == .instant(Date(timeIntervalSince1970: 1_772_366_400.5)))
    for text in ["", "-1", "yesterday", "1.5", "2026-03-01"] { #expect(RestorePoint(text) == nil, "\(text)") }
  }

  @Test func `a ledger takes another's place at any step of it, and nothing is lost`() async throws {
    let source = Folder()
    let ledger = try source.open(create: true)
    try await ledger.put(offering("kept"))
    try Backup.write(.sqlite(source.ledger), to: source.backup)
    try await ledger.put(offering("given up"))
    await ledger.close()
    let before = try source.content()
    for step in 0..<8 {
      let folder = Folder()
      try folder.write(before)
      let replacement = try LedgerReplacement(of: folder.ledger)
      let locked = #expect(throws: LedgerError.self) { try folder.open() }
      #expect(locked?.code == .locked)
      let restored = try RestoredLedger(
        of: try BackupFile(folder.backup, secret: nil), at: replacement.draft, above: 0, logger: quiet)
      await restored.ledger.close()
      if step == 0 {
        replacement.abandon()
        #expect(Set(try folder.content().keys) == Set(before.keys))
        let again = try folder.open()
        #expect(again.snapshot.revision == 2 && again.snapshot.epoch == 1)
        await again.close()
        continue
      }
      let aside = try replacement.commit()
      try takeBack(step, folder, aside)
      let again = try folder.open()
      #expect(again.snapshot.revision == 1 && again.snapshot.epoch == 2)
      await again.close()
      let old = try Ledger.open(at: aside + "/ledger.sqlite", logger: quiet)
      #expect(old.snapshot.revision == 2 && old.snapshot.epoch == 1)
      await old.close()
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!names.contains { $0.contains("restor") && !$0.contains("before") }, "\(names)")
    }
  }

  /// Makes the files what a crash after the decision would have left, `step` moves before the end.
  private func takeBack(_ step: Int, _ folder: Folder, _ aside: String) throws {
    let decided = folder.ledger + "-restored"
    guard step > 1 else { return }
    mkdir(decided, 0o700)
    guard step > 2 else { return }
    try Data(aside.utf8).write(to: URL(filePath: decided + "/aside"))
    guard step > 3 else { return }
    rename(folder.ledger + "-head", decided + "/ledger-head")
    guard step > 4 else { return }
    rename(aside + "/ledger.sqlite-head", folder.ledger + "-head")
    guard step > 5 else { return }
    rename(folder.ledger, decided + "/ledger")
    guard step > 6 else { return }
    rename(aside + "/ledger.sqlite", folder.ledger)
    rmdir(aside)
  }

  @Test func `an empty place takes a restored ledger too`() async throws {
    let source = Folder()
    let ledger = try source.open(create: true)
    try await ledger.put(offering("kept"))
    try Backup.write(.sqlite(source.ledger), to: source.backup)
    await ledger.close()
    let folder = Folder()
    try LedgerReplacement(of: folder.ledger).abandon()
    #expect(try folder.content().isEmpty)
    let replacement = try LedgerReplacement(of: folder.ledger)
    let restored = try RestoredLedger(
      of: try BackupFile(source.backup, secret: nil), at: replacement.draft, above: 0, logger: quiet)
    await restored.ledger.close()
    _ = try replacement.commit()
    let again = try folder.open()
    #expect(again.snapshot.revision == 1)
    await again.close()
  }
}

/// A clock that goes when it is told to.
final class PassingTime: Sendable {
  private let time = Mutex(epoch)
  var now: Date { time.withLock { $0 } }
  func pass(_ seconds: Double) { time.withLock { $0 += seconds } }
}

/// Numbers that DARUMA_SEED decides; it is printed.
struct Dice {
  private var state: UInt64

  init(_ name: String = #function) {
    let given = ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap { UInt64($0) }
    state = given ?? UInt64.random(in: 0...UInt64(UInt32.max))
    print("\(name): DARUMA_SEED=\(state)")
  }

  /// 0 to `sides` - 1.
  mutating func roll(_ sides: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ mixed >> 31) >> 1) % sides
  }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[roll(values.count)] }
}
