import Foundation
import Logging
import Synchronization
import Testing

@testable import CloudStackAPI

@Suite struct AuditTests {
  @Test func `every call that writes leaves a line, and no secret`() async throws {
    let cloud = try await TestCloud()
    let lines = Lines()
    let server = APIServer(control: cloud.control, logger: Logger(label: "test", factory: { _ in lines }))
    func call(_ command: String, _ parameters: [String: String]) async -> APIServer.Answer {
      await server.answer(
        APIServer.Call(
          method: "GET",
          query: TestCloud.query(["command": command, "response": "json"], parameters, TestCloud.admin)))
    }
    let made = await call("createAccount", TestCloud.user("carol", ["accounttype": "0", "password": "open sesame"]))
    let begun = await call("createAffinityGroup", ["name": "apart", "type": "host anti-affinity"])
    let refused = await call("createSecurityGroup", ["name": String(repeating: "x", count: 300)])
    #expect(await call("listZones", [:]).status == 200)
    let audit = lines.all.filter { $0.message == "audit" }.map(\.metadata)
    #expect(audit.map { "\($0["command"] ?? "")" } == ["createAccount", "createAffinityGroup", "createSecurityGroup"])
    #expect(audit.map { "\($0["status"] ?? "")" } == ["200", "200", String(refused.status)])
    #expect(audit.map { "\($0["request"] ?? "")" } == [made, begun, refused].map { $0.request ?? "-" })
    #expect(Set(audit.map { "\($0["request"] ?? "")" }).count == 3)
    #expect("\(audit[0]["parameters"] ?? "")".contains("password=***"))
    #expect("\(audit[0]["parameters"] ?? "")".contains("username=carol"))
    let job = try #require(Reply(json: String(decoding: begun.body, as: UTF8.self)))
    #expect("\(job)".contains("\(audit[1]["job"] ?? "none")"))
    #expect(!lines.all.contains { "\($0.metadata)".contains("open sesame") })
  }
}

/// A log that is kept.
private final class Lines: LogHandler, Sendable {
  private let kept = Mutex<[(message: String, metadata: Logger.Metadata)]>([])

  var all: [(message: String, metadata: Logger.Metadata)] { kept.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .info }
    set {}
  }

  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    kept.withLock { $0.append(("\(event.message)", event.metadata ?? [:])) }
  }
}
