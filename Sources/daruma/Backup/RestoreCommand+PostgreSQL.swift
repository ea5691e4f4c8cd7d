import FoundationEssentials
import Ledger

/// A restore into a database of its own, which the cloud uses from then on. The one it used stays as it is.
extension RestoreCommand {
  /// `nil` when the ledger goes into the state folder.
  func database(_ folder: StateFolder) throws -> PostgreSQLAccess? {
    if let postgresql { return try PostgreSQLAccess(postgresql) }
    guard StateFolder.read(CloudFile.self, folder.cloud)?.postgresql == nil else {
      throw CommandFailure(
        "The cloud keeps its ledger in PostgreSQL; name an empty database with --postgresql. The one in use is kept")
    }
    return nil
  }

  func restore(
    _ copy: any LedgerCopy, into database: PostgreSQLAccess, _ moment: RestorePoint, _ folder: StateFolder
  ) async throws {
    guard try !database.holdsLedger() else {
      throw CommandFailure("\(database.name) holds a ledger already; name an empty database")
    }
    try stop(folder)
    try folder.prepare()
    // Shown from a ledger on this machine, so that whoever says no leaves the database empty.
    let scratch = try ScratchFolder.make(in: ScratchFolder.usual)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let (shown, _, preview) = try make(copy, scratch + "/ledger", moment, folder)
    await shown.ledger.close()
    try preview.show(json: json)
    guard yes || confirmed() else { throw CommandFailure("Nothing was changed") }
    let keys = try sealing.keys(folder)
    let restored = try RestoredLedger(
      of: copy, in: database, keys: keys, above: InPlace(folder, keys).epoch, logger: Log.silent)
    let revision = try await restored.goBack(to: restored.earlier(restored.revision(at: moment))).revision.number
    let snapshot = restored.ledger.snapshot
    await restored.ledger.close()
    try RestoredCloud(folder: folder, port: port, secretsKeyFile: sealing.secretsKeyFile, postgresql: postgresql)
      .prepare(snapshot)
    tell("Restored as revision \(revision) of epoch \(snapshot.epoch), into \(database.name).")
    tell("Start it with `daruma up`; the nodes follow.")
  }
}
