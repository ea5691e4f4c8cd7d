extension Editorial {
  static var draft: Editorial {
    var editorial = Editorial()
    editorial.isDraft = true
    return editorial
  }
}

extension IncidentCourse {
  /// A draft that nobody decided on becomes public when its time has come.
  func publishIfDue(_ incident: inout Incident, now: Moment) {
    guard incident.isDraft, incident.isMeasured, let delay = policy.delay(incident.losses) else { return }
    if now.seconds(since: incident.startedAt) >= delay { incident.editorial?.isDraft = false }
  }

  /// What is on record of the incident's scopes, from ten minutes before it began.
  func take(_ facts: [Fact], _ incident: inout Incident) {
    guard !facts.isEmpty else { return }
    let scopes = Set(incident.losses.map(\.scope))
    var known = incident.facts ?? []
    for fact in facts where !known.contains(fact) && known.count < Bounds.facts {
      guard fact.scope.map(scopes.contains) ?? true, fact.at.seconds(since: incident.startedAt) >= -600 else {
        continue
      }
      known.append(fact)
    }
    incident.facts = known.isEmpty ? nil : known.sorted { $0.at < $1.at }
  }
}
