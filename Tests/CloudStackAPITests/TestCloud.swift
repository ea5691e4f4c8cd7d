import Addresses
import CloudModel
import Control
import Foundation
import Ledger
import Logging
import Testing

@testable import CloudStackAPI

/// A cloud in a temporary folder, spoken to over the wire. No node is connected: jobs stay pending.
final class TestCloud: Sendable {
  struct Keys: Sendable {
    let apiKey: String
    let secretKey: String
  }

  static let admin = Keys(apiKey: "admin-key", secretKey: "admin-secret")

  let control: Control
  let server: APIServer
  private let folder: URL

  /// - Parameters:
  ///   - patience: how long a call that is synchronous on the wire waits for nodes.
  ///   - former: one that is closed and whose ledger this one goes on with.
  ///   - youth: how long who asks for a job may have to wait for its end.
  private init(patience: Duration, youth: Duration, sources: Sources, former: TestCloud?) async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "cloudstackapi-\(UUID().uuidString)")
    if let former {
      try FileManager.default.copyItem(at: former.folder, to: folder)
    } else {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let ledger = try Ledger.open(
      at: folder.appending(path: "ledger.sqlite").path, keys: KeyFile(folder.appending(path: "keys").path),
      create: former == nil, sources: sources, logger: logger)
    try await ledger.takeUpKeys()
    var settings = ControlSettings()
    settings.syncTimeout = patience
    settings.jobYouth = youth
    control = Control(ledger: ledger, settings: settings, logger: logger, jobResult: JobResult.render)
    server = APIServer(control: control, logger: logger)
  }

  convenience init(continuing former: TestCloud, patience: Duration, sources: Sources) async throws {
    try await self.init(patience: patience, youth: .zero, sources: sources, former: former)
  }

  convenience init(
    patience: Duration = .milliseconds(20), youth: Duration = .zero, sources: Sources = .system
  ) async throws {
    try await self.init(patience: patience, youth: youth, sources: sources, former: nil)
    let prefix = try #require(IPv4Prefix("203.0.113.0/24"))
    try await control.bootstrap(
      FirstCloud(
        node: "node", hostLink: "h0", publicPrefix: prefix, excluded: [], memoryMiB: 8192, cpuNumber: 4,
        adminPassword: "password",
        adminAPIKey: Self.admin.apiKey, adminSecretKey: Self.admin.secretKey))
  }

  /// Changes the ledger behind the API's back.
  @discardableResult
  func change<Value: Sendable>(_ body: @escaping @Sendable (inout Draft) throws -> Value) async throws -> Value {
    try await control.ledger.transact(Cause(actor: "test", command: "test", job: nil), body).value
  }

  /// Runs what the manager does by itself, and a node that obeys, while `body` does something.
  static func living(_ body: (TestCloud) async throws -> Void) async throws {
    let cloud = try await TestCloud(patience: .seconds(10))
    let running = Task { try await cloud.control.run() }
    let node = Task { try await ObedientNode("node").run(cloud.control) }
    defer {
      node.cancel()
      running.cancel()
    }
    try await body(cloud)
  }

  func machine(_ id: String) -> VirtualMachine? { ID(id).flatMap { control.state.virtualMachines[$0] } }

  /// Waits until `isTrue`, ten seconds at most.
  func eventually(_ isTrue: () -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !isTrue() {
      if ContinuousClock.now > deadline { return false }
      try await Task.sleep(for: .milliseconds(5))
    }
    return true
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  /// Makes an account of type `type` with keys for its user.
  func account(_ name: String, type: Int = 0) async throws -> Keys {
    let answer = try await call(
      "createAccount",
      [
        "username": name, "password": "password", "firstname": name, "lastname": name, "email": "\(name)@example.org",
        "accounttype": String(type),
      ])
    let user = try #require(answer.at("createaccountresponse", "account", "user", "id"))
    let keys = try await call("registerUserKeys", ["id": user])
    return Keys(
      apiKey: try #require(keys.at("registeruserkeysresponse", "userkeys", "apikey")),
      secretKey: try #require(keys.at("registeruserkeysresponse", "userkeys", "secretkey")))
  }

  /// Makes a zone of simulated hosts that no node carries, with public addresses and the templates for such hosts.
  func simulatedZone() async throws -> String {
    let zone = try await control.ledger.transact(Cause(actor: "system/test", command: "test")) { draft in
      let zone: ID<Zone> = draft.newID()
      try draft.put(
        Zone(
          id: zone, name: "simulated", series: .isolate, guestPrefix: IPv4Prefix(IPv4(10, 1, 1, 0), length: 24),
          publicPrefixes: [], created: draft.now))
      try draft.put(
        Host(
          id: draft.newID(), name: "simulated-1", zone: zone, node: "", hypervisor: .simulator, cpuNumber: 4,
          memoryMiB: 8192, created: draft.now))
      try draft.put(
        PhysicalNetwork(
          id: draft.newID(), name: "simulated", zone: zone, isEnabled: true,
          trafficTypes: [TrafficType(id: draft.newUUID(), kind: .guest)],
          providers: [Providers.router, Providers.vpcRouter, Providers.internalBalancer].map { name in
            ServiceProvider(
              id: draft.newUUID(), name: name, isEnabled: true, services: Providers.services(of: name) ?? [],
              elements: [ProviderElement(id: draft.newUUID(), isEnabled: true)])
          }, created: draft.now))
      let range = PublicIPRange(
        id: draft.newID(), zone: zone, cell: nil, first: IPv4(192, 0, 2, 1), last: IPv4(192, 0, 2, 40),
        created: draft.now)
      try draft.put(range)
      for last in 1...40 as ClosedRange<UInt8> {
        try draft.put(
          PublicIPAddress(id: draft.newID(), address: IPv4(192, 0, 2, last), zone: zone, range: range.id))
      }
      for var template in draft.state.templates.all.filter({ $0.hypervisor == .simulator }) {
        template.zones.append(zone)
        try draft.put(template)
      }
      return zone
    }.value
    return zone.description
  }

  func send(_ command: String, _ parameters: [String: String] = [:], as keys: Keys = admin, format: String = "json")
    async
    -> APIServer.Answer
  {
    await server.answer(
      APIServer.Call(method: "GET", query: Self.query(["command": command, "response": format], parameters, keys)))
  }

  @discardableResult
  func call(_ command: String, _ parameters: [String: String] = [:], as keys: Keys = admin) async throws -> Told {
    let answer = await send(command, parameters, as: keys)
    return Told(status: answer.status, reply: try #require(Reply(json: String(decoding: answer.body, as: UTF8.self))))
  }

  /// Calls, waits for the job if there is one, and returns why it failed, or nil.
  func finish(_ command: String, _ parameters: [String: String], as keys: Keys) async throws -> String? {
    let told = try await call(command, parameters, as: keys)
    guard told.status == 200 else { return told.errorText ?? "status \(told.status)" }
    guard let job = told.at(command.lowercased() + "response", "jobid") else { return nil }
    while true {
      let state = try await call("queryAsyncJobResult", ["jobid": job], as: keys)
      switch state.at("queryasyncjobresultresponse", "jobstatus") {
      case "0": try await Task.sleep(for: .milliseconds(2))
      case "1": return nil
      default: return state.at("queryasyncjobresultresponse", "jobresult", "errortext") ?? "failed"
      }
    }
  }

  /// The id of what a job that must succeed has created.
  func done(_ command: String, _ parameters: [String: String], as keys: Keys) async throws -> String? {
    let told = try await call(command, parameters, as: keys)
    guard let job = told.at(command.lowercased() + "response", "jobid") else { return nil }
    while try await call("queryAsyncJobResult", ["jobid": job], as: keys)
      .at("queryasyncjobresultresponse", "jobstatus") == "0"
    { try await Task.sleep(for: .milliseconds(2)) }
    return told.at(command.lowercased() + "response", "id") ?? job
  }

  /// A signed query.
  static func query(_ base: [String: String], _ parameters: [String: String], _ keys: Keys) -> String {
    var form = Form()
    for (name, value) in base.merging(parameters, uniquingKeysWith: { _, last in last }) { form.set(name, value) }
    form.set("apiKey", keys.apiKey)
    form.set("signature", Signature.sign(form, secret: keys.secretKey))
    return form.values.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
  }

  static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let isPlain = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
      return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}

/// An answer that was read.
struct Told {
  let status: Int
  let reply: Reply

  /// The text at the end of a path of names; of a list, its first element counts.
  func at(_ path: String...) -> String? {
    var value: Reply? = reply
    for name in path {
      if case .list(let elements) = value { value = elements.first }
      guard case .object(let fields) = value else { return nil }
      value = fields[name]
    }
    if case .list(let elements) = value { value = elements.first }
    switch value {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .decimal(let text): return text
    case .boolean(let flag): return String(flag)
    default: return nil
    }
  }

  /// The object inside the envelope.
  var content: Fields? {
    guard case .object(let outer) = reply, outer.members.count == 1, case .object(let fields) = outer.members[0].value
    else { return nil }
    return fields
  }

  var envelope: String? {
    guard case .object(let outer) = reply, outer.members.count == 1 else { return nil }
    return outer.members[0].name
  }

  var errorText: String? {
    guard case .string(let text) = content?["errortext"] else { return nil }
    return text
  }
}
