import CloudStackAPI
import Control
import FoundationEssentials
import Hummingbird
import Ledger
import Logging
import Prometheus
import StatusPage

extension ManagerCommand {
  /// Until the process is asked to end.
  func serveWithOthers(
    _ conninfo: String, _ folder: StateFolder, _ cloud: CloudFile, _ registry: Registry?, _ logger: Logger
  ) async throws {
    let port = port ?? cloud.port
    let settings = StatusSettings(name: "Daruma", url: "http://127.0.0.1:\(port)")
    let desk = try Desk(ManagerAddress(name: name, host: "127.0.0.1", port: port), settings)
    let access: PostgreSQLAccess
    do throws(LedgerError) { access = try PostgreSQLAccess(conninfo) } catch {
      throw CommandFailure("\(folder.cloud): \(error.message)")
    }
    let current: @Sendable () -> CloudFile = { StateFolder.read(CloudFile.self, folder.cloud) ?? cloud }
    var create: (@Sendable (Control) async throws -> Void)?
    if bootstrap { create = { control in try await Self.create(control, folder, current()) } }
    let (signer, operators) = folder.preparePage(logger)
    let manager = ManagerOfSeveral(
      access: access, folder: folder, keys: KeyFile(sealing.path(folder)), settings: settings, desk: desk,
      link: PageLink(cloud, signer, logger), logger: logger, create: create
    ) { try Self.check($0, access.name, folder, current()) }
    let router = Router(context: BasicRequestContext.self)
    desk.add(to: router)
    ManagerPage(operators: operators, signer: signer, elsewhere: cloud.page)
      .add(to: router, board: { desk.board }) { await desk.answer($0) }
    // Clients come to the first manager from outside; it passes on what another one leads.
    let tls = name == CloudFile.firstManager ? cloud.tls : nil
    let listeners = try Listeners(router, port: port, tls: tls, folder, logger)
    try await Signals.untilTerminated {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await listeners.run() }
        group.addTask { try await manager.run() }
        if let registry, let metrics = cloud.metricsPort {
          // Like the ports of the API, one after the other.
          let own = metrics + port - cloud.port
          group.addTask { try await MetricsListener.run(port: own, registry, logger) { desk.leading?.control } }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }
}
