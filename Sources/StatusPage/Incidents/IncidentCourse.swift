/// Turns measured facts into incidents. Pure: the time is the document's, ids come from `newID`.
package struct IncidentCourse: Sendable {
  package enum Change: Sendable, Comparable {
    case nothing
    /// Only figures of open incidents changed.
    case figures
    /// Something was said or noted that must be kept.
    case record
  }

  package internal(set) var archive: IncidentArchive
  let phrases: Phrases
  let policy: IncidentPolicy
  let newID: @Sendable () -> String
  var gate = SignalGate()
  var known: [LossKey: Place] = [:]

  struct Place {
    var incident: String
    var index: Int
  }

  /// Losses of several scopes within so many seconds are one fault.
  static let sameFault = 5.0
  /// A new loss so soon after the last one ended continues the same incident.
  static let damping = 60.0
  /// A small drift that is not repaired within this time is public after all.
  static let patience = 2.0
  /// Packets that were lost while the configuration reads back right: as a gateway's own patience.
  static let packetPatience = 6.0
  static let updateInterval = 2.0
  static let standstill = 60.0

  package init(
    archive: IncidentArchive = IncidentArchive(), templates: Templates = .standard,
    policy: IncidentPolicy = IncidentPolicy(), newID: @escaping @Sendable () -> String
  ) {
    self.archive = archive
    self.policy = policy
    phrases = Phrases(templates: templates)
    self.newID = newID
    for incident in archive.incidents {
      for (index, loss) in incident.losses.enumerated() {
        known[loss.key] = Place(incident: incident.id, index: index)
      }
    }
  }

  package mutating func take(_ document: StatusDocument) -> Change {
    var document = document.bounded
    let now = document.time
    document.losses += gate.take(document)
    var change = advanceMaintenances(document) ? Change.record : .nothing
    var events: [String: Event] = [:]
    var noted: Set<LossKey>?
    for loss in document.losses.sorted(by: { $0.lostAt < $1.lostAt }) {
      if let place = known[loss.key] {
        if update(place, with: loss) { change = .record }
      } else if loss.isUncertain || isPlanned(loss, document) {
        guard let verified = loss.verifiedAt else {
          guard !isPlanned(loss, document), now.seconds(since: loss.lostAt) >= loss.patience else { continue }
          place(loss, now: now, events: &events)
          continue
        }
        if noted == nil { noted = Set(archive.notes.map(\.loss.key)) }
        if noted?.insert(loss.key).inserted == true {
          archive.notes.append(InternalNote(at: verified, loss: loss))
          change = .record
        }
      } else {
        place(loss, now: now, events: &events)
      }
    }
    if endUnreportedLosses(document) { change = .record }
    for index in archive.incidents.indices where archive.incidents[index].isOpen {
      let before = archive.incidents[index]
      refreshFigures(&archive.incidents[index], document)
      take(document.facts, &archive.incidents[index])
      publishIfDue(&archive.incidents[index], now: now)
      advance(&archive.incidents[index], events[before.id], now: now)
      if archive.incidents[index].updates.count != before.updates.count
        || archive.incidents[index].editorial != before.editorial
      {
        change = .record
      } else if archive.incidents[index] != before {
        change = max(change, .figures)
      }
    }
    if change == .record {
      archive.trim(now: now)
      if known.count > 4 * Bounds.losses {
        let reported = Set(document.losses.map(\.key))
        let kept = Set(archive.incidents.suffix(Bounds.incidents / 4).map(\.id))
        known = known.filter { reported.contains($0.key) || kept.contains($0.value.incident) }
      }
    }
    return change
  }

  // MARK: Losses

  private enum Event { case opened, widened, recurred }

  private mutating func update(_ place: Place, with loss: ScopeLoss) -> Bool {
    guard let incident = archive.incidents.lastIndex(where: { $0.id == place.incident }),
      archive.incidents[incident].isOpen,
      archive.incidents[incident].losses.indices.contains(place.index)
    else { return false }
    let index = place.index
    var new = loss
    let old = archive.incidents[incident].losses[index]
    new.lostAt = min(new.lostAt, old.lostAt)
    // What only looked well for a while is taken back; settings that were put back were put back.
    if loss.role != .component { new.appliedAt = new.appliedAt ?? old.appliedAt }
    new.verifiedAt = old.verifiedAt ?? new.verifiedAt
    new.accounts = max(new.accounts, old.accounts)
    new.addresses = max(new.addresses, old.addresses)
    new.rulesLost = max(new.rulesLost, old.rulesLost)
    new.rulesWanted = max(new.rulesWanted, old.rulesWanted)
    guard new != old else { return false }
    archive.incidents[incident].losses[index] = new
    return true
  }

  private mutating func place(_ loss: ScopeLoss, now: Moment, events: inout [String: Event]) {
    if let index = archive.incidents.lastIndex(where: { Self.belongs(loss, to: $0) }) {
      let id = archive.incidents[index].id
      // Whoever reports it anew after a restart means the loss that is still open.
      if let old = archive.incidents[index].losses.firstIndex(where: { $0.scope == loss.scope && $0.verifiedAt == nil })
      {
        let place = Place(incident: id, index: old)
        known[loss.key] = place
        _ = update(place, with: loss)
        return
      }
      // Beyond the bound the incident is described by those it has.
      guard archive.incidents[index].losses.count < Bounds.losses else { return }
      let recurs =
        !archive.incidents[index].isOpen
        || archive.incidents[index].losses.contains { $0.verifiedAt != nil && $0.scope == loss.scope }
      // Scopes that are lost again together are lost again once.
      let isSameRecurrence =
        archive.incidents[index].isOpen
        && abs(loss.lostAt.seconds(since: archive.incidents[index].lastLostAt)) <= Self.sameFault
      archive.incidents[index].losses.append(loss)
      known[loss.key] = Place(incident: id, index: archive.incidents[index].losses.count - 1)
      archive.incidents[index].resolvedAt = nil
      archive.incidents[index].monitoringAt = nil
      archive.incidents[index].baseline = nil
      if recurs, !isSameRecurrence { archive.incidents[index].recurrences += 1 }
      if events[id] != .opened {
        events[id] = (recurs && !isSameRecurrence) || events[id] == .recurred ? .recurred : .widened
      }
      return
    }
    var incident = Incident(
      id: newID(), status: .investigating, impact: .minor, losses: [loss], createdAt: now, startedAt: loss.lostAt)
    if policy.delay([loss]) != 0 { incident.editorial = .draft }
    archive.incidents.append(incident)
    known[loss.key] = Place(incident: incident.id, index: 0)
    events[incident.id] = .opened
  }

  private static func belongs(_ loss: ScopeLoss, to incident: Incident) -> Bool {
    guard incident.isMeasured, incident.editorial?.mergedInto == nil else { return false }
    if abs(loss.lostAt.seconds(since: incident.lastLostAt)) <= sameFault { return true }
    if incident.isOpen, isConsequence(loss, of: incident) { return true }
    let sameScope = incident.losses.contains { $0.scope == loss.scope }
    guard let resolved = incident.resolvedAt else { return sameScope }
    let pause = loss.lostAt.seconds(since: resolved)
    let sameZone = incident.losses.contains { $0.zoneName == loss.zoneName }
    return (sameScope || sameZone) && pause <= damping && loss.lostAt > incident.startedAt
  }

  /// What is seen to fail in a zone while shared scopes of it are lost, fails because of that.
  private static func isConsequence(_ loss: ScopeLoss, of incident: Incident) -> Bool {
    let dependent: Set<FaultKind> = [.gateway, .loadBalancer, .staticNAT, .fabric, .instances, .node]
    guard dependent.contains(loss.kind) else { return false }
    return incident.losses.contains {
      $0.verifiedAt == nil && $0.zoneName == loss.zoneName && dependent.contains($0.kind)
        && ($0.cellName == nil || loss.cellName == nil || $0.cellName == loss.cellName)
    }
  }

  /// After a restart nobody may remember a loss. It ends only when its scope's services are measured to be complete;
  /// a document that does not speak of the scope says nothing about it.
  private mutating func endUnreportedLosses(_ document: StatusDocument) -> Bool {
    guard archive.incidents.contains(where: \.isOpen) else { return false }
    let reported = Set(document.losses.map(\.key))
    var complete: [String: Bool] = [:]
    for service in document.services {
      complete[service.scope, default: true] =
        complete[service.scope, default: true] && service.verified >= service.wanted
    }
    var changed = false
    for observation in document.observations where observation.isWell(now: document.time) {
      let scope = Observation.scope(observation.component)
      if complete[scope] == nil, !gate.confirmed.contains(observation.component) { complete[scope] = true }
    }
    for i in archive.incidents.indices where archive.incidents[i].isOpen {
      for j in archive.incidents[i].losses.indices {
        let loss = archive.incidents[i].losses[j]
        guard loss.verifiedAt == nil, !reported.contains(loss.key), complete[loss.scope] == true else { continue }
        archive.incidents[i].losses[j].verifiedAt = max(document.time, loss.lostAt)
        changed = true
      }
    }
    return changed
  }

  // MARK: Incidents

  private func refreshFigures(_ incident: inout Incident, _ document: StatusDocument) {
    let now = document.time
    let scopes = Set(incident.losses.map(\.scope))
    var totals: [String: ServiceTotal] = [:]
    var components = Set(incident.components)
    var accounts: [String: Int] = [:]
    var addresses: [String: Int] = [:]
    var cells: [CellTotal] = []
    let cellNames = Dictionary(incident.losses.map { ($0.scope, $0.cellName) }) { first, _ in first }
    for service in document.services where scopes.contains(service.scope) && service.wanted > 0 {
      var total = totals[service.service] ?? ServiceTotal(service: service.service, wanted: 0, verified: 0)
      total.wanted += service.wanted
      total.verified += service.verified
      totals[service.service] = total
      components.insert(service.component)
      if let cell = cellNames[service.scope].flatMap(\.self) {
        let total = ServiceTotal(service: service.service, wanted: service.wanted, verified: service.verified)
        cells.append(CellTotal(cell: cell, total: total))
      }
      accounts[service.scope] = max(accounts[service.scope] ?? 0, service.accounts)
      addresses[service.scope, default: 0] += service.addressesOut
    }
    // Rules of one address may be several services'.
    for loss in incident.losses where loss.addresses > 0 {
      addresses[loss.scope] = addresses[loss.scope].map { min($0, loss.addresses) }
    }
    if !totals.isEmpty {
      incident.customersOut = Self.together(accounts.values.reduce(0, +), document.customers?.out, incident)
      incident.addressesOut = addresses.values.reduce(0, +)
      incident.cells = cells.sorted { ($0.cell, $0.total.service) < ($1.cell, $1.total.service) }
      incident.services = totals.values.sorted { ServiceName.order($0.service) < ServiceName.order($1.service) }
    }
    components.formUnion(incident.losses.compactMap(\.subject?.component))
    incident.components = components.sorted()
    for loss in incident.losses {
      accounts[loss.scope] = max(accounts[loss.scope] ?? 0, loss.accounts)
      addresses[loss.scope] = max(addresses[loss.scope] ?? 0, loss.addresses)
    }
    let hit = Self.together(accounts.values.reduce(0, +), document.customers?.hit, incident)
    incident.customers = max(incident.customers, hit)
    incident.addresses = max(incident.addresses, addresses.values.reduce(0, +))
    guard incident.isMeasured else { return }
    incident.impact = incident.editorial?.impact ?? Self.impact(incident.losses)
    incident.startedAt = min(incident.startedAt, incident.losses.map(\.lostAt).min() ?? incident.startedAt)
    RecoveryEstimate.advance(&incident, now: now)
  }

  /// Each scope's customers are added up, but one may be in several: the cloud tells how many different ones there are in all
  /// the scopes that it reports as lost.
  private static func together(_ sum: Int, _ different: Int?, _ incident: Incident) -> Int {
    guard let different, incident.losses.allSatisfy({ $0.role != .component }) else { return sum }
    return min(sum, different)
  }

  private static func impact(_ losses: [ScopeLoss]) -> Impact {
    let whole = losses.filter { $0.rulesLost * 2 >= $0.rulesWanted || $0.found != .elementsChanged }
    if whole.isEmpty { return .minor }
    return Set(whole.map(\.scope)).count > 1 ? .critical : .major
  }

  private func advance(_ incident: inout Incident, _ event: Event?, now: Moment) {
    guard incident.isMeasured else { return }
    let open = incident.losses.filter { $0.verifiedAt == nil }
    // A fault that comes and goes is told of ever more rarely.
    let isFlapping =
      incident.recurrences > 2
      && incident.updates.last.map { now.seconds(since: $0.createdAt) < Self.quiet(incident) } == true
    if let event, event != .recurred || !isFlapping {
      let unclear = open.contains(where: \.isUnclear) && open.allSatisfy(\.isUnclear)
      incident.status = unclear ? .investigating : .identified
      let spoken = event == .opened ? incident.losses.map(\.detectedAt).min() : incident.losses.last?.detectedAt
      let body: Wording =
        switch event {
        case .opened: phrases.opened(incident)
        case .widened: phrases.widened(incident)
        case .recurred: phrases.recurred(incident)
        }
      say(body, &incident, at: spoken ?? now, now: now)
    }
    let applied = incident.losses.compactMap { $0.appliedAt ?? $0.verifiedAt }
    if incident.monitoringAt != nil, applied.count < incident.losses.count {
      incident.monitoringAt = nil
      incident.status = open.allSatisfy(\.isUnclear) ? .investigating : .identified
    }
    if incident.monitoringAt == nil, applied.count == incident.losses.count, let last = applied.max() {
      incident.monitoringAt = last
      incident.status = .monitoring
      if incident.losses.contains(where: { $0.role != .component }), !isFlapping {
        say(phrases.monitoring(incident), &incident, at: last, now: now)
      }
    }
    if open.isEmpty, let end = incident.losses.compactMap(\.verifiedAt).max() {
      guard now.seconds(since: end) >= Self.quiet(incident) else { return }
      // What just begins to fail again is not over, though it is too early to say that it fails.
      if incident.losses.contains(where: { gate.isDoubtful($0.scope) }) { return }
      incident.resolvedAt = end
      incident.status = .resolved
      RecoveryEstimate.clear(&incident)
      incident.customersOut = incident.services.isEmpty ? nil : 0
      incident.addressesOut = incident.services.isEmpty ? nil : 0
      incident.cells = incident.cells?.map { cell in
        var cell = cell
        cell.total.verified = cell.total.wanted
        return cell
      }
      for index in incident.services.indices { incident.services[index].verified = incident.services[index].wanted }
      say(phrases.resolved(incident), &incident, at: end, now: now)
    } else if event == nil, isDue(incident, now: now) {
      // A standstill is told of as well, but rarely.
      let verified = incident.services.reduce(0) { $0 + $1.verified }
      let isStill = incident.toldVerified == verified
      guard !isStill || incident.updates.last.map({ now.seconds(since: $0.createdAt) >= Self.standstill }) ?? true,
        let body = phrases.progress(incident), body != incident.updates.last?.body
      else { return }
      incident.toldVerified = verified
      say(body, &incident, at: now, now: now)
    }
  }

  /// How long a fault that comes and goes must be over to count as resolved.
  static func quiet(_ incident: Incident) -> Double {
    incident.recurrences < 3 ? 0 : min(300, 10 * Double(1 << min(incident.recurrences - 3, 5)))
  }

  /// Every two seconds at first, then ever more rarely, so that an incident of days stays readable.
  private func isDue(_ incident: Incident, now: Moment) -> Bool {
    guard let last = incident.updates.last else { return true }
    let interval = max(Self.updateInterval, 0.05 * now.seconds(since: incident.startedAt))
    return now.seconds(since: last.createdAt) >= interval
  }

  func say(_ body: Wording, _ incident: inout Incident, at moment: Moment, now: Moment) {
    let last = incident.updates.last?.displayAt ?? moment
    incident.updates.append(
      IncidentUpdate(
        id: newID(), status: incident.status, body: body, createdAt: now, displayAt: max(moment, last)))
    // The first stays, and the newest.
    if incident.updates.count > Bounds.updates { incident.updates.remove(at: 1) }
  }
}

extension ScopeLoss {
  /// Seen by one look only, and small or fleeting: a few drifted elements that no probe noticed, or packets lost where
  /// the configuration reads back right. It is public when it lasts.
  var isUncertain: Bool {
    switch found {
    case .elementsChanged: probesMissed == 0 && rulesLost * 100 < rulesWanted
    case .packetsLost: role != .component
    default: false
    }
  }

  var patience: Double { found == .packetsLost ? IncidentCourse.packetPatience : IncidentCourse.patience }

  /// Nobody knows the reason yet.
  var isUnclear: Bool { role == .component || found == .packetsLost }
}
