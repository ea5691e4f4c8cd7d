import StatusPage
import Testing

@Suite struct MaintenanceTests {
  private func plan(_ from: Double, _ until: Double, action: String? = nil) -> IncidentCourse.Plan {
    IncidentCourse.Plan(
      title: Wording(ja: "ゲートウェイの更新", en: "Gateway update"), components: ["gateway"], from: Drill.at(from),
      until: Drill.at(until), action: action)
  }

  @Test func `planned work is announced, starts and ends by its own times`() throws {
    var cloud = SimulatedCloud()
    _ = try cloud.course.schedule(plan(60, 120), by: "ops", now: cloud.now)
    #expect(cloud.course.archive.maintenances.first?.status == .scheduled)
    cloud.run(59)
    #expect(cloud.course.archive.maintenances.first?.status == .scheduled)
    cloud.run(1)
    #expect(cloud.course.archive.maintenances.first?.status == .inProgress)
    cloud.run(60)
    let maintenance = try #require(cloud.course.archive.maintenances.first)
    #expect(maintenance.status == .completed)
    #expect(maintenance.startedAt == Drill.at(60) && maintenance.completedAt == Drill.at(120))
    #expect(maintenance.updates.map(\.status) == [.scheduled, .inProgress, .completed])
  }

  @Test func `bound to an action it follows the deed`() throws {
    var cloud = SimulatedCloud()
    _ = try cloud.course.schedule(plan(60, 120, action: "host/1"), by: "ops", now: cloud.now)
    cloud.run(90)
    #expect(cloud.course.archive.maintenances.first?.status == .scheduled)
    cloud.actions = [PlannedAction(id: "host/1", state: .running, at: cloud.now)]
    cloud.run(60)
    #expect(cloud.course.archive.maintenances.first?.updates.last?.body.en.contains("longer than announced") == true)
    #expect(cloud.course.archive.maintenances.first?.status == .inProgress)
    cloud.actions = [PlannedAction(id: "host/1", state: .done, at: cloud.now)]
    cloud.run(1)
    #expect(cloud.course.archive.maintenances.first?.completedAt == Drill.at(150))
  }

  @Test func `a deed that was over before the work was announced is another one`() throws {
    var cloud = SimulatedCloud()
    cloud.actions = [PlannedAction(id: "host/1", state: .done, at: Drill.at(-100))]
    _ = try cloud.course.schedule(plan(60, 120, action: "host/1"), by: "ops", now: cloud.now)
    cloud.run(30)
    #expect(cloud.course.archive.maintenances.first?.status == .scheduled)
    cloud.actions = [PlannedAction(id: "host/1", state: .done, at: cloud.now)]
    cloud.run(1)
    #expect(cloud.course.archive.maintenances.first?.completedAt == Drill.at(30))
  }

  @Test func `a fault in planned work is expected, one that outlasts it or is elsewhere is an incident`() throws {
    var cloud = SimulatedCloud()
    _ = try cloud.course.schedule(plan(10, 100), by: "ops", now: cloud.now)
    cloud.run(20)
    cloud.see(.gateway, [.packets, .outside], failing: true)
    cloud.run(60)
    #expect(cloud.course.archive.incidents.isEmpty)
    cloud.see(.storage, [.packets, .outside], failing: true)
    cloud.run(15)
    #expect(cloud.course.archive.incidents.map(\.components) == [["storage"]])
    cloud.run(20)
    #expect(cloud.course.archive.incidents.map(\.components) == [["storage"], ["gateway"]])
    #expect(cloud.course.archive.incidents.last?.startedAt == Drill.at(20))
  }

  @Test func `times that make no sense are refused`() throws {
    var cloud = SimulatedCloud()
    for (from, until) in [(60.0, 30.0), (-100, -50), (0, 8 * 86_400)] {
      #expect(throws: OperatorError.self) {
        _ = try cloud.course.schedule(plan(from, until), by: "ops", now: cloud.now)
      }
    }
    let id = try cloud.course.schedule(plan(60, 120), by: "ops", now: cloud.now)
    try cloud.course.reschedule(id, from: Drill.at(200), until: Drill.at(300), now: cloud.now)
    try cloud.course.finish(id, now: cloud.now)
    #expect(cloud.course.archive.maintenances.first?.updates.last?.body.en == "The work was cancelled.")
    #expect(throws: OperatorError.self) { try cloud.course.finish(id, now: cloud.now) }
  }
}
