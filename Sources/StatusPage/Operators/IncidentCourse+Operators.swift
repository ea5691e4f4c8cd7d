extension IncidentCourse {
  /// What an operator writes of an incident.
  package struct Notice: Sendable {
    package var title: Wording
    package var body: Wording
    package var impact: Impact
    package var components: [String]
    package var isDraft: Bool

    package init(title: Wording, body: Wording, impact: Impact, components: [String], isDraft: Bool = false) {
      self.title = title
      self.body = body
      self.impact = impact
      self.components = components
      self.isDraft = isDraft
    }
  }

  /// - Returns: the id of the new incident.
  package mutating func write(
    _ notice: Notice, by author: String, now: Moment
  ) throws(OperatorError) -> String {
    var incident = Incident(
      id: newID(), status: .investigating, impact: notice.impact, losses: [], createdAt: now, startedAt: now)
    incident.components = notice.components.prefix(Bounds.components).map(\.clipped)
    var editorial = Editorial()
    editorial.author = author.clipped
    editorial.title = try Self.title(notice.title)
    editorial.impact = notice.impact
    editorial.isDraft = notice.isDraft
    incident.editorial = editorial
    say(try Self.text(notice.body), &incident, at: now, now: now)
    archive.incidents.append(incident)
    archive.trim(now: now)
    return incident.id
  }

  /// Adds an update. Only probes end an incident that was measured.
  package mutating func add(
    _ body: Wording, status: IncidentStatus, to id: String, now: Moment
  ) throws(OperatorError) {
    let index = try index(id)
    let body = try Self.text(body)
    guard archive.incidents[index].isOpen else {
      throw OperatorError(.refused, "incident \(id) is over; write a new one, or edit its texts")
    }
    if archive.incidents[index].isMeasured {
      guard status != .resolved else {
        throw OperatorError(.refused, "incident \(id) was measured: it is resolved when probes say so, not before")
      }
    } else {
      archive.incidents[index].status = status
      if status == .resolved { archive.incidents[index].resolvedAt = now }
      if status == .monitoring { archive.incidents[index].monitoringAt = now }
    }
    say(body, &archive.incidents[index], at: now, now: now)
  }

  /// Changes what is said, never what was measured. What is nil stays.
  package mutating func edit(
    _ id: String, title: Wording? = nil, cause: Wording? = nil, impact: Impact? = nil,
    update: (id: String, body: Wording)? = nil
  ) throws(OperatorError) {
    let index = try index(id)
    var editorial = archive.incidents[index].editorial ?? Editorial()
    if let title { editorial.title = try Self.title(title) }
    if let cause { editorial.cause = try Self.text(cause) }
    if let impact {
      editorial.impact = impact
      archive.incidents[index].impact = impact
    }
    if let update {
      guard let place = archive.incidents[index].updates.firstIndex(where: { $0.id == update.id }) else {
        throw OperatorError(.unknown, "incident \(id) has no update \(update.id.clipped)")
      }
      archive.incidents[index].updates[place].body = try Self.text(update.body)
    }
    archive.incidents[index].editorial = editorial
  }

  package mutating func publish(_ id: String) throws(OperatorError) {
    let index = try index(id)
    archive.incidents[index].editorial?.isDraft = false
  }

  /// One fault, one incident: what `id` tells goes on in `target`.
  package mutating func merge(_ id: String, into target: String, now: Moment) throws(OperatorError) {
    let from = try index(id)
    let to = try index(target)
    guard from != to else { throw OperatorError(.invalid, "an incident cannot be merged into itself") }
    guard archive.incidents[to].editorial?.mergedInto == nil else {
      throw OperatorError(.refused, "incident \(target) was merged into another itself; merge into that one")
    }
    guard archive.incidents[to].isOpen || !archive.incidents[from].isOpen else {
      throw OperatorError(.refused, "incident \(target) is over and \(id) is not; merge the other way round")
    }
    for loss in archive.incidents[from].losses {
      archive.incidents[to].losses.append(loss)
    }
    archive.incidents[to].startedAt = min(archive.incidents[to].startedAt, archive.incidents[from].startedAt)
    archive.incidents[to].components = Set(
      archive.incidents[to].components + archive.incidents[from].components
    ).sorted()
    if !archive.incidents[from].losses.isEmpty { archive.incidents[to].baseline = nil }
    archive.incidents[from].losses = []
    for (index, loss) in archive.incidents[to].losses.enumerated() {
      known[loss.key] = Place(incident: target, index: index)
    }
    let body = phrases.templates.fill(.merged, ["title": phrases.name(archive.incidents[to])])
    var editorial = archive.incidents[from].editorial ?? Editorial()
    editorial.mergedInto = target
    archive.incidents[from].editorial = editorial
    if archive.incidents[from].isOpen {
      archive.incidents[from].status = .resolved
      archive.incidents[from].resolvedAt = now
    }
    say(body, &archive.incidents[from], at: now, now: now)
  }

  // MARK: Maintenance

  package struct Plan: Sendable {
    package var title: Wording
    package var components: [String]
    package var from: Moment
    package var until: Moment
    package var action: String?

    package init(title: Wording, components: [String], from: Moment, until: Moment, action: String? = nil) {
      self.title = title
      self.components = components
      self.from = from
      self.until = until
      self.action = action
    }
  }

  /// Announces planned work.
  /// - Returns: the id of the maintenance.
  package mutating func schedule(_ plan: Plan, by author: String, now: Moment) throws(OperatorError) -> String {
    guard plan.from < plan.until, plan.until > now, plan.until.seconds(since: plan.from) <= 7 * 86_400 else {
      throw OperatorError(.invalid, "a maintenance ends after its start, in the future, and within seven days of it")
    }
    guard !plan.components.isEmpty else {
      throw OperatorError(.invalid, "name the components that are worked on; their faults are expected meanwhile")
    }
    var maintenance = Maintenance(
      id: newID(), title: try Self.title(plan.title), status: .scheduled,
      components: plan.components.prefix(Bounds.components).map(\.clipped), action: plan.action?.clipped,
      scheduledFor: plan.from, scheduledUntil: plan.until, createdAt: now, author: author.clipped)
    say(.maintenanceAnnounced, .scheduled, &maintenance, now: now)
    archive.maintenances.append(maintenance)
    archive.trim(now: now)
    return maintenance.id
  }

  /// Moves planned work that has not begun.
  package mutating func reschedule(
    _ id: String, from: Moment, until: Moment, now: Moment
  ) throws(OperatorError) {
    let index = try maintenance(id)
    guard archive.maintenances[index].status == .scheduled, from < until, until > now,
      until.seconds(since: from) <= 7 * 86_400
    else {
      throw OperatorError(
        .refused, "only what has not begun can be moved, to a time that ends in the future and within seven days")
    }
    archive.maintenances[index].scheduledFor = from
    archive.maintenances[index].scheduledUntil = until
    say(.maintenanceAnnounced, .scheduled, &archive.maintenances[index], now: now)
  }

  /// Ends it now: cancelled if it had not begun.
  package mutating func finish(_ id: String, now: Moment) throws(OperatorError) {
    let index = try maintenance(id)
    guard archive.maintenances[index].status != .completed else {
      throw OperatorError(.refused, "maintenance \(id) is over")
    }
    let key: Templates.Key = archive.maintenances[index].isActive ? .maintenanceCompleted : .maintenanceCancelled
    archive.maintenances[index].completedAt = now
    say(key, .completed, &archive.maintenances[index], now: now)
  }

  // MARK: Checks

  private func index(_ id: String) throws(OperatorError) -> Int {
    guard let index = archive.incidents.lastIndex(where: { $0.id == id }) else {
      throw OperatorError(.unknown, "there is no incident \(id.clipped)")
    }
    return index
  }

  private func maintenance(_ id: String) throws(OperatorError) -> Int {
    guard let index = archive.maintenances.lastIndex(where: { $0.id == id }) else {
      throw OperatorError(.unknown, "there is no maintenance \(id.clipped)")
    }
    return index
  }

  private static func title(_ title: Wording) throws(OperatorError) -> Wording {
    let title = Wording(ja: title.ja.clipped, en: title.en.clipped)
    return try text(title)
  }

  /// In both languages; one stands for the other where only one is written.
  private static func text(_ text: Wording) throws(OperatorError) -> Wording {
    let ja = text.ja.prose
    let en = text.en.prose
    guard !ja.isEmpty || !en.isEmpty else { throw OperatorError(.invalid, "write a text, in ja, en or both") }
    return Wording(ja: ja.isEmpty ? en : ja, en: en.isEmpty ? ja : en)
  }
}
