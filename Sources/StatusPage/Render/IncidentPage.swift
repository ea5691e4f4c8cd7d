import Synchronization

/// One incident by itself, with its whole course and, when it is over, the timeline that a report begins with.
struct IncidentPage {
  var view: StatusView
  var incident: Incident
  var language: Language
  var zone: ReaderZone?
  var links = PageLinks()

  var text: String {
    var html = Markup()
    let page = StatusHTML(view: view, language: language, zone: zone, links: links, isAlone: true)
    let title = view.phrases.name(incident)[language]
    page.head("\(title) – \(view.settings.name)", isLive: incident.isOpen, &html)
    html.element("<p><a href=\"", links.page(language), "\">← ")
    html.element("", page.say("サービスの状況", "All services"), "</a></p>\n")
    html.element("<article class=\"card alert ", incident.isOpen ? incident.impact.rawValue : "none", "\">\n")
    html.element("<p class=\"badge\">", incident.status.name[language], "</p>\n")
    html.element("<h1>", title, "</h1>\n")
    if incident.isOpen { page.progress(incident, hasCells: true, &html) }
    page.fields(incident, &html)
    page.log(incident, 40, &html)
    html.raw("</article>\n")
    let timeline = Timeline(incident: incident, phrases: view.phrases).entries
    if !incident.isOpen, !timeline.isEmpty {
      html.element(
        "<section class=\"card\" aria-labelledby=\"timeline\"><h2 id=\"timeline\">", page.say("時系列", "Timeline"),
        "</h2>\n<ol class=\"log\">\n")
      for entry in timeline.prefix(60) {
        html.element("<li><time datetime=\"", entry.at.iso, "\">")
        html.element("", page.times.inFull(entry.at), "</time>")
        html.element("<p>", entry.text[language], "</p></li>\n")
      }
      html.raw("</ol></section>\n")
    }
    page.foot(&html)
    return html.text
  }
}

/// What happened when, from losses and what is on record, oldest first. The report of an incident begins with it.
package struct Timeline: Sendable {
  package struct Entry: Sendable, Equatable {
    package var at: Moment
    package var text: Wording
  }

  package var entries: [Entry]

  init(incident: Incident, phrases: Phrases) {
    var entries = (incident.facts ?? []).map { Entry(at: $0.at, text: $0.text) }
    for loss in incident.losses.prefix(Bounds.oldLosses) {
      let place = Phrases.places([loss])
      let cause = Phrases.cause([loss])
      entries.append(Entry(at: loss.lostAt, text: Wording(ja: cause.ja, en: cause.en.sentence)))
      entries.append(
        Entry(at: loss.detectedAt, text: Wording(ja: "検知: \(place.ja)", en: "Detected: \(place.en)")))
      if let at = loss.appliedAt, loss.role != .component {
        entries.append(
          Entry(at: at, text: Wording(ja: "再投入完了: \(place.ja)", en: "Settings back in place: \(place.en)")))
      }
      if let at = loss.verifiedAt {
        entries.append(Entry(at: at, text: Wording(ja: "疎通確認: \(place.ja)", en: "Verified by probes: \(place.en)")))
      }
    }
    // What happened at the same moment stays in the order of cause, detection, repair.
    self.entries = entries.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(
      \.element)
  }
}

extension StatusBoard {
  /// The timeline of an incident, drafts too; for reports.
  package func timeline(_ id: String) -> Timeline? {
    state.withLock { state in
      state.course.archive.incidents.first { $0.id == id }.map {
        Timeline(incident: $0, phrases: state.course.phrases)
      }
    }
  }
}
