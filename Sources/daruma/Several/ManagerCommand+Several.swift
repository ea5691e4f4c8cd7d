import CloudStackAPI
import Control
import FoundationEssentials
import Hummingbird
import Ledger
import Logging
import StatusPage

extension ManagerCommand {
  /// Until the process is asked to end.
  func serveWithOthers(
    _ conninfo: String, _ folder: StateFolder, _ cloud: CloudFile, _ logger: Logger
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
    let manager = ManagerOfSeveral(
      access: access, folder: folder, keys: KeyFile(sealing.path(folder)), settings: settings, desk: desk,
      logger: logger, create: create
    ) { try Self.check($0, access.name, folder, current()) }
    let router = Router(context: BasicRequestContext.self)
    desk.add(to: router)
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: "daruma"),
      logger: logger)
    try await Signals.untilTerminated {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await application.run() }
        group.addTask { try await manager.run() }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }
}
