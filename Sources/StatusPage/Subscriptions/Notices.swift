import Synchronization

/// What is sent of an incident or maintenance: as it is at that time.
extension StatusBoard {
  /// Public incidents and maintenances, with the newest that is said of each.
  func announcements() -> [SubscriptionBook.Announcement] {
    state.withLock { state in
      let incidents = state.view.incidents.compactMap { incident in
        incident.updates.last.map {
          SubscriptionBook.Announcement(subject: incident.id, update: $0.id, status: incident.status.rawValue)
        }
      }
      let maintenances = state.view.maintenances.compactMap { maintenance in
        maintenance.updates.last.map {
          SubscriptionBook.Announcement(subject: maintenance.id, update: $0.id, status: maintenance.status.rawValue)
        }
      }
      return incidents + maintenances
    }
  }

  /// A webhook's body in Statuspage's form; none if the subject is no longer shown.
  package func webhookBody(_ subject: String, _ language: Language, unsubscribe: String) -> String? {
    state.withLock { state in
      let json = SummaryJSON(view: state.view, language: language)
      let incident: JSON
      if let found = state.view.incidents.first(where: { $0.id == subject }) {
        incident = json.incident(found)
      } else if let found = state.view.maintenances.first(where: { $0.id == subject }) {
        incident = json.maintenance(found)
      } else {
        return nil
      }
      let settings = state.view.settings
      return JSON.object([
        (
          "meta",
          .object([
            ("unsubscribe", .string(unsubscribe)), ("documentation", .string("\(settings.url)/status")),
            ("generated_at", .time(state.view.updatedAt)),
          ])
        ),
        (
          "page",
          .object([
            ("id", .string(settings.pageID)), ("status_indicator", .string(state.view.indicator.rawValue)),
            ("status_description", .string(state.view.heading[language])),
          ])
        ), ("incident", incident),
      ]).text
    }
  }

  package func mail(
    _ subject: String, _ language: Language, unsubscribe: String
  ) -> (subject: String, body: String)? {
    state.withLock { state in
      let view = state.view
      let title: String
      let status: String
      let updates: [(Moment, String)]
      if let found = view.incidents.first(where: { $0.id == subject }) {
        title = view.phrases.name(found)[language]
        status = found.status.name[language]
        updates = found.updates.suffix(5).reversed().map { ($0.displayAt, $0.body[language]) }
      } else if let found = view.maintenances.first(where: { $0.id == subject }) {
        title = found.title[language]
        status = found.status.name[language]
        updates = found.updates.suffix(5).reversed().map { ($0.createdAt, $0.body[language]) }
      } else {
        return nil
      }
      func same(_ text: String) -> Wording { Wording(ja: text, en: text) }
      let templates = view.phrases.templates
      let line = templates.fill(
        .mailSubject, ["page": same(view.settings.name), "status": same(status), "title": same(title)])[language]
      let footer = templates.fill(
        .mailFooter, ["link": same(view.link(subject)), "unsubscribe": same(unsubscribe)])[language]
      let text = updates.map { "\($0.0.inFull(language))\n\($0.1)\n" }.joined(separator: "\n")
      return (line, "\(title)\n\(status)\n\n\(text)\n-- \n\(footer)\n")
    }
  }

  func confirmation(_ language: Language, link: String) -> (subject: String, body: String) {
    state.withLock { state in
      let templates = state.view.phrases.templates
      let name = Wording(ja: state.view.settings.name, en: state.view.settings.name)
      return (
        templates.fill(.confirmSubject, ["page": name])[language],
        templates.fill(.confirmBody, ["link": Wording(ja: link, en: link)])[language] + "\n"
      )
    }
  }
}
