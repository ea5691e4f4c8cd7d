import StatusPage
import Testing

@Suite struct OperatorTests {
  private let notice = IncidentCourse.Notice(
    title: Wording(ja: "電源設備の点検", en: "Power inspection"), body: Wording(ja: "確認中です。", en: ""), impact: .minor,
    components: ["vm"])

  @Test func `an operator writes, updates, edits and resolves an incident of the own`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    let id = try course.write(notice, by: "hanako", now: Drill.at(0))
    try course.add(Wording(ja: "", en: "Found."), status: .identified, to: id, now: Drill.at(10))
    let update = try #require(course.archive.incidents.first?.updates.first?.id)
    try course.edit(
      id, cause: Wording(ja: "点検", en: "inspection"), update: (id: update, body: Wording(ja: "調査中", en: "Looking")))
    _ = course.take(Drill.document(20))
    #expect(course.archive.incidents.first?.isOpen == true)
    #expect(course.archive.incidents.first?.impact == .minor)
    try course.add(Wording(ja: "済", en: "Done"), status: .resolved, to: id, now: Drill.at(30))
    let incident = try #require(course.archive.incidents.first)
    #expect(incident.resolvedAt == Drill.at(30))
    #expect(incident.updates.map(\.body.en) == ["Looking", "Found.", "Done"])
    #expect(incident.updates[1].body.ja == "Found.")
    #expect(throws: OperatorError.self) {
      try course.add(Wording(ja: "x", en: "x"), status: .identified, to: id, now: Drill.at(40))
    }
  }

  @Test func `nobody but the probes resolves what was measured`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    for document in Drill.middle { _ = course.take(document) }
    let id = try #require(course.archive.incidents.first?.id)
    #expect(throws: OperatorError.self) {
      try course.add(Wording(ja: "済", en: "done"), status: .resolved, to: id, now: Drill.at(11))
    }
    try course.add(
      Wording(ja: "作業員が向かっています", en: "People are on their way"), status: .monitoring, to: id, now: Drill.at(11))
    #expect(course.archive.incidents.first?.status == .identified)
    try course.edit(id, title: Wording(ja: "通信障害", en: "Loss of traffic"))
    for document in Drill.end { _ = course.take(document) }
    #expect(course.archive.incidents.first?.resolvedAt == Drill.at(31.2))
    #expect(course.archive.incidents.first?.editorial?.title?.en == "Loss of traffic")
  }

  @Test func `merging makes one of two, and their losses go on in it`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    _ = course.take(Drill.document(1, [Drill.loss(1, at: 0)]))
    _ = course.take(Drill.document(100.2, [Drill.loss(1, at: 0), Drill.loss(2, at: 100)]))
    #expect(course.archive.incidents.count == 2)
    let ids = course.archive.incidents.map(\.id)
    try course.merge(ids[1], into: ids[0], now: Drill.at(101))
    #expect(course.archive.incidents[1].editorial?.mergedInto == ids[0])
    #expect(!course.archive.incidents[1].isPublic && !course.archive.incidents[1].isOpen)
    _ = course.take(
      Drill.document(
        120, [Drill.loss(1, at: 0, applied: 110, verified: 110), Drill.loss(2, at: 100, applied: 111, verified: 111)]))
    #expect(course.archive.incidents[0].resolvedAt == Drill.at(111))
    #expect(course.archive.incidents[0].losses.count == 2)
    #expect(throws: OperatorError.self) { try course.merge(ids[0], into: ids[0], now: Drill.at(130)) }
    #expect(throws: OperatorError.self) { try course.merge("nobody", into: ids[0], now: Drill.at(130)) }
  }

  @Test func `drafts are not on the page, in the JSON or in the feeds`() throws {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud"), store: nil, now: Drill.at(0), newID: Drill.ids())
    board.update(Drill.document(0))
    var draft = notice
    draft.isDraft = true
    let id = try board.operate { course throws(OperatorError) in try course.write(draft, by: "hanako", now: Drill.at(1))
    }
    for resource in StatusResource.allCases {
      #expect(!board.rendered(resource, .en).text.contains("Power inspection"))
    }
    #expect(board.renderedIncident(id, .en) == nil)
    try board.operate { course throws(OperatorError) in try course.publish(id) }
    #expect(board.rendered(.page, .en).text.contains("Power inspection"))
    #expect(board.rendered(.page, .ja).text.contains("電源設備の点検"))
    #expect(board.renderedIncident(id, .en) != nil)
  }
}
