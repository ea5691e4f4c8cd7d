import FoundationEssentials
import StatusPage
import Testing

@Suite struct StatusPageTests {
  private func board(_ documents: [StatusDocument], name: String = "Example Cloud") throws -> StatusBoard {
    let board = try StatusBoard(
      settings: StatusSettings(name: name, url: "https://status.example.jp"), store: nil, now: Drill.at(-60),
      newID: Drill.ids())
    for document in documents { board.update(document) }
    return board
  }

  private func text(_ board: StatusBoard, _ resource: StatusResource, _ language: Language = .en) -> String {
    board.rendered(resource, language).text
  }

  @Test(arguments: Language.allCases)
  func `the page in the middle of an outage and after it`(language: Language) throws {
    let middle = try board(Drill.middle)
    try expectGolden("middle.\(language.rawValue).html", text(middle, .page, language))
    let end = try board(Drill.middle + Drill.end)
    try expectGolden("end.\(language.rawValue).html", text(end, .page, language))
  }

  @Test func `the summary in the middle of an outage`() throws {
    try expectGolden("summary.json", text(try board(Drill.middle), .summary))
  }

  @Test func `every document is JSON that names the page, and open incidents come and go`() throws {
    struct Document: Decodable {
      struct Page: Decodable { var id, name, url, updatedAt: String }
      struct Status: Decodable { var indicator, description: String }
      struct Update: Decodable { var status, body, createdAt, displayAt, incidentId: String }
      struct Incident: Decodable {
        var id, name, status, impact, startedAt: String
        var resolvedAt: String?
        var incidentUpdates: [Update]
      }
      var page: Page
      var status: Status?
      var incidents: [Incident]?
    }
    for (documents, open, indicator) in [(Drill.middle, 1, "critical"), (Drill.middle + Drill.end, 0, "none")] {
      let board = try board(documents)
      for resource in StatusResource.allCases where resource.path.hasSuffix(".json") {
        let data = Data(text(board, resource).utf8)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let document = try decoder.decode(Document.self, from: data)
        #expect(document.page.url == "https://status.example.jp")
        switch resource {
        case .summary, .status: #expect(document.status?.indicator == indicator)
        case .unresolved: #expect(document.incidents?.count == open)
        case .incidents: #expect(document.incidents?.count == 1)
        default: break
        }
      }
    }
  }

  @Test func `the Japanese notice carries the four fields and stamps each update`() throws {
    let page = text(try board(Drill.middle), .page, .ja)
    for field in ["■障害発生日時", "■対象範囲", "■障害内容", "■原因", "【7/9 12:30 更新】", "ロードバランサー 64%、スタティックNAT 20%"] {
      #expect(page.contains(field), "\(field)")
    }
  }

  @Test func `the page refreshes itself only while an incident is open`() throws {
    #expect(text(try board(Drill.middle), .page).contains("http-equiv=\"refresh\" content=\"5\""))
    #expect(!text(try board(Drill.middle + Drill.end), .page).contains("http-equiv"))
  }

  @Test func `hostile texts stay texts`() throws {
    let evil = "<script>alert('x')</script>\"&\u{202e}\u{0}"
    var loss = Drill.loss(1, at: 0, found: Finding(rawValue: evil))
    loss.cellName = evil
    loss.zoneName = evil
    let document = StatusDocument(
      time: Drill.at(1),
      components: [
        Component(id: evil, zone: evil, series: evil, name: evil, cell: evil, state: .partialOutage)
      ],
      services: [
        ServiceProgress(component: evil, scope: "router/1", service: evil, wanted: 10, verified: -7, accounts: .max)
      ], losses: [loss])
    let board = try board([document], name: evil)
    for language in Language.allCases {
      for resource in StatusResource.allCases {
        let text = text(board, resource, language)
        #expect(!text.contains("<script"))
        #expect(!text.unicodeScalars.contains("\u{0}"))
      }
      let page = text(board, .page, language)
      #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"))
      #expect(!page.unicodeScalars.contains("\u{202e}"))
    }
  }

  @Test func `the page stays small however much there is to say`() throws {
    let long = String(repeating: "名", count: 500)
    let losses = (0..<3000).map { number in
      var loss = Drill.loss(number, at: Double(number % 5))
      loss.cellName = "\(number)\(long)"
      loss.zoneName = "\(number % 50)\(long)"
      return loss
    }
    let components = (0..<400).map { number in
      Component(
        id: "\(number)", zone: "\(number)\(long)", series: long, name: "\(number)\(long)", state: .majorOutage)
    }
    let services = (0..<3000).map { number in
      ServiceProgress(
        component: "0", scope: "router/\(number)", service: "\(number % 30)\(long)", wanted: 100, verified: 1)
    }
    let board = try board([
      StatusDocument(time: Drill.at(6), components: components, services: services, losses: losses)
    ])
    for language in Language.allCases { #expect(board.rendered(.page, language).text.utf8.count < 14_000) }
    let usual = try self.board(Drill.middle)
    #expect(usual.rendered(.page, .ja).text.utf8.count < 14_000)
  }

  @Test func `what was rendered is kept until something changes`() throws {
    let board = try board(Drill.middle)
    let tag = board.rendered(.page, .ja).tag
    var same = Drill.middle[4]
    same.time = Drill.at(10)
    board.update(same)
    #expect(board.rendered(.page, .ja).tag == tag)
    #expect(board.rendered(.page, .en).tag != tag)
    board.update(Drill.document(13, balancer: 150, nat: 300, same.losses))
    #expect(board.rendered(.page, .ja).tag != tag)
  }

  @Test(
    arguments: [
      ("ja", nil, Language.ja), ("en", "ja", .en), (nil, "ja,en;q=0.5", .ja), (nil, "en-GB;q=0.3, ja-JP;q=0.8", .ja),
      (nil, "fr, de", .en), ("xx", "ja;q=0, en;q=0.1", .en), (nil, nil, .en),
    ] as [(String?, String?, Language)])
  func `the language is the one asked for, else the reader's`(parameter: String?, header: String?, expected: Language) {
    #expect(Language.chosen(parameter: parameter, acceptLanguage: header) == expected)
  }
}
