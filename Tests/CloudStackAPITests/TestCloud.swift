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

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "cloudstackapi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let ledger = try Ledger.open(
      at: folder.appending(path: "ledger.sqlite").path, keys: KeyFile(folder.appending(path: "keys").path),
      create: true, logger: logger)
    try await ledger.takeUpKeys()
    var settings = ControlSettings()
    settings.syncTimeout = .milliseconds(20)
    control = Control(ledger: ledger, settings: settings, logger: logger, jobResult: JobResult.render)
    server = APIServer(control: control, logger: logger)
    let prefix = try #require(IPv4Prefix("203.0.113.0/24"))
    try await control.bootstrap(
      FirstCloud(
        node: "node", hostLink: "h0", publicPrefix: prefix, excluded: [], memoryMiB: 8192, cpuNumber: 4,
        adminPassword: "password",
        adminAPIKey: Self.admin.apiKey, adminSecretKey: Self.admin.secretKey))
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
