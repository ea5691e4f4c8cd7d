import FoundationEssentials
import Ledger
import Logging

/// Has the ledger follow its key file, and writes down how far it is, for `daruma rotate-key`.
struct KeyWatch {
  let ledger: Ledger
  let folder: StateFolder
  let logger: Logger

  func run() async throws {
    var told: SealingStanding?
    var complaint = ""
    while !Task.isCancelled {
      do {
        let standing = try await ledger.tendKeys()
        if standing != told {
          try StateFolder.write(standing, to: folder.keyStanding)
          logger.notice("secrets are sealed", metadata: ["key": "\(standing.sealing)", "kept": "\(standing.kept)"])
        }
        told = standing
        complaint = ""
      } catch {
        if "\(error)" != complaint, !Task.isCancelled {
          logger.error("the keys of secrets cannot be tended", metadata: ["error": "\(error)"])
        }
        complaint = "\(error)"
      }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
