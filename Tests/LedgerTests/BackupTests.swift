import CloudModel
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Ledger

@Suite struct BackupTests {
  static let key = BackupSecret.key(Array(0..<32))
  static let secrets: [BackupSecret?] = [nil, key, .passphrase("correct horse")]

  @Test(arguments: Kept.allCases, 0..<secrets.count) func `a backup restores to what was backed up`(
    kept: Kept, which: Int
  ) async throws {
    let secret = Self.secrets[which]
    let (place, folder) = (try await kept.place(), Folder())
    let ledger = try place.open(create: true)
    let first = offering("first")
    try await ledger.put(first)
    try await ledger.put(offering("second"))
    try await ledger.put(offering("first", cpus: 2, id: first.id))
    try await ledger.delete(first.id)
    let summary = try Backup.write(place.source, to: folder.backup, secret: secret)
    try await ledger.put(offering("later"))
    await ledger.close()
    #expect(summary.revision == 4 && summary.revisions == 4)
    let restored = try folder.restored(secret)
    #expect(restored.last == 4 && restored.ledger.snapshot.epoch == 2)
    #expect(restored.ledger.snapshot.ledger == ledger.snapshot.ledger)
    #expect(restored.ledger.snapshot.state.serviceOfferings.all.map(\.name) == ["second"])
    #expect(try restored.ledger.history(from: 1, to: 9).map(\.number) == [1, 2, 3, 4])
    try await restored.ledger.put(offering("new"))
    await restored.ledger.close()
    let again = try Ledger.open(at: folder.ledger, logger: quiet)
    #expect(again.snapshot.revision == 5 && again.snapshot.epoch == 2)
    await again.close()
  }

