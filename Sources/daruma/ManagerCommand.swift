import Addresses
import ArgumentParser
import CloudModel
import CloudStackAPI
import Control
import FoundationEssentials
import Hummingbird
import Ledger
import Logging
import StatusPage

struct ManagerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manager", abstract: "Run the manager in the foreground: ledger, API and status page.",
    discussion: "`daruma up` starts it. A manager whose ledger does not check out serves the page, but refuses to lead."
  )

  @OptionGroup var state: StateOption
  @Flag(help: "Create a first cloud if there is none yet.") var bootstrap = false
  @OptionGroup var sealing: SealingKeyOption
  @Option(help: "Which of several managers this is.") var name = CloudFile.firstManager
  @Option(help: "Port of the API on 127.0.0.1, if it is not the cloud's.") var port: Int?

  func run() async throws {
    try state.requireRoot()
    let folder = state.folder
    try folder.prepare()
    try folder.claim(name)
    let logger = Log.make("manager")
    guard let cloud = StateFolder.read(CloudFile.self, folder.cloud) else {
      throw CommandFailure("\(folder.cloud) is missing; start the cloud with `daruma up`")
    }
    let registry = cloud.metricsPort.map { _ in MetricsListener.begin() }
    if let conninfo = cloud.postgresql { return try await serveWithOthers(conninfo, folder, cloud, registry, logger) }
    let board = try StatusBoard(
      settings: StatusSettings(name: "Daruma", url: "http://127.0.0.1:\(cloud.port)"),
      store: IncidentStore(path: folder.incidents), now: Moment(Date()))
    let (signer, operators) = folder.preparePage(logger)
    let link = PageLink(cloud, signer, logger)
    let router = Router()
    StatusRoutes(board: board).add(to: router)
    let serve: @Sendable () async throws -> Void
    var leading: Control?
    var integration: IntegrationPort?
    do {
      let (control, ledger) = try await lead(folder, cloud, logger)
      try? FileManager.default.removeItem(atPath: folder.refusal)
      leading = control
      let server = APIServer(control: control, logger: logger)
      server.add(to: router)
      integration = cloud.integrationPort.map { IntegrationPort(server: server, port: $0, logger: logger) }
      ManagerPage(operators: operators, signer: signer, elsewhere: cloud.page)
        .add(to: router, board: { board }) { await server.answer($0) }
      let archive = CloudArchive(
        StateFolder.read(CloudFile.self, folder.cloud) ?? cloud, ledger, folder, logger)
      serve = { try await Self.serve(control, ledger, folder, board, link, archive, logger) }
    } catch let refusal as LedgerError {
      serve = try refuse("\(refusal)", folder, board, router, logger)
    } catch let refusal as CommandFailure {
      serve = try refuse(refusal.description, folder, board, router, logger)
    }
    let listeners = try Listeners(router, port: cloud.port, tls: cloud.tls, folder, logger)
    try await Signals.untilTerminated { [integration, leading] in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await listeners.run() }
        group.addTask { try await serve() }
        if let registry, let port = cloud.metricsPort {
          group.addTask { try await MetricsListener.run(port: port, registry, logger) { leading } }
        }
        if let integration { group.addTask { try await integration.run() } }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  private func lead(
    _ folder: StateFolder, _ cloud: CloudFile, _ logger: Logger
  ) async throws -> (Control, Ledger) {
    let keys = KeyFile(sealing.path(folder))
    let ledger = try Ledger.open(at: folder.ledger, keys: keys, create: bootstrap, logger: logger)
    // Before there are any secrets.
    if ledger.snapshot.revision == 0 { try await ledger.takeUpKeys() }
    let control = Control(ledger: ledger, logger: logger) { JobResult.render($0, $1) }
    if bootstrap { try await Self.create(control, folder, cloud) }
    try Self.check(control.snapshot, folder.ledger, folder, cloud)
    return (control, ledger)
  }

  static func create(_ control: Control, _ folder: StateFolder, _ cloud: CloudFile) async throws {
    guard let admin = StateFolder.read(AdminFile.self, folder.admin),
      let range = IPv4Prefix(cloud.publicRange)
    else { throw CommandFailure("\(folder.admin) is missing or damaged; start the cloud with `daruma up`") }
    let memory = Int(ProcessInfo.processInfo.physicalMemory >> 20)
    var first = FirstCloud(
      node: cloud.node, hostLink: cloud.hostLink, publicPrefix: range,
      excluded: Set(cloud.excluded ?? []), memoryMiB: memory,
      cpuNumber: ProcessInfo.processInfo.activeProcessorCount, adminPassword: admin.password,
      adminAPIKey: admin.apikey, adminSecretKey: admin.secretkey)
    if let guests = cloud.guestRange.flatMap({ IPv4Prefix($0) }) { first.guestPrefix = guests }
    first.isBare = cloud.isBare ?? false
    try await control.bootstrap(first)
  }

  /// Throws when the ledger is not that of the cloud; remembers it when it is the first.
  static func check(_ snapshot: Snapshot, _ name: String, _ folder: StateFolder, _ cloud: CloudFile) throws {
    guard !snapshot.state.domains.isEmpty else {
      throw CommandFailure(
        "the ledger \(name) is valid but holds no cloud; it is not the one this cloud was built in. "
          + "Put the right one back")
    }
    let id = snapshot.ledger.uuidString.lowercased()
    guard cloud.ledger == nil || cloud.ledger == id else {
      throw CommandFailure(
        "\(name) is ledger \(id) of another cloud, this one was built in \(cloud.ledger ?? ""). "
          + "Put the right one back")
    }
    if cloud.ledger == nil {
      var known = cloud
      known.ledger = id
      try StateFolder.write(known, to: folder.cloud)
    }
  }

  private static func serve(
    _ control: Control, _ ledger: Ledger, _ folder: StateFolder, _ board: StatusBoard, _ link: PageLink?,
    _ archive: CloudArchive?, _ logger: Logger
  ) async throws {
    let server = NodeServer(socketPath: folder.managerSocket, logger: logger) { session in
      try await control.serve(reports: session.reports) { try await session.send($0) }
    }
    let feed = StatusFeed(control: control, board: board, logger: logger)
    let outcome = await Result {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await control.run() }
        group.addTask { try await server.run() }
        group.addTask { try await KeyWatch(ledger: ledger, folder: folder, logger: logger).run() }
        group.addTask { try await feed.run(availability: folder.availability) }
        if let link { group.addTask { try await link.run(feed) } }
        if let archive { group.addTask { try await archive.runForever() } }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
    await archive?.finish()
    // The next start has nothing to replay.
    await ledger.close()
    try outcome.get()
  }

  /// The page stays up and says that nobody leads; every API call is answered with the reason to retry later.
  private func refuse(
    _ reason: String, _ folder: StateFolder, _ board: StatusBoard, _ router: Router<BasicRequestContext>,
    _ logger: Logger
  ) throws -> @Sendable () async throws -> Void {
    logger.critical("this manager refuses to lead; the nodes keep what they have", metadata: ["reason": "\(reason)"])
    try StateFolder.write(reason + "\n", to: folder.refusal)
    for method in [HTTPRequest.Method.get, .post] {
      router.on("/client/api", method: method) { _, _ in
        Response(
          status: .serviceUnavailable, headers: [.contentType: "application/json; charset=UTF-8"],
          body: .init(
            byteBuffer: ByteBuffer(
              string:
                #"{"errorresponse":{"uuidList":[],"errorcode":503,"errortext":"The manager refuses to lead: its ledger does not check out. Traffic is not affected"}}"#
            )))
      }
    }
    return {
      while !Task.isCancelled {
        let components = [
          Component(id: "api", zone: "cloud", series: "management", name: "API", state: .majorOutage)
        ]
        _ = board.update(StatusDocument(time: Moment(Date()), components: components, services: [], losses: []))
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
