import CloudModel
import Foundation
import Testing

@testable import Ledger

/// Backups hold secrets as the ledger does: sealed under keys that they do not have.
@Suite struct SealedBackupTests {
  let apart = Folder()

  private var keys: KeyFile { KeyFile(apart.keys) }

  private func restored(_ backup: String, in folder: Folder, _ keys: KeyFile?) throws(LedgerError) -> RestoredLedger {
    try RestoredLedger(of: BackupFile(backup, secret: nil), at: folder.ledger, keys: keys, above: 0, logger: quiet)
  }

  @Test(arguments: Kept.allCases) func `a backup restores with the keys of its secrets, and without them not at all`(
    kept: Kept
  ) async throws {
    let (place, folder) = (try await kept.place(), Folder())
    let ledger = try place.open(keys: keys, create: true)
    try await ledger.takeUpKeys()
    let user = user(1)
    try await ledger.put(user)
    try Backup.write(place.source, to: folder.backup)
    await ledger.close()
    let bytes = try Data(contentsOf: URL(filePath: folder.backup))
    #expect(bytes.range(of: Data(try #require(user.secretKey).utf8)) == nil)
    for wrong in [nil, KeyFile(folder.path + "/other")] {
      if let wrong { try wrong.add() }
      let error = #expect(throws: LedgerError.self) { try self.restored(folder.backup, in: Folder(), wrong) }
      #expect(error?.code == .key)
    }
    let restored = try self.restored(folder.backup, in: folder, keys)
    #expect(restored.ledger.snapshot.state.users[user.id] == user)
    await restored.ledger.close()
    let again = try folder.open(keys: keys)
    #expect(again.snapshot.state.users[user.id] == user)
    await again.close()
  }

  @Test func `going back to before a rotation keeps the keys that the history needs`() async throws {
    let folder = Folder()
    let ledger = try folder.open(keys: keys, create: true)
    try await ledger.takeUpKeys()
    let user = user(1)
    try await ledger.put(user)
    let early = ledger.snapshot.revision
    try keys.add()
    #expect(try await ledger.tendKeys().sealing == 2)
    var later = user
    later.secretKey = "another"
    try await ledger.put(later)
    try Backup.write(.sqlite(folder.ledger), to: folder.backup)
    await ledger.close()
    let place = Folder()
    let restored = try self.restored(folder.backup, in: place, keys)
    _ = try await restored.goBack(to: restored.earlier(early))
    await restored.ledger.close()
    let again = try place.open(keys: keys)
    #expect(again.snapshot.state.users[user.id] == user)
    #expect(again.snapshot.state.sealingKeys.all.map(\.number).sorted() == [1, 2])
    #expect(try again.history(from: 1, to: .max).flatMap(\.changes).contains { $0.after as? User == later })
    await again.close()
  }
}
