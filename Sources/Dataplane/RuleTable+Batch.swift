import Kernel

extension RuleTable {
  private static let family = NFTFamily.ipv4

  /// What the kernel has of the table.
  struct Frame {
    var chains: [NFTChain]
    var sets: [String]
  }

  /// The table from nothing, in place of what is there. `labelled` makes an error tell the owner, at a price.
  ///
  /// A base chain that goes still sees packets for a moment, without its rules and with its policy. So those of the frame
  /// that are as wanted stay.
  mutating func creation(labelled: Bool, insteadOf frame: Frame? = nil) -> NFTBatch {
    var batch = NFTBatch()
    batch.reserve(4096 + stores.reduce(0) { $0 + $1.count * (24 + 4 * $1.stride) })
    var kept: Set<String> = []
    if let frame {
      kept = Set(frame.chains.filter { $0.base != nil && $0.base == chains[$0.name]?.base }.map(\.name))
      batch.flushTable(Self.family, Names.table)
      for set in frame.sets { batch.deleteSet(Self.family, Names.table, set) }
      for chain in frame.chains where !kept.contains(chain.name) {
        batch.deleteChain(Self.family, Names.table, chain.name)
      }
    } else {
      batch.destroyTable(Self.family, Names.table)
      batch.addTable(Self.family, Names.table)
    }
    capacities = [:]
    for name in sets.keys.sorted() { if let shape = sets[name] { add(shape, &batch) } }
    for name in chains.keys.sorted() where !kept.contains(name) {
      batch.addChain(Self.family, Names.table, name, base: chains[name]?.base)
    }
    for name in sets.keys.sorted() { add(name, nil, labelled, &batch) }
    for name in chains.keys.sorted() { addRules(name, &batch) }
    return batch
  }

  private mutating func add(_ shape: SetShape, _ batch: inout NFTBatch) {
    let size = wantedCapacity(shape)
    capacities[shape.name] = size
    if let data = shape.data {
      batch.addMap(
        Self.family, Names.table, shape.name, key: shape.key, data: data, size: size, flags: shape.flags)
    } else {
      batch.addSet(
        Self.family, Names.table, shape.name, key: shape.key, size: size, flags: shape.flags)
    }
  }

  private func addRules(_ chain: String, _ batch: inout NFTBatch) {
    for rule in chains[chain]?.rules ?? [] {
      batch.addRule(
        Self.family, Names.table, chain, rule.expressions, comment: rule.comment.isEmpty ? nil : rule.comment,
        label: rule.owner)
    }
  }

  /// Elements at these positions of the set's store; all of them without any.
  private func add(_ set: String, _ positions: [Int]?, _ labelled: Bool, _ batch: inout NFTBatch) {
    guard let place = places[set] else { return }
    let store = stores[place]
    if positions?.isEmpty ?? store.isEmpty { return }
    if labelled {
      for position in positions ?? Array(0..<store.count) {
        batch.addElements(
          Self.family, Names.table, set, [element(store, position)], label: ownerName(store.tags[position]))
      }
    } else if store.isPlain {
      batch.addElements(
        Self.family, Names.table, set, records: store.records, keyWords: store.keyWords, valueWords: store.valueWords,
        positions: positions)
    } else {
      batch.addElements(
        Self.family, Names.table, set, (positions ?? Array(0..<store.count)).map { element(store, $0) })
    }
  }

  /// Adds all of these sets' elements, which may be there already.
  func additions(to sets: Set<String>) -> NFTBatch {
    var batch = NFTBatch()
    batch.reserve(4096 + sets.compactMap(elements(in:)).reduce(0) { $0 + $1.count * (24 + 4 * $1.stride) })
    for set in sets { add(set, nil, false, &batch) }
    return batch
  }

  /// From what the kernel had at the last commit to what is wanted now.
  mutating func difference(labelled: Bool) -> NFTBatch {
    var damage = Damage()
    for (name, before) in touchedSets where before.flatMap({ $0 }) != sets[name] {
      if before.flatMap({ $0 }) != nil { damage.surplusSets.append(name) }
      if sets[name] != nil { damage.missingSets.append(name) }
    }
    for (name, before) in touchedChains where before.flatMap({ $0 }) != chains[name] {
      if before.flatMap({ $0 }) == nil {
        damage.missingChains.append(name)
      } else if chains[name] == nil {
        damage.surplusChains.append(name)
      } else {
        damage.wrongChains.append(name)
      }
    }
    for (name, place) in places where !touched[place].isEmpty && sets[name] != nil {
      let before = touched[place]
      let store = stores[place]
      for index in 0..<before.count {
        let isOld = before.tags[index] == 1
        let now = before.withRecord(at: index) { store.position($0) } ?? nil
        if isOld, let now, before.withRecord(at: index, { store.isRecord($0, at: now) }) == true { continue }
        if isOld { damage.surplus[name, default: []].append(element(before, index)) }
        if let now { damage.missing[name, default: []].append(now) }
      }
    }
    return repair(damage, labelled: labelled)
  }

  /// What is different in the kernel.
  struct Damage {
    var missingSets: [String] = []
    var surplusSets: [String] = []
    var missingChains: [String] = []
    var surplusChains: [String] = []
    var wrongChains: [String] = []
    /// Positions in the sets' stores.
    var missing: [String: [Int]] = [:]
    var surplus: [String: [NFTElement]] = [:]
    var foreignTables: [NFTTable] = []
    /// More is broken than can be mended in place.
    var isTotal = false

    var isEmpty: Bool {
      !isTotal && missingSets.isEmpty && surplusSets.isEmpty && missingChains.isEmpty && surplusChains.isEmpty
        && wrongChains.isEmpty && missing.isEmpty && surplus.isEmpty && foreignTables.isEmpty
    }

    var description: String {
      if isTotal { return "the table or its frame is gone or altered" }
      var parts: [String] = []
      func note(_ count: Int, _ what: String) { if count > 0 { parts.append("\(count) \(what)") } }
      note(missing.values.reduce(0) { $0 + $1.count }, "elements missing")
      note(surplus.values.reduce(0) { $0 + $1.count }, "foreign elements")
      note(missingSets.count, "sets missing")
      note(surplusSets.count, "foreign sets")
      note(missingChains.count, "chains missing")
      note(surplusChains.count, "foreign chains")
      note(wrongChains.count, "chains altered")
      note(foreignTables.count, "foreign tables")
      return parts.joined(separator: ", ")
    }
  }

  mutating func repair(_ damage: Damage, labelled: Bool) -> NFTBatch {
    var batch = damage.isTotal ? creation(labelled: labelled) : NFTBatch()
    for table in damage.foreignTables { batch.deleteTable(table.family, table.name) }
    if damage.isTotal { return batch }
    for name in damage.wrongChains + damage.surplusChains { batch.flushChain(Self.family, Names.table, name) }
    for name in damage.missingSets { if let shape = sets[name] { add(shape, &batch) } }
    for name in damage.missingChains {
      batch.addChain(Self.family, Names.table, name, base: chains[name]?.base)
    }
    for (set, elements) in damage.surplus { batch.deleteElements(Self.family, Names.table, set, elements) }
    for (set, positions) in damage.missing { add(set, positions, labelled, &batch) }
    for name in damage.missingChains + damage.wrongChains { addRules(name, &batch) }
    for name in damage.surplusChains { batch.deleteChain(Self.family, Names.table, name) }
    for name in damage.surplusSets { batch.deleteSet(Self.family, Names.table, name) }
    return batch
  }
}
