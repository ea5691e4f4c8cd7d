import Addresses
import Foundation
import Kernel
import Testing

@testable import Dataplane

@Suite struct PackedElementsTests {
  private static let shape = SetShape(name: "pairs", key: [.ipv4, .port], data: .fields([.ipv4]))

  @Test func `it holds what a dictionary would`() throws {
    var random = Seeded(printing: "packed elements")
    var packed = PackedElements(Self.shape)
    var plain: [[UInt32]: (value: UInt32, tag: UInt32)] = [:]
    let steps = Trial.count(20_000, full: 1_000_000)
    for _ in 0..<steps {
      let key = [UInt32.random(in: 0..<300, using: &random), UInt32.random(in: 0..<3, using: &random)]
      let value = UInt32.random(in: 0..<4, using: &random)
      let record = key + [value]
      let position = packed.position(record)
      #expect((position == nil) == (plain[key] == nil))
      if let position {
        #expect(packed.isRecord(record, at: position) == (plain[key]?.value == value))
        #expect(packed.tags[position] == plain[key]?.tag)
        packed.remove(at: position)
        plain[key] = nil
      } else if Bool.random(using: &random) || plain.count < 400 {
        packed.insert(record, tag: value)
        plain[key] = (value, value)
      }
      #expect(packed.count == plain.count)
    }
    for (key, entry) in plain {
      let position = try #require(packed.position(key + [entry.value]))
      #expect(packed.isRecord(key + [entry.value], at: position))
    }
  }

  @Test func `owners share an element, and the last one takes it away`() throws {
    var table = RuleTable(sets: [SetShape(name: "classes", key: [.mark], data: .verdict)], chains: [])
    let element = SetElement("classes", NFTBytes(mark: 7), verdict: .goto("rr-7"))
    let other = SetElement("classes", NFTBytes(mark: 7), verdict: .goto("rr-8"))
    for owner in ["a", "b", "c"] { try table.replace(owner: owner, [element]) }
    #expect(throws: DataplaneError.self) { try table.replace(owner: "d", [other]) }
    try table.replace(owner: "a", [])
    try table.replace(owner: "c", [])
    #expect(table.contains("classes", NFTBytes(mark: 7)))
    #expect(table.keys(of: "b", in: "classes") == [NFTBytes(mark: 7)])
    table.settle()
    try table.replace(owner: "b", [other])
    #expect(table.isChanged)
    #expect(table.removedKeys(of: "classes").isEmpty, "it leads elsewhere now, but is there")
    try table.replace(owner: "b", [])
    #expect(table.count(of: "classes") == 0)
    #expect(table.removedKeys(of: "classes") == [NFTBytes(mark: 7)])
  }

  @Test func `what was taken away and given back is no change`() throws {
    var table = RuleTable(sets: [Self.shape], chains: [])
    let key = NFTBytes(IPv4(10, 0, 0, 1), port: 80)
    try table.replace(owner: "a", [SetElement("pairs", key, data: NFTBytes(IPv4(10, 0, 0, 2)))])
    table.settle()
    try table.replace(owner: "a", [])
    try table.replace(owner: "b", [SetElement("pairs", key, data: NFTBytes(IPv4(10, 0, 0, 2)))])
    #expect(table.difference(labelled: false).isEmpty)
    try table.replace(owner: "b", [SetElement("pairs", key, data: NFTBytes(IPv4(10, 0, 0, 3)))])
    #expect(!table.difference(labelled: false).isEmpty)
  }
}
