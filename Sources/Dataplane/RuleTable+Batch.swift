import Kernel

extension RuleTable {
  private static let family = NFTFamily.ipv4

  /// The table from nothing, in place of what is there. `labelled` makes an error tell the owner, at a price.
  mutating func creation(labelled: Bool) -> NFTBatch {
    var batch = NFTBatch()
    batch.destroyTable(Self.family, Names.table)
    batch.addTable(Self.family, Names.table)
    capacities = [:]
    for name in sets.keys.sorted() { if let shape = sets[name] { add(shape, &batch) } }
    for name in chains.keys.sorted() {
      batch.addChain(Self.family, Names.table, name, base: chains[name]?.base)
    }
    for name in sets.keys.sorted() { add(name, entries[name].map { Array($0.values) } ?? [], labelled, &batch) }
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

  private func add(_ set: String, _ items: [Entry], _ labelled: Bool, _ batch: inout NFTBatch) {
    if items.isEmpty { return }
    guard labelled else {
      batch.addElements(Self.family, Names.table, set, items.map(\.element))
      return
    }
    for item in items { batch.addElements(Self.family, Names.table, set, [item.element], label: item.owner) }
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
    for (name, keys) in touchedElements {
      for (key, before) in keys {
        let now = entries[name]?[key]
        if let before, now?.element.hasValue(of: before) == true { continue }
        if let before, sets[name] != nil { damage.surplus[name, default: []].append(before) }
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
    var missing: [String: [Entry]] = [:]
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
    for (set, items) in damage.missing { add(set, items, labelled, &batch) }
    for name in damage.missingChains + damage.wrongChains { addRules(name, &batch) }
    for name in damage.surplusChains { batch.deleteChain(Self.family, Names.table, name) }
    for name in damage.surplusSets { batch.deleteSet(Self.family, Names.table, name) }
    return batch
  }
}
