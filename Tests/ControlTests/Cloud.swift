import Addresses
import CloudModel
import Control
import FoundationEssentials
import Ledger
import Logging
import NodePlan
import Testing

/// A cloud in a temporary folder whose manager can be restarted. Used by one test.
final class Cloud {
  private(set) var control: Control
  let node = StandInNode(name: "node")
  let caller: Caller
  private let folder: String
  private var running: Task<Void, any Error>?
  private var link: Task<Void, any Error>?

  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private init(folder: String, control: Control, caller: Caller) {
    self.folder = folder
    self.control = control
    self.caller = caller
  }

  /// `isRunning`: plans are fed and jobs end; else only what the test does itself happens.
  static func with(isRunning: Bool = true, _ body: (Cloud) async throws -> Void) async throws {
    let folder = "/tmp/daruma-control-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let control = try open(folder, create: true)
    try await (control.ledger as? Ledger)?.takeUpKeys()
    let prefix = try #require(IPv4Prefix("198.51.100.0/24"))
    try await control.bootstrap(
      FirstCloud(
        node: "node", hostLink: "h0", publicPrefix: prefix, excluded: [], memoryMiB: 8192, cpuNumber: 4,
        adminPassword: "password", adminAPIKey: "key", adminSecretKey: "secret"))
    let caller = try #require(control.caller(apiKey: "key")).caller
    let cloud = Cloud(folder: folder, control: control, caller: caller)
    if isRunning { cloud.run() }
    do { try await body(cloud) } catch {
      await cloud.stop()
      throw error
    }
    await cloud.stop()
  }

  private static func open(_ folder: String, create: Bool = false) throws -> Control {
    let ledger = try Ledger.open(
      at: folder + "/ledger", keys: KeyFile(folder + "/keys"), create: create, logger: logger)
    var settings = ControlSettings()
    settings.syncTimeout = .seconds(20)
    settings.stageCalm = .milliseconds(20)
    return Control(ledger: ledger, settings: settings, logger: logger) { job, _ in "{}" }
  }

  private func run() {
    let control = self.control
    running = Task { try await control.run() }
  }

  private func stop() async {
    await disconnect()
    running?.cancel()
    _ = await running?.result
    await control.ledger.close()
  }

  func restart() async throws {
    await stop()
    control = try Self.open(folder)
    run()
  }

  func connect(isSilent: Bool = false) { link = node.connect(to: control, isSilent: isSilent) }

  func disconnect() async {
    link?.cancel()
    _ = await link?.result
    link = nil
  }

  var state: CloudState { control.state }

  /// Writes into the ledger past all use cases.
  func write(_ body: @escaping @Sendable (inout Draft) throws -> Void) async throws {
    _ = try await control.ledger.transact(Cause(actor: "test", command: "test", job: nil), body)
  }

  func zone(_ series: Series) throws -> Zone { try #require(state.zones.all.first { $0.series == series }) }

  func deployment(_ series: Series, _ name: String, _ networks: [ID<Network>] = []) throws -> Deployment {
    let template = try #require(state.templates.all.first { $0.hypervisor == .simulator })
    let offering = try #require(state.serviceOfferings.all.first { _ in true })
    var deployment = Deployment(zone: try zone(series).id, template: template.id, offering: offering.id)
    deployment.name = name
    deployment.networks = networks
    return deployment
  }

  func network(_ name: String) async throws -> ID<Network> {
    let offering = try #require(state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
    return try await control.createNetwork(
      NewNetwork(
        name: name, displayText: nil, offering: offering.id, zone: zone(.isolate).id, gateway: nil, netmask: nil,
        domainName: nil, account: nil, domain: nil), by: caller)
  }

  /// Waits until the job has ended, for at most 20 seconds.
  func end(of job: ID<AsyncJob>) async throws -> JobStatus { try await control.finished(job).status }
}

extension Started {
  func id<R>() throws -> ID<R> { ID(try #require(resource)) }
}
