import Addresses
import Glibc
import Kernel
import NodePlan
import Synchronization
import Testing

@testable import Dataplane

/// Damage of every kind, and how long until it is undone.
@Suite(.serialized, .timeLimit(.minutes(4))) struct RepairTests {
  private func measure(_ lab: Lab, _ what: String, _ scope: String, _ damage: () throws -> Void) async throws {
    let repairs = lab.last(scope)?.repairs ?? 0
    let start = ContinuousClock.now
    try damage()
    let isWell = await lab.wait {
      guard let report = lab.last(scope) else { return false }
      return report.repairs > repairs && report.phase == .verified
    }
    print("repaired after \(ContinuousClock.now - start): \(what) (\(lab.last(scope)?.lastDrift ?? ""))")
    #expect(isWell, "\(what): \(String(describing: lab.last(scope)))")
  }

  @Test func `every damage is repaired and reported`() async throws {
    try await Lab.with { lab in
      await lab.apply(
        EdgeTests.plan([
          Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"),
          Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.11"),
          Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11"]),
          Plans.balancer(Plans.cells[0], "203.0.113.81", 8080, ["10.1.0.11"], .leastConnections),
        ]), complete: true)
      let scope = Plans.edgeScopes[0]
      #expect(lab.last(scope)?.phase == .verified)
      _ = try await EdgeTests.instances(lab)
      let name = Names.router(Plans.cells[0])
      let router = try lab.namespace(name)
      let fabric = try lab.namespace("fabric")
      let flow = try #require(Talk(tcp: false, to: IPv4(Plans.ip("203.0.113.70")), 80, in: lab.host, sourcePort: 4000))
      flow.say("x")
      #expect(flow.hear() != nil)
      func nft(_ words: String, _ namespace: NetworkNamespace) throws {
        let text = try lab.run("/usr/sbin/nft", words.split(separator: " ").map(String.init), in: namespace)
        #expect(text.isEmpty, "\(text)")
      }
      try await measure(lab, "ruleset of the router flushed", scope) {
        try nft("flush ruleset", router)
        for _ in 0..<20 { flow.say("x") }
      }
      while flow.hear(50) != nil {}
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1", "a flow that kept sending works again")
      try await measure(lab, "one map flushed", scope) { try nft("flush map ip daruma to_private", router) }
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      try await measure(lab, "one element deleted", scope) {
        try nft("delete element ip daruma to_private { 203.0.113.70 }", router)
      }
      try await measure(lab, "one element altered", scope) {
        try nft(
          "delete element ip daruma to_private { 203.0.113.70 } ; "
            + "add element ip daruma to_private { 203.0.113.70 : 10.1.0.12 }", router)
      }
      try await measure(lab, "a foreign rule", scope) { try nft("insert rule ip daruma forward drop", router) }
      try await measure(lab, "a foreign table", scope) { try nft("add table inet other", router) }
      try await measure(lab, "a chain's policy", scope) {
        try nft("add chain ip daruma input { policy accept ; }", router)
      }
      try await measure(lab, "the name unmounted", scope) {
        try NetworkNamespace.unmount(path: lab.configuration.namespacePath(name))
      }
      try await measure(lab, "the namespace replaced", scope) {
        try NetworkNamespace.unmount(path: lab.configuration.namespacePath(name))
        try NetworkNamespace.create(at: lab.configuration.namespacePath(name))
      }
      #expect(try lab.namespace(name).inode == router.inode)
      try await measure(lab, "a link deleted", scope) { try RouteSocket(in: router).deleteLink("pub") }
      try await measure(lab, "the inner link deleted", scope) { try RouteSocket(in: router).deleteLink("fab") }
      try await measure(lab, "a route deleted", scope) {
        _ = try lab.run("/usr/sbin/ip", ["route", "del", "10.1.0.0/16"], in: router)
      }
      try await measure(lab, "the fabric's ruleset flushed", "fabric") { try nft("flush ruleset", fabric) }
      for daemon in ["dnsmasq-fabric", "haproxy-" + name] {
        let record = try lab.run("/bin/cat", [lab.configuration.runDirectory + "/processes/" + daemon])
        let pid = try #require(record.split(separator: " ").first.flatMap { Int32($0) })
        if daemon.hasPrefix("haproxy") {
          let workers = HaproxyWorkers(master: pid).all
          let nobody = "Uid:" + String(repeating: "\t\(Haproxy.nobody)", count: 4) + "\n"
          #expect(!workers.isEmpty && workers.allSatisfy { Files.read("/proc/\($0)/status")?.contains(nobody) == true })
        }
        try await measure(lab, "\(daemon) killed", daemon.hasPrefix("d") ? "fabric" : scope) { kill(pid, SIGKILL) }
      }
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host) == "vm1 203.0.113.1")
      #expect(await lab.wait { Talk.ask("203.0.113.81", 8080, in: lab.host) != nil })

      await lab.network.stop()
      try await NodeNetwork.destroy(configuration: lab.configuration)
      try await NodeNetwork.destroy(configuration: lab.configuration)
      #expect(try !MountPoint.isMountPoint(lab.configuration.runDirectory))
      #expect(try RouteSocket(in: lab.host).link("daruma0") == nil)
    }
  }

  @Test func `what the kernel made with an address is missed, too`() async throws {
    try await Lab.with { lab in
      await lab.apply(Plans.base + Plans.isolatedNetwork, complete: true)
      let scope = "router/" + Plans.virtual
      #expect(lab.last(scope)?.phase == .verified)
      let router = try lab.namespace(Names.router(Plans.virtual))
      for _ in 0..<2 {
        try await measure(lab, "the route to an isolated network deleted", scope) {
          _ = try lab.run("/usr/sbin/ip", ["route", "del", "10.9.0.0/24"], in: router)
        }
        #expect(try RouteSocket(in: router).routes().contains { $0.destination.description == "10.9.0.0/24" })
      }
    }
  }

  @Test func `a link that somebody set down does not fail a change that needs it`() async throws {
    try await Lab.with { lab in
      await lab.apply(Plans.base + Plans.isolatedNetwork, complete: true)
      let scope = "router/" + Plans.virtual
      let repairs = lab.last("wan")?.repairs ?? 0
      var address = PublicAddress()
      (address.address, address.router) = (Plans.ip("198.51.100.9"), Plans.virtual)
      try RouteSocket(in: lab.namespace("wan")).setDown("r-" + Names.short(Plans.virtual))
      await lab.apply([Plans.object("address/9", scope, .address(address))])
      #expect(lab.last(scope)?.failedKeys == [], "\(lab.last(scope)?.message ?? "")")
      #expect(
        await lab.wait { lab.last("wan").map { $0.repairs > repairs && $0.phase == .verified } ?? false }, "it is told")
    }
  }

  @Test func `a small gateway's loss is told before a large one is put back`() async throws {
    try await Lab.with { lab in
      let many = (0..<20_000 as Range<UInt32>).map { number -> PlanObject in
        func text(_ first: String) -> String { IPv4(Plans.ip(first) + number).description }
        return Plans.nat(Plans.cells[0], text("198.18.0.0"), text("10.1.64.0"))
      }
      let edges = [Plans.edge(1), Plans.edge(2)]
      await lab.apply(
        Plans.base + edges + many + [Plans.nat(Plans.cells[1], "203.0.113.140", "10.1.0.11")], complete: true)
      let kernels = try Plans.cells.map { try NFTables(in: lab.namespace(Names.router($0))) }
      let before = Plans.edgeScopes.map { lab.last($0)?.repairs ?? 0 }
      // At once: between two looks of the node. Should one come in between, it sees the small one.
      for kernel in kernels.reversed() {
        var batch = NFTBatch()
        batch.deleteTable(.ipv4, "daruma")
        try kernel.commit(batch)
      }
      #expect(
        await lab.wait {
          zip(Plans.edgeScopes, before).allSatisfy { scope, repairs in
            lab.last(scope).map { $0.repairs > repairs && $0.phase == .verified } ?? false
          }
        })
      let reports = Plans.edgeScopes.compactMap { lab.last($0) }
      let detected = reports.map(\.detectedAtNs)
      let applied = try #require(reports.first).appliedAtNs
      #expect(detected.allSatisfy { $0 < applied }, "told at \(detected), the large one put back at \(applied)")
    }
  }

  /// So much wiring is compared by itself once a minute only.
  @Test func `damage to much wiring is heard of, also when the kernel has too much to tell`() async throws {
    try await Lab.with { lab in
      var port = Plans.port(1)
      port.secondary = (0..<3000).map { Plans.ip("10.1.32.0") + $0 }
      let ports = [Plans.portObject(port), Plans.portObject(Plans.port(2))]
      let rules = [Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]
      await lab.apply(Plans.base + [Plans.edge(1)] + rules + ports, complete: true)
      _ = try await lab.instance(port, gateway: "10.1.0.1")
      let link = "p-a10000000000"
      let fabric = try RouteSocket(in: lab.namespace("fabric"))
      func isWhole() throws -> Bool {
        try fabric.neighbours().filter(\.isPermanent).count > 3000 && fabric.routes(table: Route.mainTable).count > 3000
          && fabric.link(link)?.isUp == true
      }
      #expect(try await lab.wait { try isWhole() })
      let address = IPv4(Plans.ip("10.1.32.0") + 1234)
      let deeds: [(String, () throws -> Void)] = [
        ("a neighbour deleted", { try fabric.deleteNeighbour(address, link: link) }),
        ("a neighbour altered", { try fabric.replaceNeighbour(address, mac: MAC(0x0200_0000_0099), link: link) }),
        (
          "a neighbour no longer permanent",
          {
            try fabric.replaceNeighbour(address, mac: MAC(port.mac), link: link, permanent: false)
          }
        ),
        (
          "a route deleted",
          {
            try fabric.deleteRoute(Route(IPv4Prefix(address, length: 32), link: fabric.index(of: link)))
          }
        ),
        ("a foreign route", { try fabric.replaceRoute(IPv4Prefix(IPv4(10, 1, 32, 77), length: 32), link: "gw0") }),
        ("a foreign rule", { try fabric.addRule(priority: 50, table: 77) }),
        ("a foreign address", { try fabric.addAddress(IPv4(10, 1, 32, 99), prefixLength: 32, link: "gw0") }),
        (
          "a port's link down and up",
          {
            try fabric.setDown(link)
            try fabric.setUp(link)
          }
        ),
        ("a link deleted", { try fabric.deleteLink("gw0") }),
        (
          "the kernel had more to tell than there was room for",
          {
            for number in 0..<3000 as Range<UInt32> {
              let other = IPv4(Plans.ip("10.1.48.0") + number)
              try fabric.replaceNeighbour(other, mac: MAC(0x0200_0000_0099), link: "gw0")
            }
            try fabric.deleteNeighbour(address, link: link)
          }
        ),
      ]
      for (what, deed) in deeds {
        let start = ContinuousClock.now
        try await measure(lab, what, "fabric", deed)
        #expect(ContinuousClock.now - start < .seconds(10), "\(what)")
        #expect(try isWhole(), "\(what)")
        let found = try fabric.neighbours().first { $0.address == address }
        #expect(found?.isPermanent == true && found?.mac == MAC(port.mac), "\(what)")
      }
    }
  }

  @Test func `what the kernel refuses is tried again, and verified when the reason is gone`() async throws {
    try await Lab.with { lab in
      await lab.apply(Plans.base, complete: true)
      let fabric = try lab.namespace("fabric")
      let foreign = ["link", "add", "foreign", "type", "vxlan", "id", "4660", "dstport", "4789", "local", "127.0.0.1"]
      #expect(try lab.run("/usr/sbin/ip", foreign, in: fabric).isEmpty)
      let port = Plans.portObject(Plans.port(1, network: Plans.isolated, router: Plans.virtual))
      let number = await lab.apply(Plans.isolatedNetwork + [port])
      let scope = "network/" + Plans.isolated
      #expect(lab.last(scope)?.phase == .failed && lab.last(scope)?.generation == number)
      #expect(lab.last(scope)?.failedKeys == [], "all of the network is in doubt")
      // It is tried again meanwhile.
      try await Task.sleep(for: .seconds(4))
      let phases = lab.reports.withLock { $0.filter { $0.scope == scope && $0.generation == number }.map(\.phase) }
      #expect(!phases.contains(.verified) && phases.count { $0 == .failed } > 1, "\(phases)")
      #expect(try lab.run("/usr/sbin/ip", ["link", "del", "foreign"], in: fabric).isEmpty)
      #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      #expect(try RouteSocket(in: fabric).link("x-1234") != nil)
    }
  }

  @Test func `a rule that has no place yet is named, and verified once it has one`() async throws {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      let first = Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")
      await lab.apply(EdgeTests.plan([first]), complete: true)
      #expect(lab.last(scope)?.phase == .verified)
      var second = Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.11")
      second.key = "staticnat/second"
      let number = await lab.apply([second])
      #expect(lab.last(scope)?.phase == .failed && lab.last(scope)?.failedKeys == [second.key])
      await lab.apply([], removing: [first.key])
      #expect(await lab.wait { lab.last(scope)?.phase == .verified })
      #expect(lab.last(scope)?.generation == number + 1)
      _ = try await EdgeTests.instances(lab)
      #expect(await lab.wait { Talk.ask("203.0.113.70", 80, in: lab.host) == "vm2 203.0.113.1" })
    }
  }

  @Test func `while probes do not pass a change is in doubt, and verified when they pass again`() async throws {
    try await Lab.with { lab in
      await lab.apply(EdgeTests.plan(), complete: true)
      let scope = Plans.edgeScopes[0]
      #expect(lab.last(scope)?.phase == .verified)
      let router = try lab.namespace(Names.router(Plans.cells[0]))
      func forward(_ isOn: Bool) throws {
        try lab.run("/bin/sh", ["-c", "echo \(isOn ? 1 : 0) > /proc/sys/net/ipv4/ip_forward"], in: router)
      }
      try forward(false)
      let number = await lab.apply([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")])
      let report = try #require(lab.last(scope))
      #expect(report.generation == number && (report.phase == .failed || report.phase == .lost), "\(report.phase)")
      #expect(report.failedKeys.isEmpty && report.message.contains("probe"))
      // Nothing is wrong with the rules: it stays so, and nothing of them is given up.
      try await Task.sleep(for: .seconds(3))
      let phases = lab.reports.withLock { $0.filter { $0.scope == scope && $0.generation == number }.map(\.phase) }
      #expect(!phases.contains(.verified), "\(phases)")
      try forward(true)
      #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      #expect(lab.last(scope)?.generation == number && lab.last(scope)?.failedKeys == [])
      _ = try await EdgeTests.instances(lab)
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host) == "vm1 203.0.113.1")
    }
  }

  @Test func `ten thousand static NATs refill, and one more costs one`() async throws {
    try await Lab.with { lab in
      var router = Plans.edge(1)
      router.router.publicPrefixes.append(Plans.prefix("100.64.0.0/16"))
      func nat(_ number: UInt32) -> PlanObject {
        Plans.nat(
          Plans.cells[0], IPv4(Plans.ip("100.64.0.0") + number).description,
          IPv4(Plans.ip("10.1.16.0") + number).description)
      }
      let all = (1...10_000).map { nat(UInt32($0)) }
      var start = ContinuousClock.now
      await lab.apply(Plans.base + [router] + all, complete: true)
      print("first application of 10,000 static NATs: \(ContinuousClock.now - start)")
      #expect(lab.last(Plans.edgeScopes[0])?.phase == .verified)
      var times: [Duration] = []
      for number in 10_001...10_050 {
        start = ContinuousClock.now
        await lab.apply([nat(UInt32(number))])
        times.append(ContinuousClock.now - start)
      }
      #expect(lab.last(Plans.edgeScopes[0])?.phase == .verified)
      print("one more static NAT with 10,000 there, to verified: \(times.sorted()[25])")
      try await measure(lab, "10,050 static NATs wiped", Plans.edgeScopes[0]) {
        _ = try lab.run("/usr/sbin/nft", ["flush", "ruleset"], in: lab.namespace(Names.router(Plans.cells[0])))
      }
      if let report = lab.last(Plans.edgeScopes[0]) {
        print("  detected to verified: \(Double(report.verifiedAtNs - report.detectedAtNs) / 1e6) ms")
        #expect(report.services.first { $0.service == "staticnat" }?.verified == 10_050)
      }
    }
  }
}
