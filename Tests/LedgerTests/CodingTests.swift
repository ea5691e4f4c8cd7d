import Addresses
import CloudModel
import Foundation
import Testing

@testable import Ledger

@Suite struct CodingTests {
  @Test func `every kind, with values of every sort, is what it was after it was encoded and decoded`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    for _ in 0..<(isFull ? 40 : 4) {
      for sample in KindTests.samples { try vary(sample, &random, "seed \(seed)") }
    }
  }

  @Test func `a kind that tells its fields itself leaves out none`() throws {
    for sample in KindTests.samples where sample is any FieldCoded { try checkAll(sample) }
  }

  /// Checks the sample with a value in each of its fields.
  private func checkAll<R: Resource>(_ sample: R) throws {
    var value = sample
    let names = Mirror(reflecting: sample).children.compactMap(\.label)
    for name in names {
      for guess in [true, 1, "a", UUID().uuidString, [Any]()] as [Any] {
        var json = try fields(of: value)
        guard json[name] == nil else { break }
        json[name] = guess
        let data = try JSONSerialization.data(withJSONObject: json)
        if let next = try? JSONDecoder().decode(R.self, from: data) { value = next }
      }
    }
    #expect(Set(names).subtracting(try fields(of: value).keys).isEmpty)
    try check(value, "\(R.kind)")
  }

  private func fields(of value: some Resource) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? [String: Any])
  }

  /// Alters the sample's fields, as far as what comes out is still one of its kind.
  private func vary<R: Resource>(_ sample: R, _ random: inout SplitMix, _ comment: Comment) throws {
    var value = sample
    try check(value, comment)
    for _ in 0..<30 {
      var json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
      alter(&json, &random)
      guard let data = try? JSONSerialization.data(withJSONObject: json),
        let next = try? JSONDecoder().decode(R.self, from: data)
      else { continue }
      value = next
      try check(value, comment)
    }
  }

  private func alter(_ json: inout Any, _ random: inout SplitMix) {
    if var object = json as? [String: Any], let key = object.keys.sorted().randomElement(using: &random) {
      if Int.random(in: 0..<5, using: &random) == 0 {
        object[key] = nil
      } else if var inner = object[key] {
        alter(&inner, &random)
        object[key] = inner
      }
      json = object
    } else if var list = json as? [Any], let place = list.indices.randomElement(using: &random) {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: list.remove(at: place)
      case 1: list += Array(repeating: list[place], count: Int.random(in: 1...200, using: &random))
      default: alter(&list[place], &random)
      }
      json = list
    } else if json is String {
      let length = [0, 1, 127, 128, 5000].randomElement(using: &random) ?? 0
      json = String((0..<length).map { _ in "aé\u{0}日🎎\n".randomElement(using: &random) ?? "a" })
    } else if json is NSNumber {
      json =
        [
          0, 1, -1, 95, 96, 127, 128, 255, 65535, 1 << 32, Int.max, Int.min,
          Int.random(in: .min ... .max, using: &random),
        ].randomElement(using: &random) ?? 0
    }
  }

  private func check<R: Resource>(_ value: R, _ comment: Comment) throws {
    let bytes = try RevisionContent.encode(value)
    let decoded = try R.decode(bytes[...], id: value.id.uuid)
    #expect(decoded == value, comment)
    #expect(try RevisionContent.encode(decoded) == bytes, comment)
    // Kinds that tell their fields themselves do it as Codable would.
    let plain = BodyEncoder()
    try plain.whole { try value.encode(to: $0) }
    #expect(plain.bytes == bytes, comment)
    #expect(try Body(bytes).value(R.self, at: 0) == value, comment)
  }

  @Test func `the bytes of a value are what they always were`() throws {
    let id = ID<Domain>(try #require(UUID(uuidString: "00112233-4455-6677-8899-aabbccddeeff")))
    let domain = Domain(id: id, name: "d", path: "ROOT/d", created: Date(timeIntervalSinceReferenceDate: 1))
    let hex = try RevisionContent.encode(domain).map { String(format: "%02x", $0) }.joined()
    #expect(
      hex == "0d" + "0209" + "00112233445566778899aabbccddeeff" + "0381" + "64" + "1c86" + "524f4f542f64" + "0a06"
        + "000000000000f03f" + "00")
  }

  @Test func `no name of a field is spelled out`() throws {
    for sample in KindTests.samples {
      let bytes = try RevisionContent.encode(sample)
      #expect(names(in: bytes).isEmpty, "\(type(of: sample).kind): \(names(in: bytes))")
    }
  }

  private func names(in bytes: [UInt8]) -> [String] {
    let body = Body(bytes)
    var found: [String] = []
    func walk(_ position: inout Int) throws {
      let start = position
      try body.skip(&position)
      var inner = start + 1
      if bytes[start] == Tag.fields {
        while let name = try body.name(&inner) {
          if case .spelled(let range) = name { found.append(try body.string(range)) }
          try walk(&inner)
        }
      } else if bytes[start] == Tag.list {
        while !body.ends(at: inner) { try walk(&inner) }
      }
    }
    var position = 0
    do { try walk(&position) } catch { found.append("\(error)") }
    return found
  }

  private struct Older: Codable, Equatable {
    var name = "x"
    var count = 3
    var unheardOf = [["a", "b"], []]
    var last = true
  }

  private struct Newer: Codable, Equatable {
    var added: Int?
    var last: Bool
    var name: String
    var note: String?
    var others: [UUID]?
  }

  @Test func `fields may come, go and change places`() throws {
    let encoder = BodyEncoder()
    try encoder.write(Older())
    let newer = try Body(encoder.bytes).value(Newer.self, at: 0)
    #expect(newer == Newer(added: nil, last: true, name: "x", note: nil, others: nil))
    #expect(throws: DecodingError.self) {
      let encoder = BodyEncoder()
      try encoder.write(newer)
      return try Body(encoder.bytes).value(Older.self, at: 0)
    }
  }

  @Test func `bytes that are cut or altered are an error or a value, nothing worse`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    func decode<R: Resource>(_ sample: R, _ bytes: [UInt8]) { _ = try? R.decode(bytes[...], id: sample.id.uuid) }
    for sample in KindTests.samples {
      let bytes = try RevisionContent.encode(sample)
      for length in 0..<bytes.count { decode(sample, Array(bytes.prefix(length))) }
      for _ in 0..<300 {
        var altered = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          altered[Int.random(in: altered.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        decode(sample, altered)
      }
    }
  }
}
