import CloudModel
import FoundationEssentials
import Ledger
import Logging
import Synchronization

extension Control {
  /// What is due by time: destroyed instances are expunged, old events and jobs are forgotten.
  func sweep() async throws {
    while !Task.isCancelled {
      try await Task.sleep(for: .seconds(1))
      let state = self.state
      let now = Date()
      for machine in state.virtualMachines.matching("expunging", .number(1)) {
        guard let due = machine.expungeAfter, due <= now else { continue }
        do { try await expunge(machine.id) } catch {
          logger.error("could not expunge", metadata: ["instance": "\(machine.id)", "error": "\(error)"])
        }
      }
      settleLater(nodes.expire(Self.patience))
      forgetReports()
      if state.events.count > Self.keptEvents + 500 || state.jobs.count > Self.keptJobs + 500 {
        try? await forgetHistory()
      }
    }
  }

  /// How long a change waits for a gateway or an instance that does not come up at all, before it is taken back.
  private static let patience = Duration.seconds(30)

  private static let keptEvents = 20_000
  private static let keptJobs = 20_000

  private func forgetHistory() async throws {
    _ = try await transact(Cause(actor: "system/sweep", command: "forgetHistory", job: nil)) { draft in
      let events = draft.state.events.all.sorted { $0.created < $1.created }
      for event in events.dropLast(Self.keptEvents) { try draft.remove(event.id) }
      let jobs = draft.state.jobs.all.filter { $0.status != .pending }.sorted { $0.created < $1.created }
      for job in jobs.dropLast(Self.keptJobs) { try draft.remove(job.id) }
    }
  }

  /// Reports of scopes that no longer exist are dropped, so that memory does not grow with every instance there ever was.
  private func forgetReports() {
    nodes.state.withLock { board in
      // Read under the lock, it has whatever was reported until now.
      let state = self.state
      for scope in board.reports.keys where board.waitingByScope[scope] == nil {
        let parts = scope.split(separator: "/")
        guard parts.count == 2, let id = UUID(uuidString: String(parts[1])) else { continue }
        let lives =
          switch parts[0] {
          case "instance": state.virtualMachines[ID(id)] != nil
          case "router": state.cells[ID(id)] != nil || state.routers[ID(id)] != nil
          case "network": state.networks[ID(id)] != nil
          default: true
          }
        if !lives { board.reports[scope] = nil }
      }
    }
  }
}
