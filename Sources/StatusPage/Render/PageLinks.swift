/// Where the parts of the page are found from one of them.
struct PageLinks: Sendable {
  /// For pages as files: the way up to the first one's folder (`""`, `"../"`). None where the page is served.
  var up: String?

  var isDynamic: Bool { up == nil }
  var atom: String { up.map { $0 + "history.atom" } ?? "/history.atom" }
  var rss: String { up.map { $0 + "history.rss" } ?? "/history.rss" }
  var summary: String { (up ?? "/") + "api/v2/summary.json" }
  var incidents: String { (up ?? "/") + "api/v2/incidents.json" }

  func page(_ language: Language) -> String {
    up.map { "\($0)\(Self.file("index", language))" } ?? "/status?lang=\(language.rawValue)"
  }

  func incident(_ id: String, _ language: Language) -> String {
    up.map { "\($0)incidents/\(Self.file(id, language))" } ?? "/status/incidents/\(id)"
  }

  /// This page in another language.
  func other(_ language: Language, _ zone: ReaderZone?) -> String {
    isDynamic ? "?lang=\(language.rawValue)\(zone.map { "&tz=\($0.name)" } ?? "")" : "index.\(language.rawValue).html"
  }

  static func file(_ name: String, _ language: Language) -> String { "\(name).\(language.rawValue).html" }
}
