import ArgumentParser
import CloudModel
import Foundation
import Glibc
import Kernel
import Ledger

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring the ledger back from a backup or an archive.",
    discussion: """
      The manager must be stopped; nodes forward on meanwhile. What would change is shown first. The ledger in place is moved
      aside, never deleted. The history goes on: going back is one more revision, in a new epoch that the nodes follow.

      Examples:
        sudo ./daruma restore /mnt/backups/cloud.backup --dry-run
        sudo ./daruma restore /mnt/archive --at 2026-03-01T12:00:00Z --stop-manager
        sudo ./daruma restore cloud.backup --postgresql 'host=db dbname=daruma2 user=daruma' --stop-manager
        sudo ./daruma up
      """)

  @Argument(help: "A backup, or the folder of an archive.") var source: String
  @OptionGroup var state: StateOption
  @Option(help: "A revision's number, or an instant such as 2026-03-01T12:00:00Z. Without: the end of what is there.")
  var at: String?
  @OptionGroup var encryption: SecretOption
  @OptionGroup var sealing: SealingKeyOption
  @Option(help: "Restore into this empty PostgreSQL database, and have the cloud use it.") var postgresql: String?
  @Option(help: "Port of the API of a cloud that this machine does not know yet (default 8080).") var port = 8080
  @Flag(help: "Only show what would change.") var dryRun = false
  @Flag(help: "Go on without asking.") var yes = false
  @Flag(help: "Stop the manager first; the network stays as it is.") var stopManager = false
  @Flag(help: "Use an archive up to the first place that is damaged or missing.") var upToDamage = false
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    try state.requireRoot()
    let folder = state.folder
    let moment = try moment()
    let copy = try LedgerCopies.open(source, encryption.secret(), acceptsDamage: upToDamage)
    if dryRun {
      let scratch = try ScratchFolder.make(in: ScratchFolder.usual)
      defer { try? FileManager.default.removeItem(atPath: scratch) }
      let (restored, _, preview) = try make(copy, scratch + "/ledger", moment, folder)
      try preview.show(json: json)
      await restored.ledger.close()
      return
    }
    guard yes || isatty(STDIN_FILENO) == 1 else {
      throw CommandFailure("Nobody can be asked here; look with --dry-run, then go on with --yes")
    }
    if let database = try database(folder) { return try await restore(copy, into: database, moment, folder) }
    try stop(folder)
    try folder.prepare()
    let replacement: LedgerReplacement
    do {
      replacement = try LedgerReplacement(of: folder.ledger)
    } catch {
      guard error.code == .locked else { throw error }
      throw CommandFailure("\(error.message). Stop the manager, or let this do it with --stop-manager")
    }
    let (restored, earlier, preview): (RestoredLedger, Earlier, RestorePreview)
    do {
      (restored, earlier, preview) = try make(copy, replacement.draft, moment, folder)
      try preview.show(json: json)
    } catch {
      replacement.abandon()
      throw error
    }
    guard yes || confirmed() else {
      await restored.ledger.close()
      replacement.abandon()
      throw CommandFailure("Nothing was changed")
    }
    let revision = try await restored.goBack(to: earlier).revision.number
    let snapshot = restored.ledger.snapshot
    await restored.ledger.close()
    try RestoredCloud(folder: folder, port: port, secretsKeyFile: sealing.secretsKeyFile).prepare(snapshot)
    let hadOne = access(folder.ledger, F_OK) == 0
    let aside = try replacement.commit()
    tell("Restored as revision \(revision) of epoch \(snapshot.epoch).")
    if hadOne { tell("The ledger that was here is in \(aside).") }
    tell("Start it with `daruma up`; the nodes follow.")
  }

  private func moment() throws -> RestorePoint {
    guard let at else { return .end }
    guard let moment = RestorePoint(at) else {
      throw CommandFailure("--at must be a revision's number or an instant such as 2026-03-01T12:00:00Z, not \(at)")
    }
    return moment
  }

  func stop(_ folder: StateFolder) throws {
    let managers = folder.runningManagers
    guard managers.isEmpty || stopManager else {
      throw CommandFailure("The manager of \(folder.path) runs; stop it, or let this do it with --stop-manager")
    }
    for name in managers { try folder.stopManager(name) }
  }

  /// Makes the ledger of the copy at `path`, and says what it would change.
  func make(
    _ copy: any LedgerCopy, _ path: String, _ moment: RestorePoint, _ folder: StateFolder
  ) throws -> (RestoredLedger, Earlier, RestorePreview) {
    if let cloud = StateFolder.read(CloudFile.self, folder.cloud), let ours = cloud.ledger,
      ours != copy.ledger.uuidString.lowercased()
    {
      throw CommandFailure(
        "\(source) is of ledger \(copy.ledger.uuidString.lowercased()), the cloud in \(folder.path) of \(ours)")
    }
    let keys = try sealing.keys(folder)
    let inPlace = InPlace(folder, keys)
    let restored = try RestoredLedger(of: copy, at: path, keys: keys, above: inPlace.epoch, logger: Log.silent)
    let earlier = try restored.earlier(restored.revision(at: moment))
    let outcome = try restored.preview(earlier).after.state
    return (restored, earlier, RestorePreview(restored, earlier, outcome, inPlace))
  }

  func confirmed() -> Bool {
    FileHandle.standardErrorLine("Restore? Type yes to go on.")
    return readLine() == "yes"
  }

  func tell(_ line: String) {
    if json { FileHandle.standardErrorLine(line) } else { print(line) }
  }
}
