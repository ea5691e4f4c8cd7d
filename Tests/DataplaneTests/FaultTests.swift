import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Synchronization
import Testing

/// Faults in the middle of whatever is done: afterwards all is as planned, and nothing is left over.
@Suite(.serialized, .timeLimit(.minutes(240))) struct FaultTests {
  /// What is held for a node that may leak. Other tests run in the same process, so only what is the node's counts.
  private struct Holdings: Equatable {
    /// Sockets and links by namespace.
    var sockets: [String: Int] = [:]
    var links: [String: Int] = [:]
    /// Descriptors of its namespaces.
    var descriptors = 0
    var programs = 0
    var mounts = 0

    init(_ lab: Lab, _ seen: Set<UInt64>) throws {
      for place in Listing.names(lab.configuration.namespaceDirectory) {
        let namespace = try lab.namespace(place)
        links[place] = try RouteSocket(in: namespace).links().count
        sockets[place] = try namespace.run {
          ["netlink", "udp", "tcp"].reduce(0) { sum, kind in
            sum
              + Listing.contents("/proc/thread-self/net/\(kind)").split(separator: "\n").dropFirst().count { line in
                // Connections that are over wait for a while, in nobody's hands.
                kind != "tcp" || line.split(separator: " ")[3] == "0A"
              }
          }
        }
      }
      var own = stat()
      stat("/proc/self/ns/net", &own)
      for name in Listing.names("/proc/self/fd") {
        var status = stat()
        guard let number = Int32(name), fstat(number, &status) == 0, status.st_dev == own.st_dev else { continue }
        if seen.contains(UInt64(status.st_ino)) { descriptors += 1 }
      }
      for name in Listing.names("/proc") where Int(name) != nil {
        if Listing.contents("/proc/\(name)/cmdline").contains(lab.folder + "/") { programs += 1 }
      }
      mounts = Listing.contents("/proc/self/mountinfo").split(separator: "\n").count { $0.contains(lab.folder + "/") }
    }
  }

  /// The namespaces that the node has, by number.
  private func namespaces(_ lab: Lab) -> [UInt64] {
    Listing.names(lab.configuration.namespaceDirectory).compactMap { try? lab.namespace($0).inode }
  }

  /// Strikes some of the calls on netlink sockets, as many as it is given.
  private final class Faults: Sendable {
    static let codes = [ENOBUFS, EMSGSIZE, EINTR, EBUSY]
    private let state: Mutex<(random: Seeded, left: Int, oneOf: Int, struck: Int)>

    init(_ random: Seeded) { state = Mutex((random, 0, 1, 0)) }

    func load(_ count: Int, oneOf: Int) {
      state.withLock {
        $0.left = count
        $0.oneOf = oneOf
      }
    }

    var struck: Int { state.withLock { $0.struck } }

    func judge(_ call: NetlinkFault.Call) -> Int32? {
      state.withLock { state in
        guard state.left > 0, Int.random(in: 0..<state.oneOf, using: &state.random) == 0 else { return nil }
        state.left -= 1
        state.struck += 1
        return Self.codes.randomElement(using: &state.random)
      }
    }
  }

  private func settle(_ lab: Lab, _ plan: [PlanObject], _ what: String) async throws {
    let scopes = Set(plan.map(\.scope))
    let isWell = await lab.wait(60) { scopes.allSatisfy { lab.last($0)?.phase == .verified } }
    let open = scopes.compactMap { lab.last($0) }.filter { $0.phase != .verified }
    #expect(isWell, "\(what): \(open)")
  }

  /// Waits until no more is held than at first: some things end a moment later, a namespace perhaps while it is looked at.
  private func compare(_ lab: Lab, _ before: Holdings, _ seen: Set<UInt64>, _ what: String) async throws {
    var after = try? Holdings(lab, seen)
    for _ in 0..<200 where after != before {
      try await Task.sleep(for: .milliseconds(100))
      after = try? Holdings(lab, seen)
    }
    #expect(after == before, "\(what)")
  }

  @Test func `errors of netlink at any moment leave all as planned and nothing behind`() async throws {
    var plans = RandomPlan(random: Seeded(printing: "netlink faults"))
    let seed = plans.random.seed
    let faults = Faults(Seeded(seed: seed &+ 1))
    let anchor = plans.next()
    try await Lab.with { lab in
      NetlinkFault.begin(below: lab.folder) { faults.judge($0) }
      defer { NetlinkFault.end(below: lab.folder) }
      await lab.apply(anchor, complete: true)
      try await settle(lab, anchor, "at first")
      let wanted = try Listing.of(lab)
      var seen = Set(namespaces(lab))
      let before = try Holdings(lab, seen)
      let count = Trial.count(6, full: 1000)
      for round in 0..<count {
        // There and back again, so that what is held compares.
        let other = plans.next()
        for (from, to) in [(anchor, other), (other, anchor)] {
          faults.load(
            Int.random(in: 1...6, using: &plans.random), oneOf: [1, 3, 20, 60].randomElement(using: &plans.random) ?? 1)
          let (upserts, removals) = RandomPlan.difference(from, to)
          await lab.apply(upserts, removing: removals)
          seen.formUnion(namespaces(lab))
          if round % 5 == 0 { try await settle(lab, to, "round \(round), seed \(seed)") }
        }
      }
      faults.load(0, oneOf: 1)
      try await settle(lab, anchor, "at the end, seed \(seed)")
      var difference: String?
      let isSame = await lab.wait(30) {
        difference = Listing.difference(lab, wanted)
        return difference == nil
      }
      #expect(isSame, "\(difference ?? ""), seed \(seed)")
      try await compare(lab, before, seen, "seed \(seed)")
      print("\(count) rounds with \(faults.struck) failed calls: all as planned, nothing left over")
    }
  }

  @Test func `connections end although the kernel refused to forget them at first`() async throws {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      await lab.apply(EdgeTests.plan([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]), complete: true)
      _ = try await EdgeTests.instances(lab)
      let flow = try #require(Talk(tcp: false, to: IPv4(Plans.ip("203.0.113.70")), 80, in: lab.host, sourcePort: 4000))
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      // All answers of the kernel are lost from the moment of the transaction on.
      let place = lab.configuration.namespacePath(Names.router(Plans.cells[0]))
      let sends = Mutex(0)
      NetlinkFault.begin(below: String(place.dropLast(Names.router(Plans.cells[0]).utf8.count + 1))) { call in
        call == .receive
          && sends.withLock { count in
            count += 1
            return count < 40
          } ? ENOBUFS : nil
      }
      defer { NetlinkFault.end(below: String(place.dropLast(Names.router(Plans.cells[0]).utf8.count + 1))) }
      let number = await lab.apply([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.11")])
      #expect(await lab.wait { lab.last(scope)?.phase == .verified && lab.last(scope)?.generation == number })
      flow.say("x")
      #expect(flow.hear() == "vm2 203.0.113.1", "before it counted as verified, the old connection was forgotten")
    }
  }

  @Test func `a router whose programs do not end is cut off, and gone when they do`() async throws {
    try await Lab.with { lab in
      let port = Plans.portObject(Plans.port(4, network: Plans.isolated, router: Plans.virtual))
      await lab.apply(Plans.base + Plans.isolatedNetwork + [port], complete: true)
      let scope = "router/" + Plans.virtual
      #expect(lab.last(scope)?.phase == .verified)
      let name = Names.router(Plans.virtual)
      // Its links do not go at first, nor does its namespace therefore.
      let left = Mutex(12)
      NetlinkFault.begin(below: lab.folder) { _ in
        left.withLock { left in
          left -= 1
          return left > 0
        } ? EBUSY : nil
      }
      defer { NetlinkFault.end(below: lab.folder) }
      await lab.apply(
        [], removing: ["router/" + Plans.virtual] + ["198.51.100.2", "198.51.100.3"].map { "address/" + $0 })
      #expect(await lab.wait { !Listing.names(lab.configuration.namespaceDirectory).contains(name) })
      let programs = lab.configuration.runDirectory + "/processes"
      #expect(await lab.wait { Listing.names(programs).filter { $0.hasSuffix(name) }.isEmpty })
      let wan = try RouteSocket(in: lab.namespace("wan"))
      #expect(try wan.link(name) == nil)
      #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      await lab.apply(Plans.isolatedNetwork)
      #expect(await lab.wait { lab.last(scope)?.phase == .verified })
    }
  }

  @Test func `configurations that haproxy refuses again and again leave nothing behind`() async throws {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      func balancer(_ name: String, _ address: String, _ port: UInt32) -> PlanObject {
        var object = Plans.balancer(Plans.cells[0], address, 8080, ["10.1.0.10"], to: port, .leastConnections)
        object.key = "lb/\(name)"
        return object
      }
      await lab.apply(EdgeTests.plan([balancer("good", "203.0.113.80", 80)]), complete: true)
      _ = try await EdgeTests.instances(lab)
      #expect(lab.last(scope)?.phase == .verified)
      #expect(await lab.wait { Talk.ask("203.0.113.80", 8080, in: lab.host) != nil })
      let seen = Set(namespaces(lab))
      let before = try Holdings(lab, seen)
      for round in 0..<Trial.count(4, full: 1000) {
        // haproxy cannot check a member at port 0.
        await lab.apply([balancer("poison", "203.0.113.81", 0)])
        #expect(lab.last(scope)?.failedKeys == ["lb/poison"], "round \(round)")
        await lab.apply([], removing: ["lb/poison"])
        #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "round \(round)")
        #expect(Talk.ask("203.0.113.80", 8080, in: lab.host) != nil, "round \(round)")
      }
      try await compare(lab, before, seen, "sockets, programs and descriptors")
    }
  }

  private final class Over: Sendable { let flag = Atomic(false) }

  @Test func `a namespace that loses its name and its links in the middle of changes is whole again`() async throws {
    var random = Seeded(printing: "namespaces")
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      await lab.apply(EdgeTests.plan(), complete: true)
      _ = try await EdgeTests.instances(lab)
      let seen = Set(namespaces(lab))
      let before = try Holdings(lab, seen)
      let name = Names.router(Plans.cells[0])
      let path = lab.configuration.namespacePath(name)
      let over = Over()
      let seed = random.next()
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          var random = Seeded(seed: seed)
          while !over.flag.load(ordering: .relaxed) {
            switch Int.random(in: 0...2, using: &random) {
            case 0: try? NetworkNamespace.unmount(path: path)
            case 1:
              if let links = try? RouteSocket(in: NetworkNamespace.open(path: path)) {
                _ = try? links.deleteLink(Bool.random(using: &random) ? "pub" : "fab")
              }
            default:
              try? NetworkNamespace.unmount(path: path)
              _ = try? NetworkNamespace.create(at: path)
            }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 1...60, using: &random)))
          }
        }
        for round in 0..<Trial.count(15, full: 1000) {
          await lab.apply(
            (0..<3).map { Plans.nat(Plans.cells[0], "203.0.113.\(70 + $0)", "10.1.0.\(10 + (round + $0) % 3)") })
        }
        over.flag.store(true, ordering: .relaxed)
      }
      #expect(await lab.wait(60) { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      #expect(await lab.wait { Talk.ask("203.0.113.70", 80, in: lab.host, timeout: 200) != nil })
      try await compare(lab, before, seen, "namespaces, links and descriptors")
    }
  }
}
