extension StatusHTML {
  func maintenances(_ detail: Detail, _ html: inout Markup) {
    let shown = (view.active + view.upcoming.sorted { $0.scheduledFor < $1.scheduledFor }).prefix(detail.open)
    guard !shown.isEmpty else { return }
    html.element("<section aria-labelledby=\"work\">\n<h2 id=\"work\">", say("メンテナンス", "Planned work"), "</h2>\n")
    for maintenance in shown {
      html.element("<article class=\"card info\" id=\"", maintenance.id, "\">\n")
      html.element("<p class=\"badge\">", maintenance.status.name[language], "</p>\n")
      html.element("<h3>", maintenance.title[language], "</h3>\n<dl>\n")
      html.element("<dt>", say("■実施日時", "When"), "</dt>")
      html.element(
        "<dd>", "\(times.inFull(maintenance.scheduledFor)) ～ \(times.inFull(maintenance.scheduledUntil))", "</dd>\n")
      let concerned = Set(maintenance.components)
      let names = view.components.filter { concerned.contains($0.component.id) }.prefix(6).map { shown in
        ComponentName.name(shown.component.name)[language] + (shown.component.cell.map { " (\($0))" } ?? "")
      }
      if !names.isEmpty {
        html.element("<dt>", say("■対象範囲", "Who is affected"), "</dt>")
        html.element("<dd>", names.joined(separator: say("、", ", ")), "</dd>\n")
      }
      html.raw("</dl>\n")
      if let update = maintenance.updates.last, maintenance.status != .scheduled {
        html.element("<p>", update.body[language], " ")
        html.element("<time datetime=\"", update.createdAt.iso, "\">")
        html.element("", times.inFull(update.createdAt), "</time></p>\n")
      }
      html.raw("</article>\n")
    }
    html.raw("</section>\n")
  }
}

extension MaintenanceStatus {
  var name: Wording {
    switch self {
    case .scheduled: Wording(ja: "予定", en: "Scheduled")
    case .inProgress: Wording(ja: "実施中", en: "In progress")
    case .verifying: Wording(ja: "確認中", en: "Verifying")
    case .completed: Wording(ja: "完了", en: "Completed")
    }
  }
}
