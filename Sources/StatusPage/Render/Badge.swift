/// The whole page as one small picture to be put elsewhere.
struct Badge {
  var view: StatusView
  var language: Language

  private var word: String {
    switch view.indicator {
    case .none where view.isUnsure: language == .ja ? "不明" : "unknown"
    case .none where !view.active.isEmpty: language == .ja ? "メンテナンス中" : "maintenance"
    case .none: language == .ja ? "正常" : "operational"
    case .minor: language == .ja ? "軽微な障害" : "minor outage"
    case .major: language == .ja ? "障害発生中" : "partial outage"
    case .critical: language == .ja ? "大規模障害" : "major outage"
    }
  }

  private var color: String {
    switch view.indicator {
    case .none where view.isUnsure: "#5c636e"
    case .none: view.active.isEmpty ? "#1f7a4d" : "#4a5b86"
    case .minor: "#8a6100"
    case .major: "#b04a00"
    case .critical: "#b3261e"
    }
  }

  var text: String {
    let name = String(view.settings.name.label.prefix(24))
    // About as wide as the letters are.
    let left = 14 + name.unicodeScalars.reduce(0) { $0 + ($1.value > 0x2e7f ? 12 : 7) }
    let right = 14 + word.unicodeScalars.reduce(0) { $0 + ($1.value > 0x2e7f ? 12 : 7) }
    var svg = Markup()
    svg.element(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" height=\"20\" width=\"", String(left + right), "\" ")
    svg.element("aria-label=\"", "\(name): \(word)", "\">")
    svg.element("<title>", "\(name): \(word)", "</title>")
    svg.element("<rect width=\"", String(left), "\" height=\"20\" fill=\"#3a3f47\"/>")
    svg.element("<rect x=\"", String(left), "\" ")
    svg.element("width=\"", String(right), "\" height=\"20\" ")
    svg.element("fill=\"", color, "\"/>")
    svg.raw("<g fill=\"#fff\" font-family=\"system-ui,sans-serif\" font-size=\"11\">")
    svg.element("<text x=\"7\" y=\"14\">", name, "</text>")
    svg.element("<text x=\"", String(left + 7), "\" y=\"14\">")
    svg.element("", word, "</text></g></svg>\n")
    return svg.text
  }
}
