import Kernel

extension RuleTable {
  /// Compares all of the table with the kernel.
  mutating func audit(_ kernel: NFTables) throws(KernelError) -> Damage {
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
    try auditSets(kernel, &damage)
    return damage
  }

  private mutating func auditSets(_ kernel: NFTables, _ damage: inout Damage) throws(KernelError) {
    var seen: Set<String> = []
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
        if set.size < entries[set.name]?.count ?? 0 { damage.isTotal = true }
      }
      compare(set.name, try kernel.elements(.ipv4, Names.table, set.name), &damage)
    }
    for (name, shape) in sets where !seen.contains(name) {
      // Rules hold on to the sets they name, so a static one is only missing along with the frame.
      if shape.minimum != nil { damage.isTotal = true }
      damage.missingSets.append(name)
      if let wanted = entries[name], !wanted.isEmpty { damage.missing[name] = Array(wanted.values) }
    }
  }

  private func compare(_ set: String, _ found: [NFTElement], _ damage: inout Damage) {
    let wanted = entries[set] ?? [:]
    var right = 0
    for element in found {
      if wanted[element.key]?.element.hasValue(of: element) == true {
        right += 1
      } else {
        damage.surplus[set, default: []].append(element)
      }
    }
    if right == wanted.count { return }
    let wrong = Set(damage.surplus[set]?.map(\.key) ?? [])
    let present = Set(found.map(\.key)).subtracting(wrong)
    damage.missing[set] = wanted.filter { !present.contains($0.key) }.map(\.value)
  }

  /// Reads what the last transaction touched; nil if it is as wanted, else what is not.
  func readBack(_ kernel: NFTables) throws(KernelError) -> String? {
    for (name, keys) in touchedElements where sets[name] != nil {
      if let difference = try readBack(kernel, name, keys) { return difference }
    }
    for name in touchedChains.keys {
      guard let chain = chains[name] else { continue }
      if !Self.agrees(chain.rules, try kernel.rules(.ipv4, Names.table, chain: name)) { return "chain \(name)" }
    }
    return nil
  }

  private func readBack(
    _ kernel: NFTables, _ name: String, _ keys: [NFTBytes: NFTElement?]
  ) throws(KernelError) -> String? {
    let wanted = entries[name] ?? [:]
    let isRange = sets[name]?.flags.contains(.interval) == true
    var found: [NFTBytes: NFTElement] = [:]
    if isRange || keys.count > max(64, wanted.count / 16) {
      for element in try kernel.elements(.ipv4, Names.table, name) { found[element.key] = element }
    } else {
      for element in try kernel.elements(.ipv4, Names.table, name, keys: Array(keys.keys)) {
        found[element.key] = element
      }
    }
    for key in keys.keys {
      switch (wanted[key], found[key]) {
      case (nil, nil): continue
      case (let entry?, let element?) where entry.element.hasValue(of: element): continue
      default: return "element \(key) of \(name)"
      }
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
