import ArgumentParser
import FoundationEssentials
import Glibc
import Ledger

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Write a backup of the ledger, also while the cloud runs.",
    discussion: """
      The backup holds the ledger as it is at one moment, with its history. FILE appears when it is complete; - writes to the
      standard output. Secrets in it are sealed with the cloud's own key, which is not in it: keep that elsewhere.

      Examples:
        sudo ./daruma backup /mnt/backups/cloud.backup
        sudo ./daruma backup - --key-file /root/backup.key | ssh vault 'cat > cloud.backup'
      """)

  @Argument(help: "Where to write; - for the standard output.") var file: String
  @OptionGroup var state: StateOption
  @Option(help: "Of the ledger in this PostgreSQL database (libpq's connection string, without a password).")
  var postgresql: String?
  @OptionGroup var encryption: SecretOption
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let source = try source()
    let secret = try encryption.secret()
    let progress = ProgressLine(isShown: true)
    defer { progress.end() }
    let summary: Backup.Summary
    if file == "-" {
      guard isatty(STDOUT_FILENO) == 0 else { throw CommandFailure("A backup is not for a terminal; name a file") }
      summary = try Backup.write(source, to: STDOUT_FILENO, name: "the standard output", secret: secret) {
        progress.show($0.text)
      }
      return
    }
    summary = try Backup.write(source, to: file, secret: secret) { progress.show($0.text) }
    progress.end()
    print(try json ? JSONText.of(summary) : "\(file): \(summary.text)")
  }

  private func source() throws -> LedgerSource {
    if let postgresql { return .postgresql(try PostgreSQLAccess(postgresql)) }
    try state.requireRoot()
    if let conninfo = StateFolder.read(CloudFile.self, state.folder.cloud)?.postgresql {
      return .postgresql(try PostgreSQLAccess(conninfo))
    }
    try LedgerReplacement.finish(at: state.folder.ledger)
    guard access(state.folder.ledger, F_OK) == 0 else {
      throw CommandFailure("There is no ledger in \(state.folder.path); name the cloud's folder with --state")
    }
    return .sqlite(state.folder.ledger)
  }
}

struct VerifyBackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify-backup", abstract: "Restore a backup into a temporary ledger and say what it holds.",
    discussion: "Exit code 0: it restores. Needs room for the ledger in the temporary folder.")

  @Argument(help: "A backup, or the folder of an archive.") var source: String
  @OptionGroup var state: StateOption
  @OptionGroup var encryption: SecretOption
  @OptionGroup var sealing: SealingKeyOption
  @Option(help: "Where the temporary ledger is made.") var scratch = ScratchFolder.usual
  @Flag(help: "Print JSON.") var json = false

  struct Report: Encodable {
    var ledger: UUID
    var epoch: UInt64
    var revision: UInt64
    var oldest: UInt64
    /// When the last revision was written.
    var time: Date?
    var resources: [String: Int]
  }

  func run() async throws {
    let copy = try LedgerCopies.open(source, encryption.secret())
    let folder = try ScratchFolder.make(in: scratch)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let restored = try RestoredLedger(
      of: copy, at: folder + "/ledger", keys: sealing.keys(state.folder), above: 0, logger: Log.silent)
    let snapshot = restored.ledger.snapshot
    let report = Report(
      ledger: snapshot.ledger, epoch: snapshot.epoch - 1, revision: restored.last, oldest: restored.ledger.oldest,
      time: try restored.ledger.history(from: restored.last, to: restored.last).first?.time,
      resources: snapshot.state.counts)
    await restored.ledger.close()
    if json { return print(try JSONText.of(report)) }
    let time = report.time.map { " of \($0.formatted(.iso8601))" } ?? ""
    print("\(source) restores: ledger \(report.ledger.uuidString.lowercased()), epoch \(report.epoch)")
    print("  revisions \(report.oldest) to \(report.revision)\(time)")
    for (kind, count) in report.resources.sorted(by: { $0.key < $1.key }) { print("  \(kind) \(count)") }
  }
}

enum LedgerCopies {
  /// A file or an archive's folder.
  static func open(
    _ path: String, _ secret: BackupSecret?, acceptsDamage: Bool = false
  ) throws -> any LedgerCopy {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw CommandFailure("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try BackupFile(path, secret: secret) }
    return try Archive(path, secret: secret, acceptsDamage: acceptsDamage)
  }
}

enum ScratchFolder {
  static var usual: String { ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp" }

  /// A folder of its own that only its owner sees.
  static func make(in folder: String) throws -> String {
    var template = Array("\(folder)/daruma-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw CommandFailure("\(folder) cannot be written: \(String(cString: strerror(errno)))") }
    return made
  }
}
