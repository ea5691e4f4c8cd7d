import Addresses
import CloudModel
import Control
import Foundation
import Ledger
import NodePlan
import Synchronization
import Testing

@testable import CloudStackAPI

/// Of every command: requests and the answers to them, as JSON and XML, when it succeeds and in each of its errors.
///
/// All begin with the same estate. `Goldens/Commands/requests.json` has what cannot be made up from the catalog: values of
/// parameters by their names, and for single commands their own. `DARUMA_REWRITE_GOLDENS=1` writes the answers anew.
@Suite struct CommandGoldenTests {
  @Test func `every command answers as it always did`() async throws {
    let requests = try Requests()
    let estate = try await Furnished()
    let commands = Catalog.all
    let rewrites = ProcessInfo.processInfo.environment["DARUMA_REWRITE_GOLDENS"] == "1"
    let differences = try await withThrowingTaskGroup(of: [String].self) { group in
      for worker in 0..<2 {
        group.addTask {
          var differences: [String] = []
          for position in stride(from: worker, to: commands.count, by: 2) {
            let command = commands[position]
            let text = try await Script(command, requests, estate).run()
            let file = Requests.folder.appending(path: "\(command.name).txt")
            if rewrites { try Data(text.utf8).write(to: file) }
            let golden = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
            if golden != text { differences.append(Self.difference(command.name, golden, text)) }
          }
          return differences
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(differences.isEmpty, "\(differences.sorted().prefix(10).joined(separator: "\n"))")
  }

  @Test func `every command has a golden of success, and no golden is left over`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Requests.folder.path)
      .filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }
    #expect(Set(files) == Set(Catalog.all.map(\.name)))
    let refused = try Requests().refusedByDesign
    #expect(refused.values.allSatisfy { $0.count > 20 }, "each with its reason")
    let unsuccessful = try files.sorted().filter { name in
      let text = try String(contentsOf: Requests.folder.appending(path: "\(name).txt"), encoding: .utf8)
      return !text.contains("\n200 {\"") || !text.contains("\n200 <?xml")
    }
    #expect(unsuccessful == refused.keys.sorted())
  }

  private static func difference(_ name: String, _ golden: String, _ text: String) -> String {
    let (old, new) = (golden.split(separator: "\n"), text.split(separator: "\n"))
    let line = zip(old, new).prefix { $0 == $1 }.count
    return "\(name), line \(line + 1):\n- \(line < old.count ? old[line] : "")\n+ \(line < new.count ? new[line] : "")"
  }
}

/// What the catalog does not tell.
private struct Requests: Decodable, Sendable {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/Commands")

  struct Case: Decodable, Sendable {
    /// `admin`, `alice` or `bob`; alice where she may call the command.
    var caller: String?
    var parameters: [String: String]?
    /// Calls that go before, by the administrator unless they name somebody.
    var after: [Step]?
    /// More calls that are refused.
    var refused: [[String: String]]?
    /// Whether the manager's own work goes on meanwhile, which ends jobs. Those of the calls before are waited for.
    var runs: Bool?
    /// The name under which a node, which is connected meanwhile, holds removals.
    var holds: String?
  }

  struct Step: Decodable, Sendable {
    var command: String
    var caller: String?
    var parameters: [String: String]
    /// What stands for the id in the answer from then on, or for the first value of another field.
    var name: String?
    var field: String?
  }

  var values: [String: String]
  var commands: [String: Case]
  /// Commands that never succeed, and why.
  var refusedByDesign: [String: String]

  init() throws {
    self = try JSONDecoder().decode(
      Self.self, from: Data(contentsOf: Self.folder.appending(path: "requests.json")))
  }
}

/// The estate, closed, with what commands of single things need besides: in the zone of simulated hosts an instance that runs
/// and one that does not, a network, a volume and an address. All jobs are over.
private struct Furnished: Sendable {
  let owners: Estate
  /// By what stands for them: kinds of what alice has, `bob.` and a kind, or a kind and a name.
  let ids: [String: String]
  /// A public address that nobody has. Which those are differs from run to run.
  private let free: String

