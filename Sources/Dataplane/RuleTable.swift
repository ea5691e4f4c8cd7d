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
  private(set) var sets: [String: SetShape] = [:]
  private(set) var chains: [String: Chain] = [:]
  /// Sizes the sets have in the kernel; empty until the table was made.
  var capacities: [String: Int] = [:]

  /// Elements of each set, tagged with the number of the owner.
  var stores: [PackedElements] = []
  var places: [String: Int] = [:]
  /// Whether the set at a place is wanted; one that is not may be in the kernel still.
  private(set) var isDeclared: [Bool] = []
  private var freePlaces: [Int] = []
  var verdicts: [NFTVerdict] = []
  var verdictNumbers: [NFTVerdict: UInt32] = [:]

  private var ownerNumbers: [String: UInt32] = [:]
  private(set) var owners: [String] = []
  /// By owner: the place of a set and a record of it, again and again.
  private var owned: [[UInt32]] = []
  private var freeOwners: [UInt32] = []
  /// Who else wants an element, by its record.
  private var sharers: [[UInt32]: Set<UInt32>] = [:]

  /// Whether the kernel has it, as of the last commit; until then nobody needs to know what changed.
  private(set) var isSettled = false
  /// What is not more than this is done on one core.
  static let fewElements = 20_000
  // What was in place of everything touched since the last commit; the tag tells whether anything was.
  private(set) var touched: [PackedElements] = []
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
    if let known = places[set.name] {
      isDeclared[known] = true
    } else if let free = freePlaces.popLast() {
      stores[free] = PackedElements(set)
      touched[free] = PackedElements(set)
      isDeclared[free] = true
      places[set.name] = free
    } else {
      places[set.name] = stores.count
      stores.append(PackedElements(set))
      touched.append(PackedElements(set))
      isDeclared.append(true)
    }
  }

  /// Takes a set away that nobody has elements in.
  mutating func removeSet(_ name: String) {
    guard let shape = sets.removeValue(forKey: name) else { return }
    if let place = places[name] { isDeclared[place] = false }
    if touchedSets[name] == nil { touchedSets[name] = .some(shape) }
    // What it had in the kernel stays known: it may be declared again before that is told.
  }

  private mutating func free(_ name: String) {
    guard let place = places.removeValue(forKey: name) else { return }
    stores[place].removeAll()
    touched[place].removeAll()
    freePlaces.append(place)
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
    let wanted = try pack(elements)
    guard let number = ownerNumbers[owner] else {
      if wanted.isEmpty { return }
      try check(wanted, owner, nil)
      let number = enroll(owner, wanted)
      each(wanted) { $0.insert($1, $2, number) }
      return
    }
    let before = owned[Int(number)]
    if before == wanted { return }
    try check(wanted, owner, number)
    each(before) { $0.withdraw($1, $2, number) }
    if wanted.isEmpty { return dismiss(number, owner) }
    each(wanted) { $0.insert($1, $2, number) }
    owned[Int(number)] = wanted
  }

  /// Room for so many owners more.
  mutating func reserve(owners more: Int) {
    let count = owners.count + more
    ownerNumbers.reserveCapacity(count)
    owners.reserveCapacity(count)
    owned.reserveCapacity(count)
  }

  private mutating func enroll(_ owner: String, _ wanted: [UInt32]) -> UInt32 {
    let number: UInt32
    if let free = freeOwners.popLast() {
      number = free
      owners[Int(free)] = owner
      owned[Int(free)] = wanted
    } else {
      number = UInt32(owners.count)
      owners.append(owner)
      owned.append(wanted)
    }
    ownerNumbers[owner] = number
    return number
  }

  private mutating func dismiss(_ number: UInt32, _ owner: String) {
    ownerNumbers[owner] = nil
    owners[Int(number)] = ""
    owned[Int(number)] = []
    freeOwners.append(number)
  }

  private mutating func each(_ list: [UInt32], _ body: (inout RuleTable, Int, UnsafePointer<UInt32>) -> Void) {
    list.withUnsafeBufferPointer { words in
      guard let base = words.baseAddress else { return }
      var next = 0
      while next < words.count {
        let place = Int(words[next])
        body(&self, place, base + next + 1)
        next += 1 + stores[place].stride
      }
    }
  }

  private mutating func check(_ wanted: [UInt32], _ owner: String, _ number: UInt32?) throws(DataplaneError) {
    var conflict: (place: Int, tag: UInt32)?
    each(wanted) { table, place, record in
      guard let position = table.stores[place].position(record),
        !table.stores[place].isRecord(record, at: position)
      else { return }
      let tag = table.stores[place].tags[position]
      if tag != number && conflict == nil { conflict = (place, tag) }
    }
    guard let conflict else { return }
    let set = places.first { $0.value == conflict.place }?.key ?? ""
    throw DataplaneError(
      .conflict, "\(owner) and \(ownerName(conflict.tag)) want the same place in \(set) of the router")
  }

  // MARK: elements

  /// Set in the tag of an element that has sharers.
  private static let shared: UInt32 = 1 << 31

  func ownerName(_ tag: UInt32) -> String { owners[Int(tag & ~Self.shared)] }

  private func sharing(_ place: Int, _ record: UnsafePointer<UInt32>) -> [UInt32] {
    [UInt32(place)] + UnsafeBufferPointer(start: record, count: stores[place].keyWords)
  }

  private mutating func touch(_ place: Int, _ record: UnsafePointer<UInt32>) {
    guard isSettled, touched[place].position(record) == nil else { return }
    if let position = stores[place].position(record) {
      stores[place].withRecord(at: position) { touched[place].insert($0, tag: 1) }
    } else {
      touched[place].insert(record, tag: 0)
    }
  }

  private mutating func insert(_ place: Int, _ record: UnsafePointer<UInt32>, _ owner: UInt32) {
    guard let position = stores[place].position(record) else {
      touch(place, record)
      stores[place].insert(record, tag: owner)
      return
    }
    let tag = stores[place].tags[position]
    if tag & ~Self.shared == owner { return }
    sharers[sharing(place, record), default: []].insert(owner)
    stores[place].setTag(tag | Self.shared, at: position)
  }

  private mutating func withdraw(_ place: Int, _ record: UnsafePointer<UInt32>, _ owner: UInt32) {
    guard let position = stores[place].position(record) else { return }
    let tag = stores[place].tags[position]
    let isOwn = tag & ~Self.shared == owner
    if tag & Self.shared == 0 {
      guard isOwn else { return }
      touch(place, record)
      stores[place].remove(at: position)
      return
    }
    let key = sharing(place, record)
    var others = sharers.removeValue(forKey: key) ?? []
    var heir = tag & ~Self.shared
    if isOwn {
      heir = others.removeFirst()
    } else {
      others.remove(owner)
    }
    stores[place].setTag(others.isEmpty ? heir : heir | Self.shared, at: position)
    if !others.isEmpty { sharers[key] = others }
  }

  /// Whether there is anything of the owner's.
  func owns(_ owner: String) -> Bool { ownerNumbers[owner] != nil }

  /// What the owner has in the set.
  func keys(of owner: String, in set: String) -> [NFTBytes] {
    guard let number = ownerNumbers[owner], let wanted = places[set] else { return [] }
    var keys: [NFTBytes] = []
    let list = owned[Int(number)]
    var next = 0
    while next < list.count {
      let store = stores[Int(list[next])]
      if Int(list[next]) == wanted { keys.append(NFTBytes(words: list[(next + 1)...].prefix(store.keyWords))) }
      next += 1 + store.stride
    }
    return keys
  }

  // MARK: what changed

  var isChanged: Bool {
    !touchedChains.isEmpty || !touchedSets.isEmpty || touched.contains { !$0.isEmpty }
      || !isSettled && stores.contains { !$0.isEmpty }
  }

  /// Whether bringing the changes to the kernel takes longer than having another thread do it.
  var isLargelyChanged: Bool {
    let changes = isSettled ? touched : stores
    return changes.reduce(0) { $0 + $1.count } > Self.fewElements
  }

  mutating func settle() {
    isSettled = true
    for place in touched.indices where !touched[place].isEmpty { touched[place].removeAll() }
    for name in touchedSets.keys where sets[name] == nil { free(name) }
    touchedChains = [:]
    touchedSets = [:]
  }

  /// A set would overflow.
  var needsRoom: Bool {
    places.contains { name, place in
      guard !touched[place].isEmpty, let capacity = capacities[name] else { return false }
      return stores[place].count > capacity
    }
  }

  /// Room for a quarter more, in steps of powers of two.
  func wantedCapacity(_ set: SetShape) -> Int? {
    guard let minimum = set.minimum else { return nil }
    let wanted = max(minimum, count(of: set.name) * 5 / 4)
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
