extension StatusHTML {
  func openIncidents(_ detail: Detail, _ html: inout Markup) {
    let open = view.open
    guard !open.isEmpty else { return }
    html.element(
      "<section aria-labelledby=\"open\">\n<h2 id=\"open\">", say("発生中の障害", "Ongoing incidents"), "</h2>\n")
    for incident in open.prefix(detail.open) {
      html.element("<article class=\"card alert ", incident.impact.rawValue, "\" ")
      html.element("id=\"", incident.id, "\">\n")
      html.element("<p class=\"badge\">", incident.status.name[language], "</p>\n")
      html.element("<h3><a href=\"", links.incident(incident.id, language), "\">")
      html.element("", view.phrases.name(incident)[language], "</a></h3>\n")
      progress(incident, hasCells: detail.updates > 3, &html)
      fields(incident, &html)
      log(incident, detail.updates, &html)
      html.raw("</article>\n")
    }
    if open.count > detail.open {
      html.element(
        "<p class=\"quiet\">", say("ほか\(open.count - detail.open)件", "\(open.count - detail.open) more"), "</p>\n")
    }
    html.raw("</section>\n")
  }

  func past(_ detail: Detail, _ html: inout Markup) {
    let past = view.incidents.filter { !$0.isOpen }
    html.element("<section aria-labelledby=\"past\">\n<h2 id=\"past\">", say("過去の障害", "Past incidents"), "</h2>\n")
    if past.isEmpty {
      html.element(
        "<p class=\"card quiet\">", say("記録されている障害はありません。", "No incidents on record."), "</p>\n")
    }
    for incident in past.prefix(detail.past) {
      let end = incident.resolvedAt ?? incident.updatedAt
      html.element("<details class=\"card\" id=\"", incident.id, "\">\n")
      html.element("<summary><h3>", view.phrases.name(incident)[language], "</h3>")
      html.element("<time datetime=\"", incident.startedAt.iso, "\">")
      let length = duration(incident.outage(until: end))[language]
      html.element("", "\(times.inFull(incident.startedAt)) · \(length)", "</time></summary>\n")
      fields(incident, &html)
      log(incident, detail.pastUpdates, &html)
      html.raw("</details>\n")
    }
    let more = past.count - detail.past
    if more > 0 {
      html.element(
        "<p class=\"quiet\"><a href=\"", links.incidents, "\">")
      html.element("", say("ほか\(more)件", "\(more) more"), "</a></p>\n")
    }
    html.raw("</section>\n")
  }

  func progress(_ incident: Incident, hasCells: Bool, _ html: inout Markup) {
    guard !incident.services.isEmpty else { return }
    heading(say("復旧状況", "Recovery so far"), &html)
    html.raw("<ul class=\"bars\">\n")
    for total in incident.services.prefix(8) {
      let name = ServiceName.name(total.service)[language]
      let percent = say("\(total.percent)%", "\(total.percent)\u{a0}%")
      html.element("<li><span>", language == .en ? name.sentence : name, "</span>")
      html.element("<span>", percent, "")
      html.element(" <small>(", "\(grouped(total.verified)) / \(grouped(total.wanted))", ")</small></span>")
      html.element("<progress aria-label=\"", name, "\"")
      html.element(" max=\"", String(total.wanted), "\"")
      html.element(" value=\"", String(total.verified), "\">")
      html.element("", percent, "</progress></li>\n")
    }
    html.raw("</ul>\n")
    if hasCells { cells(incident, &html) }
    let estimate =
      incident.estimatedEnd.map { end in
        let earliest = times.ofDay(incident.earliestEnd ?? end)
        let latest = times.ofDay(incident.latestEnd ?? end)
        return say(
          "復旧見込み: \(times.ofDay(end))頃。早くて \(earliest)、遅くて \(latest)",
          "Estimated end: about \(times.ofDay(end)), between \(earliest) and \(latest)")
      } ?? say("復旧見込み: 算出中", "Estimated end: not known yet")
    if let customers = incident.customersOut, let addresses = incident.addressesOut, customers + addresses > 0 {
      let out = Phrases.extent(customers, addresses)[language]
      html.element("<p class=\"p\">", say("未復旧: \(out)", "Still out: \(out)"), "</p>\n")
    }
    html.element("<p class=\"p\">", estimate, "</p>\n")
  }

