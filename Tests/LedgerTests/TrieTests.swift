import FoundationEssentials
import Testing

@testable import CloudModel

@Suite struct TrieTests {
  @Test(arguments: [UInt64.max, 0xff, 0])
  func `a trie does what a dictionary does, and its copies stay as they were`(bits: UInt64) {
    var source = SeededSource()
    var trie = Trie<Item>()
    var model: [Key: UInt64] = [:]
    var copies: [(Trie<Item>, [Key: UInt64])] = []
    for step in UInt64(0)..<4000 {
      let key = Key(number: .random(in: 0..<300, using: &source), bits: bits)
      switch UInt64.random(in: 0..<10, using: &source) {
      case 0..<5:
        #expect(trie.put(Item(key: key, value: step))?.value == model.updateValue(step, forKey: key))
      case 5..<9:
        #expect(trie.remove(key)?.value == model.removeValue(forKey: key))
      default:
        trie.put(Item(key: key, value: 0)) { $0.value += 1 }
        model[key] = model[key].map { $0 + 1 } ?? 0
      }
      #expect(trie.count == model.count)
      #expect(trie[key]?.value == model[key])
      if step % 500 == 0 { copies.append((trie, model)) }
    }
    copies.append((trie, model))
    for (trie, model) in copies {
      #expect(trie.count == model.count)
      #expect(Dictionary(uniqueKeysWithValues: trie.map { ($0.key, $0.value) }) == model)
      for number in UInt64(0)..<300 {
        let key = Key(number: number, bits: bits)
        #expect(trie[key]?.value == model[key])
      }
    }
  }

  @Test func `what no copy has any more is let go`() {
    final class Witness: Sendable {}
    final class Held: TrieItem {
      let key: UInt64
      let witness: Witness
      init(_ key: UInt64, _ witness: Witness) { (self.key, self.witness) = (key, witness) }
      static let kind = TrieItemKind.objects
      static func hash(_ key: UInt64) -> UInt64 { KeyHash.of(key) }
      static func isSame(_ left: UInt64, _ right: UInt64) -> Bool { left == right }
    }
    weak var gone: Witness?
    var trie = Trie<Held>()
    var copy = trie
    do {
      let witness = Witness()
      gone = witness
      for key in UInt64(0)..<1000 { trie.put(Held(key, witness)) }
      copy = trie
      for key in UInt64(0)..<1000 { trie.remove(key) }
      #expect(trie.isEmpty)
    }
    #expect(gone != nil && copy.count == 1000)
    copy = trie
    #expect(gone == nil)
  }
}

/// A key whose hash is no more than some bits of it.
private struct Key: Hashable {
  let number: UInt64
  let bits: UInt64
}

private struct Item: TrieItem {
  let key: Key
  var value: UInt64
  static let kind = TrieItemKind.ids
  static func hash(_ key: Key) -> UInt64 { KeyHash.of(key.number) & key.bits }
  static func isSame(_ left: Key, _ right: Key) -> Bool { left == right }
}

/// Random numbers that are the same for the same seed, which it prints.
struct SeededSource: RandomNumberGenerator {
  private var state: UInt64

  init() {
    state = ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 1...(.max))
    print("seed \(state) (DARUMA_SEED)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