  init() async throws {
    owners = try await Estate(sources: .counted(from: 0))
    let (cloud, alice) = (owners.cloud, owners.alice)
    let zone = try #require(cloud.control.state.zones.first("name", .text("simulated")))
    let offering = try #require(
      cloud.control.state.networkOfferings.all.sorted { $0.name < $1.name }.first {
        $0.guestType == .isolated && $0.forVPC != true
      })
    let network = try await cloud.made(
      "createNetwork", "network",
      ["name": "simulated-net", "networkofferingid": offering.id.description, "zoneid": zone.id.description], as: alice)
    for (name, starts) in [("running", "true"), ("stopped", "false")] {
      let deployment = try await deployment(cloud, name, zone: "simulated")
      try await Self.accepted(
        "deployVirtualMachine", deployment.merging(["networkids": network, "startvm": starts]) { $1 }, cloud, alice)
    }
    let disk = try #require(owners.aliceHas["diskoffering"])
    for name in ["spare", "attached"] {
      try await Self.accepted(
        "createVolume", ["name": name, "diskofferingid": disk, "zoneid": zone.id.description], cloud, alice)
    }
    try await Self.accepted("associateIpAddress", ["networkid": network], cloud, alice)
    try await cloud.change { draft in
      for var job in draft.state.jobs.all where job.status == .pending {
        job.status = .succeeded
        job.result = "{}"
        job.completed = draft.now
        try draft.put(job)
      }
      for var machine in draft.state.virtualMachines.all where machine.state == .starting && machine.name == "running" {
        machine.state = .running
        try draft.put(machine)
      }
      for var volume in draft.state.volumes.all where volume.state == .allocated {
        volume.state = .ready
        try draft.put(volume)
      }
    }
    let certificate = try TestCertificate("golden")
    ids = Self.ids(of: owners).merging(["own certificate": try certificate.pem, "own key": try certificate.keyPEM]) {
      $1
    }
    free = try #require(cloud.control.state.publicIPs.first("free", .id(zone.id))).id.description
    await cloud.control.ledger.close()
  }

  private static func accepted(
    _ command: String, _ parameters: [String: String], _ cloud: TestCloud, _ keys: TestCloud.Keys
  ) async throws {
    let told = try await cloud.call(command, parameters, as: keys)
    try #require(told.status == 200, "\(command): \(told.errorText ?? "")")
  }

  private static func ids(of owners: Estate) -> [String: String] {
    let state = owners.cloud.control.state
    var ids = owners.aliceHas
    for (kind, id) in owners.bobHas { ids["bob.\(kind)"] = id }
    func add<R: Resource>(_ table: Table<R>, _ name: (R) -> String) {
      for row in table.all.sorted(by: { $0.id < $1.id }) {
        let name = "\(R.kind):\(name(row))"
        if ids[name] == nil { ids[name] = row.id.description }
      }
    }
    add(state.accounts, \.name)
    add(state.clusters, \.name)
    add(state.diskOfferings, \.name)
    add(state.domains, \.name)
    add(state.hosts, \.name)
    add(state.networks, \.name)
    add(state.networkACLLists, \.name)
    add(state.networkOfferings, \.name)
    add(state.physicalNetworks, \.name)
    add(state.pods, \.name)
    add(state.publicIPs) { $0.address.description }
    add(state.routers) { state.networks[$0.network]?.name ?? $0.name }
    add(state.serviceOfferings, \.name)
    add(state.systemVMs, \.name)
    add(state.templates, \.name)
    add(state.users, \.username)
    add(state.virtualMachines, \.name)
    add(state.volumes, \.name)
    add(state.vpcs, \.name)
    add(state.zones, \.name)
    for machine in state.virtualMachines.all {
      for (position, nic) in machine.nics.enumerated() { ids["nic:\(machine.name)/\(position)"] = nic.id.description }
    }
    return ids
  }

  /// The text with what stands for ids replaced by them.
  func filled(_ text: String, _ named: [String: String]) -> String {
    guard text.contains("{") else { return text }
    return text.replacing(/\{([^{}]+)\}/) { match in
      let name = String(match.output.1)
      return named[name] ?? ids[name] ?? (name == "free address" ? free : String(match.output.0))
    }
  }
}

/// The calls of one command.
private struct Script {
  private let command: Command
  private let estate: Furnished
  private let requests: Requests
  private let known: Requests.Case
  private let caller: String
  private let usual: [String: String]

  init(_ command: Command, _ requests: Requests, _ estate: Furnished) {
    self.command = command
    self.estate = estate
    self.requests = requests
    known = requests.commands[command.name] ?? Requests.Case()
    caller = known.caller ?? (command.roles.contains(.user) ? "alice" : "admin")
    var usual: [String: String] = [:]
    for parameter in command.parameters where parameter.isRequired {
      for (name, value) in Self.value(of: parameter, requests.values) { usual[name] = value }
    }
    for (name, value) in known.parameters ?? [:] { usual[name] = value }
    // An empty value in the list is none.
    self.usual = usual.filter { !$0.value.isEmpty }
  }

