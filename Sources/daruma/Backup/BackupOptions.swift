import ArgumentParser
import FoundationEssentials
import Glibc
import Ledger
import Synchronization

/// What backups are encrypted with. A secret itself is never on the command line, where every user could read it.
struct SecretOption: ParsableArguments {
  @Option(help: "A file with 64 hexadecimal digits to encrypt with, made by `openssl rand -hex 32`.")
  var keyFile: String?
  @Option(help: "A file whose first line is a passphrase; - is the standard input. Or set DARUMA_BACKUP_PASSPHRASE.")
  var passphraseFile: String?

  func secret() throws -> BackupSecret? {
    guard keyFile == nil || passphraseFile == nil else {
      throw CommandFailure("Give --key-file or --passphrase-file, not both")
    }
    if let keyFile { return try BackupSecret.key(inFile: keyFile) }
    if passphraseFile == "-" {
      return try BackupSecret.passphrase(readLine() ?? "", from: "the standard input")
    }
    if let passphraseFile { return try BackupSecret.passphrase(inFile: passphraseFile) }
    guard let text = ProcessInfo.processInfo.environment["DARUMA_BACKUP_PASSPHRASE"] else { return nil }
    return try BackupSecret.passphrase(text, from: "DARUMA_BACKUP_PASSPHRASE")
  }
}

/// The keys that secrets in the ledger are sealed under, which no backup holds.
struct SealingKeyOption: ParsableArguments {
  @Option(help: "The file with the keys of secrets (default: as `up` was told, else STATE/manager/secrets.key).")
  var secretsKeyFile: String?

  /// Where it is, be there one or not.
  func path(_ folder: StateFolder) -> String {
    secretsKeyFile ?? StateFolder.read(CloudFile.self, folder.cloud)?.secretsKeyFile ?? folder.keys
  }

  /// `nil` when there is no such file. Nothing is ever made of it here.
  func keys(_ folder: StateFolder) throws -> KeyFile? {
    let path = path(folder)
    guard access(path, F_OK) != 0 else { return KeyFile(path) }
    guard secretsKeyFile == nil else { throw CommandFailure("\(path) does not exist; name the file with the keys") }
    return nil
  }
}

/// A line on the terminal that is written over until it is done. Silent where nobody looks.
final class ProgressLine: Sendable {
  private let isShown: Bool
  private let last = Mutex<ContinuousClock.Instant?>(nil)

  init(isShown: Bool) { self.isShown = isShown && isatty(STDERR_FILENO) == 1 }

  func show(_ text: @autoclosure () -> String) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let isDue = last.withLock { last in
      if let last, now - last < .milliseconds(100) { return false }
      last = now
      return true
    }
    if isDue { write("\r\u{1b}[K  \(text())") }
  }

  func end() { if isShown { write("\r\u{1b}[K") } }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}

extension Backup.Summary {
  var text: String {
    "revision \(revision) of epoch \(epoch), \(resources) resources, \(revisions) revisions, \(bytes >> 10) KiB"
  }
}

enum JSONText {
  static func of(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
