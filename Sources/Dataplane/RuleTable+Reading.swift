import Dispatch
import Glibc
import Kernel
import Synchronization

extension RuleTable {
  /// nil if the table is not there.
  static func frame(_ kernel: NFTables) throws(KernelError) -> Frame? {
    guard try kernel.tables().contains(where: { $0.family == .ipv4 && $0.name == Names.table }) else { return nil }
    return Frame(
      chains: try kernel.chains(.ipv4, Names.table), sets: try kernel.sets(.ipv4, Names.table).map(\.name))
  }

  /// Compares all of the table with the kernel. With the `generation` of the rule set, sets that have as many elements as are wanted
  /// are compared by the kernel; what they lacked is then there, and not told.
  mutating func audit(_ kernel: NFTables, confirming generation: UInt32? = nil) throws(KernelError) -> Damage {
    var damage = Damage()
    let tables = try kernel.tables()
    damage.foreignTables = tables.filter { $0.family != .ipv4 || $0.name != Names.table }
    guard tables.contains(where: { $0.family == .ipv4 && $0.name == Names.table }) else {
      damage.isTotal = true
      return damage
    }
    let present = Dictionary(
      try kernel.chains(.ipv4, Names.table).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var rules: [String: [NFTRule]] = [:]
    for rule in try kernel.rules(.ipv4, Names.table) { rules[rule.chain, default: []].append(rule) }
    for (name, chain) in chains {
      guard let found = present[name] else {
        if chain.base != nil { damage.isTotal = true }
        damage.missingChains.append(name)
        continue
      }
      if found.base != chain.base { damage.isTotal = true }
      if !Self.agrees(chain.rules, rules[name] ?? []) { damage.wrongChains.append(name) }
    }
    damage.surplusChains = present.keys.filter { chains[$0] == nil }
    try auditSets(kernel, generation, &damage)
    return damage
  }

  private mutating func auditSets(
    _ kernel: NFTables, _ generation: UInt32?, _ damage: inout Damage
  ) throws(KernelError) {
    var seen: Set<String> = []
    var known: Set<String> = []
    var counted: Set<String> = []
    for set in try kernel.sets(.ipv4, Names.table) {
      seen.insert(set.name)
      guard let shape = sets[set.name] else {
        damage.surplusSets.append(set.name)
        continue
      }
      guard shape.agrees(with: set) else {
        damage.isTotal = true
        return
      }
      if shape.minimum != nil {
        capacities[set.name] = Int(set.size)
        if set.size < count(of: set.name) { damage.isTotal = true }
      }
      known.insert(set.name)
      if !shape.flags.contains(.interval), set.count.map(Int.init) == count(of: set.name) { counted.insert(set.name) }
    }
    if let generation, try kernel.has(additions(to: counted), at: generation) { known.subtract(counted) }
    for (name, difference) in try compare(known, kernel) {
      if !difference.missing.isEmpty { damage.missing[name] = difference.missing }
      if !difference.surplus.isEmpty { damage.surplus[name] = difference.surplus }
    }
    for (name, shape) in sets where !seen.contains(name) {
      // Rules hold on to the sets they name, so a static one is only missing along with the frame.
      if shape.minimum != nil { damage.isTotal = true }
      damage.missingSets.append(name)
      if count(of: name) > 0 { damage.missing[name] = Array(0..<count(of: name)) }
    }
  }

  /// Positions in a set's store that the kernel does not have, and what it has besides.
  private struct Difference {
    var missing: [Int] = []
    var surplus: [NFTElement] = []
  }

  /// Many elements are read on all cores, a set on one.
  private func compare(_ sets: Set<String>, _ kernel: NFTables) throws(KernelError) -> [(String, Difference)] {
    let total = sets.reduce(0) { $0 + count(of: $1) }
    let others = total > Self.fewElements ? sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1 : 0
    let readers = [kernel] + (0..<others).compactMap { _ in try? kernel.another() }
    let waiting = Mutex(sets.sorted { count(of: $0) < count(of: $1) })
    let found = Mutex<[(String, Result<Difference, KernelError>)]>([])
    DispatchQueue.concurrentPerform(iterations: readers.count) { number in
      while let set = waiting.withLock({ $0.popLast() }) {
        let result = Result { () throws(KernelError) in try compare(set, readers[number]) }
        found.withLock { $0.append((set, result)) }
      }
    }
    var differences: [(String, Difference)] = []
    for (set, result) in found.withLock({ $0 }) { differences.append((set, try result.get())) }
    return differences
  }

  private func compare(_ set: String, _ kernel: NFTables) throws(KernelError) -> Difference {
    guard let place = places[set] else { return Difference() }
    let store = stores[place]
    var isSeen: [Bool] = []
    var seen = 0
    var surplus: [NFTElement] = []
    try kernel.elements(.ipv4, Names.table, set) {
      isSeen = Array(repeating: false, count: store.count)
      seen = 0
      surplus = []
    } each: { found in
      if let position = position(of: found, store), !isSeen[position] {
        isSeen[position] = true
        seen += 1
      } else {
        surplus.append(found.element)
      }
    }
    return Difference(
      missing: seen < store.count ? isSeen.indices.filter { !isSeen[$0] } : [], surplus: surplus)
  }

  /// Where the store has just this.
  private func position(of found: NFTElementView, _ store: PackedElements) -> Int? {
    guard store.isPlain, found.isPlain, found.key.count == 4 * store.keyWords, found.value.count == 4 * store.valueWords
    else {
      let element = found.element
      guard let position = store.position(of: element.key),
        self.element(store, position).hasValue(of: element)
      else { return nil }
      return position
    }
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: store.stride) { record -> Int? in
      guard let base = record.baseAddress else { return nil }
      let bytes = UnsafeMutableRawBufferPointer(record)
      bytes.copyMemory(from: found.key)
      if !found.value.isEmpty {
        UnsafeMutableRawBufferPointer(rebasing: bytes[(4 * store.keyWords)...]).copyMemory(from: found.value)
      }
      guard let position = store.position(base), store.isRecord(base, at: position) else { return nil }
      return position
    }
  }

