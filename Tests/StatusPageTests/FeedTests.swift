import StatusPage
import Testing

@Suite struct FeedTests {
  private func board() throws -> StatusBoard {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud", url: "https://status.example.jp"), store: nil, now: Drill.at(-60),
      newID: Drill.ids())
    for document in Drill.middle { board.update(document) }
    let plan = IncidentCourse.Plan(
      title: Wording(ja: "ゲートウェイの更新", en: "Gateway update"), components: ["nat-1"], from: Drill.at(3600),
      until: Drill.at(7200))
    _ = try board.operate { course throws(OperatorError) in try course.schedule(plan, by: "ops", now: Drill.at(11)) }
    return board
  }

  @Test(arguments: [StatusResource.rss, .atom, .badge, .upcoming, .maintenances])
  func `feeds, badge and planned work as they go out`(resource: StatusResource) throws {
    let name = resource.path.split(separator: "/").last.map(String.init) ?? ""
    try expectGolden(name, try board().rendered(resource, .en).text)
  }

  @Test func `planned work is on the page and in the summary`() throws {
    let board = try board()
    #expect(board.rendered(.page, .ja).text.contains("■実施日時"))
    #expect(board.rendered(.summary, .en).text.contains("\"scheduled_for\":\"2018-07-09T04:30:00.000Z\""))
    #expect(!board.rendered(.active, .en).text.contains("Gateway update"))
    board.update(Drill.document(3601))
    #expect(board.rendered(.active, .en).text.contains("\"status\":\"in_progress\""))
    #expect(
      board.rendered(.components, .en).text.contains(
        "\"id\":\"nat-1\",\"name\":\"Static NAT (cell-1)\",\"status\":\"under_maintenance\""))
  }

  @Test func `times are in the reader's zone, with Japan's beside`() throws {
    let zone = try #require(ReaderZone("America/New_York"))
    let text = try board().rendered(.page, .en, zone: zone).text
    #expect(text.contains("2018-07-08 23:30:00 GMT-4 (2018-07-09 12:30:00 JST)"))
    #expect(text.contains("<option selected>America/New_York</option>"))
    #expect(ReaderZone("../../etc/passwd") == nil)
    #expect(ReaderZone("<script>") == nil)
  }
}