  private static func value(of parameter: Parameter, _ values: [String: String]) -> [String: String] {
    if let entity = parameter.entity { return [parameter.name: "{\(entity.name)}"] }
    if let value = values[parameter.name] { return [parameter.name: value] }
    switch parameter.type {
    case .boolean: return [parameter.name: "true"]
    case .integer, .long, .double: return [parameter.name: "1"]
    case .date: return [parameter.name: "2025-01-02"]
    case .map: return ["\(parameter.name)[0].key": "golden", "\(parameter.name)[0].value": "golden"]
    case .string, .list, .uuid: return [parameter.name: "golden"]
    }
  }

  func run() async throws -> String {
    var page = Page(estate)
    for format in ["json", "xml"] {
      // Where nothing ends jobs, it is of no use to wait for them.
      let cloud = try await TestCloud(
        continuing: estate.owners.cloud, patience: known.runs == true ? .seconds(30) : .milliseconds(20),
        sources: .counted(from: 0x0100_0000))
      let running = known.runs == true ? Task { try await cloud.control.run() } : nil
      let node = try await holding(cloud)
      let named = try await prepare(cloud)
      page.know(named)
      if format == "json" {
        for (position, refused) in refusals().enumerated() {
          let (caller, parameters) = refused
          page.note(caller, command.name, parameters)
          page.add(await send(cloud, caller, parameters, "json", named))
          if position == 0 { page.add(await send(cloud, caller, parameters, "xml", named)) }
        }
        page.note(caller, command.name, usual)
      }
      page.add(await send(cloud, caller, usual, format, named))
      for task in [running, node] {
        task?.cancel()
        _ = await task?.result
      }
      await cloud.control.ledger.close()
    }
    return page.text
  }

  /// A node that is connected and has said that it holds removals, if the command is about those.
  private func holding(_ cloud: TestCloud) async throws -> Task<Void, any Error>? {
    guard let name = known.holds else { return nil }
    let (reports, send) = AsyncStream.makeStream(of: NodeReport.self)
    let node = Task { try await cloud.control.serve(reports: reports) { _ in } }
    var hello = NodeReport()
    hello.hello.node = "node"
    send.yield(hello)
    var report = NodeReport()
    report.guard.held = 20
    report.guard.reason = "more than a tenth of all"
    report.guard.confirmation = name
    send.yield(report)
    #expect(try await cloud.eventually { !cloud.control.health().guards.isEmpty })
    return node
  }

  private func prepare(_ cloud: TestCloud) async throws -> [String: String] {
    var named: [String: String] = [:]
    for step in known.after ?? [] {
      let answer = await send(
        cloud, step.caller ?? "admin", step.parameters, "json", named, command: step.command)
      let text = String(decoding: answer.body, as: UTF8.self)
      #expect(answer.status == 200, "before \(command.name): \(step.command) \(text)")
      if known.runs == true, let job = text.firstMatch(of: /"jobid":"([^"]*)"/).flatMap({ ID<AsyncJob>($0.output.1) }) {
        #expect(
          try await cloud.eventually { cloud.control.state.jobs[job]?.status == .succeeded },
          "before \(command.name): the job of \(step.command)")
      }
      if let name = step.name {
        let field = try Regex(#""\#(step.field ?? "id")":"?([\w.:-]+)"#, as: (Substring, Substring).self)
        named[name] = try String(#require(text.firstMatch(of: field), "\(name): \(text)").output.1)
      }
    }
    return named
  }

  /// What must be refused: by whom, and with which parameters.
  private func refusals() -> [(caller: String, parameters: [String: String])] {
    var refusals: [(caller: String, parameters: [String: String])] = [("nobody", usual)]
    if !command.roles.contains(.user) { refusals.append(("alice", usual)) }
    let given = command.parameters.filter { !$0.roles.isDisjoint(with: caller == "admin" ? .admin : .user) }
    for parameter in given where parameter.isRequired {
      refusals.append((caller, usual.filter { Self.name($0.key) != parameter.name }))
    }
    for parameter in given {
      let others = usual.filter { Self.name($0.key) != parameter.name }
      func wrong(_ value: String) { refusals.append((caller, others.merging([parameter.name: value]) { $1 })) }
      if let entity = parameter.entity {
        wrong("ffffffff-ffff-4fff-8fff-ffffffffffff")
        if caller == "alice", let own = estate.owners.aliceHas[entity.name],
          let foreign = estate.owners.bobHas[entity.name],
          own != foreign, !AuthorisationTests.common.contains(entity.name)
        {
          wrong("{bob.\(entity.name)}")
        }
      } else if parameter.type == .integer || parameter.type == .long {
        wrong("many")
      } else if parameter.type == .date {
        wrong("tomorrow")
      } else if parameter.type == .map, !AuthorisationTests.common.contains(parameter.name) {
        refusals.append((caller, others.merging(["\(parameter.name)[x].key": "golden"]) { $1 }))
      }
    }
    if let text = given.first(where: { $0.type == .string && $0.length <= 255 }) {
      refusals.append((caller, usual.merging([text.name: String(repeating: "x", count: text.length + 1)]) { $1 }))
    }
    let role: Roles = caller == "admin" ? .admin : .user
    for refused in command.refused where !refused.roles.isDisjoint(with: role) {
      refusals.append((caller, usual.merging([refused.name: "golden"]) { $1 }))
    }
    for parameters in known.refused ?? [] {
      refusals.append((caller, usual.merging(parameters) { $1 }.filter { !$0.value.isEmpty }))
    }
    return refusals
  }

  /// The parameter that a name as it is sent belongs to.
  private static func name(_ sent: String) -> String { String(sent.prefix { $0 != "[" }) }

  private func send(
    _ cloud: TestCloud, _ caller: String, _ parameters: [String: String], _ format: String,
    _ named: [String: String], command: String? = nil
  ) async -> APIServer.Answer {
    var filled = parameters.mapValues { estate.filled($0, named) }
    filled["command"] = command ?? self.command.name
    let keys =
      switch caller {
      case "alice": estate.owners.alice
      case "bob": estate.owners.bob
      case "nobody": TestCloud.Keys(apiKey: "nobody", secretKey: "nothing")
      default: TestCloud.admin
      }
    return await cloud.send(filled["command"] ?? "", filled, as: keys, format: format)
  }
}

