import StatusPage
import Testing

@Suite struct IncidentCourseTests {
  @Test func `a customer of two cells is one customer, and every address that is out is counted`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    for var document in Drill.middle {
      document.customers = CustomerCount(hit: 15, out: document.losses.isEmpty ? 0 : 15)
      _ = course.take(document)
    }
    let incident = try #require(course.archive.incidents.first)
    #expect(incident.customers == 15 && incident.customersOut == 15)
    // 72 load balancers and 800 static NATs of each cell.
    #expect(incident.addresses == 2200 && incident.addressesOut == 1744)
    for var document in Drill.end {
      document.customers = CustomerCount(hit: 15, out: 0)
      _ = course.take(document)
    }
    #expect(course.archive.incidents.first?.customers == 15 && course.archive.incidents.first?.customersOut == 0)
  }

  private func run(_ documents: [StatusDocument]) -> IncidentCourse {
    var course = IncidentCourse(newID: Drill.ids())
    for document in documents { _ = course.take(document) }
    return course
  }

  @Test func `the loss of two cells is one incident with progress, a cause, its customers and a true duration`() throws
  {
    let course = run(Drill.middle + Drill.end)
    let incident = try #require(course.archive.incidents.first)
    #expect(course.archive.incidents.count == 1)
    #expect(incident.status == .resolved)
    #expect(incident.impact == .critical)
    #expect(incident.startedAt == Drill.at(0))
    #expect(incident.monitoringAt == Drill.at(30))
    #expect(incident.resolvedAt == Drill.at(31.2))
    #expect(incident.customers == 24)
    #expect(incident.addresses == 2200)
    #expect(incident.components == ["lb-1", "lb-2", "nat-1", "nat-2"])
    let bodies = incident.updates.map(\.body.en)
    #expect(
      bodies.first == "Shared network configuration of cell-1 was lost: nftables tables deleted. "
        + "It is being restored from the recorded settings. Affected: 12 customers, 1,100 addresses.")
    #expect(bodies.contains { $0.hasPrefix("More is affected; being restored: cell-1 and cell-2.") })
    #expect(bodies.contains { $0.hasPrefix("Restored so far: load balancer 64\u{a0}%, static NAT 20\u{a0}%.") })
    #expect(bodies.last?.contains("Time out of service: 31.2 s.") == true)
    #expect(incident.updates.map(\.displayAt) == incident.updates.map(\.displayAt).sorted())
    #expect(incident.updates.last?.displayAt == Drill.at(31.2))
  }

  @Test func `the middle shows measured progress and an estimate drawn from it`() throws {
    let incident = try #require(run(Drill.middle).archive.incidents.first)
    #expect(incident.isOpen)
    #expect(incident.services.map(\.service) == ["loadbalancer", "staticnat"])
    #expect(incident.services.map(\.percent) == [64, 20])
    // 656 of 2400 in 8.4 s since the second cell was lost.
    let end = try #require(incident.estimatedEnd)
    #expect(abs(end.milliseconds - Drill.at(10 + 1744 / (656 / 8.4)).milliseconds) < 50)
  }

  @Test func `a loss repaired within milliseconds opens and closes an incident with its true times`() throws {
    var course = IncidentCourse(newID: Drill.ids())
    let loss = Drill.loss(1, at: 0, applied: 0.018, verified: 0.031)
    #expect(course.take(Drill.document(0.2, [loss])) == .record)
    let incident = try #require(course.archive.incidents.first)
    #expect(incident.updates.map(\.status) == [.identified, .monitoring, .resolved])
    #expect(incident.updates.map(\.displayAt) == [Drill.at(0.004), Drill.at(0.018), Drill.at(0.031)])
    #expect(incident.updates.last?.body.en.contains("31 ms") == true)
    #expect(incident.customers == 12)
    #expect(course.take(Drill.document(0.4, [loss])) == .nothing)
    #expect(course.archive.incidents.count == 1)
  }

  @Test func `a loss within a minute of the last one reopens its incident, a later one is another`() {
    let first = Drill.loss(1, at: 0, applied: 1, verified: 1)
    let second = Drill.loss(1, at: 41, applied: 42, verified: 42)
    let third = Drill.loss(1, at: 200, applied: 201, verified: 201)
    var course = run([Drill.document(1.2, [first]), Drill.document(41.2, [first, Drill.loss(1, at: 41)])])
    #expect(course.archive.incidents.map(\.isOpen) == [true])
    #expect(course.archive.incidents.first?.recurrences == 1)
    _ = course.take(Drill.document(42.2, [first, second]))
    #expect(course.archive.incidents.first?.resolvedAt == Drill.at(42))
    #expect(course.archive.incidents.first?.updates.last?.body.en.contains("2.0 s") == true)
    _ = course.take(Drill.document(201.2, [first, second, third]))
    #expect(course.archive.incidents.count == 2)
  }

  @Test func `a repaired drift of one element is an internal note, one that stays is public`() {
    let repaired = Drill.loss(1, at: 0, applied: 0.1, verified: 0.1, found: .elementsChanged, rules: 1, probes: 0)
    var course = run([Drill.document(0.2, [repaired]), Drill.document(0.4, [repaired])])
    #expect(course.archive.incidents.isEmpty)
    #expect(course.archive.notes.map(\.loss) == [repaired])
    let staying = Drill.loss(2, at: 10, found: .elementsChanged, rules: 1, probes: 0)
    _ = course.take(Drill.document(11, [staying]))
    #expect(course.archive.incidents.isEmpty)
    _ = course.take(Drill.document(12, [staying]))
    #expect(course.archive.incidents.map(\.impact) == [.minor])
  }

  @Test(arguments: [(12, 0), (1, 1)])
  func `a hundredth of the rules, or a probe that noticed, makes a drift public`(rules: Int, probes: Int) {
    let loss = Drill.loss(1, at: 0, applied: 1, verified: 1, found: .elementsChanged, rules: rules, probes: probes)
    #expect(run([Drill.document(1, [loss])]).archive.incidents.count == 1)
  }

  @Test func `updates come at most every two seconds and grow rarer as an incident lasts`() throws {
    let loss = Drill.loss(1, at: 0)
    var course = IncidentCourse(newID: Drill.ids())
    for step in 0..<(5 * 3600) {
      let time = 0.2 + Double(step) * 0.2
      _ = course.take(Drill.document(time, balancer: min(199, step / 90), nat: min(999, step / 18), [loss]))
    }
    let incident = try #require(course.archive.incidents.first)
    let times = incident.updates.dropFirst().map(\.createdAt.milliseconds)
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 2000 })
    #expect((60...130).contains(incident.updates.count))
  }

  @Test func `what a document does not speak of is not verified`() {
    var course = run(Drill.middle)
    let nothing = StatusDocument(time: Drill.at(100), components: [], services: [], losses: [])
    _ = course.take(nothing)
    #expect(course.archive.incidents.first?.isOpen == true)
    #expect(course.archive.incidents.first?.services.map(\.percent) == [64, 20])
  }

  @Test func `history is bounded and keeps the open incident`() {
    var course = run([Drill.document(1, [Drill.loss(2, at: 0)])])
    for number in 1...250 {
      let time = Double(number) * 100
      let loss = Drill.loss(1, at: time, applied: time + 1, verified: time + 1)
      let open = ScopeLoss(
        scope: "router/1", role: .edgeGateway, cellName: "cell-1", zoneName: "osaka-1", found: .tablesDeleted,
        rulesLost: 9, rulesWanted: 9, probesMissed: 1, accounts: 1, addresses: 1, lostAt: loss.lostAt,
        detectedAt: loss.detectedAt, appliedAt: loss.appliedAt, verifiedAt: loss.verifiedAt)
      _ = course.take(
        Drill.document(time + 1.2, balancer: 0, nat: 0, [Drill.loss(2, at: 0), open]))
    }
    #expect(course.archive.incidents.count == 200)
    #expect(course.archive.incidents.first?.isOpen == true)
  }
}
