import Addresses
import Kernel

/// A set or map as it is to be declared. `minimum` is the least size; without one it grows as it likes.
struct SetShape: Hashable {
  var name: String
  var key: [NFTType]
  var data: NFTMapData?
  var flags: NFTSetFlags = []
  var minimum: Int?
}

struct Rule: Hashable {
  var comment: String
  /// The object (its plan key) that is at fault if the kernel refuses the rule.
  var owner: String?
  var expressions: [NFTExpression]
  let digest: UInt64

  init(_ comment: String, owner: String? = nil, _ expressions: [NFTExpression]) {
    self.comment = comment
    self.owner = owner
    self.expressions = expressions
    digest = NFTExpression.digest(expressions)
  }
}

struct Chain: Hashable {
  var base: NFTBaseChain?
  var rules: [Rule]
}

struct SetElement: Hashable {
  var set: String
  var element: NFTElement

  init(_ set: String, _ key: NFTBytes, end: NFTBytes? = nil, data: NFTBytes? = nil, verdict: NFTVerdict? = nil) {
    self.set = set
    element = NFTElement(key, end: end, data: data, verdict: verdict)
  }
}

/// Everything that one `table ip daruma` is to hold, and what of it changed since it was last brought to the kernel.
///
/// Elements belong to owners (plan keys). An element that several owners want is there once.
struct RuleTable {
  struct Entry {
    var element: NFTElement
    var owner: String
    var others: Set<String>?
  }

  private(set) var sets: [String: SetShape] = [:]
  private(set) var entries: [String: [NFTBytes: Entry]] = [:]
  private(set) var chains: [String: Chain] = [:]
  private var owned: [String: [SetElement]] = [:]

  /// Sizes the sets have in the kernel; empty until the table was made.
  var capacities: [String: Int] = [:]
  // What was in place of everything touched since the last commit.
  private(set) var touchedElements: [String: [NFTBytes: NFTElement?]] = [:]
  private(set) var touchedChains: [String: Chain?] = [:]
  private(set) var touchedSets: [String: SetShape?] = [:]

  init(sets: [SetShape], chains: [(String, Chain)]) {
    for set in sets { declare(set) }
    for (name, chain) in chains { setChain(name, chain) }
  }

  mutating func declare(_ set: SetShape) {
    if sets[set.name] == set { return }
    if touchedSets[set.name] == nil { touchedSets[set.name] = .some(sets[set.name]) }
    sets[set.name] = set
    if entries[set.name] == nil { entries[set.name] = [:] }
  }

  mutating func removeSet(_ name: String) {
    guard let shape = sets.removeValue(forKey: name) else { return }
    if touchedSets[name] == nil { touchedSets[name] = .some(shape) }
    entries[name] = nil
  }

  mutating func setChain(_ name: String, _ chain: Chain?) {
    let before = chains[name]
    if before == chain { return }
    if touchedChains[name] == nil { touchedChains[name] = .some(before) }
    chains[name] = chain
  }

  /// Puts `elements` in place of what the owner had. Throws, and changes nothing, if another owner has one of the keys
  /// with another value.
  mutating func replace(owner: String, _ elements: [SetElement]) throws(DataplaneError) {
    let before = owned[owner] ?? []
    if before == elements { return }
    for item in elements {
      guard let entry = entries[item.set]?[item.element.key], !entry.element.hasValue(of: item.element) else {
        continue
      }
      if entry.owner != owner || entry.others?.isEmpty == false {
        throw DataplaneError(.conflict, "\(owner) and \(entry.owner) want the same place in \(item.set) of the router")
      }
    }
    for item in before { withdraw(item, owner) }
    for item in elements { insert(item, owner) }
    owned[owner] = elements.isEmpty ? nil : elements
  }

  func elements(of owner: String) -> [SetElement] { owned[owner] ?? [] }

  private mutating func touch(_ item: SetElement) {
    let key = item.element.key
    if touchedElements[item.set]?[key] == nil {
      touchedElements[item.set, default: [:]][key] = .some(entries[item.set]?[key]?.element)
    }
  }

  private mutating func insert(_ item: SetElement, _ owner: String) {
    let key = item.element.key
    if entries[item.set]?[key] != nil {
      if entries[item.set]?[key]?.owner != owner { entries[item.set]?[key]?.others?.insert(owner) }
      if entries[item.set]?[key]?.others == nil, entries[item.set]?[key]?.owner != owner {
        entries[item.set]?[key]?.others = [owner]
      }
      return
    }
    touch(item)
    entries[item.set, default: [:]][key] = Entry(element: item.element, owner: owner, others: nil)
  }

  private mutating func withdraw(_ item: SetElement, _ owner: String) {
    let key = item.element.key
    guard let entry = entries[item.set]?[key] else { return }
    if entry.owner != owner {
      entries[item.set]?[key]?.others?.remove(owner)
      return
    }
    if let heir = entry.others?.first {
      entries[item.set]?[key]?.owner = heir
      entries[item.set]?[key]?.others?.remove(heir)
      return
    }
    touch(item)
    entries[item.set]?[key] = nil
  }

  var isChanged: Bool { !touchedElements.isEmpty || !touchedChains.isEmpty || !touchedSets.isEmpty }

  mutating func settle() {
    touchedElements = [:]
    touchedChains = [:]
    touchedSets = [:]
  }

  /// A set would overflow.
  var needsRoom: Bool {
    touchedElements.keys.contains { name in
      guard let capacity = capacities[name] else { return false }
      return (entries[name]?.count ?? 0) > capacity
    }
  }

  /// Room for a quarter more, in steps of powers of two.
  func wantedCapacity(_ set: SetShape) -> Int? {
    guard let minimum = set.minimum else { return nil }
    let wanted = max(minimum, (entries[set.name]?.count ?? 0) * 5 / 4)
    var size = 1
    while size < wanted { size *= 2 }
    return size
  }
}

extension NFTElement {
  func hasValue(of other: NFTElement) -> Bool {
    data == other.data && verdict == other.verdict && keyEnd == other.keyEnd && isIntervalEnd == other.isIntervalEnd
  }
}
