import FoundationEssentials
import StatusPage
import Testing

@Suite struct IncidentStoreTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "status-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private func board(_ path: String, at time: Double, ids: @escaping @Sendable () -> String) throws -> StatusBoard {
    try StatusBoard(
      settings: StatusSettings(name: "Example Cloud"), store: IncidentStore(path: path), now: Drill.at(time), newID: ids
    )
  }

  @Test func `a restart in the middle goes on with the same incident`() throws {
    try inFolder { folder in
      let ids = Drill.ids()
      let before = try board("\(folder)/incidents.json", at: -60, ids: ids)
      for document in Drill.middle { #expect(before.update(document) == nil) }
      let after = try board("\(folder)/incidents.json", at: 20, ids: ids)
      #expect(after.incidents == before.incidents)
      for document in Drill.end { #expect(after.update(document) == nil) }
      #expect(after.incidents.count == 1)
      #expect(after.incidents.first?.startedAt == Drill.at(0))
      #expect(after.incidents.first?.resolvedAt == Drill.at(31.2))
      let third = try board("\(folder)/incidents.json", at: 40, ids: ids)
      third.update(Drill.document(40, [Drill.loss(1, at: 0, applied: 30, verified: 31)]))
      #expect(third.incidents == after.incidents)
    }
  }

  @Test func `a loss that nobody remembers after a restart ends when its services are complete`() throws {
    try inFolder { folder in
      let ids = Drill.ids()
      let before = try board("\(folder)/incidents.json", at: -60, ids: ids)
      for document in Drill.middle { before.update(document) }
      let after = try board("\(folder)/incidents.json", at: 20, ids: ids)
      after.update(Drill.document(20, balancer: 200, nat: 999))
      #expect(after.incidents.first?.isOpen == true)
      after.update(Drill.document(21))
      #expect(after.incidents.first?.resolvedAt == Drill.at(21))
    }
  }

  @Test func `a damaged file is kept aside and the page says so`() throws {
    try inFolder { folder in
      let path = "\(folder)/incidents.json"
      try Data("{\"version\":1,\"arch".utf8).write(to: URL(filePath: path))
      let board = try board(path, at: 0, ids: Drill.ids())
      #expect(board.damage?.code == .damaged)
      #expect(board.incidents.isEmpty)
      let aside = "\(path).damaged-\(Drill.at(0).milliseconds)"
      #expect(try Data(contentsOf: URL(filePath: aside)) == Data("{\"version\":1,\"arch".utf8))
      #expect(board.rendered(.page, .en).text.contains("was damaged"))
    }
  }

  @Test func `a folder that cannot be written is told to the caller and on the page`() throws {
    try inFolder { folder in
      let board = try board("\(folder)/missing/incidents.json", at: 0, ids: Drill.ids())
      let failure = board.update(Drill.document(1, [Drill.loss(1, at: 0)]))
      #expect(failure?.code == .unwritable)
      #expect(board.rendered(.page, .en).text.contains("cannot be saved"))
      try FileManager.default.createDirectory(atPath: "\(folder)/missing", withIntermediateDirectories: true)
      #expect(board.update(Drill.document(2, balancer: 1, nat: 1, [Drill.loss(1, at: 0)])) == nil)
      #expect(!board.rendered(.page, .en).text.contains("cannot be saved"))
    }
  }
}
