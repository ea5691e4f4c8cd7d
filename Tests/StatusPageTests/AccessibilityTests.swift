import FoundationEssentials
import Testing

@testable import StatusPage

/// Rules of axe and WCAG 2.2 that a page without scripts can break, written out.
@Suite struct AccessibilityTests {
  private static func pages() throws -> [(name: String, html: String)] {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud", url: "https://status.example.jp"), store: nil, now: Drill.at(-60),
      newID: Drill.ids())
    var pages: [(String, String)] = []
    func take(_ name: String) throws {
      for language in Language.allCases {
        pages.append(("\(name) \(language)", board.rendered(.page, language).text))
        pages.append(("operators \(name) \(language)", OperatorPage(board: board, language: language).text))
        pages.append(("customer \(name) \(language)", board.renderedCustomer("x", language)))
        if let id = board.incidents.first?.id {
          pages.append(("incident \(name) \(language)", try #require(board.renderedIncident(id, language)).text))
        }
      }
    }
    board.update(Drill.document(-60))
    try take("calm")
    for document in Drill.middle { board.update(document) }
    let plan = IncidentCourse.Plan(
      title: Wording(ja: "更新", en: "Update"), components: ["vr"], from: Drill.at(3600), until: Drill.at(7200))
    _ = try board.operate { course throws(OperatorError) in try course.schedule(plan, by: "ops", now: Drill.at(11)) }
    try take("middle")
    for document in Drill.end { board.update(document) }
    try take("end")
    return pages
  }

  @Test func `structure, names and labels`() throws {
    for (name, html) in try Self.pages() {
      #expect(html.contains("<html lang=\"ja\">") || html.contains("<html lang=\"en\">"), "\(name)")
      #expect(html.matches(of: /<title>[^<]+<\/title>/).count == 1, "\(name)")
      for landmark in ["<main", "<header", "<footer", "<h1"] {
        #expect(html.components(separatedBy: landmark).count == 2, "\(name): one \(landmark)")
      }
      #expect(html.contains("width=device-width") && !html.contains("user-scalable=no"), "\(name)")
      let ids = html.matches(of: #/ id="([^"]+)"/#).map { String($0.1) }
      #expect(ids.count == Set(ids).count, "\(name): \(ids)")
      for label in html.matches(of: /aria-labelledby="([^"]+)"/) { #expect(ids.contains(String(label.1)), "\(name)") }
      var level = 0
      for heading in html.matches(of: /<h([1-6])/) {
        let next = Int(heading.1) ?? 0
        #expect(next <= level + 1, "\(name): h\(level), then h\(next)")
        level = next
      }
      for progress in html.matches(of: /<progress[^>]*>/) { #expect(progress.0.contains("aria-label="), "\(name)") }
      for link in html.matches(of: /<a [^>]*>([^<]*)<\/a>/) { #expect(!link.1.isEmpty, "\(name): \(link.0)") }
      // Every field that can be seen stands in its label.
      let outside = html.replacing(/<label>.*?<\/label>/.dotMatchesNewlines(), with: "")
      #expect(
        outside.matches(of: /<(input|select|textarea)/).count == html.matches(of: /type="hidden"/).count, "\(name)")
      #expect(
        !html.contains("<script") && !html.contains(" on") || html.firstMatch(of: #/ on[a-z]+="/#) == nil, "\(name)")
      for header in html.matches(of: /<th[ >][^>]*/) { #expect(header.0.contains("scope="), "\(name): \(header.0)") }
      #expect(html.utf8.count < 20_000, "\(name): \(html.utf8.count) bytes")
    }
  }

  @Test func `colours have the contrast of WCAG AA in both schemes`() throws {
    let sheet = String("\(StatusStyle.sheet)")
    let schemes = sheet.matches(of: /:root\{([^}]*)\}/).map { match in
      Dictionary(
        String(match.1).matches(of: /--([a-z]+):(#[0-9a-f]+)/).map { (String($0.1), String($0.2)) }
      ) { first, _ in first }
    }
    #expect(schemes.count == 2)
    for scheme in schemes {
      for name in ["ink", "soft", "link", "ok", "minor", "major", "critical", "info"] {
        for ground in ["paper", "card"] {
          let ratio = Self.contrast(try #require(scheme[name]), try #require(scheme[ground]))
          #expect(ratio >= 4.5, "\(name) on \(ground): \(ratio)")
        }
      }
    }
  }

  private static func contrast(_ a: String, _ b: String) -> Double {
    let (light, dark) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)
  }

  private static func luminance(_ color: String) -> Double {
    let digits = Array(color.dropFirst())
    let wide = digits.count == 3 ? digits.flatMap { [$0, $0] } : digits
    let parts = stride(from: 0, to: 6, by: 2).map { index -> Double in
      let value = Double(Int(String(wide[index...index + 1]), radix: 16) ?? 0) / 255
      return value <= 0.03928 ? value / 12.92 : power((value + 0.055) / 1.055)
    }
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
  }

  /// x to the 2.4 for x from 0 to 1, by Newton's iteration for the fifth root of x to the 12.
  private static func power(_ x: Double) -> Double {
    let wanted = (0..<12).reduce(1.0) { product, _ in product * x }
    var root = x
    for _ in 0..<60 { root -= (root * root * root * root * root - wanted) / (5 * root * root * root * root) }
    return root
  }
}
