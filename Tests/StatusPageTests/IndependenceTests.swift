import FoundationEssentials
import Testing

@testable import StatusPage

@Suite struct IndependenceTests {
  private let signer = DocumentSigner()

  private func receiver(_ folder: String? = nil) throws -> FeedReceiver {
    try FeedReceiver(verifier: DocumentVerifier(publicKey: signer.publicKey), folder: folder, now: Drill.at(0))
  }

  private func body(_ document: StatusDocument = Drill.middle[4]) throws -> Data { try JSONEncoder().encode(document) }

  @Test func `documents survive the way, and are kept over a restart`() async throws {
    try await inFolder { folder in
      let receiver = try receiver(folder)
      let body = try body()
      let sequence = Drill.at(10).milliseconds
      try receiver.take(
        body, sequence: sequence, signature: try signer.sign(body, sequence: sequence), now: Drill.at(10))
      #expect(receiver.newest?.document == Drill.middle[4].bounded)
      try receiver.save()
      let again = try self.receiver(folder)
      #expect(again.newest == receiver.newest)
      #expect(throws: FeedReceiver.Refusal.replayed) {
        try again.take(
          body, sequence: sequence, signature: try signer.sign(body, sequence: sequence), now: Drill.at(11))
      }
    }
  }

  @Test func `forged, altered, replayed and untimely documents are refused`() throws {
    let receiver = try receiver()
    let body = try body()
    let now = Drill.at(10)
    let sequence = now.milliseconds
    let signature = try signer.sign(body, sequence: sequence)
    func refusal(_ body: Data, _ sequence: Int64, _ signature: String, _ now: Moment) -> FeedReceiver.Refusal? {
      do throws(FeedReceiver.Refusal) {
        try receiver.take(body, sequence: sequence, signature: signature, now: now)
      } catch { return error }
      return nil
    }
    #expect(refusal(body, sequence, try DocumentSigner().sign(body, sequence: sequence), now) == .forged)
    #expect(refusal(body + Data([32]), sequence, signature, now) == .forged)
    #expect(refusal(body, sequence + 1, signature, now) == .forged)
    #expect(refusal(body, sequence, "", now) == .forged)
    #expect(refusal(body, sequence, signature, Drill.at(1000)) == .untimely)
    #expect(refusal(body, sequence, signature, now) == nil)
    #expect(refusal(body, sequence, signature, now) == .replayed)
    #expect(refusal(body, sequence - 1, try signer.sign(body, sequence: sequence - 1), now) == .replayed)
    let junk = Data("[]".utf8)
    let next = sequence + 5
    guard case .malformed = refusal(junk, next, try signer.sign(junk, sequence: next), now) else {
      Issue.record("junk was taken")
      return
    }
  }

  @Test func `looks grow old by the page's own clock`() throws {
    let receiver = try receiver()
    var document = Drill.middle[0]
    document.time = Drill.at(0)
    document.observations = [
      Observation(
        component: "gw", kind: .gateway, looks: [Look(.packets, isFailing: true, since: Drill.at(-8), at: Drill.at(0))])
    ]
    let body = try body(document)
    let sequence = Drill.at(0).milliseconds
    // The page's clock is 40 s ahead.
    try receiver.take(body, sequence: sequence, signature: try signer.sign(body, sequence: sequence), now: Drill.at(40))
    let look = try #require(receiver.newest?.document.observations.first?.looks.first)
    #expect(look.at == Drill.at(40) && look.since == Drill.at(32))
  }

  @Test func `a ticket shows one account until it is too old`() throws {
    let verifier = try DocumentVerifier(publicKey: signer.publicKey)
    let ticket = try signer.ticket(account: "a.b-c", until: Drill.at(60))
    #expect(verifier.account(ticket: ticket, now: Drill.at(0)) == "a.b-c")
    #expect(verifier.account(ticket: ticket, now: Drill.at(60)) == nil)
    #expect(verifier.account(ticket: ticket + "x", now: Drill.at(0)) == nil)
    #expect(
      verifier.account(ticket: try DocumentSigner().ticket(account: "a", until: Drill.at(60)), now: Drill.at(0)) == nil)
    for junk in ["", ".", "a.b", String(repeating: "a", count: 5000)] {
      #expect(verifier.account(ticket: junk, now: Drill.at(0)) == nil)
    }
  }

  private let probe = OutsideProbe(
    component: Component(id: "api", zone: "tokyo-1", series: "Basic", name: "API", state: .operational), kind: .api,
    target: "https://cloud.example.jp/client/api")

  private func looks(failing: Bool, since: Double, at: Double) -> [String: Look] {
    ["api": Look(.outside, isFailing: failing, since: Drill.at(since), at: Drill.at(at))]
  }

  @Test func `a silent cloud is told of with the age of what is shown, and is no incident by itself`() throws {
    let outlook = Outlook(probes: [probe])
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example"), store: nil, now: Drill.at(0), newID: Drill.ids())
    let received = FeedReceiver.Received(sequence: 1, at: Drill.at(0), document: Drill.document(0))
    for second in 0..<120 {
      let now = Drill.at(Double(second))
      let view = outlook.view(received, looks: looks(failing: false, since: 0, at: Double(second)), now: now)
      board.update(view.document)
      board.tell(view.notes, unknown: view.unknown)
      #expect(view.notes.isEmpty == (second <= 10))
    }
    #expect(board.incidents.isEmpty)
    let text = board.rendered(.page, .en).text
    #expect(text.contains("The cloud has not reported for more than 1 min 50 s."))
    #expect(text.contains("Unknown (last: Operational)"))
    #expect(board.rendered(.page, .ja).text.contains("途絶えています"))
    let back = outlook.view(
      FeedReceiver.Received(sequence: 2, at: Drill.at(120), document: Drill.document(120)), looks: [:],
      now: Drill.at(121))
    #expect(back.notes.isEmpty && back.unknown.isEmpty)
  }

  @Test func `a silent cloud whose API cannot be reached is an incident, which ends when it is reached again`() throws {
    let outlook = Outlook(probes: [probe])
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example"), store: nil, now: Drill.at(0), newID: Drill.ids())
    let received = FeedReceiver.Received(sequence: 1, at: Drill.at(0), document: Drill.document(0))
    for second in 0..<60 {
      let down = second >= 2 && second < 40
      let since = second < 2 ? 0.0 : down ? 2 : 40
      let view = outlook.view(
        received, looks: looks(failing: down, since: since, at: Double(second)), now: Drill.at(Double(second)))
      board.update(view.document)
      if second == 15 { #expect(board.incidents.count == 1) }
      if second == 15 { #expect(board.incidents.first?.startedAt.milliseconds ?? 0 <= Drill.at(2).milliseconds) }
      if second == 39 { #expect(board.incidents.first?.isOpen == true) }
    }
    #expect(board.incidents.first?.resolvedAt == Drill.at(40))
    #expect(board.rendered(.page, .en).text.contains("API (tokyo-1) unavailable"))
  }

  @Test func `silence leaves an open incident open`() throws {
    let outlook = Outlook(probes: [])
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example"), store: nil, now: Drill.at(0), newID: Drill.ids())
    for document in Drill.middle { board.update(document) }
    let received = FeedReceiver.Received(sequence: 1, at: Drill.at(10), document: Drill.middle[4])
    for second in stride(from: 10.0, to: 500, by: 1) {
      board.update(outlook.view(received, looks: [:], now: Drill.at(second)).document)
    }
    #expect(board.incidents.first?.isOpen == true)
    #expect(board.incidents.first?.services.map(\.percent) == [64, 20])
  }

  @Test func `what no agent of the cloud watches is not called well, except where it is seen from outside`() throws {
    let outlook = Outlook(probes: [probe])
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example"), store: nil, now: Drill.at(0), newID: Drill.ids())
    var document = Drill.document(0)
    document.unknown = ["nat-1", "nat-2", "vr", "api"]
    let body = try body(document)
    let receiver = try receiver()
    let sequence = Drill.at(0).milliseconds
    try receiver.take(body, sequence: sequence, signature: try signer.sign(body, sequence: sequence), now: Drill.at(0))
    let view = outlook.view(receiver.newest, looks: looks(failing: false, since: 0, at: 1), now: Drill.at(1))
    board.update(view.document)
    board.tell(view.notes, unknown: view.unknown)
    #expect(view.notes.isEmpty && view.unknown == ["nat-1", "nat-2", "vr"])
    let page = board.rendered(.page, .en).text
    #expect(page.matches(of: /Unknown \(last: Operational\)/).count == 2, "static NAT of both cells, virtual routers")
    #expect(page.contains("Current State Not Known"))
    let json = board.rendered(.components, .en).text
    #expect(json.matches(of: /"description":"How it is now is not known/).count == 3)
    document.unknown = nil
    board.update(document)
    board.tell([])
    #expect(board.rendered(.page, .en).text.contains("All Systems Operational"))
  }

  @Test func `the page as files is whole, links within itself, and only what changed is written`() async throws {
    try await inFolder { folder in
      let board = try StatusBoard(
        settings: StatusSettings(name: "Example Cloud", url: "https://status.example.jp"), store: nil,
        now: Drill.at(-60),
        newID: Drill.ids())
      for document in Drill.middle { board.update(document) }
      let export = StaticExport(board: board, folder: "\(folder)/web")
      let count = try export.write()
      #expect(count == 16)
      #expect(try export.write() == 0)
      func read(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: "\(folder)/web/\(name)"), encoding: .utf8)
      }
      let page = try read("index.html")
      #expect(page.contains("href=\"index.en.html\"") && page.contains("href=\"api/v2/summary.json\""))
      #expect(!page.contains("href=\"/"))
      let id = try #require(board.incidents.first?.id)
      #expect(page.contains("href=\"incidents/\(id).ja.html\""))
      #expect(try read("incidents/\(id).ja.html").contains("href=\"../index.ja.html\""))
      #expect(try read("api/v2/summary.json") == board.rendered(.summary, .en).text)
      for document in Drill.end { board.update(document) }
      #expect(try export.write() > 0)
    }
  }

  @Test func `what is not known is not called well`() throws {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud"), store: nil, now: Drill.at(-60), newID: Drill.ids())
    board.update(Drill.document(-60))
    #expect(board.rendered(.page, .en).text.contains("All Systems Operational"))
    board.tell([], unknown: Set(Drill.components(.operational).map(\.id)))
    for resource in [StatusResource.page, .summary, .rss, .badge] {
      let text = board.rendered(resource, .en).text
      #expect(!text.contains("All Systems Operational") && !text.contains(">operational"), "\(resource)")
    }
    #expect(board.rendered(.page, .ja).text.contains("現在の状況を確認できません"))
    #expect(board.rendered(.badge, .en).text.contains("unknown"))
  }
}
