import Addresses
import Control
import Dataplane
import Glibc
import Hypervisor
import Kernel
import Logging
import NodePlan
import Synchronization
import Testing

@testable import Agent

private final class RecordedNetwork: NetworkPlane, InstanceNetwork {
  let changes = Mutex<[PlanChange]>([])
  let onApply = Mutex<(@Sendable () async -> Void)?>(nil)
  func start() async throws {}
  func apply(_ change: PlanChange) async {
    changes.withLock { $0.append(change) }
    await onApply.withLock { $0 }?()
  }
  func stop() async {}
  func plugTap(_ port: Port) async throws -> (link: String, mtu: UInt32) { throw CancellationError() }
  func plugVeth(_ port: Port, into namespace: NetworkNamespace, as link: String) async throws {}
  func unplug(_ portID: String) async throws {}
}

@Suite("Node agent")
struct NodeAgentTests {
  private func agent(_ folder: String, _ network: RecordedNetwork, _ board: ReportBoard = ReportBoard()) -> NodeAgent {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let instances = InstanceHost(
      configuration: .init(state: folder, templates: folder), network: network, logger: logger
    ) { board.post($0) }
    return NodeAgent(
      configuration: .init(node: "n1", state: folder, managerSocket: folder + "/node.sock"), network: network,
      instances: instances, board: board, metadata: MetadataIndex(), logger: logger)
  }

  private func run(_ agent: NodeAgent, _ body: () async throws -> Void) async throws {
    let running = Task { try await agent.run() }
    try await body()
    running.cancel()
    _ = await running.result
  }

