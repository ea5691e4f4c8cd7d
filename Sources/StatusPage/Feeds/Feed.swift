/// The newest updates of incidents and maintenances, as feed readers take them.
struct Feed {
  var view: StatusView
  var language: Language
  static let listed = 25

  private struct Entry {
    var id: String
    var title: String
    var createdAt: Moment
    var updatedAt: Moment
    /// Newest first.
    var updates: [(status: String, body: String, at: Moment)]
    var link: String
  }

  private var entries: [Entry] {
    let incidents = view.incidents.prefix(Self.listed).map { incident in
      Entry(
        id: incident.id, title: view.phrases.name(incident)[language], createdAt: incident.createdAt,
        updatedAt: incident.updatedAt,
        updates: incident.updates.suffix(20).reversed().map {
          ($0.status.name[language], $0.body[language], $0.displayAt)
        }, link: view.link(incident.id))
    }
    let maintenances = view.maintenances.prefix(Self.listed).map { maintenance in
      Entry(
        id: maintenance.id, title: maintenance.title[language], createdAt: maintenance.createdAt,
        updatedAt: maintenance.updatedAt,
        updates: maintenance.updates.suffix(20).reversed().map {
          ($0.status.name[language], $0.body[language], $0.createdAt)
        }, link: view.link(maintenance.id))
    }
    return Array((incidents + maintenances).sorted { $0.updatedAt > $1.updatedAt }.prefix(Self.listed))
  }

  private var title: String {
    language == .ja ? "\(view.settings.name) メンテナンス・障害情報" : "\(view.settings.name) status"
  }

  private func content(_ entry: Entry) -> String {
    var html = Markup()
    for update in entry.updates {
      html.element("<p><small>", update.at.inFull(language), "</small><br>")
      html.element("<strong>", update.status, "</strong> – ")
      html.element("", update.body, "</p>")
    }
    return html.text
  }

  var rss: String {
    var xml = Markup()
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\">\n<channel>\n")
    xml.element("<title>", title, "</title>\n")
    xml.element("<link>", view.settings.url + "/status", "</link>\n")
    xml.element("<description>", view.heading[language], "</description>\n")
    xml.element("<language>", language.rawValue, "</language>\n")
    xml.element("<lastBuildDate>", view.updatedAt.mailDate, "</lastBuildDate>\n")
    for entry in entries {
      xml.element("<item>\n<title>", entry.title, "</title>\n")
      xml.element("<link>", entry.link, "</link>\n")
      xml.element("<guid isPermaLink=\"false\">", "\(view.settings.pageID):\(entry.id)", "</guid>\n")
      xml.element("<pubDate>", entry.updatedAt.mailDate, "</pubDate>\n")
      xml.element("<description>", content(entry), "</description>\n</item>\n")
    }
    xml.raw("</channel>\n</rss>\n")
    return xml.text
  }

  var atom: String {
    var xml = Markup()
    xml.element("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xml:lang=\"", language.rawValue, "\" ")
    xml.raw("xmlns=\"http://www.w3.org/2005/Atom\">\n")
    xml.element("<id>", "tag:\(view.settings.pageID),2018:history", "</id>\n")
    xml.element("<title>", title, "</title>\n")
    xml.element("<updated>", view.updatedAt.iso, "</updated>\n")
    xml.element("<author><name>", view.settings.name, "</name></author>\n")
    xml.element("<link rel=\"alternate\" type=\"text/html\" href=\"", view.settings.url + "/status", "\"/>\n")
    xml.element("<link rel=\"self\" type=\"application/atom+xml\" href=\"", view.settings.url, "/history.atom\"/>\n")
    for entry in entries {
      xml.element("<entry>\n<id>", "tag:\(view.settings.pageID),2018:\(entry.id)", "</id>\n")
      xml.element("<title>", entry.title, "</title>\n")
      xml.element("<published>", entry.createdAt.iso, "</published>\n")
      xml.element("<updated>", entry.updatedAt.iso, "</updated>\n")
      xml.element("<link rel=\"alternate\" type=\"text/html\" href=\"", entry.link, "\"/>\n")
      xml.element("<content type=\"html\">", content(entry), "</content>\n</entry>\n")
    }
    xml.raw("</feed>\n")
    return xml.text
  }
}

extension StatusView {
  /// The page of an incident or maintenance.
  func link(_ id: String) -> String { "\(settings.url)/status/incidents/\(id)" }
}
