extension IncidentCourse {
  /// Starts and ends what is due.
  /// - Returns: whether anything was said.
  mutating func advanceMaintenances(_ document: StatusDocument) -> Bool {
    guard archive.maintenances.contains(where: { $0.status != .completed }) else { return false }
    let actions = Dictionary(document.actions.map { ($0.id, $0) }) { first, _ in first }
    var changed = false
    for index in archive.maintenances.indices where archive.maintenances[index].status != .completed {
      let before = archive.maintenances[index]
      advance(&archive.maintenances[index], actions, now: document.time)
      if archive.maintenances[index] != before { changed = true }
    }
    return changed
  }

  private func advance(_ maintenance: inout Maintenance, _ actions: [String: PlannedAction], now: Moment) {
    let action = maintenance.action.map { id in
      // What was over before the work was announced is another deed.
      let told = actions[id].flatMap { $0.isOver && $0.at < maintenance.createdAt ? nil : $0 }
      return told ?? PlannedAction(id: id, state: .waiting, at: now)
    }
    if maintenance.status == .scheduled {
      let start: Moment? =
        if let action { action.state == .waiting ? nil : action.at } else { maintenance.scheduledFor }
      if let start, start <= now {
        maintenance.startedAt = start
        say(.maintenanceStarted, .inProgress, &maintenance, now: now)
      }
    }
    guard maintenance.isActive else { return }
    switch action?.state {
    case .done: complete(&maintenance, .maintenanceCompleted, at: action?.at ?? now, now: now)
    case .failed: complete(&maintenance, .maintenanceFailed, at: action?.at ?? now, now: now)
    case .waiting, .running:
      guard now > maintenance.scheduledUntil, !maintenance.isLate else { return }
      maintenance.isLate = true
      say(.maintenanceLate, .inProgress, &maintenance, now: now)
    case nil:
      guard now >= maintenance.scheduledUntil else { return }
      complete(&maintenance, .maintenanceCompleted, at: maintenance.scheduledUntil, now: now)
    }
  }

  private func complete(_ maintenance: inout Maintenance, _ key: Templates.Key, at moment: Moment, now: Moment) {
    maintenance.completedAt = max(moment, maintenance.startedAt ?? moment)
    say(key, .completed, &maintenance, now: now)
  }

  func say(_ key: Templates.Key, _ status: MaintenanceStatus, _ maintenance: inout Maintenance, now: Moment) {
    maintenance.status = status
    let body = phrases.templates.fill(
      key,
      ["title": maintenance.title, "from": maintenance.scheduledFor.inBoth, "until": maintenance.scheduledUntil.inBoth])
    maintenance.updates.append(MaintenanceUpdate(id: newID(), status: status, body: body, createdAt: now))
  }

  /// Whether the loss is what a maintenance under way was expected to bring.
  func isPlanned(_ loss: ScopeLoss, _ document: StatusDocument) -> Bool {
    let active = archive.maintenances.filter { $0.covers(loss.lostAt) }
    guard !active.isEmpty else { return false }
    // What is not over when the announced time is, is no longer planned.
    let end = loss.verifiedAt ?? loss.appliedAt ?? document.time
    let concerned = Set(
      document.services.filter { $0.scope == loss.scope }.map(\.component)
        + [loss.subject?.component].compactMap(\.self))
    return active.contains { $0.covers(end) && !concerned.isDisjoint(with: $0.components) }
  }

  /// Components that planned work is being done on.
  func maintained(now: Moment) -> Set<String> {
    Set(archive.maintenances.filter { $0.isActive && $0.covers(now) }.flatMap(\.components))
  }
}