  /// Reads what the last transaction touched; nil if it is as wanted, else what is not.
  func readBack(_ kernel: NFTables) throws(KernelError) -> String? {
    var present: [(set: String, elements: [NFTElement])] = []
    for (name, place) in places where !touched[place].isEmpty && sets[name] != nil {
      let before = touched[place]
      let store = stores[place]
      if store.endWords > 0 || before.count > max(64, store.count / 16) {
        let difference = try compare(name, kernel)
        if !difference.missing.isEmpty || !difference.surplus.isEmpty {
          return "\(name): \(difference.missing.count) elements missing, \(difference.surplus.count) foreign"
        }
        continue
      }
      var elements: [NFTElement] = []
      for index in 0..<before.count {
        if let now = before.withRecord(at: index, { store.position($0) }) ?? nil {
          elements.append(element(store, now))
        } else if try kernel.element(.ipv4, Names.table, name, key: element(before, index).key) != nil {
          return "element \(element(before, index).key) of \(name)"
        }
      }
      if !elements.isEmpty { present.append((name, elements)) }
    }
    let found = try kernel.elements(
      .ipv4, Names.table, present: present.map { (set: $0.set, keys: $0.elements.map(\.key)) })
    for (wanted, found) in zip(present, found) {
      guard wanted.elements.count == found.count else { return "elements of \(wanted.set)" }
      for (element, other) in zip(wanted.elements, found)
      where element.key != other.key || !element.hasValue(of: other) {
        return "element \(element.key) of \(wanted.set)"
      }
    }
    for name in touchedChains.keys {
      guard let chain = chains[name] else { continue }
      if !Self.agrees(chain.rules, try kernel.rules(.ipv4, Names.table, chain: name)) { return "chain \(name)" }
    }
    return nil
  }

  private static func agrees(_ wanted: [Rule], _ found: [NFTRule]) -> Bool {
    wanted.count == found.count
      && zip(wanted, found).allSatisfy { $0.digest == $1.digest && $0.comment == $1.comment ?? "" }
  }
}

extension SetShape {
  func agrees(with set: NFTSet) -> Bool {
    let interval = flags.contains(.interval)
    return set.flags.contains(.interval) == interval && set.isMap == (data != nil)
      && set.keyType == key.reduce(0) { $0 << 6 | $1.rawValue }
  }
}
