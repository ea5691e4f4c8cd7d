import Addresses
@testable import Dataplane
import Glibc
@testable import Kernel
import Testing

/// A table that the kernel compares itself, which it does when it tells how many elements sets have.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ConfirmationTests {
  private static let count: UInt32 = 3000

  private func inside(_ number: UInt32) -> NFTBytes { NFTBytes(IPv4(0x0A00_0000 + number)) }
  private func outside(_ number: UInt32) -> NFTBytes { NFTBytes(IPv4(0xCB00_0000 + number)) }

  private func pair(_ number: UInt32) -> NFTBytes {
    var key = outside(number)
    key.append(IPv4(0x0A00_0000 + number))
    return key
  }

  private func table() throws -> RuleTable {
    let drop = Chain(base: nil, rules: [Rule("", Step.drop)])
    var table = RuleTable(
      sets: [
        SetShape(name: "in", key: [.ipv4], data: .fields([.ipv4]), minimum: 256),
        SetShape(name: "pairs", key: [.ipv4, .ipv4], minimum: 256),
        SetShape(name: "classes", key: [.mark], data: .verdict, minimum: 64),
        SetShape(name: "members", key: [.ipv4]),
        SetShape(name: "sources", key: [.ipv4, .ipv4], flags: .interval, minimum: 256),
      ], chains: [("one", drop), ("other", drop)])
    for number in 0..<Self.count {
      try table.replace(
        owner: "nat \(number)",
        [
          SetElement("in", outside(number), data: inside(number)), SetElement("pairs", pair(number)),
          SetElement("members", inside(number)),
        ])
    }
    for number in 1...9 as ClosedRange<UInt32> {
      let element = SetElement("classes", NFTBytes(mark: number), verdict: .goto("one"))
      try table.replace(owner: "class \(number)", [element])
    }
    var last = outside(1)
    last.append(IPv4(0x0A00_00FF))
    try table.replace(owner: "source", [SetElement("sources", pair(1), end: last)])
    return table
  }

  private func with(_ body: (inout RuleTable, NFTables) throws -> Void) throws {
    let folder = "/tmp/daruma-test-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    let namespace = try NetworkNamespace.create(at: folder + "/one")
    defer {
      try? NetworkNamespace.unmount(path: folder + "/one")
      rmdir(folder)
    }
    var table = try table()
    let kernel = try NFTables(in: namespace)
    try kernel.commit(table.creation(labelled: false))
    try body(&table, kernel)
  }

  private func change(_ kernel: NFTables, _ set: String, remove: [NFTElement], add: [NFTElement]) throws {
    var batch = NFTBatch()
    if !remove.isEmpty { batch.deleteElements(.ipv4, Names.table, set, remove) }
    if !add.isEmpty { batch.addElements(.ipv4, Names.table, set, add) }
    try kernel.commit(batch)
  }

  /// What is found, and that the repair of it leaves just what is wanted, as reading all of it tells.
  private func repaired(_ table: inout RuleTable, _ kernel: NFTables) throws -> RuleTable.Damage {
    let damage = try table.audit(kernel, confirming: kernel.generation())
    try kernel.commit(table.repair(damage, labelled: false))
    #expect(try table.audit(kernel).isEmpty)
    return damage
  }

  @Test func `a table as it was made is confirmed, and nothing is changed`() throws {
    try with { table, kernel in
      let generation = try kernel.generation()
      #expect(try kernel.has(table.additions(to: Set(table.sets.keys).subtracting(["sources"])), at: generation))
      #expect(try table.audit(kernel, confirming: generation).isEmpty)
      #expect(try kernel.generation() == generation)
      #expect(try table.audit(kernel).isEmpty)
    }
  }

  @Test func `sets tell how many elements they have, or are read`() throws {
    try with { table, kernel in
      for set in try kernel.sets(.ipv4, Names.table) where set.name != "sources" {
        #expect(set.count == nil || set.count.map(Int.init) == table.count(of: set.name), "\(set.name)")
      }
    }
  }

  @Test func `what is missing is told`() throws {
    try with { table, kernel in
      try change(kernel, "in", remove: [NFTElement(outside(7))], add: [])
      try change(kernel, "members", remove: [NFTElement(inside(8)), NFTElement(inside(9))], add: [])
      let damage = try repaired(&table, kernel)
      #expect(damage.missing.mapValues(\.count) == ["in": 1, "members": 2])
      #expect(damage.surplus.isEmpty)
    }
  }

  @Test func `another element in the place of one is found, and all of it mended`() throws {
    try with { table, kernel in
      let foreign = NFTElement(outside(Self.count), data: inside(7))
      try change(kernel, "in", remove: [NFTElement(outside(7))], add: [foreign])
      let damage = try repaired(&table, kernel)
      #expect(damage.surplus["in"]?.map(\.key) == [foreign.key])
    }
  }

  @Test func `another value is found`() throws {
    try with { table, kernel in
      let wrong = NFTElement(outside(7), data: inside(8))
      try change(kernel, "in", remove: [wrong], add: [wrong])
      let verdict = NFTElement(NFTBytes(mark: 3), verdict: .goto("other"))
      try change(kernel, "classes", remove: [verdict], add: [verdict])
      let damage = try repaired(&table, kernel)
      #expect(damage.missing.mapValues(\.count) == ["in": 1, "classes": 1])
      #expect(damage.surplus.mapValues(\.count) == ["in": 1, "classes": 1])
    }
  }

  @Test func `a rule set of another generation is not confirmed`() throws {
    try with { table, kernel in
      let generation = try kernel.generation()
      try change(kernel, "members", remove: [NFTElement(inside(8))], add: [])
      #expect(throws: KernelError.self) { try table.audit(kernel, confirming: generation &- 1) }
      let all = table.additions(to: ["in"])
      #expect { try kernel.has(all, at: generation) } throws: { ($0 as? KernelError)?.isStaleGeneration == true }
    }
  }

  @Test func `elements are told alike whether they come as records or one by one`() throws {
    let table = try table()
    for set in ["in", "pairs", "members"] {
      let store = try #require(table.elements(in: set))
      var records = NFTBatch()
      records.addElements(
        .ipv4, Names.table, set, records: store.records, keyWords: store.keyWords, valueWords: store.valueWords)
      var elements = NFTBatch()
      elements.addElements(.ipv4, Names.table, set, table.elements(listedIn: set))
      #expect(records.buffer.bytes == elements.buffer.bytes, "\(set)")
    }
  }
}