  @Test(.timeLimit(.minutes(1)))
  func `without a manager the stored plan is applied whole, without any plan nothing is`()
    async throws
  {
    try await withFolder { folder in
      let first = RecordedNetwork()
      let before = agent(folder, first)
      try await run(before) {
        // Nothing is stored yet; a moment after the dialling began nothing has been applied.
        try await settles { await before.isRestored }
        #expect(first.changes.withLock { $0.isEmpty })
        await before.follow(complete((0..<10).map { nat($0) }, generation: 10))
        await before.follow(difference([nat(20, revision: 11)]))
        await before.follow(complete([], generation: 12))
      }
      first.changes.withLock { changes in
        #expect(changes.map(\.complete) == [true, false, false])
        #expect(changes.last?.removals == [] && changes.last?.generation == 12)
      }
      let second = RecordedNetwork()
      let after = agent(folder, second)
      try await run(after) {
        try await settles { second.changes.withLock { !$0.isEmpty } }
      }
      second.changes.withLock { changes in
        #expect(changes.count == 1 && changes.first?.complete == true)
        #expect(changes.first?.generation == 12 && changes.first?.upserts.count == 11)
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func `what cannot be stored is not applied and is reported`() async throws {
    try await withFolder { folder in
      let (network, board) = (RecordedNetwork(), ReportBoard())
      let agent = agent(folder, network, board)
      try await run(agent) {
        try await settles { await agent.isRestored }
        await agent.follow(complete([nat(1)], generation: 10))
        rename(folder + "/agent", folder + "/elsewhere")
        await agent.follow(difference([nat(2, revision: 11)]))
        #expect(network.changes.withLock { $0.count } == 1)
        #expect(await board.next()?.refusal.generation == 11)
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `updates that wait are applied in one step, but what comes and goes among them in two`() async throws {
    try await withFolder { folder in
      let network = RecordedNetwork()
      let agent = agent(folder, network)
      try await run(agent) {
        try await settles { await agent.isRestored }
        await agent.follow(complete([nat(1)], generation: 10))
        await agent.follow(
          (11..<20).map { difference([nat($0, revision: UInt64($0))], base: UInt64($0) - 1, generation: UInt64($0)) })
        network.changes.withLock { changes in
          #expect(changes.count == 2)
          #expect(changes.last?.upserts.count == 9 && changes.last?.generation == 19)
        }
        await agent.follow([
          difference([nat(20, revision: 20)], base: 19, generation: 20),
          difference(removing: [(nat(20).key, 21)], base: 20, generation: 21),
        ])
        network.changes.withLock { changes in
          #expect(changes.count == 4)
          #expect(changes.dropLast().last?.upserts.count == 1 && changes.last?.removals == [nat(20).key])
        }
      }
    }
  }

  /// A manager that only listens.
  private final class Listener: Sendable {
    private let reports = Mutex<[NodeReport]>([])

    func serve(_ folder: String) -> Task<Void, any Error> {
      var logger = Logger(label: "test")
      logger.logLevel = .critical
      let server = NodeServer(socketPath: folder + "/node.sock", logger: logger) { session in
        for try await report in session.reports { self.reports.withLock { $0.append(report) } }
      }
      return Task { try await server.run() }
    }

    var heard: [NodeReport] { reports.withLock { $0 } }
    var holds: [GuardReport] { heard.compactMap { if case .guard(let held) = $0.body { held } else { nil } } }
    var hellos: [Hello] { heard.compactMap { if case .hello(let hello) = $0.body { hello } else { nil } } }
    var refusals: [Refusal] { heard.compactMap { if case .refusal(let refusal) = $0.body { refusal } else { nil } } }
    func acknowledged(_ generation: UInt64) -> Bool { heard.contains { $0.received.generation == generation } }
  }

  private func listen(
    to agent: NodeAgent, _ folder: String, _ body: (Listener) async throws -> Void
  ) async throws {
    let listener = Listener()
    let server = listener.serve(folder)
    try await run(agent) {
      try await settles { listener.hellos.count == 1 }
      try await body(listener)
    }
    server.cancel()
    _ = await server.result
  }

  @Test(.timeLimit(.minutes(1)))
  func `a release is told once it was carried out, also when more is held in the same step`() async throws {
    try await withFolder { folder in
      let network = RecordedNetwork()
      let agent = agent(folder, network)
      try await listen(to: agent, folder) { listener in
        await agent.follow(complete((0..<5).map { nat($0) }, generation: 10))
        await agent.follow(complete((1..<5).map { nat($0) }, generation: 11))
        try await settles { listener.acknowledged(11) }
        #expect(listener.holds.map(\.held) == [1])
        let name = try #require(listener.holds.first?.confirmation)
        let during = Mutex<[GuardReport]>([])
        network.onApply.withLock {
          $0 = {
            try? await settles { listener.holds.count >= 2 }
            // Time for what must not be on its way.
            try? await Task.sleep(for: .milliseconds(100))
            during.withLock { $0 = listener.holds }
          }
        }
        var confirmation = difference(base: 11, generation: 11)
        confirmation.confirmations = [name]
        await agent.follow([
          confirmation, difference(removing: [(nat(2).key, 0)], base: 11, generation: 12),
        ])
        #expect(network.changes.withLock { $0.last?.removals } == [nat(0).key])
        let told = during.withLock { $0 }
        #expect(told.count == 2 && told.last?.confirmation != name && told.last?.held == 1, "\(told)")
        try await settles { listener.acknowledged(12) }
        #expect(listener.holds.count == 3 && listener.holds.last?.confirmation == name)
        #expect(listener.holds.last?.held == 0)
        let released = listener.heard.lastIndex { if case .guard = $0.body { true } else { false } }
        let acknowledged = listener.heard.lastIndex { $0.received.generation == 12 }
        #expect(released ?? 9 < acknowledged ?? 0)
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `after a failed save the agent asks for a plan with an ordinary hello, and nothing is held`() async throws {
    try await withFolder { folder in
      let network = RecordedNetwork()
      let agent = agent(folder, network)
      try await listen(to: agent, folder) { listener in
        await agent.follow(complete([nat(1), nat(2)], generation: 10))
        rename(folder + "/agent", folder + "/elsewhere")
        let start = ContinuousClock.now
        await agent.follow([
          difference(removing: [(nat(1).key, 11)]), difference([nat(3, revision: 12)], base: 11, generation: 12),
        ])
        try await settles { !listener.refusals.isEmpty }
        rename(folder + "/elsewhere", folder + "/agent")
        try await settles { listener.hellos.count == 2 }
        #expect(ContinuousClock.now - start > .milliseconds(900))
        #expect(listener.refusals.map(\.generation) == [12], "one for all that was to be saved at once")
        let hello = try #require(listener.hellos.last)
        #expect(hello.node == "n1" && hello.ledger == "ledger" && hello.epoch == 1 && hello.generation == 10)
        #expect(hello.digest.isEmpty)
        var plan = complete([nat(2), nat(3, revision: 12)], generation: 12)
        plan.removals = difference(removing: [(nat(1).key, 11)]).removals
        await agent.follow(plan)
        #expect(network.changes.withLock { $0.last?.removals } == [nat(1).key])
        try await settles { listener.acknowledged(12) }
        try await Task.sleep(for: .milliseconds(1200))
        #expect(listener.holds.isEmpty && listener.hellos.count == 2, "it asks once")
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `an agent tells what it has while it puts that in place, and follows the manager after that`() async throws {
    try await withFolder { folder in
      let rules = (0..<10).map { nat($0) }
      let before = agent(folder, RecordedNetwork())
      try await run(before) {
        try await settles { await before.isRestored }
        await before.follow(complete(rules, generation: 10))
      }
      let network = RecordedNetwork()
      let isHeard = Mutex(false)
      network.onApply.withLock { $0 = { try? await settles { isHeard.withLock { $0 } } } }
      let after = agent(folder, network)
      try await listen(to: after, folder) { listener in
        let hello = try #require(listener.hellos.first)
        let digest = try PlanDigest(of: rules).bytes
        #expect(hello.generation == 10 && hello.digest == digest)
        async let following: Void = after.follow(difference([nat(20, revision: 11)]))
        // Time for what must not be done yet.
        try await Task.sleep(for: .milliseconds(100))
        #expect(network.changes.withLock { $0.map(\.complete) } == [true])
        isHeard.withLock { $0 = true }
        await following
        #expect(network.changes.withLock { $0.map(\.generation) } == [10, 11])
      }
    }
  }

  @Test func `metadata finds an instance by the router that asks and its address`() throws {
    var router = PlanObject()
    router.key = "router/v"
    router.router.id = "v"
    router.router.kind = .virtual
    var port = PlanObject()
    port.key = "port/1"
    port.port.id = "1"
    port.port.router = "v"
    port.port.address = 7
    port.port.instance = "i"
    var instance = PlanObject()
    instance.key = "instance/i"
    instance.instance.id = "i"
    instance.instance.name = "web"
    let index = MetadataIndex()
    index.apply(upserts: [port, instance, nat(1, router: "v", to: 7), router], removals: [])
    let found = index.metadata(router: "v", client: IPv4(7))
    #expect(found?.hostName == "web" && found?.publicAddress == IPv4(0xcb00_7101))
    #expect(index.metadata(router: "", client: IPv4(7)) == nil)
    index.apply(upserts: [], removals: ["staticnat/1"])
    #expect(index.metadata(router: "v", client: IPv4(7))?.publicAddress == nil)
    index.apply(upserts: [], removals: ["port/1"])
    #expect(index.metadata(router: "v", client: IPv4(7)) == nil)
  }
}
