import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Testing

/// Routers that are made anew, rightly and wrongly, while packets go through them.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RebuildTests {
  private static func plan(rebuilds: UInt32 = 0, renderer: UInt32 = 0) -> [PlanObject] {
    let objects = EdgeTests.plan([
      Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"), Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.11"),
      Plans.nat(Plans.cells[1], "203.0.113.140", "10.1.0.12"),
      Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11"]),
      Plans.balancer(Plans.cells[0], "203.0.113.81", 8080, ["10.1.0.11"], .leastConnections),
    ])
    return objects.map { object in
      var object = object
      if case .router(let router)? = object.body, router.id == Plans.cells[0] {
        object.router.rebuilds = rebuilds
        object.router.renderer = renderer
      }
      return object
    }
  }

  private static func router(_ rebuilds: UInt32, renderer: UInt32 = 0) -> PlanObject {
    plan(rebuilds: rebuilds, renderer: renderer)[2]
  }

  private static let scope = Plans.edgeScopes[0]

  /// The handles of a gateway's sets.
  private static func sets(_ namespace: NetworkNamespace) throws -> Set<UInt64> {
    Set(try NFTables(in: namespace).sets(.ipv4, "daruma").map(\.handle))
  }

  @Test func `a rebuild makes all of a router anew, and no connection notices`() async throws {
    try await Lab.with { lab in
      await lab.apply(Self.plan(), complete: true)
      _ = try await EdgeTests.instances(lab)
      let flow = try #require(Talk(tcp: false, to: IPv4(Plans.ip("203.0.113.70")), 80, in: lab.host, sourcePort: 4001))
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      let namespace = try lab.namespace(Names.router(Plans.cells[0]))
      let before = try Self.sets(namespace)
      await lab.apply([Self.router(1)])
      #expect(await lab.wait { lab.last(Self.scope)?.rebuilt == 1 && lab.last(Self.scope)?.phase == .verified })
      #expect(try Self.sets(namespace).isDisjoint(with: before), "all sets are other ones")
      for _ in 0..<5 {
        flow.say("x")
        #expect(flow.hear() == "vm1 203.0.113.1")
      }
      #expect(Talk.ask("203.0.113.71", 80, in: lab.host) == "vm2 203.0.113.1")
      #expect(Talk.ask("203.0.113.80", 8080, in: lab.host) != nil)
      #expect(await lab.wait { Talk.ask("203.0.113.81", 8080, in: lab.host) != nil })
      // The same number again is no new wish, nor is it one for an agent that comes after this one.
      let handles = try Self.sets(namespace)
      await lab.apply([Self.router(1)])
      #expect(try Self.sets(namespace) == handles)
      #expect(lab.last(Self.scope)?.renderer == 1 && lab.last(Self.scope)?.rebuildFailed == 0)
    }
  }

  @Test(arguments: [RenderingFault.swapped, .oneWay])
  func `rules that would lead wrong never reach the kernel`(fault: RenderingFault) async throws {
    try await Lab.with(fault: fault) { lab in
      await lab.apply(Self.plan(), complete: true)
      _ = try await EdgeTests.instances(lab)
      let namespace = try lab.namespace(Names.router(Plans.cells[0]))
      let before = try NFTables(in: namespace).generation()
      await lab.apply([Self.router(1, renderer: 2)])
      #expect(await lab.wait { lab.last(Self.scope)?.rebuildFailed == 1 })
      let report = try #require(lab.last(Self.scope))
      #expect(report.phase == .verified && report.renderer == 1 && report.rebuilt == 0)
      #expect(report.rebuildFailure.contains("the rules would be wrong for"), "\(report.rebuildFailure)")
      #expect(try NFTables(in: namespace).generation() == before)
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host) == "vm1 203.0.113.1")
      #expect(Talk.ask("203.0.113.71", 80, in: lab.host) == "vm2 203.0.113.1")
    }
  }

  @Test func `what only packets show is returned at once`() async throws {
    try await Lab.with(fault: .short) { lab in
      await lab.apply(Self.plan(), complete: true)
      _ = try await EdgeTests.instances(lab)
      await lab.apply([Self.router(1, renderer: 2)])
      #expect(await lab.wait { lab.last(Self.scope)?.rebuildFailed == 1 && lab.last(Self.scope)?.phase == .verified })
      let report = try #require(lab.last(Self.scope))
      #expect(report.rebuildFailure.contains("did not come back"), "\(report.rebuildFailure)")
      #expect(report.renderer == 1 && report.rebuilt == 0)
      #expect(Talk.askUDP("203.0.113.70", 80, in: lab.host, sourcePort: 4002) == "vm1 203.0.113.1")
      // The way back of the plan, and a rebuild that is right.
      await lab.apply([Self.router(2)])
      #expect(await lab.wait { lab.last(Self.scope)?.rebuilt == 2 })
      #expect(Talk.ask("203.0.113.71", 80, in: lab.host) == "vm2 203.0.113.1")
    }
  }

  @Test func `changes meanwhile are in the new rules`() async throws {
    try await Lab.with { lab in
      await lab.apply(
        Self.plan().filter { $0.key != "staticnat/203.0.113.70" && $0.key != "staticnat/203.0.113.71" },
        complete: true)
      _ = try await EdgeTests.instances(lab)
      for number in UInt32(1)...20 {
        async let rebuilt: UInt64 = lab.apply([Self.router(number)])
        var nat = Plans.nat(Plans.cells[0], "203.0.113.72", number % 2 == 0 ? "10.1.0.10" : "10.1.0.11")
        nat.revision = UInt64(number) + 1000
        async let changed: UInt64 = lab.apply([nat])
        _ = await (rebuilt, changed)
        #expect(Talk.ask("203.0.113.72", 80, in: lab.host) == (number % 2 == 0 ? "vm1 203.0.113.1" : "vm2 203.0.113.1"))
      }
      #expect(
        await lab.wait { lab.last(Self.scope)?.rebuilt == 20 && lab.last(Self.scope)?.phase == .verified },
        "\(String(describing: lab.last(Self.scope)))")
      #expect(Talk.ask("203.0.113.72", 80, in: lab.host) == "vm1 203.0.113.1")
    }
  }

  @Test func `a virtual router is rebuilt with its firewall and programs`() async throws {
    try await Lab.with { lab in
      let port = Plans.port(4, network: Plans.isolated, router: Plans.virtual)
      var objects =
        Plans.base + Plans.isolatedNetwork + [
          Plans.portObject(port), Plans.forward("198.51.100.2", 8080, "10.9.0.13", 80),
          Plans.firewall("198.51.100.2", Plans.any(6, 8080, 8080)),
        ]
      await lab.apply(objects, complete: true)
      let namespace = try await lab.instance(port, gateway: "10.9.0.1", length: 24)
      try lab.serve("vm4", port: 80, in: namespace)
      #expect(await lab.wait { Talk.ask("198.51.100.2", 8080, in: lab.host) != nil })
      objects[3].router.rebuilds = 1
      await lab.apply([objects[3]])
      let scope = "router/" + Plans.virtual
      #expect(await lab.wait { lab.last(scope)?.rebuilt == 1 }, "\(String(describing: lab.last(scope)))")
      #expect(Talk.ask("198.51.100.2", 8080, in: lab.host) == "vm4 203.0.113.1")
      #expect(lab.last(scope)?.phase == .verified)
    }
  }
}
