import ArgumentParser
import Foundation
import Ledger

struct RotateKey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate-key", abstract: "Make a new key for secrets, and have all of them sealed under it.",
    discussion: """
      The key is added to the key file; the manager then seals every secret anew. Older keys stay in the file until no
      revision that is kept needs them. Copy the file afterwards, to where no backup of the database is.
      """)

  @OptionGroup var state: StateOption
  @Option(help: "How many seconds to wait for the manager.") var timeout = 120

  func run() async throws {
    try state.requireRoot()
    let folder = state.folder
    guard timeout > 0 else { throw CommandFailure("--timeout must be positive") }
    guard let cloud = StateFolder.read(CloudFile.self, folder.cloud) else {
      throw CommandFailure("There is no cloud in \(folder.path); start one with `daruma up`.")
    }
    if let reason = try? String(contentsOfFile: folder.refusal, encoding: .utf8) {
      throw CommandFailure("The manager refuses to lead: \(reason.trimmingSuffix()). Put that right first")
    }
    let keys = KeyFile(cloud.secretsKeyFile ?? folder.keys)
    do throws(LedgerError) {
      guard try keys.read() else { throw LedgerError(.key, "\(keys.path) is missing; put back a copy of it") }
      try keys.add()
    } catch {
      throw CommandFailure("Nothing was changed: \(error.message)")
    }
    let number = keys.newest
    print("key \(number) is in \(keys.path)")
    guard folder.running("manager") != nil else {
      print("The manager does not run. When it does, it seals every secret under this key.")
      return
    }
    try await Up.poll(for: .seconds(timeout), "the manager has not sealed everything; see \(folder.logs)") {
      (StateFolder.read(SealingStanding.self, folder.keyStanding)?.sealing ?? 0) >= number
    }
    let kept = StateFolder.read(SealingStanding.self, folder.keyStanding)?.kept.filter { $0 < number } ?? []
    print("Every secret is sealed under key \(number).")
    if !kept.isEmpty { print("The history still needs \(kept.map { "key \($0)" }.joined(separator: ", ")).") }
    print("Keep a copy of \(keys.path) apart from the backups.")
  }
}
