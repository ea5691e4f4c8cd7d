/// Tells faults from noise: a component fails when two independent looks agree for a while, or one goes on failing for longer.
/// It works again when a probe says so, nothing says otherwise, and that has lasted. Pure.
struct SignalGate: Sendable {
  /// In seconds.
  struct Thresholds: Sendable, Equatable {
    /// For how long two sources must see the failure.
    var agreement: Double
    /// For how long a single one must.
    var patience: Double
    /// For how long it must be well before it counts as over.
    var settling: Double
  }

  static func thresholds(_ kind: FaultKind) -> Thresholds {
    switch kind {
    case .gateway, .loadBalancer, .staticNAT, .fabric: Thresholds(agreement: 2, patience: 6, settling: 2)
    case .virtualRouter, .dhcpDNS: Thresholds(agreement: 4, patience: 15, settling: 3)
    // A restart, as for an update, is no fault.
    case .api, .console: Thresholds(agreement: 8, patience: 20, settling: 3)
    case .instances, .storage: Thresholds(agreement: 8, patience: 30, settling: 5)
    // Its gateways forward without it.
    case .node: Thresholds(agreement: 30, patience: 60, settling: 5)
    case .other: Thresholds(agreement: 8, patience: 30, settling: 5)
    }
  }

  private struct Fault {
    var since: Moment
    /// Set once it passed the gate.
    var loss: ScopeLoss?
    var wellSince: Moment?
  }

  private var faults: [String: Fault] = [:]
  /// Ends of a component's faults within the last ten minutes; each doubles the settling.
  private var ends: [String: [Moment]] = [:]

  /// Components whose fault passed the gate and is not over.
  var confirmed: Set<String> { Set(faults.filter { $0.value.loss != nil }.keys) }

  /// Whether the scope is a component that somebody sees failing now, be it long enough to pass or not.
  func isDoubtful(_ scope: String) -> Bool {
    faults.contains { $0.value.wellSince == nil && Observation.scope($0.key) == scope }
  }

  /// The faults that passed the gate. One that ended is given once more, with its end.
  mutating func take(_ document: StatusDocument) -> [ScopeLoss] {
    let now = document.time
    var losses: [ScopeLoss] = []
    let components = Dictionary(document.components.map { ($0.id, $0) }) { first, _ in first }
    for observation in document.observations {
      if let loss = take(observation, components[observation.component], now: now) { losses.append(loss) }
    }
    let observed = Set(document.observations.map(\.component))
    // What nobody looks at any more is not known to be well.
    losses += faults.filter { !observed.contains($0.key) }.compactMap(\.value.loss)
    if ends.count > Bounds.components { ends = ends.filter { now.seconds(since: $0.value.last ?? now) < 600 } }
    return losses
  }

  private mutating func take(_ observation: Observation, _ component: Component?, now: Moment) -> ScopeLoss? {
    let id = observation.component
    let thresholds = Self.thresholds(observation.kind)
    let failing = observation.failing(now: now)
    guard let since = failing.filter({ $0.source != .feed }).map(\.since).min() else {
      return end(observation, thresholds, now: now)
    }
    var fault = faults[id] ?? Fault(since: since)
    fault.wellSince = nil
    fault.since = min(fault.since, since)
    if fault.loss == nil {
      // As each source's own failure lasts, so that accidents that follow one another do not add up.
      let lasting = failing.map { now.seconds(since: $0.since) }.sorted(by: >)
      let agree = Set(failing.map(\.source)).count > 1 && lasting[1] >= thresholds.agreement
      let alone = failing.filter { $0.source != .feed }.map { now.seconds(since: $0.since) }.max() ?? 0
      if agree || alone >= thresholds.patience {
        fault.loss = ScopeLoss(
          scope: Observation.scope(id), role: .component, cellName: component?.cell, zoneName: component?.zone ?? "",
          found: Self.finding(failing), rulesLost: 1, rulesWanted: 1, probesMissed: failing.count,
          accounts: observation.accounts, addresses: observation.addresses, lostAt: fault.since, detectedAt: now,
          subject: FaultSubject(
            kind: observation.kind, component: id, name: component?.name ?? id, series: component?.series ?? ""))
      } else {
        fault.since = since
      }
    }
    if var loss = fault.loss {
      loss.accounts = max(loss.accounts, observation.accounts)
      loss.addresses = max(loss.addresses, observation.addresses)
      fault.loss = loss
    }
    faults[id] = fault
    return fault.loss
  }

  private mutating func end(_ observation: Observation, _ thresholds: Thresholds, now: Moment) -> ScopeLoss? {
    let id = observation.component
    guard var fault = faults[id] else { return nil }
    guard var loss = fault.loss else {
      faults[id] = nil
      return nil
    }
    guard observation.isWell(now: now) else {
      fault.wellSince = nil
      faults[id] = fault
      return loss
    }
    let seen = observation.looks.filter { Look.isCurrent($0, now: now) }.map(\.since).max() ?? now
    let wellSince = fault.wellSince ?? max(min(seen, now), fault.since)
    fault.wellSince = wellSince
    faults[id] = fault
    let recent = (ends[id] ?? []).filter { now.seconds(since: $0) < 600 }
    let settling = min(60, thresholds.settling * Double(1 << min(recent.count, 6)))
    loss.appliedAt = wellSince
    guard now.seconds(since: wellSince) >= settling else { return loss }
    faults[id] = nil
    ends[id] = recent.suffix(9) + [now]
    loss.verifiedAt = wellSince
    return loss
  }

  private static func finding(_ failing: [Look]) -> Finding {
    let sources = Set(failing.map(\.source))
    if sources.contains(.outside) { return .unreachable }
    if sources.contains(.packets) { return .packetsLost }
    return sources.contains(.readBack) ? .elementsChanged : .silent
  }
}
