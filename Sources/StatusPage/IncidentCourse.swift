/// Turns measured facts into incidents. Pure: the time is the document's, ids come from `newID`.
package struct IncidentCourse: Sendable {
  package enum Change: Sendable, Comparable {
    case nothing
    /// Only figures of open incidents changed.
    case figures
    /// Something was said or noted that must be kept.
    case record
  }

  package private(set) var archive: IncidentArchive
  private var known: [LossKey: Place] = [:]
  private let newID: @Sendable () -> String

  private struct Place {
    var incident: String
    var index: Int
  }

  /// Losses of several scopes within so many seconds are one fault.
  static let sameFault = 5.0
  /// A new loss so soon after the last one ended continues the same incident.
  static let damping = 60.0
  /// A small drift that is not repaired within this time is public after all.
  static let patience = 2.0
  static let updateInterval = 2.0

  package init(archive: IncidentArchive = IncidentArchive(), newID: @escaping @Sendable () -> String) {
    self.archive = archive
    self.newID = newID
    for incident in archive.incidents {
      for (index, loss) in incident.losses.enumerated() {
        known[loss.key] = Place(incident: incident.id, index: index)
      }
    }
  }

  package mutating func take(_ document: StatusDocument) -> Change {
    let document = document.bounded
    let now = document.time
    var change = Change.nothing
    var events: [String: Event] = [:]
    var noted: Set<LossKey>?
    for loss in document.losses.sorted(by: { $0.lostAt < $1.lostAt }) {
      if let place = known[loss.key] {
        if update(place, with: loss) { change = .record }
      } else if loss.isUnnoticeable {
        guard let verified = loss.verifiedAt else {
          if now.seconds(since: loss.lostAt) >= Self.patience { place(loss, now: now, events: &events) }
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
      advance(&archive.incidents[index], events[before.id], now: now)
      if archive.incidents[index].updates.count != before.updates.count {
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
    new.appliedAt = new.appliedAt ?? old.appliedAt
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
      // Beyond the bound the incident is described by those it has.
      guard archive.incidents[index].losses.count < Bounds.losses else { return }
      let recurs =
        !archive.incidents[index].isOpen
        || archive.incidents[index].losses.contains { $0.verifiedAt != nil && $0.scope == loss.scope }
      archive.incidents[index].losses.append(loss)
      known[loss.key] = Place(incident: id, index: archive.incidents[index].losses.count - 1)
      archive.incidents[index].resolvedAt = nil
      archive.incidents[index].monitoringAt = nil
      archive.incidents[index].baseline = nil
      if recurs { archive.incidents[index].recurrences += 1 }
      if events[id] != .opened { events[id] = recurs || events[id] == .recurred ? .recurred : .widened }
      return
    }
    let incident = Incident(
      id: newID(), status: .investigating, impact: .minor, losses: [loss], createdAt: now, startedAt: loss.lostAt)
    archive.incidents.append(incident)
    known[loss.key] = Place(incident: incident.id, index: 0)
    events[incident.id] = .opened
  }

  private static func belongs(_ loss: ScopeLoss, to incident: Incident) -> Bool {
    if abs(loss.lostAt.seconds(since: incident.lastLostAt)) <= sameFault { return true }
    let sameScope = incident.losses.contains { $0.scope == loss.scope }
    guard let resolved = incident.resolvedAt else { return sameScope }
    let pause = loss.lostAt.seconds(since: resolved)
    let sameZone = incident.losses.contains { $0.zoneName == loss.zoneName }
    return (sameScope || sameZone) && pause <= damping && loss.lostAt > incident.startedAt
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
    for service in document.services where scopes.contains(service.scope) && service.wanted > 0 {
      var total = totals[service.service] ?? ServiceTotal(service: service.service, wanted: 0, verified: 0)
      total.wanted += service.wanted
      total.verified += service.verified
      totals[service.service] = total
      components.insert(service.component)
      accounts[service.scope] = max(accounts[service.scope] ?? 0, service.accounts)
      addresses[service.scope] = max(addresses[service.scope] ?? 0, service.addressesOut)
    }
    if !totals.isEmpty {
      incident.services = totals.values.sorted { ServiceName.order($0.service) < ServiceName.order($1.service) }
    }
    incident.components = components.sorted()
    // An account may have rules in several scopes; within one scope it is counted once.
    for loss in incident.losses {
      accounts[loss.scope] = max(accounts[loss.scope] ?? 0, loss.accounts)
      addresses[loss.scope] = max(addresses[loss.scope] ?? 0, loss.addresses)
    }
    incident.customers = max(incident.customers, accounts.values.reduce(0, +))
    incident.addresses = max(incident.addresses, addresses.values.reduce(0, +))
    incident.impact = Self.impact(incident.losses)
    incident.startedAt = min(incident.startedAt, incident.losses.map(\.lostAt).min() ?? incident.startedAt)
    estimate(&incident, now: now)
  }

  private static func impact(_ losses: [ScopeLoss]) -> Impact {
    let whole = losses.filter { $0.rulesLost * 2 >= $0.rulesWanted || $0.found != .elementsChanged }
    if whole.isEmpty { return .minor }
    return Set(whole.map(\.scope)).count > 1 ? .critical : .major
  }

  private func estimate(_ incident: inout Incident, now: Moment) {
    let wanted = incident.services.reduce(0) { $0 + $1.wanted }
    let verified = incident.services.reduce(0) { $0 + $1.verified }
    guard let baseline = incident.baseline, verified >= baseline.verified else {
      incident.baseline = Incident.Baseline(at: now, verified: verified)
      incident.estimatedEnd = nil
      return
    }
    let elapsed = now.seconds(since: baseline.at)
    guard now.seconds(since: incident.lastLostAt) > 2, elapsed >= 1, verified > baseline.verified, verified < wanted
    else {
      incident.estimatedEnd = nil
      return
    }
    let rate = Double(verified - baseline.verified) / elapsed
    incident.estimatedEnd = now.advanced(bySeconds: Double(wanted - verified) / rate)
  }

  private func advance(_ incident: inout Incident, _ event: Event?, now: Moment) {
    let open = incident.losses.filter { $0.verifiedAt == nil }
    if let event {
      let unclear = open.contains { $0.found == .packetsLost } && open.allSatisfy { $0.found == .packetsLost }
      incident.status = unclear ? .investigating : .identified
      let spoken = event == .opened ? incident.losses.map(\.detectedAt).min() : incident.losses.last?.detectedAt
      let body: Wording =
        switch event {
        case .opened: Phrases.opened(incident)
        case .widened: Phrases.widened(incident)
        case .recurred: Phrases.recurred(incident)
        }
      say(body, &incident, at: spoken ?? now, now: now)
    }
    let applied = incident.losses.compactMap { $0.appliedAt ?? $0.verifiedAt }
    if incident.monitoringAt == nil, applied.count == incident.losses.count, let last = applied.max() {
      incident.monitoringAt = last
      incident.status = .monitoring
      say(Phrases.monitoring(incident), &incident, at: last, now: now)
    }
    if open.isEmpty, let end = incident.losses.compactMap(\.verifiedAt).max() {
      incident.resolvedAt = end
      incident.status = .resolved
      incident.estimatedEnd = nil
      for index in incident.services.indices { incident.services[index].verified = incident.services[index].wanted }
      say(Phrases.resolved(incident), &incident, at: end, now: now)
    } else if event == nil, isDue(incident, now: now) {
      let body = Phrases.progress(incident)
      if let body, body != incident.updates.last?.body { say(body, &incident, at: now, now: now) }
    }
  }

  /// Every two seconds at first, then ever more rarely, so that an incident of days stays readable.
  private func isDue(_ incident: Incident, now: Moment) -> Bool {
    guard let last = incident.updates.last else { return true }
    let interval = max(Self.updateInterval, 0.05 * now.seconds(since: incident.startedAt))
    return now.seconds(since: last.createdAt) >= interval
  }

  private func say(_ body: Wording, _ incident: inout Incident, at moment: Moment, now: Moment) {
    let last = incident.updates.last?.displayAt ?? moment
    incident.updates.append(
      IncidentUpdate(
        id: newID(), status: incident.status, body: body, createdAt: now, displayAt: max(moment, last)))
  }
}

extension ScopeLoss {
  /// One drifted element in a hundred or less, that no probe noticed.
  var isUnnoticeable: Bool {
    found == .elementsChanged && probesMissed == 0 && rulesLost * 100 < rulesWanted
  }
}
