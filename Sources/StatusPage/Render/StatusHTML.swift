/// The page, whole without scripts, in one answer of less than `Bounds.pageBytes`.
struct StatusHTML {
  var view: StatusView
  var language: Language
  var zone: ReaderZone?
  var links = PageLinks()
  /// An incident is the whole page.
  var isAlone = false
  /// Left out where there is more important to say.
  var hasZones = true

  var times: Times { Times(language: language, zone: zone) }

  /// How much is shown; less when the page would grow too large.
  struct Detail {
    var open: Int
    var updates: Int
    var past: Int
    var pastUpdates: Int
    var rows: Int
  }

  static let details = [
    Detail(open: 3, updates: 7, past: 5, pastUpdates: 4, rows: 60),
    Detail(open: 3, updates: 5, past: 4, pastUpdates: 3, rows: 40),
    Detail(open: 2, updates: 3, past: 3, pastUpdates: 1, rows: 24),
    Detail(open: 2, updates: 2, past: 1, pastUpdates: 0, rows: 12),
    Detail(open: 1, updates: 1, past: 0, pastUpdates: 0, rows: 6),
    Detail(open: 1, updates: 0, past: 0, pastUpdates: 0, rows: 0),
  ]

  var text: String {
    var text = ""
    for detail in Self.details {
      var page = self
      page.hasZones = detail.updates > 2
      text = page.page(detail)
      if text.utf8.count < Bounds.pageBytes { break }
    }
    return text
  }

  func say(_ ja: String, _ en: String) -> String { language == .ja ? ja : en }

  private func page(_ detail: Detail) -> String {
    var html = Markup()
    let heading = view.heading[language]
    head("\(heading) – \(view.settings.name)", isLive: !view.open.isEmpty, &html)
    banner(heading, &html)
    for note in view.notes {
      html.element("<p class=\"card quiet\" role=\"note\">", note[language], "</p>\n")
    }
    openIncidents(detail, &html)
    maintenances(detail, &html)
    services(detail, &html)
    past(detail, &html)
    foot(&html)
    return html.text
  }

  func head(_ title: String, isLive: Bool, _ html: inout Markup) {
    html.element("<!doctype html>\n<html lang=\"", language.rawValue, "\">\n<head>\n<meta charset=\"utf-8\">\n")
    html.raw(
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
    )
    if isLive { html.raw("<meta http-equiv=\"refresh\" content=\"5\">\n") }
    html.element("<link rel=\"alternate\" type=\"application/atom+xml\" href=\"", links.atom, "\" title=\"Atom\">\n")
    html.element("<title>", title, "</title>\n<style>\n")
    html.raw(StatusStyle.sheet)
    html.raw("\n</style>\n</head>\n<body>\n")
    html.element("<a class=\"skip\" href=\"#main\">", say("本文へ", "Skip to content"), "</a>\n<header><div class=\"w\">")
    html.element("<p>", "\(view.settings.name) \(say("メンテナンス・障害情報", "status"))", "</p>")
    html.element("<nav aria-label=\"", say("言語", "Language"), "\">")
    if language == .ja {
      html.element("<a href=\"", links.other(.en, zone), "\" hreflang=\"en\" lang=\"en\">English</a>")
    } else {
      html.element("<a href=\"", links.other(.ja, zone), "\" hreflang=\"ja\" lang=\"ja\">日本語</a>")
    }
    html.raw("</nav></div></header>\n<main id=\"main\" class=\"w\">\n")
  }

  func foot(_ html: inout Markup) {
    html.raw("</main>\n<footer class=\"w\">\n")
    html.element("<p>", say("最終更新: ", "Last change: "), "")
    html.element("<time datetime=\"", view.updatedAt.iso, "\">")
    html.element("", times.inFull(view.updatedAt), "</time></p>\n")
    html.element(
      "<p>",
      say("表示内容はすべて実測値に基づき自動で更新されます。", "Everything here is measured and published automatically.")
        + (zone == nil ? say("時刻は日本時間 (JST) と協定世界時 (UTC) です。", " Times are UTC and Japan time (JST).") : ""), "</p>\n")
    if links.isDynamic, hasZones { zones(&html) }
    html.element("<p><a href=\"", links.summary, "\">")
    html.element("", say("JSONで取得", "As JSON"), "</a> · ")
    html.element("<a href=\"", links.atom, "\">Atom</a> · ")
    html.element("<a href=\"", links.rss, "\">RSS</a>")
    if links.isDynamic, view.settings.takesSubscriptions {
      html.element(" · <a href=\"/status/subscribe\">", say("メールで受け取る", "By mail"), "</a>")
    }
    html.raw("</p>\n</footer>\n</body>\n</html>\n")
  }

  private func zones(_ html: inout Markup) {
    html.element("<form><input type=\"hidden\" name=\"lang\" value=\"", language.rawValue, "\">")
    html.element("<label>", say("時刻の表示", "Times of"), " <select name=\"tz\">")
    for name in ReaderZone.offered {
      html.element("<option", zone?.name == name ? " selected" : "", ">")
      html.element("", name, "</option>")
    }
    html.element("</select></label> <button>", say("変更", "Show"), "</button></form>\n")
  }

