import Glibc
import Kernel

extension Place {
  enum Outcome: Sendable {
    case unchanged
    case committed
    /// Somebody else had changed the rule set; what was found different, and elements missing by set.
    case repaired(RuleTable.Damage)
  }

  /// Puts what waits into the table. Tells which owners could not have what they want, and why.
  func putWaiting() -> [String: DataplaneError] {
    var failures: [String: DataplaneError] = [:]
    table?.reserve(owners: waiting.count)
    for (owner, elements) in waiting {
      do throws(DataplaneError) { try table?.replace(owner: owner, elements()) } catch { failures[owner] = error }
    }
    waiting = []
    return failures
  }

  /// Brings the changes of the table to the kernel in one transaction and reads them back.
  func commit() throws -> Outcome {
    guard var table else { return .unchanged }
    defer { self.table = table }
    guard let expected = generation else { return try inspect(&table) }
    guard table.isChanged else { return .unchanged }
    var total = table.needsRoom
    let capacities = table.capacities
    do {
      do {
        let batch = try total ? renewal(&table, labelled: false) : table.difference(labelled: false)
        try rules.commit(batch, expecting: expected)
      } catch {
        guard error.isRefusal else { throw error }
        // Told apart element by element, the kernel names the guilty one.
        total = total || error.code == ENFILE
        table.capacities = capacities
        let batch = try total ? renewal(&table, labelled: true) : table.difference(labelled: true)
        try rules.commit(batch, expecting: expected)
      }
      generation = expected &+ 1
      if try total ? !table.audit(rules, confirming: generation).isEmpty : table.readBack(rules) != nil {
        return try inspect(&table)
      }
    } catch let error as KernelError {
      if error.isRefusal {
        table.capacities = capacities
        throw error
      }
      return try inspect(&table)
    }
    settle(&table)
    return .committed
  }

  /// Puts all of the table in the place of whatever the kernel has, in one transaction, and reads all of it back. `former` is
  /// what the kernel was to have before.
  func commitWhole(insteadOf former: RuleTable?) throws {
    guard var table else { return }
    defer { self.table = table }
    generation = nil
    for attempt in 1...Self.attempts {
      do throws(KernelError) {
        try replaceAll(&table)
        break
      } catch {
        guard attempt < Self.attempts, error.isStaleGeneration || error.isPassing else { throw error }
      }
    }
    if let former { ending.note(from: former, to: table) }
    let made = try rules.generation()
    let damage = try table.audit(rules)
    guard damage.isEmpty, try rules.generation() == made else {
      throw DataplaneError(.notVerified, "the rule set of \(name) is not as it was made: \(damage.description)")
    }
    generation = made
    settle(&table)
  }

  private func replaceAll(_ table: inout RuleTable) throws(KernelError) {
    let expected = try rules.generation()
    var batch = try renewal(&table, labelled: false)
    for foreign in try rules.tables() where foreign.family != .ipv4 || foreign.name != Names.table {
      batch.deleteTable(foreign.family, foreign.name)
    }
    try rules.commit(batch, expecting: expected)
  }

  /// All of the table in place of what the kernel has.
  private func renewal(_ table: inout RuleTable, labelled: Bool) throws(KernelError) -> NFTBatch {
    table.creation(labelled: labelled, insteadOf: try RuleTable.frame(rules))
  }

  /// Whether somebody changed the rule set since our last commit.
  var seemsChanged: Bool {
    guard let generation, let found = try? rules.generation() else { return false }
    return found != generation
  }

  /// Compares all of the table with the kernel and repairs what differs.
  func inspect() throws -> RuleTable.Damage {
    guard var table else { return RuleTable.Damage() }
    defer { self.table = table }
    if case .repaired(let damage) = try inspect(&table) { return damage }
    return RuleTable.Damage()
  }

  private func inspect(_ table: inout RuleTable) throws -> Outcome {
    generation = nil
    var first: RuleTable.Damage?
    var failure: KernelError?
    for _ in 0..<Self.attempts {
      do throws(KernelError) {
        let before = try rules.generation()
        // Of what was there what is missing is to be told.
        let damage = try table.audit(rules, confirming: first == nil && table.isSettled ? nil : before)
        if damage.isEmpty {
          if try rules.generation() != before { continue }
          generation = before
          settle(&table)
          return .repaired(first ?? damage)
        }
        if first == nil {
          first = damage
          ending.note(damage)
        }
        try repair(&table, damage, expecting: before)
      } catch {
        // Whatever became of it is seen when it is looked at again.
        guard error.isStaleGeneration || error.isPassing else { throw error }
        if error.isPassing { failure = error }
      }
    }
    if let failure { throw failure }
    throw DataplaneError(
      .notVerified, "the rule set of \(name) does not stay as it is made; somebody else keeps changing it")
  }

  private static let attempts = 8

  private func repair(
    _ table: inout RuleTable, _ damage: RuleTable.Damage, expecting before: UInt32
  ) throws(KernelError) {
    let capacities = table.capacities
    do throws(KernelError) {
      try rules.commit(table.repair(damage, labelled: false), expecting: before)
      return
    } catch {
      table.capacities = capacities
      guard error.isRefusal else { throw error }
    }
    do throws(KernelError) {
      try rules.commit(table.repair(damage, labelled: true), expecting: before)
      return
    } catch {
      table.capacities = capacities
      guard error.isRefusal, error.label == nil else { throw error }
    }
    var all = damage
    all.isTotal = true
    do throws(KernelError) {
      try rules.commit(table.repair(all, labelled: true), expecting: before)
    } catch {
      table.capacities = capacities
      throw error
    }
  }

  /// The kernel has what is wanted.
  private func settle(_ table: inout RuleTable) {
    ending.note(table)
    table.settle()
  }
}
