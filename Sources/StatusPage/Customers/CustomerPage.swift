import Synchronization

/// What one customer has that is out of service, and what is back.
struct CustomerPage {
  var view: StatusView
  var standing: AccountStanding?
  /// Whether the cloud has reported lately.
  var isCurrent: Bool
  var language: Language
  var zone: ReaderZone?
  static let listed = 300

  var text: String {
    var html = Markup()
    let page = StatusHTML(view: view, language: language, zone: zone)
    page.head("\(page.say("お客様の状況", "Your services")) – \(view.settings.name)", isLive: !view.open.isEmpty, &html)
    html.element("<p><a href=\"/status\">← ", page.say("サービスの状況", "All services"), "</a></p>\n")
    html.element("<h1>", page.say("お客様の状況", "Your services"), "</h1>\n")
    let resources = standing?.resources ?? []
    let out = resources.filter { $0.state == .out }
    if !isCurrent {
      html.element(
        "<p class=\"card quiet\" role=\"note\">",
        page.say(
          "クラウドからの報告が途絶えているため、現在の状況は不明です。以下は最後に確認できた状況です。",
          "The cloud has not reported lately, so how it is now is not known. This is what was last known."), "</p>\n")
    } else if out.isEmpty {
      html.element(
        "<p class=\"card banner none\">",
        page.say("影響を受けているものはありません。", "Nothing of yours is affected."), "</p>\n")
    }
    for kind in AffectedResource.Kind.allCases {
      let of = resources.filter { $0.kind == kind }.sorted {
        ($0.state.rawValue, $0.name) > ($1.state.rawValue, $1.name)
      }
      guard !of.isEmpty else { continue }
      let count = of.count { $0.state == .out }
      html.element("<section><h2>", kind.name[language], " <small>")
      html.element(
        "", page.say("停止中\(count) / 復旧済み\(of.count - count)", "\(count) out, \(of.count - count) back"),
        "</small></h2>\n")
      html.raw("<ul class=\"card rows\">\n")
      for resource in of.prefix(Self.listed) {
        let isOut = resource.state == .out
        html.element("<li><span>", resource.name, "<small>")
        html.element("", "\(page.times.inFull(resource.since)) \(page.say("から", "on"))", "</small></span>")
        html.element("<span class=\"mark ", isOut ? "critical" : "none", "\">")
        html.element("<span aria-hidden=\"true\">", isOut ? "▲ " : "✓ ", "</span>")
        html.element("", isOut ? page.say("停止中", "Out of service") : page.say("復旧済み", "Back"), "</span></li>\n")
      }
      html.raw("</ul></section>\n")
    }
    if let omitted = standing?.omitted {
      html.element("<p class=\"quiet\">", page.say("ほかに\(omitted)件あります。", "There are \(omitted) more."), "</p>\n")
    }
    availability(page, &html)
    page.foot(&html)
    return html.text
  }

  private func availability(_ page: StatusHTML, _ html: inout Markup) {
    let month = AvailabilityBook.month(view.updatedAt)
    let rows = view.components.filter { view.availability.months[$0.component.id]?[month]?.percent != nil }.prefix(60)
    guard !rows.isEmpty else { return }
    html.element(
      "<section><h2>", page.say("月間稼働率", "Availability by month"), "</h2>\n<p class=\"quiet\">")
    let objective = StatusHTML.percent(view.settings.objective)
    html.element(
      "",
      page.say(
        "実測値。目標 \(objective)。括弧内は目標に対する残り時間。",
        "Measured; \(objective) is promised. In brackets: how much of the slack is left."),
      "</p>\n<div class=\"card\"><table>\n<tr><td></td>")
    let months = Array(
      Set(rows.flatMap { view.availability.months[$0.component.id]?.keys.map(\.self) ?? [] })
    ).sorted(by: >).prefix(3)
    for month in months { html.element("<th scope=\"col\">", month, "</th>") }
    html.raw("</tr>\n")
    for row in rows {
      let name = ComponentName.name(row.component.name)[language]
      let place = [row.component.zone, row.component.cell ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
      html.element("<tr><th scope=\"row\">", "\(name) (\(place))", "</th>")
      for month in months {
        let entry = view.availability.months[row.component.id]?[month]
        html.element("<td>", entry.map { cell($0, page) } ?? "–", "</td>")
      }
      html.raw("</tr>\n")
    }
    html.raw("</table></div></section>\n")
  }

  private func cell(_ entry: AvailabilityBook.Month, _ page: StatusHTML) -> String {
    guard let percent = entry.percent else { return "–" }
    let budget = ErrorBudget(objective: view.settings.objective, month: entry, monthSeconds: 30 * 86_400)
    let left = duration(Int64(abs(budget.left) * 1000))[language]
    let rest = budget.left >= 0 ? page.say("残り\(left)", "\(left) left") : page.say("\(left)超過", "\(left) over")
    return "\(StatusHTML.percent(percent)) (\(rest))"
  }
}

extension AffectedResource.Kind {
  var name: Wording {
    switch self {
    case .address: Wording(ja: "グローバルIPアドレス", en: "Public addresses")
    case .loadBalancer: Wording(ja: "ロードバランサー", en: "Load balancers")
    case .instance: Wording(ja: "仮想サーバー", en: "Instances")
    }
  }
}

extension StatusBoard {
  /// The page of one customer, whoever asks having proved to be that.
  /// - Parameter isCurrent: false when the cloud is silent.
  package func renderedCustomer(
    _ account: String, _ language: Language, zone: ReaderZone? = nil, isCurrent: Bool = true
  ) -> String {
    state.withLock { state in
      let standing = state.accounts.first { $0.account == account }
      return CustomerPage(
        view: state.view, standing: standing, isCurrent: isCurrent, language: language, zone: zone
      ).text
    }
  }
}