  private func banner(_ heading: String, _ html: inout Markup) {
    let look = view.isUnsure ? "info" : view.indicator.rawValue
    html.element("<section class=\"card banner ", look, "\" aria-labelledby=\"now\">")
    let mark = view.isUnsure ? "?" : view.indicator == .none ? "✓" : "▲"
    html.element("<span class=\"mark\" aria-hidden=\"true\">", mark, "</span><div>")
    html.element("<h1 id=\"now\">", heading, "</h1>")
    if !view.open.isEmpty {
      html.element(
        "<p>", say("このページは5秒ごとに自動更新されます。", "This page refreshes itself every 5 seconds."), "</p>")
    }
    html.raw("</div></section>\n")
  }

  private func services(_ detail: Detail, _ html: inout Markup) {
    html.element("<section aria-labelledby=\"services\">\n<h2 id=\"services\">", say("サービスの状況", "Services"), "</h2>\n")
    if view.components.isEmpty {
      html.element("<p class=\"card quiet\">", say("状況を確認中です。", "Measurements have not arrived yet."), "</p>\n")
    }
    var rows = ComponentRow.rows(view.components.map(\.component))
    let hidden = rows.count - detail.rows
    if hidden > 0 {
      // What is out of order is shown first when not all fits.
      rows = Array(rows.filter { $0.state.severity > 0 }.prefix(detail.rows))
    }
    var group: String?
    for row in rows {
      let title =
        row.series == "management" ? say("管理機能", "Management") : "\(row.zone) · \(row.series)"
      if title != group {
        if group != nil { html.raw("</ul>\n") }
        html.element("<h3 class=\"zone\">", title, "</h3>\n<ul class=\"card rows\">\n")
        group = title
      }
      html.element("<li><span>", ComponentName.name(row.name)[language], "")
      if !row.troubled.isEmpty { html.element("<small>", row.troubled, "</small>") }
      if let availability = availability(row) { html.element("<small>", availability, "</small>") }
      let isUnknown = row.ids.allSatisfy(view.unknown.contains) && !row.ids.isEmpty
      let look = isUnknown || row.state == .underMaintenance ? "info" : row.state.impact.rawValue
      html.element("</span><span class=\"mark ", look, "\">")
      let mark = isUnknown ? "? " : row.state.severity == 0 ? "✓ " : "▲ "
      html.element("<span aria-hidden=\"true\">", mark, "</span>")
      html.element(
        "",
        isUnknown
          ? say("不明(最終確認時: \(row.state.name.ja))", "Unknown (last: \(row.state.name.en))") : row.state.name[language],
        "</span></li>\n")
    }
    if group != nil { html.raw("</ul>\n") }
    if hidden > 0 {
      html.element(
        "<p class=\"quiet\">", say("正常なサービスは省略しています。", "Services in order are left out here."), "</p>\n")
    }
    html.raw("</section>\n")
  }
}

extension StatusHTML {
  /// This month's, as probes saw it; of the worst of the row's components.
  private func availability(_ row: ComponentRow) -> String? {
    let month = AvailabilityBook.month(view.updatedAt)
    let entries = row.ids.compactMap { view.availability.months[$0]?[month] }
    guard let worst = entries.filter({ $0.percent != nil }).min(by: { ($0.percent ?? 100) < ($1.percent ?? 100) }),
      let percent = worst.percent
    else { return nil }
    return say("今月の稼働率 \(Self.percent(percent))", "\(Self.percent(percent)) this month")
  }

  /// Rounded down, so that 100 means that nothing was missing.
  static func percent(_ value: Double) -> String {
    let thousandths = Int((min(max(value, 0), 100) * 1000).rounded(.down))
    let fraction = String(thousandths % 1000 + 1000).dropFirst()
    return "\(thousandths / 1000).\(fraction)%"
  }
}

/// The components of one name in a zone and series, as one line.
struct ComponentRow {
  var zone: String
  var series: String
  var name: String
  var state: ComponentState
  /// The cells that are not in order.
  var troubled: String
  var ids: [String] = []

  static func rows(_ components: [Component]) -> [ComponentRow] {
    var rows: [ComponentRow] = []
    var cells: [[String]] = []
    for component in components {
      let index =
        rows.firstIndex { ($0.zone, $0.series, $0.name) == (component.zone, component.series, component.name) }
        ?? rows.count
      if index == rows.count {
        rows.append(
          ComponentRow(
            zone: component.zone, series: component.series, name: component.name, state: component.state, troubled: ""))
        cells.append([])
      }
      rows[index].ids.append(component.id)
      if component.state.severity > rows[index].state.severity { rows[index].state = component.state }
      if component.state.severity > 0, let cell = component.cell { cells[index].append(cell) }
    }
    for index in rows.indices {
      let more = cells[index].count - 6
      rows[index].troubled = cells[index].prefix(6).joined(separator: ", ") + (more > 0 ? " +\(more)" : "")
    }
    var order: [String] = []
    for row in rows where !order.contains("\(row.zone)\n\(row.series)") { order.append("\(row.zone)\n\(row.series)") }
    return order.flatMap { key in rows.filter { "\($0.zone)\n\($0.series)" == key } }
  }
}
