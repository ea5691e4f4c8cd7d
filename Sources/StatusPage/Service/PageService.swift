import FoundationEssentials
import Hummingbird
package import Logging
import NIOCore

/// The page by itself, on a machine of its own if need be: fed by signed documents, looking from outside, telling who wants to be told.
package struct PageService: Sendable {
  package let board: StatusBoard
  let configuration: PageConfiguration
  let receiver: FeedReceiver
  let subscriptions: Subscriptions
  let notifier: Notifier
  let verifier: DocumentVerifier
  let operators: OperatorTokens
  let looks = OutsideLooks()
  let trust: TrustRoots
  let folder: String
  let export: StaticExport?
  let logger: Logger

  /// - Parameter folder: the page's own small store; made if it is missing.
  package init(_ configuration: PageConfiguration, folder: String, logger: Logger) throws(StatusPageError) {
    let now = Moment(Date())
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw StatusPageError(code: .unwritable, message: "cannot make \(folder)", cause: "\(error)")
    }
    for probe in configuration.probes ?? [] where !probe.isValid {
      throw StatusPageError(
        code: .damaged,
        message: "the probe of \(probe.component.id) needs a target such as https://… or tcp://host:port")
    }
    self.configuration = configuration
    self.logger = logger
    trust = TrustRoots(file: configuration.trustFile)
    let mail = try configuration.mailSettings(trust)
    var settings = StatusSettings(name: configuration.name, url: configuration.url)
    settings.takesSubscriptions = mail != nil
    settings.objective = configuration.objective ?? settings.objective
    board = try StatusBoard(
      settings: settings, store: IncidentStore(path: "\(folder)/incidents.json"), now: now,
      templates: try configuration.templates(), policy: try configuration.policy())
    guard let publicKey = configuration.publicKey else {
      throw StatusPageError(
        code: .unreadable,
        message: "the page needs the cloud's public key: publicKey in its settings, or --public-key-file")
    }
    verifier = try DocumentVerifier(publicKey: publicKey)
    receiver = try FeedReceiver(verifier: verifier, folder: folder, now: now)
    subscriptions = try Subscriptions(
      folder: folder, gate: AddressGate(allowed: Set(configuration.webhookAddresses ?? [])), sendsMail: mail != nil,
      now: now)
    notifier = Notifier(
      board: board, subscriptions: subscriptions, mail: mail, url: configuration.url, trust: trust, logger: logger)
    operators = try OperatorTokens(path: configuration.operatorFile)
    self.folder = folder
    let shown = board
    export = configuration.exportFolder.map { StaticExport(board: shown, folder: $0) }
  }

  /// Serves until it is cancelled.
  package func run() async throws {
    let application = Application(
      router: router(),
      configuration: .init(
        address: .hostname(configuration.address ?? "127.0.0.1", port: configuration.port), serverName: "daruma-page"),
      logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await application.run()
        throw CancellationError()
      }
      group.addTask { try await watch() }
      group.addTask { try await notifier.run() }
      group.addTask { try await looks.run(configuration.probes ?? [], trust: trust) }
      defer { group.cancelAll() }
      // The looks may end at once, having nothing to look at.
      while try await group.next() != nil {}
    }
  }

  /// Brings the board up to date four times a second, files once a second, what changes slowly once a minute.
  private func watch() async throws {
    let outlook = Outlook(probes: configuration.probes ?? [])
    var availability = try AvailabilityRecord(of: board, path: "\(folder)/availability.json", now: Moment(Date()))
    var step = 0
    while true {
      let now = Moment(Date())
      let seen = Dictionary(
        uniqueKeysWithValues: Set(outlook.probes.map(\.component.id)).compactMap { id in looks[id].map { (id, $0) } })
      let view = outlook.view(receiver.newest, looks: seen, now: now)
      report(board.update(view.document))
      board.tell(view.notes, unknown: view.unknown)
      attempt { () throws(StatusPageError) in try availability.advance(unknown: view.unknown, now: now) }
      if step % 4 == 0 {
        attempt { () throws(StatusPageError) in try receiver.save() }
        if let export { attempt { () throws(StatusPageError) in try export.write() } }
      }
      step += 1
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  private func attempt(_ body: () throws(StatusPageError) -> Void) {
    do throws(StatusPageError) { try body() } catch { report(error) }
  }

  private func report(_ failure: StatusPageError?) {
    guard let failure else { return }
    logger.error("the page cannot keep what it knows", metadata: ["error": "\(failure)"])
  }
}
