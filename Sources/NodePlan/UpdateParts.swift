extension PlanUpdate {
  /// What one part weighs at most, in bytes as `PlanObject.weight` counts them.
  package static let partLimit = 4 << 20

  /// The update in parts that each fit into a message; only the last one says `lastPart`, and it alone carries the
  /// confirmations.
  package func parts(limit: Int = partLimit) -> [PlanUpdate] {
    var empty = PlanUpdate()
    empty.ledger = ledger
    empty.epoch = epoch
    empty.generation = generation
    empty.complete = complete
    empty.base = base
    empty.restored = restored
    empty.fence = fence
    var parts: [PlanUpdate] = []
    var part = empty
    var weight = 0
    func room(for more: Int) {
      if weight > 0 && weight + more > limit {
        parts.append(part)
        part = empty
        weight = 0
      }
      weight += more
    }
    for object in upserts {
      room(for: object.weight)
      part.upserts.append(object)
    }
    for removal in removals {
      room(for: 32 + removal.key.utf8.count + removal.cause.utf8.count)
      part.removals.append(removal)
    }
    part.confirmations = confirmations
    part.lastPart = true
    parts.append(part)
    return parts
  }
}

extension PlanObject {
  /// About the bytes of its wire form, never less than half of them.
  var weight: Int {
    var weight = 160 + key.utf8.count
    switch body {
    case .loadBalancer(let balancer): weight += 16 * (balancer.members.count + balancer.sources.count)
    case .firewall(let rule): weight += 16 * (rule.sources.count + rule.destinations.count)
    case .securityGroup(let group): weight += 80 * (group.ingress.count + group.egress.count)
    case .instance(let instance): weight += instance.userData.count + 48 * instance.ports.count
    case .port(let port): weight += 48 * port.securityGroups.count
    case .router(let router): weight += 16 * router.publicPrefixes.count
    default: break
    }
    return weight
  }
}

/// Puts the parts of an update together again.
package struct UpdateAssembly: Sendable {
  /// Objects and removals of one update at most.
  package static let limit = 5_000_000

  private var pending: PlanUpdate?

  package init() {}

  package enum Result: Sendable {
    case partial
    case whole(PlanUpdate)
    /// The parts do not belong together; what was collected is gone.
    case broken(String)
  }

  package mutating func add(_ part: PlanUpdate) -> Result {
    var whole = part
    if var pending {
      self.pending = nil
      guard pending.ledger == part.ledger, pending.epoch == part.epoch, pending.generation == part.generation,
        pending.complete == part.complete, pending.base == part.base, pending.restored == part.restored,
        pending.fence == part.fence
      else {
        return .broken("a part of generation \(part.generation) came amid generation \(pending.generation)")
      }
      pending.upserts += part.upserts
      pending.removals += part.removals
      pending.confirmations += part.confirmations
      pending.lastPart = part.lastPart
      whole = pending
    }
    if whole.upserts.count + whole.removals.count > UpdateAssembly.limit {
      return .broken("generation \(whole.generation) has more than \(UpdateAssembly.limit) objects")
    }
    if whole.lastPart { return .whole(whole) }
    pending = whole
    return .partial
  }
}
