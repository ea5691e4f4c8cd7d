import FoundationEssentials
import Synchronization
import Testing

@testable import Ledger

/// What every storage promises the ledger, with records that mean nothing, against a plain model.
@Suite struct StorageTests {
  private struct Model {
    var standing: Standing
    var revisions: [UInt64: RevisionRecord] = [:]
    var resources: [String: ResourceRecord] = [:]
  }

  @Test(.timeLimit(.minutes(isFull ? 60 : 10)), arguments: Kept.allCases)
  func `what was written is read, while it is open and after it was closed`(kept: Kept) async throws {
    let seed =
      ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let place = try await kept.place()
    let first = try place.storage(create: true)
    let found = Found()
    try first.load(found)
    var model = Model(standing: try #require(found.standing))
    #expect(found.revisions.isEmpty && found.resources.isEmpty && model.standing.head.revision == 0)
    try first.begin(model.standing)
    try first.close()
    #expect(throws: LedgerError.self) { try first.read(1...5) }
    for session in 0..<(isFull ? 100 : 4) {
      let storage = try place.storage(create: false)
      let found = Found()
      try storage.load(found)
      try Self.compare(found, model, "seed \(seed) session \(session)")
      try storage.begin(model.standing)
      for round in 0..<30 { try Self.step(storage, &model, &random, "seed \(seed) session \(session) round \(round)") }
      try storage.close()
    }
  }

  private static func step(
    _ storage: any Storage, _ model: inout Model, _ random: inout SplitMix, _ comment: Comment
  ) throws {
    switch Int.random(in: 0..<6, using: &random) {
    case 0...1: try append(storage, &model, &random)
    case 2: try fold(storage, &model, &random)
    case 3: try trim(storage, &model, &random)
    case 4:
      let low = UInt64.random(in: 0...model.standing.head.revision + 2, using: &random)
      let range = low...low + UInt64.random(in: 0...20, using: &random)
      let there = range.compactMap { model.revisions[$0] }
      #expect(try storage.read(range) == there, comment)
      let some = range.filter { _ in Bool.random(using: &random) }
      #expect(try storage.read(some) == some.compactMap { model.revisions[$0] }, comment)
    default:
      let id = id(Int.random(in: 0..<30, using: &random))
      #expect(try storage.read(kind: "thing", id: id) == model.resources["thing/\(id)"], comment)
    }
  }

  private static func append(_ storage: any Storage, _ model: inout Model, _ random: inout SplitMix) throws {
    var standing = model.standing
    var records: [RevisionRecord] = []
    for _ in 0..<Int.random(in: 1...20, using: &random) {
      standing.head.revision += 1
      // Also nothing at all, and more than a page of either database.
      let content = bytes(one(of: [0, 1, 300, 9000, 100_000], &random), &random)
      var record = RevisionRecord(
        number: standing.head.revision, time: Double.random(in: -1e9...1e9, using: &random), content: content,
        chain: .zero)
      record.chain = .link(after: standing.head.chain, record)
      standing.head.chain = record.chain
      records.append(record)
    }
    try storage.append(records, standing)
    model.standing = standing
    for record in records { model.revisions[record.number] = record }
  }

  private static func fold(_ storage: any Storage, _ model: inout Model, _ random: inout SplitMix) throws {
    var standing = model.standing
    standing.checkpoint = UInt64.random(in: standing.checkpoint...standing.head.revision, using: &random)
    standing.digest.toggle(.presence(kind: "thing", id: UUID(), revision: standing.head.revision))
    var records: [String: ResourceRecord] = [:]
    for _ in 0..<Int.random(in: 0...40, using: &random) {
      let (kind, id) = (one(of: ["thing", "Zeug", "もの"], &random), id(Int.random(in: 0..<30, using: &random)))
      let body = bytes(one(of: [0, 5, 400, 20_000], &random), &random)
      records["\(kind)/\(id)"] = ResourceRecord(
        kind: kind, id: id, revision: standing.head.revision, body: Bool.random(using: &random) ? body : nil,
        proof: .proof(kind: kind, id: id, revision: standing.head.revision, body: body[...]))
    }
    try storage.fold(records.values.shuffled(using: &random), standing)
    model.standing = standing
    for (key, record) in records { model.resources[key] = record.body == nil ? nil : record }
  }

  private static func trim(_ storage: any Storage, _ model: inout Model, _ random: inout SplitMix) throws {
    var standing = model.standing
    let last = UInt64.random(
      in: standing.anchor.number...max(standing.anchor.number, standing.checkpoint), using: &random)
    guard let record = model.revisions[last] else { return }
    standing.anchor = Standing.Anchor(number: last, chain: record.chain)
    try storage.trim(standing)
    model.standing = standing
    model.revisions = model.revisions.filter { $0.key > last }
  }

  private static func compare(_ found: Found, _ model: Model, _ comment: Comment) throws {
    #expect(found.standing == model.standing, comment)
    #expect(
      found.revisions.sorted { $0.number < $1.number } == model.revisions.values.sorted { $0.number < $1.number },
      comment)
    let resources = Dictionary(grouping: found.resources) { "\($0.kind)/\($0.id)" }
    #expect(resources.values.allSatisfy { $0.count == 1 }, comment)
    #expect(resources.compactMapValues(\.first) == model.resources, comment)
  }

  private static func one<Element>(of elements: [Element], _ random: inout SplitMix) -> Element {
    elements[Int.random(in: elements.indices, using: &random)]
  }

  private static func bytes(_ count: Int, _ random: inout SplitMix) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  private static func id(_ number: Int) -> UUID {
    UUID(uuid: (UInt8(truncatingIfNeeded: number * 37), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, UInt8(number)))
  }
}

/// Takes in what a storage loads, from any thread.
final class Found: Loading {
  private let content = Mutex<(standing: Standing?, resources: [ResourceRecord], revisions: [RevisionRecord])>(
    (nil, [], []))

  var standing: Standing? { content.withLock { $0.standing } }
  var resources: [ResourceRecord] { content.withLock { $0.resources } }
  var revisions: [RevisionRecord] { content.withLock { $0.revisions } }

  func begin(_ standing: Standing) throws(LedgerError) { content.withLock { $0.standing = standing } }
  func take(_ resources: [ResourceRecord]) throws(LedgerError) { content.withLock { $0.resources += resources } }
  func take(_ revisions: [RevisionRecord]) throws(LedgerError) { content.withLock { $0.revisions += revisions } }
}
