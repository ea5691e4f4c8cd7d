import Synchronization

/// The operators' page: forms only.
struct OperatorPage {
  var board: StatusBoard
  var language: Language

  var text: String {
    let view = board.state.withLock { $0.view }
    let page = StatusHTML(view: view, language: language)
    var html = Markup()
    page.head("\(page.say("運用", "Operators")) – \(view.settings.name)", isLive: false, &html)
    html.element("<h1>", page.say("運用", "Operators"), "</h1>\n")
    write(page, &html)
    schedule(page, &html)
    html.element("<h2>", page.say("障害", "Incidents"), "</h2>\n")
    for incident in board.incidents.suffix(20).reversed() { self.incident(incident, view, page, &html) }
    html.element("<h2>", page.say("メンテナンス", "Planned work"), "</h2>\n")
    for maintenance in view.maintenances.prefix(20) {
      html.element("<article class=\"card\"><h3>", maintenance.title[language], "</h3>")
      html.element("<p class=\"quiet\">", maintenance.status.name[language], " · ")
      html.element(
        "", "\(page.times.inFull(maintenance.scheduledFor)) ～ \(page.times.inFull(maintenance.scheduledUntil))",
        "</p>\n")
      if maintenance.status != .completed {
        begin("maintenances/\(maintenance.id)/finish", &html)
        end(page.say("終了・中止する", "Finish or cancel"), &html)
      }
      html.raw("</article>\n")
    }
    page.foot(&html)
    return html.text
  }

  private func write(_ page: StatusHTML, _ html: inout Markup) {
    html.element("<details class=\"card\"><summary>", page.say("障害を書く", "Write an incident"), "</summary>\n")
    begin("incidents", &html)
    texts("title", page.say("件名", "Title"), &html)
    areas("body", page.say("本文", "Text"), &html)
    choice("impact", page.say("影響", "Impact"), ["minor", "major", "critical", "none"], &html)
    field("components", page.say("対象 (ID)", "Components (ids)"), "text", &html)
    html.element("<p><label><input type=\"checkbox\" name=\"draft\"> ", page.say("下書き", "Draft"), "</label></p>")
    end(page.say("書き込む", "Write"), &html)
    html.raw("</details>\n")
  }

  private func schedule(_ page: StatusHTML, _ html: inout Markup) {
    html.element("<details class=\"card\"><summary>", page.say("メンテナンスを予告する", "Announce planned work"), "</summary>\n")
    begin("maintenances", &html)
    texts("title", page.say("件名", "Title"), &html)
    field("components", page.say("対象 (ID)", "Components (ids)"), "text", &html)
    field("from", page.say("開始 (JST)", "From (JST)"), "datetime-local", &html)
    field("until", page.say("終了 (JST)", "Until (JST)"), "datetime-local", &html)
    field("action", page.say("連動する作業", "Bound to the action"), "text", &html)
    end(page.say("予告する", "Announce"), &html)
    html.raw("</details>\n")
  }

  private func incident(_ incident: Incident, _ view: StatusView, _ page: StatusHTML, _ html: inout Markup) {
    html.element("<article class=\"card\"><h3>", view.phrases.name(incident)[language], "</h3>")
    let state =
      incident.isDraft
      ? page.say("下書き", "Draft")
      : incident.editorial?.mergedInto.map { page.say("\($0)に統合済み", "merged into \($0)") }
        ?? page.say("公開中", "public")
    html.element("<p class=\"quiet\">", "\(incident.id) · \(incident.status.name[language]) · \(state)", "</p>\n")
    if incident.isDraft {
      begin("incidents/\(incident.id)/publish", &html)
      end(page.say("公開する", "Publish"), &html)
    }
    if incident.isOpen {
      begin("incidents/\(incident.id)/updates", &html)
      areas("body", page.say("更新", "Update"), &html)
      let statuses = ["investigating", "identified", "monitoring"] + (incident.isMeasured ? [] : ["resolved"])
      choice("status", page.say("状態", "Status"), statuses, &html)
      end(page.say("追加する", "Add"), &html)
      begin("incidents/\(incident.id)/merge", &html)
      field("into", page.say("統合先 (ID)", "Merge into (id)"), "text", &html)
      end(page.say("統合する", "Merge"), &html)
    }
    begin("incidents/\(incident.id)/edit", &html)
    texts("title", page.say("件名", "Title"), &html)
    texts("cause", page.say("原因", "Cause"), &html)
    end(page.say("改める", "Edit"), &html)
    html.raw("</article>\n")
  }

  private func begin(_ path: String, _ html: inout Markup) {
    html.element("<form method=\"post\" action=\"", "\(OperatorRoutes.root)/\(path)", "\">")
  }

  private func end(_ button: String, _ html: inout Markup) { html.element("<button>", button, "</button></form>\n") }

  private func field(_ name: String, _ label: String, _ type: String, _ html: inout Markup) {
    html.element("<p><label>", label, " ")
    html.element("<input type=\"", type, "\" ")
    html.element("name=\"", name, "\"></label></p>")
  }

  private func texts(_ name: String, _ label: String, _ html: inout Markup) {
    for language in Language.allCases {
      field("\(name)_\(language.rawValue)", "\(label) (\(language.rawValue))", "text", &html)
    }
  }

  private func areas(_ name: String, _ label: String, _ html: inout Markup) {
    for language in Language.allCases {
      html.element("<p><label>", "\(label) (\(language.rawValue))", "<br>")
      html.element(
        "<textarea rows=\"3\" cols=\"40\" name=\"", "\(name)_\(language.rawValue)", "\"></textarea></label></p>")
    }
  }

  private func choice(_ name: String, _ label: String, _ values: [String], _ html: inout Markup) {
    html.element("<p><label>", label, " ")
    html.element("<select name=\"", name, "\">")
    for value in values { html.element("<option>", value, "</option>") }
    html.raw("</select></label></p>")
  }
}
