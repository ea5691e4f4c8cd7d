import Addresses
import ArgumentParser
import Foundation
import Glibc
import Kernel

struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start a cloud on this machine, or what of it does not run.",
    discussion: """
      Everything lives in network namespaces and in the state folder. The host gets one link and one route, for the public
      range. A cloud that was stopped comes back as it was.

      Examples:
        sudo ./daruma up
        sudo ./daruma up --state /tmp/cloud --port 8081 --public-range 198.51.100.0/24 --host-link daruma1
        sudo ./daruma up --managers 3 --postgresql 'host=db dbname=daruma user=daruma passfile=/etc/daruma/pgpass'
      """)

  @OptionGroup var state: StateOption
  @Option(help: "Port of the API and the status page on 127.0.0.1 (default 8080).") var port: Int?
  @Option(help: "A /24 of public addresses (default 203.0.113.0/24).") var publicRange: String?
  @Option(help: "Private addresses of the Basic zone's instances, a /8 to a /22 (default 10.1.0.0/16).") var guestRange:
    String?
  @Option(help: "Name of the link on the host (default daruma0).") var hostLink: String?
  @Option(help: "Where the keys of secrets are kept (default STATE/manager/secrets.key), such as another disk.")
  var secretsKeyFile: String?
  @OptionGroup var archive: ArchiveOption
  @OptionGroup var tls: TLSOption
  @Option(help: "Serve metrics for Prometheus on this port of 127.0.0.1, under /metrics; 0 ends it.")
  var metricsPort: Int?
  @OptionGroup var page: PageLinkOption
  @Option(help: "Keep the ledger in this PostgreSQL database: libpq's connection string, without a password.")
  var postgresql: String?
  @Option(help: "How many managers run, on ports from --port on; several need --postgresql (default 1).")
  var managers: Int?
  @Flag(help: "Make a new cloud without zones; its data centres are then built through the API.") var bare = false
  @Option(
    help: "Also answer calls without keys on this port of 127.0.0.1, as a root administrator; 0 for no longer.")
  var integrationPort: Int?
  @Option(help: "The password of a new cloud's user admin (default random).")
  var adminPassword: String?
  @Flag(help: "Stay in the foreground; Ctrl-C stops the cloud.") var foreground = false

  func run() async throws {
    if adminPassword != nil { ProcessList.hide(valueOf: "--admin-password") }
    try state.requireRoot()
    let folder = state.folder
    let steps = Steps()
    let keyPath = try absoluteSecretsKeyFile()
    let isNew = !FileManager.default.fileExists(atPath: folder.cloud)
    if !isNew, var cloud = StateFolder.read(CloudFile.self, folder.cloud), try applySettings(to: &cloud) {
      try StateFolder.write(cloud, to: folder.cloud)
      for name in folder.runningManagers { try folder.stopManager(name) }
    }
    if !isNew, folder.running("agent") != nil, areManagersRunning(folder) {
      guard let admin = StateFolder.read(AdminFile.self, folder.admin) else {
        throw CommandFailure("\(folder.admin) is missing or damaged")
      }
      let known = StateFolder.read(CloudFile.self, folder.cloud)?.secretsKeyFile ?? folder.keys
      guard keyPath == nil || keyPath == known else {
        throw CommandFailure("The manager uses \(known); stop the cloud with `daruma down` before the keys move")
      }
      print("The cloud is running already; nothing was changed.")
      Self.summarise(admin, folder)
      return
    }
    if isNew, let postgresql { try Self.requireEmptyDatabase(postgresql) }
    let before = StateFolder.read(CloudFile.self, folder.cloud)
    var cloud = try configuration(folder, isNew)
    if isNew, let free = Self.whyNotFree(cloud) { throw CommandFailure(free) }
    try folder.prepare()
    if isNew { _ = try applySettings(to: &cloud) }
    // Before several managers would make them at once.
    _ = folder.preparePage(Log.make("up"))
    try stopStrayManagers(folder, cloud, before: before)
    do {
      try await steps.run("template tiny") { try Template.build(in: folder) }
      let admin = try await steps.run("keys") { try administrator(folder, cloud) }
      let isFirst = isNew || FileManager.default.fileExists(atPath: folder.path + "/creating")
      if isNew {
        try StateFolder.write("", to: folder.path + "/creating")
        try StateFolder.write(cloud, to: folder.cloud)
      }
      try await steps.run("agent") { try start("agent", ["--node", cloud.node], folder) }
      try await steps.run("manager") {
        try cloud.tls?.check()
        try start(CloudFile.firstManager, isFirst ? ["--bootstrap"] : [], folder)
        if !isFirst { try startOtherManagers(cloud, folder) }
      }
      let client = APIClient(admin)
      try await steps.run("API") { try await Self.waitForAPI(client, folder) }
      try startOtherManagers(cloud, folder)
      for manager in cloud.allManagers.dropFirst() {
        try await steps.run(manager.name) {
          try await Self.waitForAPI(client.at(port: manager.port), folder, manager.name)
        }
      }
      try await steps.run("network verified") { try await Self.waitForNetwork(client, folder) }
      for held in try await client.list("listHeldRemovals") {
        let reason = held["reason"] as? String ?? ""
        guard held["held"] as? Int == 0 else {
          print("\(held["node"] ?? "") holds \(held["held"] ?? 0) removals: \(reason)")
          continue
        }
        throw CommandFailure("The manager and its node do not belong together: \(reason). Traffic flows on")
      }
      unlink(folder.path + "/creating")
      print("ready in \(steps.total)")
      Self.summarise(admin, folder)
    } catch {
      if isNew {
        FileHandle.standardErrorLine("The start failed; taking everything down again.")
        try? await Teardown(folder: folder).run()
        try? folder.forget()
      }
      throw error
    }
    if foreground {
      try await Signals.untilTerminated { try await Task.sleep(for: .seconds(86_400 * 365)) }
      try await Teardown(folder: folder).run()
    }
  }

  /// What a manager reads at its start. Says whether anything is changed.
  private func applySettings(to cloud: inout CloudFile) throws -> Bool {
    let before = cloud
    _ = try archive.apply(to: &cloud)
    _ = try page.apply(to: &cloud)
    _ = try tls.apply(to: &cloud)
    _ = try setIntegration(&cloud)
    if let metricsPort {
      guard (0...65535).contains(metricsPort) else { throw CommandFailure("--metrics-port must be 0 to 65535") }
      cloud.metricsPort = metricsPort == 0 ? nil : metricsPort
    }
    if cloud.tls != before.tls { try cloud.tls?.check() }
    if let port = cloud.tls?.port, port != before.tls?.port, !Self.isFree(port) {
      throw CommandFailure("Port \(port) is in use; choose another with --tls")
    }
    if let first = cloud.metricsPort, first != before.metricsPort {
      for port in first..<first + (managers ?? cloud.managers ?? 1) where port == cloud.tls?.port || !Self.isFree(port)
      {
        throw CommandFailure("Port \(port) is in use; choose another with --metrics-port")
      }
    }
    return cloud != before
  }

  private func configuration(_ folder: StateFolder, _ isNew: Bool) throws -> CloudFile {
    if !isNew {
      guard var cloud = StateFolder.read(CloudFile.self, folder.cloud) else {
        throw CommandFailure("\(folder.cloud) is damaged; put it back or remove the state folder")
      }
      guard publicRange == nil || publicRange == cloud.publicRange, hostLink == nil || hostLink == cloud.hostLink else {
        throw CommandFailure("The cloud in \(folder.path) was built with \(cloud.publicRange) on \(cloud.hostLink)")
      }
      guard guestRange == nil || guestRange == cloud.guestRange else {
        throw CommandFailure("The addresses of instances are chosen with a new cloud; they cannot change later")
      }
      guard !bare || cloud.isBare == true else {
        throw CommandFailure("The cloud in \(folder.path) has its zones already; --bare is for new clouds")
      }
      guard adminPassword == nil else {
        throw CommandFailure("--admin-password is for new clouds; the password is in \(folder.admin)")
      }
      let before = cloud
      cloud.port = port ?? cloud.port
      cloud.secretsKeyFile = try absoluteSecretsKeyFile() ?? cloud.secretsKeyFile
      try setManagers(&cloud, isNew)
      if cloud != before { try StateFolder.write(cloud, to: folder.cloud) }
      return cloud
    }
    let range = publicRange ?? "203.0.113.0/24"
    guard let prefix = IPv4Prefix(range), prefix.length == 24 else {
      throw CommandFailure("--public-range must be a /24, such as 203.0.113.0/24")
    }
    let port = port ?? 8080
    guard (1...65535).contains(port) else { throw CommandFailure("--port must be 1 to 65535") }
    let link = hostLink ?? "daruma0"
    guard (1...15).contains(link.utf8.count),
      link.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
    else { throw CommandFailure("--host-link must be a link name of up to 15 letters and digits") }
    let guests = try guestPrefix(apartFrom: prefix)
    let used = HostAddresses.inUse(within: prefix)
    for (address, who) in used.sorted(by: { $0.key < $1.key }) {
      print("  \(address) stays the host's own way to \(who); the cloud does not use it")
    }
    var cloud = CloudFile(
      port: port, publicRange: prefix.description, guestRange: guests?.description, hostLink: link, node: "node-1",
      excluded: used.keys.sorted(), secretsKeyFile: try absoluteSecretsKeyFile())
    if bare { cloud.isBare = true }
    guard adminPassword.map({ (1...255).contains($0.utf8.count) }) ?? true else {
      throw CommandFailure("--admin-password must have 1 to 255 characters")
    }
    try setManagers(&cloud, isNew)
    return cloud
  }

  /// Puts what was asked for into `cloud`; tells whether that changed it.
  private func setIntegration(_ cloud: inout CloudFile) throws -> Bool {
    guard let integrationPort else { return false }
    guard (0...65535).contains(integrationPort), integrationPort == 0 || integrationPort != (port ?? cloud.port) else {
      throw CommandFailure("--integration-port must be 1 to 65535 and another than the API's, or 0")
    }
    guard cloud.postgresql == nil && postgresql == nil && managers ?? 1 == 1 else {
      throw CommandFailure("--integration-port is for clouds with one manager and the ledger in the state folder")
    }
    let before = cloud.integrationPort
    cloud.integrationPort = integrationPort == 0 ? nil : integrationPort
    return cloud.integrationPort != before
  }

  private static let privatePrefixes = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].compactMap { IPv4Prefix($0) }

  private func guestPrefix(apartFrom range: IPv4Prefix) throws -> IPv4Prefix? {
    guard let guestRange else { return nil }
    guard let prefix = IPv4Prefix(guestRange), (8...22).contains(prefix.length), !prefix.overlaps(range),
      Self.privatePrefixes.contains(where: { $0.contains(prefix) })
    else { throw CommandFailure("--guest-range must be a /8 to a /22 of private addresses, such as 10.4.0.0/14") }
    return prefix
  }

  private func absoluteSecretsKeyFile() throws -> String? {
    guard let secretsKeyFile else { return nil }
    guard secretsKeyFile.hasPrefix("/") else { throw CommandFailure("--secrets-key-file must be an absolute path") }
    return secretsKeyFile
  }

  /// What stands in the way of a new cloud on this host, in words.
  private static func whyNotFree(_ cloud: CloudFile) -> String? {
    if FileManager.default.fileExists(atPath: "/sys/class/net/\(cloud.hostLink)") {
      return "The host already has a link \(cloud.hostLink), perhaps of another cloud; choose one with --host-link"
    }
    if let port = cloud.integrationPort, !isFree(port) {
      return "Port \(port) is in use; choose another with --integration-port"
    }
    let taken = cloud.allManagers.first { !isFree($0.port) }
    return taken.map { "Port \($0.port) is in use; choose another with --port" }
  }

  private static func isFree(_ port: Int) -> Bool {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = IPv4.loopback.value.bigEndian
    var reuse: Int32 = 1
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &reuse, 4)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return bound == 0
  }

  private func administrator(_ folder: StateFolder, _ cloud: CloudFile) throws -> AdminFile {
    let base = "http://127.0.0.1:\(cloud.port)"
    if var admin = StateFolder.read(AdminFile.self, folder.admin) {
      admin.endpoint = base + "/client/api"
      admin.statusurl = base + "/status"
      try StateFolder.write(admin, to: folder.admin)
      return admin
    }
    let admin = AdminFile(
      endpoint: base + "/client/api", apikey: Secret.make(64), secretkey: Secret.make(64), username: "admin",
      password: adminPassword ?? Secret.make(20), statusurl: base + "/status")
    try StateFolder.write(admin, to: folder.admin)
    return admin
  }

  func start(
    _ process: String, _ arguments: [String], _ folder: StateFolder, as subcommand: String? = nil
  ) throws {
    if folder.running(process) != nil { return }
    // What libpq takes from the environment.
    let environment = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("PG") }
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let child = try ChildProcess.spawn(
      executable: executable, arguments: [subcommand ?? process, "--state", folder.path] + arguments,
      environment: environment.merging(AgentCommand.trial) { $1 }
        .merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"]) { $1 },
      logPath: "\(folder.logs)/\(process).log")
    try StateFolder.write(child, to: folder.record(process))
  }

  private static func waitForAPI(
    _ client: APIClient, _ folder: StateFolder, _ manager: String = CloudFile.firstManager
  ) async throws {
    try await poll(for: .seconds(30), every: .milliseconds(50), "the API does not answer") {
      if let reason = try? String(contentsOfFile: folder.refusal(of: manager), encoding: .utf8) {
        throw CommandFailure(
          "The \(manager) refuses to lead: \(reason.trimmingSuffix()). Traffic flows on; see \(folder.logs)")
      }
      for process in [manager, "agent"] where folder.running(process) == nil {
        throw CommandFailure("The \(process) ended; see \(folder.logs)/\(process).log")
      }
      return (try? await client.call("listZones")) != nil
    }
  }

  private static func waitForNetwork(_ client: APIClient, _ folder: StateFolder) async throws {
    try await poll(for: .seconds(60), "the network is not verified; see `daruma status`") {
      // One is looked at while all are put in place, which may be very many.
      guard isVerified(try await client.list("listDataplaneScopes", ["scope": "wan"])) else { return false }
      return isVerified(try await client.list("listDataplaneScopes"))
    }
  }

  private static func isVerified(_ scopes: [APIClient.Object]) -> Bool {
    !scopes.isEmpty
      && scopes.allSatisfy {
        ($0["scope"] as? String)?.hasPrefix("instance/") == true
          || $0["phase"] as? String == "verified" && $0["current"] as? Bool == true
      }
  }

  private static let longestPause = Duration.milliseconds(200)

  /// Looks so seldom that looking leaves the processors to what is waited for.
  static func poll(
    for limit: Duration, every pause: Duration = .milliseconds(10), _ failure: String,
    _ condition: () async throws -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      let begin = ContinuousClock.now
      if try await condition() { return }
      try await Task.sleep(for: min(max(pause, (.now - begin) * 4), longestPause))
    }
    throw CommandFailure("After \(limit): \(failure)")
  }

  static func summarise(_ admin: AdminFile, _ folder: StateFolder) {
    let option = folder.path == "/var/lib/daruma" ? "" : " --state \(folder.path)"
    print(
      """

        API          \(admin.endpoint)
        status page  \(admin.statusurl)
        admin keys   \(folder.admin)
        logs         \(folder.logs)

        first steps  docs/first-steps.md: an instance, a public address, curl
        knock it over: sudo ./daruma drill shared-network-loss\(option)
        stop         sudo ./daruma down\(option)
      """)
  }
}
