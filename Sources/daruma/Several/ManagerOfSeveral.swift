import CloudModel
import CloudStackAPI
import Control
import FoundationEssentials
import Hummingbird
import Ledger
import Logging
import StatusPage

/// One of several managers of a cloud whose ledger is in PostgreSQL. It follows, and leads whenever it has the lease.
struct ManagerOfSeveral: Sendable {
  let access: PostgreSQLAccess
  let folder: StateFolder
  let keys: KeyFile
  let settings: StatusSettings
  let desk: Desk
  let link: PageLink?
  let logger: Logger
  /// Makes the first cloud if it is to; nil when this manager must not.
  let create: (@Sendable (Control) async throws -> Void)?
  /// Throws if the ledger is not the cloud's.
  let check: @Sendable (Snapshot) throws -> Void

  /// Until cancelled.
  func run() async throws {
    while true {
      let follower = try await follow()
      defer { follower.close() }
      guard let lease = try await lease(while: follower) else { continue }
      try await lead(under: lease, after: follower)
    }
  }

  // MARK: - Following

  /// Tries until there is a ledger to follow. What was shown before is shown meanwhile.
  private func follow() async throws -> Follower {
    while true {
      do {
        let follower = try await Blocking.run {
          try access.prepare(create: create != nil)
          return try Follower.open(access, keys: keys, logger: logger)
        }
        // An empty one is about to become the cloud's.
        if create == nil || !follower.snapshot.state.domains.isEmpty {
          do { try check(follower.snapshot) } catch {
            follower.close()
            throw error
          }
          desk.become(.following(server(follower)))
          try? FileManager.default.removeItem(atPath: folder.refusal(of: desk.address.name))
        }
        return follower
      } catch let error as LedgerError {
        try refuse("\(error)", error.code == .unreachable ? .warning : .critical)
        // Anything else does not go by itself.
        try await Task.sleep(for: error.code == .unreachable ? .milliseconds(500) : .seconds(86_400 * 365))
      } catch let error as CommandFailure {
        try refuse(error.description, .critical)
        try await Task.sleep(for: .seconds(86_400 * 365))
      }
    }
  }

  private func refuse(_ reason: String, _ level: Logger.Level) throws {
    logger.log(
      level: level, "there is no ledger to follow; the nodes keep what they have", metadata: ["reason": "\(reason)"])
    if level == .critical { desk.become(.waiting) }
    guard desk.isWaiting else { return }
    try StateFolder.write(reason + "\n", to: folder.refusal(of: desk.address.name))
  }

  private func server(_ ledger: any LedgerView) -> FollowingServer {
    var settings = ControlSettings()
    settings.jobYouth = .zero
    let control = Control(ledger: ledger, settings: settings, logger: logger) { JobResult.render($0, $1) }
    return FollowingServer(APIServer(control: control, logger: logger), leader: desk.sight)
  }

  /// The lease as soon as it can be had; nil when the follower ended first.
  private func lease(while follower: Follower) async throws -> Lease? {
    try await withThrowingTaskGroup(of: Lease?.self) { group in
      group.addTask {
        try await Lease.wait(access, holder: "\(desk.address)", logger: logger) { desk.sight.see($0) }
      }
      group.addTask {
        while !follower.isClosed { try await Task.sleep(for: .milliseconds(100)) }
        return nil
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      if first == nil {
        while let late = await group.nextResult() {
          if case .success(let lease?) = late { try? await Blocking.run { lease.release() } }
        }
      }
      return first
    }
  }

  // MARK: - Leading

  private func lead(under lease: Lease, after follower: Follower) async throws {
    let ledger: Ledger
    do {
      ledger = try await Blocking.run {
        try Ledger.open(PostgreSQLStorage(access, lease: lease), keys: keys, logger: logger)
      }
    } catch {
      logger.critical("the ledger cannot be led", metadata: ["error": "\(error)"])
      try? await Blocking.run { lease.release() }
      return try await Task.sleep(for: .seconds(1))
    }
    let control = Control(ledger: ledger, fence: lease.fence, logger: logger) { JobResult.render($0, $1) }
    var failure: (any Error)?
    do { try await lead(control, ledger, under: lease, after: follower) } catch { failure = error }
    let server = APIServer(control: control, logger: logger)
    desk.become(.following(FollowingServer(server, leader: desk.sight)))
    // Gives the lease back too. What is under way fails or is settled by then.
    await ledger.close()
    try Task.checkCancellation()
    if let failure = failure as? CommandFailure { throw failure }
    logger.critical(
      "this manager leads no more", metadata: ["reason": "\(failure.map { "\($0)" } ?? "the lease is over")"])
  }

  /// Until the lease is over, or the ledger takes no more writes.
  private func lead(
    _ control: Control, _ ledger: Ledger, under lease: Lease, after follower: Follower
  ) async throws {
    // Before there are any secrets.
    if ledger.snapshot.revision == 0 { try await ledger.takeUpKeys() }
    try await create?(control)
    try check(control.snapshot)
    let board = try StatusBoard(
      settings: settings, store: IncidentStore(path: folder.incidents), now: Moment(Date()))
    desk.become(.leading(APIServer(control: control, logger: logger), board, lease))
    try? FileManager.default.removeItem(atPath: folder.refusal(of: desk.address.name))
    follower.close()
    let server = NodeServer(socketPath: folder.managerSocket, takesOver: true, logger: logger) { session in
      try await control.serve(reports: session.reports) { try await session.send($0) }
    }
    let archive = StateFolder.read(CloudFile.self, folder.cloud)
      .flatMap { CloudArchive($0, ledger, folder, logger) }
    let outcome = await Result {
      try await serve(control, ledger, server, board, archive, under: lease)
    }
    await archive?.finish()
    try outcome.get()
  }

  private func serve(
    _ control: Control, _ ledger: Ledger, _ server: NodeServer, _ board: StatusBoard, _ archive: CloudArchive?,
    under lease: Lease
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await control.run() }
      group.addTask { try await server.run() }
      let feed = StatusFeed(control: control, board: board, logger: logger) { lease.isHeld }
      group.addTask { try await feed.run(availability: folder.availability) }
      if let link { group.addTask { try await link.run(feed) } }
      group.addTask { try await KeyWatch(ledger: ledger, folder: folder, logger: logger).run() }
      if let archive { group.addTask { try await archive.runForever() } }
      group.addTask {
        while lease.isHeld && ledger.refusal == nil { try await Task.sleep(for: .milliseconds(50)) }
        if let refusal = ledger.refusal { throw refusal }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}
