package import NodePlan

/// Decides what of an update the node follows: missing is not empty, and whatever forwards packets goes on until
/// somebody answers for its end.
package enum PlanGuard {
  package enum Verdict: Equatable, Sendable {
    case accepted(PlanAcceptance)
    /// Nothing of the update is followed. `needsComplete`: the manager should send a complete one.
    case refused(reason: String, needsComplete: Bool)
  }

  package static func judge(_ plan: Plan, _ update: PlanUpdate) -> Verdict {
    if let refusal = refusal(plan, update) { return refusal }
    var judgement = Judgement(plan, update)
    judgement.judgeUpserts()
    judgement.judgeRemovals()
    judgement.holdMassRemovals()
    judgement.release(Set(update.confirmations))
    return .accepted(judgement.finish())
  }

  private static func refusal(_ plan: Plan, _ update: PlanUpdate) -> Verdict? {
    func refused(_ reason: String, needsComplete: Bool = false) -> Verdict {
      .refused(reason: reason, needsComplete: needsComplete)
    }
    if update.ledger.isEmpty { return refused("the plan does not say of which ledger it is") }
    if !plan.ledger.isEmpty && plan.ledger != update.ledger {
      return refused("the plan is of ledger \(update.ledger), this node belongs to \(plan.ledger)")
    }
    if update.epoch < plan.epoch {
      return refused("the plan is of epoch \(update.epoch), epoch \(plan.epoch) has begun")
    }
    if update.epoch == plan.epoch && update.fence < plan.fence {
      return refused(
        "the plan comes from a manager that was overtaken: its fencing number is \(update.fence), this node has followed "
          + "\(plan.fence)")
    }
    if update.epoch == plan.epoch && update.generation < plan.generation {
      return refused("the plan is of generation \(update.generation), this node has seen \(plan.generation)")
    }
    if !update.complete && (plan.ledger.isEmpty || update.epoch != plan.epoch || update.base != plan.generation) {
      return refused(
        "the difference starts from generation \(update.base) of epoch \(update.epoch), this node has "
          + "\(plan.generation) of \(plan.epoch)", needsComplete: true)
    }
    return nil
  }
}

private struct Judgement {
  let plan: Plan
  let update: PlanUpdate
  /// Revision numbers of different epochs do not compare: a restore may number anew from below.
  let raisesEpoch: Bool
  /// The revision of the restore that began the update's epoch, where this node has not followed it yet.
  let restored: UInt64?
  var held: [String: HeldKey]
  var wanted: [String: PlanObject] = [:]
  var upserts: [String: PlanObject] = [:]
  var renumbered: [String: PlanObject] = [:]
  var removals: [String: Removal] = [:]

  init(_ plan: Plan, _ update: PlanUpdate) {
    self.plan = plan
    self.update = update
    raisesEpoch = update.epoch > plan.epoch
    let isRestored = raisesEpoch && update.complete && update.restored > 0 && update.restored <= update.generation
    restored = isRestored ? update.restored : nil
    held = plan.held
    wanted.reserveCapacity(update.upserts.count)
    for object in update.upserts { wanted[object.key] = object }
  }

  mutating func judgeUpserts() {
    var replacements: [String: PlanObject] = [:]
    for (key, object) in wanted {
      guard let old = plan.objects[key] else {
        upserts[key] = object
        continue
      }
      var renumberedOld = old
      renumberedOld.revision = object.revision
      if renumberedOld == object {
        held[key] = nil
        if object.revision != old.revision && (raisesEpoch || object.revision > old.revision) {
          renumbered[key] = object
        }
      } else if raisesEpoch || object.revision > old.revision {
        held[key] = nil
        upserts[key] = object
      } else if held[key]?.pending != .replacement(object) {
        replacements[key] = object
      }
    }
    hold(
      replacements.mapValues { .replacement($0) },
      "\(replacements.count) objects would change without a revision that changed them")
  }

