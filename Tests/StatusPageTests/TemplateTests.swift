import StatusPage
import Testing

@Suite struct TemplateTests {
  @Test func `texts can be replaced, and placeholders are filled in once`() throws {
    let templates = try Templates(overrides: [
      "opened": Wording(ja: "【重要】{cause}", en: "Attention: {cause} {extent}"),
      "fieldCause": Wording(ja: "■原因(調査結果)", en: "Reason"),
    ])
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example"), store: nil, now: Drill.at(0), templates: templates, newID: Drill.ids())
    var loss = Drill.loss(1, at: 0)
    loss.cellName = "{extent}"
    board.update(Drill.document(1, balancer: 0, nat: 0, [loss]))
    let body = try #require(board.incidents.first?.updates.first?.body)
    #expect(body.ja.hasPrefix("【重要】{extent}の共有ネットワーク設定の消失"))
    #expect(
      body.en
        == "Attention: shared network configuration of {extent} was lost: nftables tables deleted 12 customers, 1,100 addresses"
    )
    #expect(board.rendered(.page, .ja).text.contains("■原因(調査結果)"))
  }

  @Test func `unknown texts and placeholders are refused by name`() {
    let error = #expect(throws: StatusPageError.self) {
      _ = try Templates(overrides: ["opend": Wording(ja: "", en: "")])
    }
    #expect(error?.message.contains("opened") == true)
    let placeholder = #expect(throws: StatusPageError.self) {
      _ = try Templates(overrides: ["opened": Wording(ja: "{reason}", en: "")])
    }
    #expect(placeholder?.message.contains("{cause}") == true)
  }
}
