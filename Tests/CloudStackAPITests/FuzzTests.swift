import Foundation
import Testing

@testable import CloudStackAPI

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct FuzzTests {
  static let codes: Set<Int> = [200, 400, 401, 405, 430, 431, 432, 530, 531, 532, 533, 534, 535, 536, 537]

  /// `DARUMA_FUZZ_SEED` repeats a run.
  @Test func `10,000 random requests get answers that CloudStack could give`() async throws {
    let seed = ProcessInfo.processInfo.environment["DARUMA_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...(.max))
    print("fuzz seed \(seed)")
    var random = SeededGenerator(state: seed)
    let estate = try await Estate()
    let ids = Array(estate.aliceHas.values) + Array(estate.bobHas.values) + ["-1", "", UUID().uuidString]
    let commands = Catalog.all.filter { $0.name != "deleteAccount" }
    for round in 0..<10_000 {
      var call = APIServer.Call(method: ["GET", "POST", "HEAD"].randomElement(using: &random) ?? "GET", query: "")
      if round % 4 == 0 {
        call.query = Self.noise(&random)
        call.body = Array(Self.noise(&random).utf8)
        call.isForm = Bool.random(using: &random)
      } else {
        let command = try #require(commands.randomElement(using: &random))
        var parameters: [String: String] = [:]
        for parameter in command.parameters where parameter.isRequired || Int.random(in: 0..<4, using: &random) == 0 {
          let name = parameter.type == .map ? parameter.name + Self.text(&random) : parameter.name
          let isID = parameter.entity != nil && Int.random(in: 0..<8, using: &random) > 0
          parameters[name] = isID ? ids.randomElement(using: &random) : Self.text(&random)
        }
        if Bool.random(using: &random) { parameters[Self.text(&random)] = Self.text(&random) }
        let base = ["command": command.name, "response": Bool.random(using: &random) ? "json" : "xml"]
        call.query = TestCloud.query(base, parameters, estate.alice)
      }
      let answer = await estate.cloud.server.answer(call)
      #expect(Self.codes.contains(answer.status), "seed \(seed): \(call)")
      let text = String(decoding: answer.body, as: UTF8.self)
      if answer.contentType.hasPrefix("application/json") {
        guard case .object(let outer) = Reply(json: text), outer.members.count == 1 else {
          Issue.record("seed \(seed): \(text)")
          continue
        }
      } else {
        #expect(text.hasPrefix("<?xml"), "seed \(seed)")
      }
    }
  }

  private static func noise(_ random: inout SeededGenerator) -> String {
    let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
      "abcdnmCOMMAND=&%+[].0123456789\u{00}\u{7F}é".utf8.randomElement(using: &random) ?? 0
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func text(_ random: inout SeededGenerator) -> String {
    let texts = [
      "true", "1", "-1", "65535", "65536", "99999999999999999999", "tcp", "icmp", "all", "10.0.0.1", "0.0.0.0/0",
      "10.0.0.0/33", "::/0", "roundrobin", "leastconn", "[0].account", "[0].a.b", "[x]", "[", "]", "a,b,,c",
      "2025-01-01", "present", "featured", "web", "aGVsbG8=", String(repeating: "x", count: 300), "é\u{1F600}", "\t",
      "",
    ]
    return texts.randomElement(using: &random) ?? ""
  }
}