  /// How far each cell is, where there is more than one.
  private func cells(_ incident: Incident, _ html: inout Markup) {
    let totals = incident.cells ?? []
    let names = Array(Set(totals.map(\.cell))).sorted()
    guard names.count > 1 else { return }
    html.element("<table><caption>", say("セル別", "By cell"), "</caption>\n")
    for name in names.prefix(8) {
      html.element("<tr><th scope=\"row\">", name, "</th>")
      for total in totals.filter({ $0.cell == name }).prefix(4) {
        let service = ServiceName.name(total.total.service)[language]
        html.element("<td>", "\(service) \(say("\(total.total.percent)%", "\(total.total.percent)\u{a0}%"))", "</td>")
      }
      html.raw("</tr>\n")
    }
    html.raw("</table>\n")
  }

  func fields(_ incident: Incident, _ html: inout Markup) {
    let places = Phrases.places(incident.losses)[language]
    let extent = Phrases.extent(incident)[language]
    let zones = Set(incident.losses.map(\.zoneName)).sorted().prefix(3).joined(separator: ", ")
    let series = Phrases.series(incident).joined(separator: say("・", ", "))
    html.element("<dl>\n<dt>", label(.fieldWhen), "</dt>")
    html.element("<dd>", times.inFull(incident.startedAt), "")
    if let end = incident.resolvedAt {
      let length = duration(
        incident.isMeasured ? incident.outage(until: end) : end.milliseconds - incident.startedAt.milliseconds)[
          language]
      html.element(
        "", say(" ～ \(times.inFull(end))(障害時間 \(length))", " to \(times.inFull(end)), out of service for \(length)"), ""
      )
    } else {
      html.element("", say(" ～ 復旧作業中", ", not over yet"), "")
    }
    html.raw("</dd>\n")
    if incident.isMeasured {
      let subject = [series, zones].filter { !$0.isEmpty }
      html.element("<dt>", label(.fieldScope), "</dt>")
      html.element(
        "<dd>",
        say(
          "\((subject + [places]).joined(separator: " / "))。\(extent)",
          "\(subject.joined(separator: ", ")): \(places). \(extent.sentence)"), "</dd>\n")
      html.element("<dt>", label(.fieldEffect), "</dt>")
      html.element("<dd>", view.phrases.effect(incident)[language], "</dd>\n")
    }
    if incident.isMeasured || incident.editorial?.cause != nil {
      html.element("<dt>", label(.fieldCause), "</dt>")
      let cause = view.phrases.cause(incident)
      html.element("<dd>", say(cause.ja, cause.en.sentence), "</dd>\n")
    }
    html.raw("</dl>\n")
    if incident.isOpen { html.element("<p class=\"quiet\">", view.phrases.templates[.apology][language], "</p>\n") }
  }

  private func label(_ key: Templates.Key) -> String { view.phrases.templates[key][language] }

  /// Within an incident; levels are never left out.
  private func heading(_ text: String, _ html: inout Markup) {
    if isAlone {
      html.element("<h2>", text, "</h2>\n")
    } else {
      html.element("<h4>", text, "</h4>\n")
    }
  }

  /// The newest updates, and always the first.
  func log(_ incident: Incident, _ limit: Int, _ html: inout Markup) {
    guard limit > 0 else { return }
    let updates = incident.updates
    let shown = updates.count <= limit ? updates : Array(updates.prefix(1) + updates.suffix(limit - 1))
    heading(say("更新履歴", "Updates"), &html)
    html.raw("<ol class=\"log\">\n")
    for (index, update) in shown.reversed().enumerated() {
      if index == shown.count - 1, updates.count > shown.count {
        let hidden = updates.count - shown.count
        html.element("<li class=\"quiet\">", say("(ほか\(hidden)件の更新)", "(\(hidden) more updates)"), "</li>\n")
      }
      html.element("<li><b>", say("【\(Clock.jst.fields(update.displayAt).stamp) 更新】", ""), "")
      html.element("", update.status.name[language], "</b> ")
      html.element("<time datetime=\"", update.displayAt.iso, "\">")
      html.element(
        "", language == .ja && zone == nil ? update.displayAt.ofDay(.ja) : times.inFull(update.displayAt), "</time>")
      html.element("<p>", update.body[language], "</p></li>\n")
    }
    html.raw("</ol>\n")
  }
}
