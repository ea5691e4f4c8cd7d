import FoundationEssentials
import Testing

@testable import StatusPage

/// The outage of 2018 as the drill replays it: two cells lose everything, are refilled and verified.
@Suite struct CourseTests {
  /// Half a second apart; each with what is truly verified of 400 load balancer rules and 2,000 static NATs.
  private static let samples: [(document: StatusDocument, balancers: Int, nats: Int)] = {
    var samples: [(StatusDocument, Int, Int)] = [(Drill.document(-1), 400, 2000)]
    for step in 1...66 {
      let time = Double(step) / 2
      let balancer = min(200, Int(max(0, time - 3) * 10))
      let nat = min(1000, Int(max(0, time - 4) * 40))
      let applied = time >= 29 ? 29.0 : nil
      let verified = time >= 31 ? 30.9 : nil
      let losses =
        [Drill.loss(1, at: 0, applied: applied, verified: verified)]
        + (time >= 1.5 ? [Drill.loss(2, at: 1.5, applied: applied, verified: verified)] : [])
      samples.append((Drill.document(time, balancer: balancer, nat: nat, losses), 2 * balancer, 2 * nat))
    }
    return samples
  }()

  private struct Unresolved: Decodable {
    struct Update: Decodable { var status, body, display_at: String }
    struct Incident: Decodable {
      var id, name, status, impact: String
      var incident_updates: [Update]
    }
    var incidents: [Incident]
  }

  @Test(arguments: Language.allCases)
  func `the page's whole course is true at every sample`(language: Language) throws {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud", url: "https://status.example.jp"), store: nil, now: Drill.at(-60),
      newID: Drill.ids())
    var transcript = ""
    var told: Set<String> = []
    var opened: Double?
    var closed: Double?
    for (document, balancers, nats) in Self.samples {
      board.update(document)
      let time = Double(document.time.milliseconds - Drill.begin.milliseconds) / 1000
      let data = Data(board.rendered(.incidents, language).text.utf8)
      let incidents = try JSONDecoder().decode(Unresolved.self, from: data).incidents
      #expect(incidents.count <= 1)
      guard let incident = incidents.first else { continue }
      if opened == nil { opened = time }
      if closed == nil, incident.status == "resolved" { closed = time }
      #expect((incident.status == "resolved") == (time >= 31), "no false end, at \(time)")
      let services = try #require(board.incidents.first?.services)
      if closed == nil {
        // Of the cells that are lost by then.
        let half = time < 1.5 ? 2 : 1
        for (service, verified, wanted) in [
          ("loadbalancer", balancers / half, 400 / half), ("staticnat", nats / half, 2000 / half),
        ] {
          let shown = try #require(services.first { $0.service == service })
          #expect(shown.wanted == wanted && abs(shown.verified - verified) * 50 <= wanted, "\(service) at \(time)")
        }
      }
      for update in incident.incident_updates.reversed() where told.insert(update.body + update.display_at).inserted {
        transcript += "\(time) s  [\(update.status)] \(update.display_at)\n  \(update.body)\n"
      }
      let open = try #require(board.incidents.first)
      if closed == nil, Int(time * 2) % 10 == 0 {
        let figures = open.cells?.map { "\($0.cell) \($0.total.service) \($0.total.percent) %" } ?? []
        transcript +=
          "\(time) s  \(incident.name); \(figures.joined(separator: ", ")); out: \(open.customersOut ?? 0) customers, "
          + "\(open.addressesOut ?? 0) addresses\n"
      }
    }
    #expect(try #require(opened) <= 10)
    #expect(try #require(closed) - 30.9 <= 10)
    try expectGolden("course.\(language.rawValue).txt", transcript)
    let id = try #require(board.incidents.first?.id)
    try expectGolden("incident.\(language.rawValue).html", try #require(board.renderedIncident(id, language)).text)
  }

  @Test func `the estimate has a range that holds the truth`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    for (document, _, _) in Self.samples where document.time < Drill.at(20) { _ = course.take(document) }
    let incident = try #require(course.archive.incidents.first)
    let (earliest, end, latest) = (
      try #require(incident.earliestEnd), try #require(incident.estimatedEnd), try #require(incident.latestEnd)
    )
    #expect(earliest <= end && end <= latest)
    #expect(earliest <= Drill.at(29) && Drill.at(29) <= latest)
  }

  @Test func `the timeline is made from losses and what is on record`() throws {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud"), store: nil, now: Drill.at(-60), newID: Drill.ids())
    let revision = Fact(
      at: Drill.at(-5), scope: "router/1", text: Wording(ja: "リビジョン812: 手動変更", en: "Revision 812: changed by hand"))
    for (document, _, _) in Self.samples {
      var document = document
      document.facts = [revision, Fact(at: Drill.at(-5), scope: "router/9", text: Wording(ja: "別件", en: "elsewhere"))]
      board.update(document)
    }
    let id = try #require(board.incidents.first?.id)
    let entries = try #require(board.timeline(id)).entries
    #expect(entries.first?.text.en == "Revision 812: changed by hand")
    #expect(entries.map(\.at) == entries.map(\.at).sorted())
    #expect(entries.count == 9)
    #expect(try #require(board.renderedIncident(id, .ja)).text.contains("リビジョン812"))
    #expect(!(try #require(board.renderedIncident(id, .en)).text.contains("elsewhere")))
  }
}
