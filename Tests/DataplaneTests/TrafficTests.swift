import Addresses
@testable import Dataplane
import Glibc
import Kernel
import NodePlan
import Synchronization
import Testing

/// Packets never see a half state.
@Suite(.serialized, .timeLimit(.minutes(120))) struct TrafficTests {
  private static let targets = Plans.ip("10.1.16.0")
  private static let publics = Plans.ip("100.64.0.0")

  /// One gateway with many static NATs and load balancers, and servers that have all the addresses behind them.
  private struct Scene {
    let lab: Lab
    let nats: Int
    let balancers: Int
    /// Among the static NATs, the first ones are given to others again and again.
    let changing: Int
    let traffic: Traffic

    static func nat(_ index: Int, _ target: IPv4) -> PlanObject {
      Plans.nat(Plans.cells[0], IPv4(publics + UInt32(index)).description, target.description)
    }

    static func target(_ index: Int) -> IPv4 { IPv4(targets + UInt32(index)) }

    /// Four members that stay, and as many more as asked.
    static func balancer(_ index: Int, more: Int = 0) -> PlanObject {
      Plans.balancer(
        Plans.cells[0], IPv4(publics + 0x8000 + UInt32(index)).description, 9000,
        (0..<(4 + more)).map { target(4 * index + $0).description }, to: UInt32(Traffic.port),
        index % 2 == 0 ? .roundRobin : .source, transport: 17)
    }

    static var router: PlanObject {
      var object = Plans.edge(1)
      object.router.publicPrefixes.append(Plans.prefix("100.64.0.0/16"))
      return object
    }
  }

  private func with(_ nats: Int, _ balancers: Int, changing: Int, _ body: (Scene) async throws -> Void) async throws {
    let over = Over()
    defer { over.flag.store(true, ordering: .relaxed) }
    try await Lab.with { lab in
      let ports = (0..<4).map { number in
        var port = Plans.port(number + 1)
        port.secondary = (0..<(nats / 4 + 300)).map { Scene.target($0 * 4 + number).value }
        return port
      }
      var base = Plans.base
      base[0].wan.hostRoutes.append(Plans.prefix("100.64.0.0/16"))
      let plan =
        base + [Scene.router, EdgeTests.open] + ports.map { Plans.portObject($0) }
        + (0..<nats).map { Scene.nat($0, Scene.target($0)) } + (0..<balancers).map { Scene.balancer($0) }
      await lab.apply(plan, complete: true)
      #expect(lab.last(Plans.edgeScopes[0])?.phase == .verified)
      for port in ports {
        let namespace = try await lab.instance(port, gateway: "10.1.0.1")
        #expect(
          try lab.run("/usr/sbin/ip", ["route", "add", "local", "10.1.16.0/20", "dev", "lo"], in: namespace).isEmpty)
        try Traffic.serve(in: namespace) { over.flag.load(ordering: .relaxed) }
      }
      var flows = (0..<nats).map { index in
        Traffic.Flow(
          target: IPv4(Self.publics + UInt32(index)), port: Traffic.port,
          server: index < changing ? nil : Scene.target(index), isChanging: index < changing)
      }
      for index in 0..<balancers {
        for socket in 0..<3 {
          flows.append(Traffic.Flow(target: IPv4(Self.publics + 0x8000 + UInt32(index)), port: 9000, socket: socket))
        }
      }
      let traffic = try Traffic(flows, from: lab.host)
      for index in 0..<changing { traffic.allow(index, Scene.target(index)) }
      let start = ContinuousClock.now
      do {
        try #require(await lab.wait { traffic.answered(since: start) == flows.count }, "all flows are answered")
        try await body(
          Scene(lab: lab, nats: nats, balancers: balancers, changing: changing, traffic: traffic))
      } catch {
        traffic.end()
        throw error
      }
    }
  }

  private final class Over: Sendable { let flag = Atomic(false) }

  /// One random change of something that customers change, and what of it must be seen by packets.
  private func change(_ scene: Scene, _ held: inout [IPv4?], _ random: inout Seeded) async -> Bool {
    let traffic = scene.traffic
    switch Int.random(in: 0...9, using: &random) {
    case 0...5:
      let index = Int.random(in: 0..<scene.changing, using: &random)
      let before = held[index]
      // Addresses that nobody of the others has, so that nothing is refused.
      let after = Scene.target(
        Bool.random(using: &random)
          ? index : scene.nats + index + scene.changing * Int.random(in: 0...1, using: &random))
      if before == after { return await remove(scene, index, &held) }
      traffic.allow(index, after)
      await scene.lab.apply([Scene.nat(index, after)])
      if let before { traffic.forbid(index, before) }
      held[index] = after
      let time = ContinuousClock.now
      return await scene.lab.wait { traffic.isAnswered(index, by: after, since: time) }
    case 6: return await remove(scene, Int.random(in: 0..<scene.changing, using: &random), &held)
    case 7:
      // Further members come and go; who has one of the old ones keeps it.
      let index = Int.random(in: 0..<scene.balancers, using: &random)
      await scene.lab.apply([Scene.balancer(index, more: Int.random(in: 0...6, using: &random))])
    case 8:
      let number = Int.random(in: 0..<4000, using: &random)
      await scene.lab.apply([Scene.nat(10_000 + number, IPv4(Plans.ip("10.1.64.0") + UInt32(number)))])
    default:
      let first = UInt32.random(in: 1...9, using: &random)
      await scene.lab.apply([Plans.securityGroup([Plans.any(17), Plans.any(6, first, first)])])
    }
    return true
  }

  private func remove(_ scene: Scene, _ index: Int, _ held: inout [IPv4?]) async -> Bool {
    guard let before = held[index] else { return true }
    await scene.lab.apply([], removing: ["staticnat/" + IPv4(Self.publics + UInt32(index)).description])
    scene.traffic.forbid(index, before)
    held[index] = nil
    return true
  }

  @Test func `changes and rebuilds lose nothing of others, and nothing arrives at a wrong instance`() async throws {
    var random = Seeded(printing: "traffic")
    let seed = random.seed
    let (nats, balancers) = (Trial.count(200, full: 1000), Trial.count(30, full: 100))
    let (changes, rebuilds) = (Trial.count(120, full: 10_000), Trial.count(4, full: 20))
    try await with(nats, balancers, changing: nats / 10) { scene in
      var held: [IPv4?] = (0..<scene.changing).map { Scene.target($0) }
      let start = ContinuousClock.now
      for number in 0..<changes {
        let isSeen = await change(scene, &held, &random)
        try #require(isSeen, "change \(number) is not seen by a client that keeps its port, seed \(seed)")
        if number % (changes / rebuilds) == 0 {
          // Everything anew in one transaction, as when a set has no more room.
          await scene.lab.network.forgetRoom()
          await scene.lab.apply([Scene.nat(20_000 + number, IPv4(Plans.ip("10.1.128.0") + UInt32(number)))])
          // And as somebody asks for it.
          let rebuild = UInt32(number / (changes / rebuilds) + 1)
          var router = Scene.router
          router.router.rebuilds = rebuild
          await scene.lab.apply([router])
          let isRebuilt = await scene.lab.wait { scene.lab.last(Plans.edgeScopes[0])?.rebuilt ?? 0 >= rebuild }
          try #require(isRebuilt, "\(String(describing: scene.lab.last(Plans.edgeScopes[0]))), seed \(seed)")
        }
        #expect(lab(scene, seed, number))
        if !scene.traffic.outcome.problems.isEmpty { break }
      }
      let time = ContinuousClock.now - start
      #expect(await scene.lab.wait { scene.traffic.answered(since: start + time) >= scene.nats - scene.changing })
      scene.traffic.end()
      let outcome = scene.traffic.outcome
      #expect(outcome.problems.isEmpty && outcome.lost == 0, "\(outcome.problems.prefix(5)), seed \(seed)")
      print(
        "\(changes) changes and \(2 * rebuilds) rebuilds in \(time) under \(outcome.answers) answers of "
          + "\(scene.traffic.flows.count) flows: \(outcome.lost) lost, \(outcome.problems.count) wrong")
    }
  }

  private func lab(_ scene: Scene, _ seed: UInt64, _ number: Int) -> Bool {
    let phases = [Plans.edgeScopes[0], "fabric"].map { scene.lab.last($0)?.phase }
    return phases.allSatisfy { $0 == .verified }
  }

  @Test func `a refill keeps whom a connection goes to, and mends what went wrong meanwhile`() async throws {
    try await with(40, 20, changing: 4) { scene in
      let router = try scene.lab.namespace(Names.router(Plans.cells[0]))
      let scope = Plans.edgeScopes[0]
      for round in 0..<Trial.count(2, full: 20) {
        scene.traffic.countLosses(false)
        let repairs = scene.lab.last(scope)?.repairs ?? 0
        #expect(try scene.lab.run("/usr/sbin/nft", ["flush", "ruleset"], in: router).isEmpty)
        try #require(
          await scene.lab.wait {
            (scene.lab.last(scope)?.repairs ?? 0) > repairs && scene.lab.last(scope)?.phase == .verified
          })
        let time = ContinuousClock.now
        try #require(
          await scene.lab.wait { scene.traffic.answered(since: time) == scene.traffic.flows.count },
          "all flows go on, round \(round)")
      }
      scene.traffic.end()
      #expect(scene.traffic.outcome.problems.isEmpty, "\(scene.traffic.outcome.problems.prefix(5))")
    }
  }

  @Test(arguments: [false, true])
  func `connections of what went are forgotten, at once where something else comes in its place`(
    tracked: Bool
  ) async throws {
    try await Lab.with { lab in
      let nat = Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")
      // An instance that a load balancer leads to is tracked in all it does.
      let balancer = Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11"])
      await lab.apply(EdgeTests.plan([nat] + (tracked ? [balancer] : [])), complete: true)
      _ = try await EdgeTests.instances(lab)
      let conntrack = try Conntrack(in: lab.namespace(Names.router(Plans.cells[0])))
      let outside = IPv4(Plans.ip("203.0.113.70"))
      func flows() throws -> Int { try conntrack.flows(FlowFilter(originalDestination: outside)).count }
      let flow = try #require(Talk(tcp: false, to: outside, 80, in: lab.host, sourcePort: 4000))
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      #expect(try flows() == (tracked ? 1 : 0))
      await lab.apply([], removing: [nat.key])
      flow.say("x")
      #expect(flow.hear(50) == nil)
      #expect(try await lab.wait { try flows() == 0 }, "nobody asks for the address again")
      for (number, name) in [("10.1.0.10", "vm1"), ("10.1.0.11", "vm2"), ("10.1.0.10", "vm1")] {
        let other = Plans.nat(Plans.cells[0], "203.0.113.70", number)
        await lab.apply([other])
        flow.say("x")
        #expect(flow.hear() == "\(name) 203.0.113.1")
        await lab.apply([], removing: [other.key])
      }
      // The same again meanwhile.
      await lab.apply([nat])
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      await lab.apply([], removing: [nat.key])
      await lab.apply([nat])
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
    }
  }

  @Test func `who sent while translations were gone is translated again, in both directions`() async throws {
    try await Lab.with { lab in
      await lab.apply(EdgeTests.plan([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]), complete: true)
      let vms = try await EdgeTests.instances(lab)
      try lab.serve("host", port: 82, in: lab.host)
      let scope = Plans.edgeScopes[0]
      let router = try lab.namespace(Names.router(Plans.cells[0]))
      for damage in [
        ["flush", "ruleset"], ["flush", "map", "ip", "daruma", "to_public"],
        ["flush", "chain", "ip", "daruma", "postrouting"],
      ] {
        // An instance that keeps its port, and whose first packet meets a gateway without rules.
        let outward = try #require(
          Talk(tcp: false, to: IPv4(Plans.ip("203.0.113.1")), 82, in: vms[0], sourcePort: UInt16(5000 + damage.count)))
        let repairs = lab.last(scope)?.repairs ?? 0
        #expect(try lab.run("/usr/sbin/nft", damage, in: router).isEmpty)
        for _ in 0..<20 { outward.say("x") }
        #expect(await lab.wait { (lab.last(scope)?.repairs ?? 0) > repairs && lab.last(scope)?.phase == .verified })
        while outward.hear(50) != nil {}
        outward.say("x")
        #expect(outward.hear() == "host 203.0.113.70", "\(damage)")
      }
      // To a wrong instance, while an element was altered.
      let inward = try #require(
        Talk(tcp: false, to: IPv4(Plans.ip("203.0.113.70")), 80, in: lab.host, sourcePort: 5100))
      let repairs = lab.last(scope)?.repairs ?? 0
      #expect(
        try lab.run(
          "/usr/sbin/nft",
          [
            "delete element ip daruma to_private { 203.0.113.70 }; add element ip daruma to_private "
              + "{ 203.0.113.70 : 10.1.0.12 }; add element ip daruma pairs { 203.0.113.70 . 10.1.0.12 }"
          ], in: router
        ).isEmpty)
      for _ in 0..<20 { inward.say("x") }
      #expect(await lab.wait { (lab.last(scope)?.repairs ?? 0) > repairs && lab.last(scope)?.phase == .verified })
      while inward.hear(50) != nil {}
      inward.say("x")
      #expect(inward.hear() == "vm1 203.0.113.1")
    }
  }
}

extension NodeNetwork {
  /// The next change of each place makes its table anew.
  func forgetRoom() {
    for place in places.values {
      for name in (place.table?.capacities ?? [:]).keys { place.table?.capacities[name] = 0 }
    }
  }
}
