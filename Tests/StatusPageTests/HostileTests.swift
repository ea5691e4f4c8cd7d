import FoundationEssentials
import Testing

@testable import StatusPage

/// Texts that want to be more than texts, everywhere a text is taken from outside.
@Suite struct HostileTests {
  private static let evil = "</title><script>alert('x')</script>\"'&]]>\r\nSet-Cookie: a=b\r\n\r\n{extent}\u{202e}\u{0}"

  private func board() throws -> StatusBoard {
    let text = Wording(ja: Self.evil, en: Self.evil)
    // Placeholders of a template are checked when it is read.
    let plain = Wording(
      ja: Self.evil.replacing("{extent}", with: ""), en: Self.evil.replacing("{extent}", with: ""))
    let board = try StatusBoard(
      settings: StatusSettings(pageID: Self.evil, name: Self.evil, url: Self.evil), store: nil, now: Drill.at(-60),
      templates: Templates(overrides: ["apology": plain, "fieldCause": plain]), newID: Drill.ids())
    var document = Drill.middle[4]
    document.facts = [Fact(at: Drill.at(0), text: text)]
    document.components.append(
      Component(
        id: Self.evil, zone: Self.evil, series: Self.evil, name: Self.evil, cell: Self.evil, state: .operational))
    document.observations = [
      Observation(
        component: Self.evil, kind: .other,
        looks: [.packets, .outside].map { Look($0, isFailing: true, since: Drill.at(-100), at: Drill.at(10)) })
    ]
    document.accounts = [
      AccountStanding(
        account: Self.evil,
        resources: [AffectedResource(kind: .address, id: Self.evil, name: Self.evil, state: .out, since: Drill.at(0))])
    ]
    board.update(document)
    let notice = IncidentCourse.Notice(title: text, body: text, impact: .major, components: [Self.evil])
    let id = try board.operate { course throws(OperatorError) in
      try course.write(notice, by: Self.evil, now: Drill.at(1))
    }
    try board.operate { course throws(OperatorError) in try course.edit(id, cause: text) }
    let plan = IncidentCourse.Plan(
      title: text, components: [Self.evil], from: Drill.at(20), until: Drill.at(60), action: Self.evil)
    _ = try board.operate { course throws(OperatorError) in try course.schedule(plan, by: Self.evil, now: Drill.at(1)) }
    board.tell([text], unknown: [Self.evil])
    return board
  }

  private func check(_ text: String, _ what: String) {
    #expect(!text.contains("<script"), "\(what)")
    #expect(
      !text.unicodeScalars.contains("\u{0}") && !text.unicodeScalars.contains("\u{202e}") || what.hasSuffix("json"),
      "\(what)")
  }

  @Test(arguments: Language.allCases)
  func `texts stay texts on every page, in every file and in every notice`(language: Language) throws {
    let board = try board()
    for resource in StatusResource.allCases { check(board.rendered(resource, language).text, resource.path) }
    for incident in board.incidents {
      check(try #require(board.renderedIncident(incident.id, language)).text, "incident")
      check(try #require(board.webhookBody(incident.id, language, unsubscribe: Self.evil)), "webhook json")
      let mail = try #require(board.mail(incident.id, language, unsubscribe: Self.evil))
      let message = MailMessage(
        from: try #require(MailAddress("a@b.jp")), fromName: Self.evil, to: try #require(MailAddress("c@d.jp")),
        subject: mail.subject, body: mail.body, date: Drill.at(0), id: "x", unsubscribe: Self.evil)
      #expect(!message.text.contains("Set-Cookie") && !message.text.contains("<script"))
    }
    check(OperatorPage(board: board, language: language).text, "operators")
    check(board.renderedCustomer(Self.evil.clipped, language), "customer")
    for (name, text) in board.files() { check(text, name) }
  }

  @Test func `feeds are well-formed whatever is in them`() throws {
    for resource in [StatusResource.rss, .atom] {
      let text = try board().rendered(resource, .en).text
      let opened = text.matches(of: /<([A-Za-z]+)[^>\/]*>/).map(\.1)
      let closed = text.matches(of: /<\/([A-Za-z]+)>/).map(\.1)
      // Those with attributes are left out.
      let plain = Set(opened).subtracting(["rss", "feed", "guid", "content", "link"])
      #expect(opened.filter(plain.contains).sorted() == closed.filter(plain.contains).sorted())
    }
  }

  @Test func `what an operator sends is bounded`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    let long = String(repeating: "長", count: 100_000)
    let text = Wording(ja: long, en: long)
    let id = try course.write(
      .init(title: text, body: text, impact: .minor, components: Array(repeating: long, count: 2000)), by: long,
      now: Drill.at(0))
    for second in 1..<500 { try course.add(text, status: .identified, to: id, now: Drill.at(Double(second))) }
    let incident = try #require(course.archive.incidents.first)
    #expect(incident.updates.count <= Bounds.updates && incident.updates.allSatisfy { $0.body.ja.count <= Bounds.text })
    #expect(incident.components.count <= Bounds.components)
    #expect(incident.editorial?.title?.ja.count ?? 0 <= Bounds.name)
  }
}
