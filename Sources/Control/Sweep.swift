import CloudModel
import FoundationEssentials
import Ledger
import Logging
import Synchronization

extension Control {
  /// What is due by time: destroyed instances are expunged, schedules followed, old events and jobs are forgotten.
  func sweep() async throws {
    var looked = Date.distantPast
    var purged = Date.distantPast
    while !Task.isCancelled {
      try await Task.sleep(for: .seconds(1))
      let state = self.state
      let now = Date()
      let isTime = now.timeIntervalSince(looked) >= TimeInterval(state.integer(.expungeInterval)) - 0.5
      if isTime { looked = now }
      for machine in isTime ? state.virtualMachines.matching("expunging", .number(1)) : [] {
        guard let due = machine.expungeAfter, due <= now else { continue }
        do { try await expunge(machine.id) } catch {
          logger.error("could not expunge", metadata: ["instance": "\(machine.id)", "error": "\(error)"])
        }
      }
      await sweepStorage(state, now)
      await runSchedules(state, now)
      settleLater(nodes.expire(Self.patience))
      forgetReports()
      if state.events.count > Self.keptEvents + Self.surplus || state.jobs.count > Self.keptJobs + Self.surplus {
        try? await forgetHistory(state)
      }
      if now.timeIntervalSince(purged) >= 60 {
        purged = now
        try? await forgetExpired()
      }
    }
  }

  /// How long a change waits for a gateway or an instance that does not come up at all, before it is taken back.
  private static let patience = Duration.seconds(30)

  private static let keptEvents = 20_000
  private static let keptJobs = 20_000

  /// So many more of them are gathered: looking for the oldest takes a look at all.
  private static let surplus = 2000
  /// So many go with one revision, so that others do not wait for it long.
  private static let forgottenAtOnce = 500

  private func forgetHistory(_ state: CloudState) async throws {
    let events = state.events.all.map { (created: $0.created, id: $0.id) }.sorted { $0.created < $1.created }
      .dropLast(Self.keptEvents)
    let jobs = state.jobs.all.filter { $0.status != .pending }.map { (created: $0.created, id: $0.id) }
      .sorted { $0.created < $1.created }.dropLast(Self.keptJobs)
    for start in stride(from: 0, to: max(events.count, jobs.count), by: Self.forgottenAtOnce) {
      _ = try await transact(Cause(actor: "system/sweep", command: "forgetHistory", job: nil)) { draft in
        for event in events.dropFirst(start).prefix(Self.forgottenAtOnce) { try draft.remove(event.id) }
        for job in jobs.dropFirst(start).prefix(Self.forgottenAtOnce) { try draft.remove(job.id) }
      }
    }
  }

  /// What is older than the settings have it kept.
  package func forgetExpired() async throws {
    let (days, minutes) = (state.integer(.eventRetention), state.integer(.jobRetention))
    guard days > 0 || minutes > 0 else { return }
    let now = Date()
    let (eventsFrom, jobsFrom) = (now - TimeInterval(days) * 86_400, now - TimeInterval(minutes) * 60)
    let events = days == 0 ? [] : state.events.all.filter { $0.created < eventsFrom }.map(\.id)
    let jobs = minutes == 0 ? [] : state.jobs.all.filter { ($0.completed ?? now) < jobsFrom }.map(\.id)
    guard !events.isEmpty || !jobs.isEmpty else { return }
    try await transact(Cause(actor: "system/sweep", command: "forgetHistory", job: nil)) { draft in
      for event in events { try draft.remove(event) }
      for job in jobs { try draft.remove(job) }
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