  mutating func judgeRemovals() {
    var unattributed: [String: HeldKey.Pending] = [:]
    var named: Set<String> = []
    for removal in update.removals where wanted[removal.key] == nil {
      guard let object = plan.objects[removal.key] else { continue }
      named.insert(removal.key)
      let isAttributed =
        removal.revision > 0 && removal.revision <= update.generation
        && (raisesEpoch || removal.revision > object.revision)
      if isAttributed {
        if held[removal.key]?.isAttributedRemoval == true { continue }
        held[removal.key] = nil
        removals[removal.key] = removal
      } else if removals[removal.key] == nil {
        unattributed[removal.key] = missing(removal.key)
      }
    }
    if update.complete {
      for key in plan.objects.keys where wanted[key] == nil && !named.contains(key) {
        guard let restored else {
          unattributed[key] = missing(key)
          continue
        }
        // Also what revisions made that the backup never saw.
        held[key] = nil
        var removal = Removal()
        removal.key = key
        removal.revision = restored
        removals[key] = removal
      }
    }
    let new = unattributed.filter { key, _ in
      if removals[key] != nil { return false }
      if case .removal = held[key]?.pending { return false }
      return true
    }
    hold(new, "\(new.count) objects are missing from the plan and no revision removed them")
  }

  private func missing(_ key: String) -> HeldKey.Pending {
    var removal = Removal()
    removal.key = key
    return .removal(removal)
  }

  mutating func holdMassRemovals() {
    let open = removals.keys.filter { !isConfirmed($0) }
    for loss in MassRemoval.found(in: open.compactMap { plan.objects[$0] }, of: plan.objects.values) {
      // A router does not go before its rules.
      let keys = open.filter { plan.objects[$0]?.router == loss.router }
      var pending: [String: HeldKey.Pending] = [:]
      for key in keys {
        if let removal = removals.removeValue(forKey: key) { pending[key] = .removal(removal) }
      }
      hold(pending, loss.description)
    }
  }

  /// A restore was confirmed as a whole, by whoever saw its preview.
  private func isConfirmed(_ key: String) -> Bool {
    guard let restored, let removal = removals[key] else { return false }
    return removal.revision <= restored && plan.objects[key]?.customerRuleRouter != nil
  }

  mutating func release(_ confirmations: Set<String>) {
    for (key, hold) in held where confirmations.contains(hold.name) {
      held[key] = nil
      switch hold.pending {
      case .removal(let removal): removals[key] = removal
      case .replacement(let object): upserts[key] = object
      }
    }
  }

  private mutating func hold(_ keys: [String: HeldKey.Pending], _ reason: String) {
    if keys.isEmpty { return }
    let name = HeldKey.name(of: keys.keys)
    for (key, pending) in keys { held[key] = HeldKey(name: name, reason: reason, pending: pending) }
  }

  func finish() -> PlanAcceptance {
    var acceptance = PlanAcceptance()
    acceptance.ledger = update.ledger
    acceptance.epoch = update.epoch
    acceptance.fence = update.fence
    acceptance.generation = update.generation
    acceptance.upserts = upserts.values.sorted { $0.key < $1.key }
    acceptance.removals = removals.keys.sorted()
    acceptance.held = held
    var renumbered = self.renumbered
    if raisesEpoch {
      // Else no revision of the new epoch could ever answer for the end of what is held.
      for key in held.keys {
        guard var object = plan.objects[key], object.revision > update.generation else { continue }
        object.revision = update.generation
        renumbered[key] = object
      }
    }
    acceptance.renumbered = renumbered.values.sorted { $0.key < $1.key }
    return acceptance
  }
}

extension PlanObject {
  /// The router that the object is part of, if it is part of one.
  var router: String? {
    switch body {
    case .router(let router): router.id
    case .address(let address): address.router
    case .staticNat(let rule): rule.router
    case .portForward(let rule): rule.router
    case .loadBalancer(let rule): rule.router
    case .firewall(let rule): rule.router
    default: nil
    }
  }
}
