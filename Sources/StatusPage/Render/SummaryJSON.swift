/// Statuspage's public JSON, version 2.
struct SummaryJSON {
  var view: StatusView
  var language: Language
  /// As many as Statuspage lists.
  static let listed = 50

  func document(_ resource: StatusResource) -> JSON {
    switch resource {
    case .page, .rss, .atom, .badge: .null
    case .status: .object([page, status])
    case .components: .object([page, components])
    case .incidents: .object([page, incidents(Array(view.incidents.prefix(Self.listed)))])
    case .unresolved: .object([page, incidents(Array(view.open.prefix(Self.listed)))])
    case .summary:
      .object([
        page, components, incidents(Array(view.open.prefix(Self.listed))),
        maintenances(view.active + view.upcoming), status,
      ])
    case .maintenances: .object([page, maintenances(view.maintenances)])
    case .upcoming: .object([page, maintenances(view.upcoming)])
    case .active: .object([page, maintenances(view.active)])
    }
  }

  var page: (String, JSON) {
    (
      "page",
      .object([
        ("id", .string(view.settings.pageID)), ("name", .string(view.settings.name)),
        ("url", .string(view.settings.url)), ("time_zone", .string("Etc/UTC")), ("updated_at", .time(view.updatedAt)),
      ])
    )
  }

  private var status: (String, JSON) {
    (
      "status",
      .object([
        ("indicator", .string(view.indicator.rawValue)),
        ("description", .string(view.heading[language])),
      ])
    )
  }

  private var components: (String, JSON) {
    var groups: [(id: String, name: String, members: [StatusView.ShownComponent])] = []
    for shown in view.components {
      let id = "\(shown.component.zone)/\(shown.component.series)"
      if let index = groups.firstIndex(where: { $0.id == id }) {
        groups[index].members.append(shown)
      } else {
        groups.append((id, "\(shown.component.zone) \(shown.component.series)", [shown]))
      }
    }
    var list: [JSON] = []
    for (position, group) in groups.enumerated() {
      let worst = group.members.map(\.component.state).max { $0.severity < $1.severity } ?? .operational
      list.append(
        .object(
          fields(
            id: group.id, name: group.name, state: worst, created: group.members.map(\.createdAt).min(),
            updated: group.members.map(\.updatedAt).max(), position: position + 1, group: nil, isGroup: true)
            + [("components", .array(group.members.map { .string($0.component.id) }))]))
    }
    for group in groups {
      for (position, shown) in group.members.enumerated() {
        list.append(component(shown, position: position + 1, group: group.id))
      }
    }
    return ("components", .array(list))
  }

  func component(_ shown: StatusView.ShownComponent, position: Int?, group: String) -> JSON {
    let name = ComponentName.name(shown.component.name)[language]
    return .object(
      fields(
        id: shown.component.id, name: shown.component.cell.map { "\(name) (\($0))" } ?? name,
        state: shown.component.state, created: shown.createdAt, updated: shown.updatedAt, position: position,
        group: group, isGroup: false, description: description(shown.component.id)))
  }

  /// Statuspage has no word for a state that nobody knows.
  private func description(_ component: String) -> JSON {
    guard view.unknown.contains(component) else { return .null }
    let text = Wording(
      ja: "現在の状態は確認できません。最後に確認できた状態を示しています。",
      en: "How it is now is not known. The status is the one last known.")
    return .string(text[language])
  }

  private func fields(
    id: String, name: String, state: ComponentState, created: Moment?, updated: Moment?, position: Int?,
    group: String?, isGroup: Bool, description: JSON = .null
  ) -> [(String, JSON)] {
    [
      ("id", .string(id)), ("name", .string(name)), ("status", .string(state.rawValue)),
      ("created_at", .time(created)), ("updated_at", .time(updated)), ("position", position.map(JSON.int) ?? .null),
      ("description", description), ("showcase", .bool(false)), ("start_date", .null),
      ("group_id", group.map(JSON.string) ?? .null), ("page_id", .string(view.settings.pageID)),
      ("group", .bool(isGroup)), ("only_show_if_degraded", .bool(false)),
    ]
  }

  private func incidents(_ incidents: [Incident]) -> (String, JSON) {
    ("incidents", .array(incidents.map(incident)))
  }

  func incident(_ incident: Incident) -> JSON {
    let concerned = Set(incident.components)
    let link = view.settings.url.isEmpty ? JSON.null : .string(view.link(incident.id))
    return .object([
      ("id", .string(incident.id)), ("name", .string(view.phrases.name(incident)[language])),
      ("status", .string(incident.status.rawValue)), ("created_at", .time(incident.createdAt)),
      ("updated_at", .time(incident.updatedAt)), ("monitoring_at", .time(incident.monitoringAt)),
      ("resolved_at", .time(incident.resolvedAt)), ("impact", .string(incident.impact.rawValue)),
      ("shortlink", link), ("started_at", .time(incident.startedAt)), ("page_id", .string(view.settings.pageID)),
      ("incident_updates", .array(incident.updates.reversed().map { update($0, of: incident) })),
      ("components", .array(shown(concerned))),
    ])
  }

  private func maintenances(_ maintenances: [Maintenance]) -> (String, JSON) {
    ("scheduled_maintenances", .array(maintenances.prefix(Self.listed).map(maintenance)))
  }

  func maintenance(_ maintenance: Maintenance) -> JSON {
    let concerned = Set(maintenance.components)
    let link = view.settings.url.isEmpty ? JSON.null : .string(view.link(maintenance.id))
    return .object([
      ("id", .string(maintenance.id)), ("name", .string(maintenance.title[language])),
      ("status", .string(maintenance.status.rawValue)), ("created_at", .time(maintenance.createdAt)),
      ("updated_at", .time(maintenance.updatedAt)), ("monitoring_at", .null),
      ("resolved_at", .time(maintenance.completedAt)), ("impact", .string("maintenance")), ("shortlink", link),
      ("started_at", .time(maintenance.startedAt)), ("page_id", .string(view.settings.pageID)),
      (
        "incident_updates",
        .array(
          maintenance.updates.reversed().map { update in
            .object([
              ("id", .string(update.id)), ("status", .string(update.status.rawValue)),
              ("body", .string(update.body[language])), ("incident_id", .string(maintenance.id)),
              ("created_at", .time(update.createdAt)), ("updated_at", .time(update.createdAt)),
              ("display_at", .time(update.createdAt)), ("affected_components", .null),
              ("deliver_notifications", .bool(true)), ("custom_tweet", .null), ("tweet_id", .null),
            ])
          })
      ), ("components", .array(shown(concerned))), ("scheduled_for", .time(maintenance.scheduledFor)),
      ("scheduled_until", .time(maintenance.scheduledUntil)),
    ])
  }

  private func shown(_ ids: Set<String>) -> [JSON] {
    view.components.filter { ids.contains($0.component.id) }.map {
      component($0, position: nil, group: "\($0.component.zone)/\($0.component.series)")
    }
  }

  private func update(_ update: IncidentUpdate, of incident: Incident) -> JSON {
    .object([
      ("id", .string(update.id)), ("status", .string(update.status.rawValue)),
      ("body", .string(update.body[language])), ("incident_id", .string(incident.id)),
      ("created_at", .time(update.createdAt)), ("updated_at", .time(update.createdAt)),
      ("display_at", .time(update.displayAt)), ("affected_components", .null), ("deliver_notifications", .bool(true)),
      ("custom_tweet", .null), ("tweet_id", .null),
    ])
  }
}