  @Test func `a backup restores into an empty PostgreSQL database, and into no other`() async throws {
    let (folder, place) = (Folder(), try PostgreSQLServer.shared.get().database())
    let source = Folder()
    let ledger = try source.open(create: true)
    for number in 1...50 { try await ledger.put(offering("o\(number)")) }
    try Backup.write(source.source, to: folder.backup)
    await ledger.close()
    let copy = try BackupFile(folder.backup, secret: nil)
    let restored = try RestoredLedger(of: copy, in: place.access, above: 7, logger: quiet)
    #expect(restored.ledger.snapshot.epoch == 8 && restored.ledger.snapshot.state.serviceOfferings.count == 50)
    _ = try await restored.goBack(to: try restored.earlier(20))
    #expect(restored.ledger.snapshot.state.serviceOfferings.count == 20)
    await restored.ledger.close()
    let error = #expect(throws: LedgerError.self) {
      try RestoredLedger(of: copy, in: place.access, above: 0, logger: quiet)
    }
    #expect(error?.code == .invalid)
    let again = try place.open()
    #expect(again.snapshot.revision == 51 && again.snapshot.state.serviceOfferings.count == 20)
    await again.close()
  }

  @Test func `a backup of a ledger that forgets is whole`() async throws {
    let folder = Folder()
    let ledger = try folder.open(create: true, retention: Retention(age: .seconds(1000), count: 8, window: 20))
    for number in 1...100 { try await ledger.put(offering("o\(number)")) }
    try await until { ledger.standing.anchor.number > 50 }
    let anchor = ledger.oldest - 1
    try ledger.storage.settle()
    let summary = try Backup.write(.sqlite(folder.ledger), to: folder.backup)
    #expect(summary.revision == 100 && summary.revisions < 50)
    let other = Folder()
    let restored = try RestoredLedger(
      of: try BackupFile(folder.backup, secret: nil), at: other.ledger, above: 0, logger: quiet)
    #expect(restored.ledger.snapshot.state.serviceOfferings.count == 100)
    #expect(throws: LedgerError.self) { try restored.revision(at: .revision(anchor - 1)) }
    await restored.ledger.close()
    await ledger.close()
  }

  /// A backup of two resources' history and what reads it.
  private func small(_ secret: BackupSecret?) async throws -> (folder: Folder, bytes: [UInt8]) {
    let folder = Folder()
    let ledger = try folder.open(create: true)
    for number in 1...3 { try await ledger.put(offering("o\(number)")) }
    try Backup.write(.sqlite(folder.ledger), to: folder.backup, secret: secret)
    await ledger.close()
    return (folder, Array(try Data(contentsOf: URL(filePath: folder.backup))))
  }

  private func refusal(_ folder: Folder, _ bytes: [UInt8], _ secret: BackupSecret?) throws -> LedgerError? {
    try Data(bytes).write(to: URL(filePath: folder.backup))
    do throws(LedgerError) {
      try BackupFile(folder.backup, secret: secret).load(Proof(name: "backup", known: nil, secrets: Secrets(nil)))
      return nil
    } catch { return error }
  }

  @Test(arguments: [0, 1]) func `every truncation and every flipped bit is found`(which: Int) async throws {
    let secret = Self.secrets[which]
    let (folder, bytes) = try await small(secret)
    #expect(try refusal(folder, bytes, secret) == nil)
    for length in 0..<bytes.count {
      let found = try refusal(folder, Array(bytes.prefix(length)), secret) != nil
      #expect(found, "cut to \(length)")
    }
    for position in bytes.indices {
      var altered = bytes
      altered[position] ^= 1 << (position % 8)
      let found = try refusal(folder, altered, secret) != nil
      #expect(found, "bit flipped in \(position)")
    }
    let longer = try refusal(folder, bytes + [0], secret)
    #expect(longer != nil)
  }

  @Test(arguments: [0, 1]) func `frames that are exchanged, doubled or another backup's are found`(
    which: Int
  ) async throws {
    let secret = Self.secrets[which]
    let (folder, bytes) = try await small(secret)
    let (_, others) = try await small(secret)
    let (own, foreign) = (frames(bytes), frames(others))
    let start = FrameHeader.byteCount + Checksum.byteCount
    func check(_ frames: [[UInt8]], _ what: String) throws {
      let found = try refusal(folder, bytes[..<start] + frames.flatMap { $0 }, secret) != nil
      #expect(found, "\(what)")
    }
    for first in own.indices {
      for second in own.indices where second > first {
        var changed = own
        changed.swapAt(first, second)
        try check(changed, "\(first) and \(second) exchanged")
      }
      var (doubled, without, replaced) = (own, own, own)
      doubled.insert(own[first], at: first)
      try check(doubled, "\(first) twice")
      without.remove(at: first)
      try check(without, "without \(first)")
      if first < foreign.count {
        replaced[first] = foreign[first]
        try check(replaced, "a foreign \(first)")
      }
    }
  }

  private func frames(_ bytes: [UInt8]) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var rest = bytes.dropFirst(FrameHeader.byteCount + Checksum.byteCount)
    while !rest.isEmpty {
      let length = 5 + Int(FrameHeader.number(rest.prefix(4))) + Checksum.byteCount
      frames.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return frames
  }

  @Test func `nothing of the content is found in an encrypted backup`() async throws {
    let (_, bytes) = try await small(Self.key)
    let (_, clear) = try await small(nil)
    let name = Data("serviceoffering".utf8)
    #expect(Data(clear).range(of: name) != nil)
    #expect(Data(bytes).range(of: name) == nil)
  }

  @Test func `a wrong key, a wrong passphrase and none are told apart from damage`() async throws {
    for (secret, wrong) in [
      (Self.key, BackupSecret.key(Array(1...32))), (.passphrase("12345678"), .passphrase("123456789")),
    ] {
      let (folder, bytes) = try await small(secret)
      for other in [wrong, nil] {
        let error = try refusal(folder, bytes, other)
        #expect(error?.code == .invalid, "\(String(describing: error))")
      }
    }
  }

  @Test func `what is no backup is refused with the reason`() async throws {
    let (folder, bytes) = try await small(nil)
    func refused(_ bytes: [UInt8], _ text: String, _ code: LedgerError.Code = .damaged) throws {
      let error = try refusal(folder, bytes, nil)
      #expect(error?.code == code && error?.message.contains(text) == true, "\(String(describing: error))")
    }
    try refused([], "is empty")
    try refused(Array("SQLite format 3".utf8), "not a backup")
    var future = bytes
    future[11] = 9
    try refused(future, "format 9", .tooNew)
    #expect(#expect(throws: LedgerError.self) { try BackupFile(folder.path, secret: nil) }?.code == .invalid)
    #expect(#expect(throws: LedgerError.self) { try BackupFile(folder.path + "/no", secret: nil) }?.code == .absent)
    #expect(throws: LedgerError.self) { try Backup.write(.sqlite(folder.path + "/no"), to: folder.backup + "2") }
    #expect(try folder.content().keys.contains { $0.contains("part") } == false)
  }

  @Test func `key files are read strictly`() throws {
    let folder = Folder()
    let path = folder.path + "/key"
    func write(_ text: String, _ mode: mode_t = 0o600) throws {
      try Data(text.utf8).write(to: URL(filePath: path))
      chmod(path, mode)
    }
    let digits = String(repeating: "0aF1", count: 16)
    try write(digits + "\n")
    guard case .key(let bytes) = try BackupSecret.key(inFile: path) else {
      Issue.record("no key")
      return
    }
    #expect(bytes.count == 32 && bytes[..<2] == [0x0a, 0xf1])
    for text in ["", "0a", digits + "00", String(repeating: "+a", count: 32), String(repeating: "é", count: 32)] {
      try write(text)
      #expect(throws: LedgerError.self, "\(text)") { try BackupSecret.key(inFile: path) }
    }
    try write(digits, 0o644)
    #expect(throws: LedgerError.self) { try BackupSecret.key(inFile: path) }
    #expect(throws: LedgerError.self) { try BackupSecret.key(inFile: folder.path) }
    try write("short\n")
    #expect(throws: LedgerError.self) { try BackupSecret.passphrase(inFile: path) }
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 5)), arguments: Kept.allCases)
  func `backups under the load of 64 callers are of one moment`(
    kept: Kept
  ) async throws {
    let (place, folder) = (try await kept.place(), Folder())
    let ledger = try place.open(create: true, retention: Retention(age: .seconds(1000), count: 100_000, window: 500))
    let counters = (0..<64).map { _ in ID<ServiceOffering>(UUID()) }
    let load = Task {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for id in counters {
          group.addTask {
            while !Task.isCancelled {
              _ = try await ledger.transact(test) { draft in
                try draft.put(offering(id.uuid.uuidString, cpus: (draft.get(id)?.cpuNumber ?? 0) + 1, id: id))
                try draft.put(offering("mark"))
              }
            }
          }
        }
        try await group.waitForAll()
      }
    }
    try await until { ledger.snapshot.revision > 500 }
    var kept: [Backup.Summary] = []
    for number in 1...3 {
      let before = ledger.snapshot.revision
      let summary = try Backup.write(place.source, to: "\(folder.backup)-\(number)")
      #expect(summary.revision >= before)
      kept.append(summary)
      try await until { ledger.snapshot.revision > summary.revision }
    }
    load.cancel()
    try await load.value
    var state = ledger.snapshot.state
    var last = ledger.snapshot.revision
    for (number, summary) in kept.enumerated().reversed() {
      for revision in try ledger.history(from: summary.revision + 1, to: last).reversed() { try state.undo(revision) }
      last = summary.revision
      let copy = try BackupFile("\(folder.backup)-\(number + 1)", secret: nil)
      let restored = try RestoredLedger(of: copy, at: "\(folder.ledger)-\(number)", above: 0, logger: quiet)
      let isSame = StateComparison(from: state, to: restored.ledger.snapshot.state).kinds.isEmpty
      #expect(isSame && restored.last == summary.revision)
      #expect(counters.reduce(0) { $0 + (state.serviceOfferings[$1]?.cpuNumber ?? 0) } == Int(summary.revision))
      await restored.ledger.close()
    }
    await ledger.close()
  }
}

extension Place {
  /// How another process would name the ledger.
  var source: LedgerSource {
    switch self {
    case let place as PostgreSQLPlace: .postgresql(place.access)
    case let folder as Folder: .sqlite(folder.ledger)
    default: fatalError("an unknown place")
    }
  }
}

extension Folder {
  var backup: String { path + "/backup" }

  /// Restores its backup.
  func restored(_ secret: BackupSecret? = nil, above epoch: UInt64 = 0) throws(LedgerError) -> RestoredLedger {
    try RestoredLedger(of: BackupFile(backup, secret: secret), at: ledger, above: epoch, logger: quiet)
  }
}
