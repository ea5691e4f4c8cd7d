import Agent
import Control
import Glibc
import Logging
import NodePlan
import Synchronization
import Testing

@Suite("Link")
struct LinkTests {
  private func logger() -> Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }

  private final class Heard: Sendable {
    let reports = Mutex<[NodeReport]>([])
    let updates = Mutex<[PlanUpdate]>([])
    var hellos: Int { reports.withLock { $0.count { if case .hello = $0.body { true } else { false } } } }
    func scopes(_ name: String) -> [ScopeReport] {
      reports.withLock {
        $0.compactMap { if case .scope(let scope) = $0.body, scope.scope == name { scope } else { nil } }
      }
    }
  }

  private func serve(
    _ path: String, _ heard: Heard, sending update: PlanUpdate? = nil, takesOver: Bool = false
  ) -> Task<Void, any Error> {
    let server = NodeServer(socketPath: path, takesOver: takesOver, logger: logger()) { session in
      if let update { try await session.send(update) }
      for try await report in session.reports { heard.reports.withLock { $0.append(report) } }
    }
    return Task { try await server.run() }
  }

  private func dial(_ path: String, _ board: ReportBoard, _ heard: Heard) -> Task<Void, Never> {
    let link = ManagerLink(
      socketPath: path, board: board, logger: logger(),
      hello: {
        var hello = Hello()
        hello.node = "n1"
        return hello
      }, receive: { updates in heard.updates.withLock { $0 += updates } })
    return Task { await link.run() }
  }

  private func scope(_ name: String, _ generation: UInt64) -> ScopeReport {
    var report = ScopeReport()
    report.scope = name
    report.generation = generation
    return report
  }

  @Test(.timeLimit(.minutes(1))) func `fifty thousand objects arrive whole, and reports come back`() async throws {
    try await withFolder { folder in
      let (path, heard, board) = (folder + "/node.sock", Heard(), ReportBoard())
      let update = complete((0..<50_000).map { nat($0) })
      #expect(update.parts().count > 1)
      let server = serve(path, heard, sending: update)
      let client = dial(path, board, heard)
      try await settles { heard.updates.withLock { $0.count == 1 } }
      heard.updates.withLock { #expect($0.first == update) }
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      board.post(scope("router/r1", 11))
      try await settles { heard.scopes("router/r1").last?.generation == 11 }
      if case .hello = heard.reports.withLock({ $0.first?.body }) {} else { Issue.record("the hello comes first") }
      client.cancel()
      server.cancel()
      await client.value
      _ = await server.result
      #expect(access(path, F_OK) != 0)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a manager that takes the name over gets the agent, though the old one answers`()
    async throws
  {
    try await withFolder { folder in
      let (path, board) = (folder + "/node.sock", ReportBoard())
      let (old, new, node) = (Heard(), Heard(), Heard())
      let first = serve(path, old)
      let client = dial(path, board, node)
      try await settles { old.hellos == 1 }
      let second = serve(path, new, takesOver: true)
      try await settles { new.hellos == 1 }
      board.post(scope("wan", 1))
      try await settles { !new.scopes("wan").isEmpty }
      #expect(old.scopes("wan").isEmpty)
      // The old one's end leaves the new one's name alone.
      first.cancel()
      _ = await first.result
      #expect(access(path, F_OK) == 0)
      client.cancel()
      second.cancel()
      await client.value
      _ = await second.result
    }
  }

  @Test(.timeLimit(.minutes(1))) func `the agent comes back and says everything again`() async throws {
    try await withFolder { folder in
      let (path, heard, board) = (folder + "/node.sock", Heard(), ReportBoard())
      let client = dial(path, board, heard)
      board.post(scope("wan", 1))
      board.post(scope("wan", 2))
      for round in 1...3 {
        let server = serve(path, heard)
        try await settles { heard.hellos == round && heard.scopes("wan").count == round }
        server.cancel()
        _ = await server.result
      }
      #expect(heard.scopes("wan").allSatisfy { $0.generation == 2 })
      client.cancel()
      await client.value
    }
  }

  private static func isListening(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  @Test func `a living socket is not taken over, a dead one is`() async throws {
    try await withFolder { folder in
      let (path, heard) = (folder + "/node.sock", Heard())
      let first = serve(path, heard)
      // A socket has its name before anybody listens there.
      try await settles { Self.isListening(path) }
      await #expect(throws: NodeServerError.self) { try await serve(path, heard).value }
      first.cancel()
      _ = await first.result
      let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
      close(descriptor)
      let board = ReportBoard()
      let second = serve(path, heard)
      let client = dial(path, board, heard)
      try await settles { heard.hellos > 0 }
      client.cancel()
      second.cancel()
      await client.value
      _ = await second.result
    }
  }

  @Test func `the newest report of a scope replaces one that was not sent`() async {
    let board = ReportBoard()
    for generation in 1...1000 { board.post(scope("wan", UInt64(generation))) }
    board.post(scope("fabric", 7))
    #expect(await board.next()?.scope.generation == 1000)
    #expect(await board.next()?.scope.scope == "fabric")
    let waiting = Task { await board.next() }
    waiting.cancel()
    #expect(await waiting.value == nil)
  }

  @Test func `parts of different updates do not mix`() {
    var assembly = UpdateAssembly()
    var first = complete([nat(1)])
    first.lastPart = false
    guard case .partial = assembly.add(first), case .broken = assembly.add(complete([nat(2)], generation: 12)) else {
      Issue.record("mixed")
      return
    }
  }
}