/// The text of a golden. What no two runs have in common stands as what it is: ids by their order, secrets and moments.
private struct Page {
  private(set) var text = ""
  private var names: [String: String]
  private var strangers = 0

  init(_ estate: Furnished) {
    names = Dictionary(estate.ids.map { ($1, "{\($0)}") }) { ($0.count, $0) < ($1.count, $1) ? $0 : $1 }
  }

  mutating func know(_ named: [String: String]) {
    for (name, id) in named { names[id] = "{\(name)}" }
  }

  mutating func note(_ caller: String, _ command: String, _ parameters: [String: String]) {
    let told = parameters.sorted { $0.key < $1.key }.map { name, value in
      " \(name)=\(value.utf8.count > 200 ? "\(value.prefix(4))… (\(value.count))" : value)"
    }
    text += "\n\(caller): \(command)\(told.joined())\n"
  }

  mutating func add(_ answer: APIServer.Answer) {
    let body = settled(String(decoding: answer.body, as: UTF8.self))
    text += "\(answer.status) \(body.count > 8000 ? "\(body.prefix(4000))… (\(body.count))" : body)\n"
  }

  private mutating func settled(_ body: String) -> String {
    var body = body.replacing(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/) { match in
      let id = String(match.output)
      if let name = names[id] { return name }
      if id.hasPrefix("ffffffff") { return id }
      strangers += 1
      names[id] = "{id \(strangers)}"
      return "{id \(strangers)}"
    }
    body.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000/, with: "{moment}")
    body.replace(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/.dotMatchesNewlines(), with: "{certificate}")
    // Any free one is given.
    body.replace(/(203\.0\.113|192\.0\.2)\.\d+/, with: "{public address}")
    body.replace(
      /"(apikey|secretkey|privatekey|fingerprint|userapikey|usersecretkey|presharedkey|encryptedpassword)":"[^"]*"/
    ) { "\"\($0.output.1)\":\"{secret}\"" }
    body.replace(
      /<(apikey|secretkey|privatekey|fingerprint|userapikey|usersecretkey|presharedkey|encryptedpassword)>[^<]*/
    ) { "<\($0.output.1)>{secret}" }
    return body
  }
}

extension Sources {
  /// Ids and moments that count, so that lists have one order.
  fileprivate static func counted(from first: UInt32) -> Sources {
    let next = Counter(first)
    let moments = Counter(first >> 4)
    return Sources(
      now: { Date(timeIntervalSince1970: 1_735_689_600 + TimeInterval(moments.next())) }, uuid: { next.id() })
  }
}

private final class Counter: Sendable {
  private let last: Atomic<UInt32>

  init(_ first: UInt32) { last = Atomic(first) }

  func next() -> UInt32 { last.add(1, ordering: .relaxed).newValue }

  func id() -> UUID {
    let number = next()
    let bytes = withUnsafeBytes(of: number.bigEndian, Array.init)
    return UUID(uuid: (bytes[0], bytes[1], bytes[2], bytes[3], 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0))
  }
}
