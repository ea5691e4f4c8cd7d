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
      html.element("<h3>", Phrases.name(incident)[language], "</h3>\n")
      progress(incident, &html)
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
      html.element("<summary><h3>", Phrases.name(incident)[language], "</h3>")
      html.element("<time datetime=\"", incident.startedAt.iso, "\">")
      let length = duration(incident.outage(until: end))[language]
      html.element("", "\(incident.startedAt.inFull(language)) · \(length)", "</time></summary>\n")
      fields(incident, &html)
      log(incident, detail.pastUpdates, &html)
      html.raw("</details>\n")
    }
    let more = past.count - detail.past
    if more > 0 {
      html.element(
        "<p class=\"quiet\"><a href=\"/api/v2/incidents.json\">", say("ほか\(more)件", "\(more) more"), "</a></p>\n")
    }
    html.raw("</section>\n")
  }

  private func progress(_ incident: Incident, _ html: inout Markup) {
    guard !incident.services.isEmpty else { return }
    html.element("<h4>", say("復旧状況", "Recovery so far"), "</h4>\n<ul class=\"bars\">\n")
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
    let estimate =
      incident.estimatedEnd.map { say("復旧見込み: \($0.ofDay(.ja))頃", "Estimated end: about \($0.ofDay(.en))") }
      ?? say("復旧見込み: 算出中", "Estimated end: not known yet")
    html.element("<p class=\"p\">", estimate, "</p>\n")
  }

  private func fields(_ incident: Incident, _ html: inout Markup) {
    let places = Phrases.places(incident.losses)[language]
    let extent = Phrases.extent(incident)[language]
    let zones = Set(incident.losses.map(\.zoneName)).sorted().prefix(3).joined(separator: ", ")
    let series = Phrases.series(incident).joined(separator: say("・", ", "))
    let services = Phrases.services(incident)[language]
    html.element("<dl>\n<dt>", say("■障害発生日時", "When"), "</dt>")
    html.element("<dd>", incident.startedAt.inFull(language), "")
    if let end = incident.resolvedAt {
      let length = duration(incident.outage(until: end))[language]
      html.element(
        "", say(" ～ \(end.inFull(.ja))(障害時間 \(length))", " to \(end.inFull(.en)), out of service for \(length)"), "")
    } else {
      html.element("", say(" ～ 復旧作業中", ", not over yet"), "")
    }
    html.element("</dd>\n<dt>", say("■対象範囲", "Who is affected"), "</dt>")
    html.element(
      "<dd>", say("\(series) / \(zones) / \(places)。\(extent)", "\(series), \(zones): \(places). \(extent.sentence)"),
      "</dd>\n")
    html.element("<dt>", say("■障害内容", "What does not work"), "</dt>")
    html.element(
      "<dd>",
      incident.isOpen
        ? say(
          "\(services)を経由するインターネット側との通信ができません。仮想サーバーは稼働しています。",
          "Internet traffic through \(services) fails. Instances keep running.")
        : say(
          "\(services)を経由するインターネット側との通信ができませんでした。仮想サーバーは稼働していました。",
          "Internet traffic through \(services) failed. Instances kept running."), "</dd>\n")
    html.element("<dt>", say("■原因", "Cause"), "</dt>")
    let cause = Phrases.cause(incident.losses)
    html.element("<dd>", say(cause.ja, cause.en.sentence), "</dd>\n</dl>\n")
    if incident.isOpen, language == .ja {
      html.raw("<p class=\"quiet\">ご利用のお客様にはご迷惑をおかけし、深くお詫び申し上げます。</p>\n")
    } else if incident.isOpen {
      html.raw("<p class=\"quiet\">We are sorry for the trouble this causes you.</p>\n")
    }
  }

  /// The newest updates, and always the first.
  private func log(_ incident: Incident, _ limit: Int, _ html: inout Markup) {
    guard limit > 0 else { return }
    let updates = incident.updates
    let shown = updates.count <= limit ? updates : Array(updates.prefix(1) + updates.suffix(limit - 1))
    html.element("<h4>", say("更新履歴", "Updates"), "</h4>\n<ol class=\"log\">\n")
    for (index, update) in shown.reversed().enumerated() {
      if index == shown.count - 1, updates.count > shown.count {
        let hidden = updates.count - shown.count
        html.element("<li class=\"quiet\">", say("(ほか\(hidden)件の更新)", "(\(hidden) more updates)"), "</li>\n")
      }
      html.element("<li><b>", say("【\(Clock.jst.fields(update.displayAt).stamp) 更新】", ""), "")
      html.element("", update.status.name[language], "</b> ")
      html.element("<time datetime=\"", update.displayAt.iso, "\">")
      html.element("", language == .ja ? update.displayAt.ofDay(.ja) : update.displayAt.inFull(.en), "</time>")
      html.element("<p>", update.body[language], "</p></li>\n")
    }
    html.raw("</ol>\n")
  }
}
