import Agent
import FoundationEssentials
import Ledger

/// What is there before a restore: the ledger in place and the node's stored plan, as far as they can be read. Nothing of
/// them is changed.
struct InPlace {
  private(set) var ledger: Snapshot?
  /// Why the ledger cannot be read.
  private(set) var trouble: String?
  private(set) var plan: Agent.Plan?

  init(_ folder: StateFolder, _ keys: KeyFile?) {
    do {
      if let conninfo = StateFolder.read(CloudFile.self, folder.cloud)?.postgresql {
        ledger = try Ledger.look(at: .postgresql(PostgreSQLAccess(conninfo)), keys: keys)
      } else {
        try LedgerReplacement.finish(at: folder.ledger)
        ledger = try Ledger.look(at: .sqlite(folder.ledger), keys: keys)
      }
    } catch {
      trouble = error.code == .absent ? nil : error.message
    }
    // The agent may be writing, so what is read may not fit together at once.
    for _ in 0..<5 where plan == nil { plan = Self.storedPlan(folder) }
  }

  /// The highest epoch that anybody here has seen.
  var epoch: UInt64 { max(ledger?.epoch ?? 0, plan?.epoch ?? 0) }

  private static func storedPlan(_ folder: StateFolder) -> Agent.Plan? {
    guard let scratch = try? ScratchFolder.make(in: ScratchFolder.usual) else { return nil }
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    for name in ["plan.base", "plan.log"] {
      try? FileManager.default.copyItem(atPath: "\(folder.path)/agent/\(name)", toPath: "\(scratch)/\(name)")
    }
    var store = PlanStore(folder: scratch)
    guard let loaded = try? store.load(), loaded.problem == nil else { return nil }
    return loaded.plan
  }
}
