import ArgumentParser
import FoundationEssentials
import Ledger
import Logging

/// Where a cloud's ledger is archived, as `up` takes it and remembers it.
struct ArchiveOption: ParsableArguments {
  @Option(
    help: "Archive every revision in this folder, also of another disk or machine; `none` ends that. Is remembered.")
  var archive: String?
  @Option(help: "A file with 64 hexadecimal digits that the archive is encrypted with. Is remembered.")
  var archiveKeyFile: String?

  /// Whether `cloud` was changed. The folder is marked as an archive.
  func apply(to cloud: inout CloudFile) throws -> Bool {
    guard archive != nil || archiveKeyFile != nil else { return false }
    let before = (cloud.archive, cloud.archiveKeyFile)
    if archive == "none" {
      guard archiveKeyFile == nil else { throw CommandFailure("--archive none takes no --archive-key-file") }
      (cloud.archive, cloud.archiveKeyFile) = (nil, nil)
    } else {
      if let archive { cloud.archive = Self.absolute(archive) }
      if let archiveKeyFile { cloud.archiveKeyFile = Self.absolute(archiveKeyFile) }
      guard let path = cloud.archive else { throw CommandFailure("--archive-key-file goes with --archive") }
      if let file = cloud.archiveKeyFile { _ = try BackupSecret.key(inFile: file) }
      try Archiver.prepare(path, for: cloud.ledger.flatMap { UUID(uuidString: $0) })
    }
    return before != (cloud.archive, cloud.archiveKeyFile)
  }

  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }
}

/// Archives the ledger while its manager runs, and keeps a file that says how that stands.
struct CloudArchive: Sendable {
  private let archiver: Archiver
  private let path: String

  /// `nil` when the cloud is not archived, or cannot be: that is said, and no reason not to lead.
  init?(_ cloud: CloudFile, _ ledger: Ledger, _ folder: StateFolder, _ logger: Logger) {
    try? FileManager.default.removeItem(atPath: folder.archiveState)
    guard let archive = cloud.archive else { return nil }
    path = folder.archiveState
    do {
      let secret = try cloud.archiveKeyFile.map { path throws(LedgerError) in try BackupSecret.key(inFile: path) }
      archiver = Archiver(of: ledger, in: archive, secret: secret, logger: logger)
    } catch {
      logger.error("nothing is archived", metadata: ["folder": "\(archive)", "reason": "\(error)"])
      let last = ledger.snapshot.revision
      let state = ArchiveState(
        folder: archive, archived: 0, last: last, base: nil, behindSince: Date(), trouble: error.message)
      try? StateFolder.write(state, to: path)
      return nil
    }
  }

  /// Until cancelled, whatever becomes of the archive.
  func runForever() async throws {
    await run()
    try await Task.sleep(for: .seconds(86_400 * 365))
  }

  private func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await archiver.run() }
      group.addTask {
        var written: ArchiveState?
        while !Task.isCancelled {
          let state = archiver.state
          if state != written {
            try? StateFolder.write(state, to: path)
            written = state
          }
          try? await Task.sleep(for: .seconds(1))
        }
      }
    }
  }

  func finish() async {
    await archiver.finish()
    try? StateFolder.write(archiver.state, to: path)
  }
}

extension ArchiveState {
  var text: String {
    let place = "archive \(folder): revision \(archived) of \(last), base \(base.map { "\($0)" } ?? "not yet")"
    guard let behindSince, trouble != nil || archived < last else { return place }
    let seconds = Int(Date().timeIntervalSince(behindSince))
    return place + ", behind for \(seconds) s" + (trouble.map { ": \($0)" } ?? "")
  }
}
