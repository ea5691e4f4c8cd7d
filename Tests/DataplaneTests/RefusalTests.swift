import Addresses
@testable import Dataplane
import Glibc
@testable import Kernel
import NodePlan
import Testing

/// What the kernel or a program refuses.
@Suite(.serialized, .timeLimit(.minutes(20))) struct RefusalTests {
  /// A load balancer that nobody serves yet, for some sources only. Two of them that share an address have ranges that
  /// overlap, which the kernel does not take.
  private func restricted(_ name: String, _ port: UInt32, _ source: String) -> PlanObject {
    var object = Plans.balancer(Plans.cells[0], "203.0.113.110", port, [], sources: [source], transport: 17)
    object.key = "lb/\(name)"
    return object
  }

  @Test func `what the kernel refuses is named, all of the rest goes in and stays`() async throws {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      let good = EdgeTests.plan(
        [Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]
          + (1...120).map { restricted("good/\($0)", UInt32($0), "192.0.2.0/24") })
      await lab.apply(good, complete: true)
      #expect(lab.last(scope)?.phase == .verified)
      _ = try await EdgeTests.instances(lab)
      // More than one at once, among others that are fine.
      let poison = (1...120).map { restricted("poison/\($0)", UInt32($0), "192.0.2.64/26") }
      let number = await lab.apply(
        poison + [Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.11"), restricted("fine", 999, "192.0.2.0/24")])
      let report = try #require(lab.last(scope))
      #expect(report.generation == number && report.phase == .failed)
      #expect(report.failedKeys == poison.map(\.key).sorted())
      #expect(Talk.ask("203.0.113.71", 80, in: lab.host) == "vm2 203.0.113.1")
      let router = try lab.namespace(Names.router(Plans.cells[0]))
      #expect(try NFTables(in: router).elements(.ipv4, "daruma", "sources").count == 121)

      // A refill takes the good ones again, and a change of others is not held up.
      let repairs = lab.last(scope)?.repairs ?? 0
      #expect(try lab.run("/usr/sbin/nft", ["flush", "ruleset"], in: router).isEmpty)
      let isBack = try await lab.wait {
        try NFTables(in: router).tables().count == 1 && (lab.last(scope)?.repairs ?? 0) > repairs
          && lab.last(scope)?.phase == .failed && Talk.ask("203.0.113.71", 80, in: lab.host, timeout: 200) != nil
      }
      #expect(isBack, "\(String(describing: lab.last(scope)))")
      #expect(try NFTables(in: router).elements(.ipv4, "daruma", "sources").count == 121)
      #expect(lab.last(scope)?.failedKeys == poison.map(\.key).sorted())

      // Without the good ones there is room.
      await lab.apply([], removing: (1...120).map { "lb/good/\($0)" })
      #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      #expect(try NFTables(in: router).elements(.ipv4, "daruma", "sources").count == 121)
    }
  }

  @Test func `a load balancer that haproxy refuses does not hold up others`() async throws {
    try await Lab.with { lab in
      let scope = Plans.edgeScopes[0]
      func balancer(_ name: String, _ address: String, _ port: UInt32 = 80) -> PlanObject {
        var object = Plans.balancer(Plans.cells[0], address, 8080, ["10.1.0.10"], to: port, .leastConnections)
        object.key = "lb/\(name)"
        return object
      }
      await lab.apply(EdgeTests.plan([balancer("a", "203.0.113.80")]), complete: true)
      _ = try await EdgeTests.instances(lab)
      #expect(lab.last(scope)?.phase == .verified)
      // haproxy cannot check a member at port 0; the second one wants the place of one that is there.
      let twin = balancer("twin", "203.0.113.80")
      await lab.apply([
        balancer("poison", "203.0.113.81", 0), twin, balancer("b", "203.0.113.82"), balancer("c", "203.0.113.83"),
      ])
      #expect(lab.last(scope)?.failedKeys == ["lb/poison", "lb/twin"], "\(String(describing: lab.last(scope)))")
      for address in ["203.0.113.80", "203.0.113.82", "203.0.113.83"] {
        #expect(await lab.wait { Talk.ask(address, 8080, in: lab.host) == "vm1 10.1.255.1" }, "\(address)")
      }
      await lab.apply([balancer("d", "203.0.113.84")])
      #expect(await lab.wait { Talk.ask("203.0.113.84", 8080, in: lab.host) != nil })
      await lab.apply([balancer("poison", "203.0.113.81")], removing: [twin.key])
      #expect(await lab.wait { lab.last(scope)?.phase == .verified }, "\(String(describing: lab.last(scope)))")
      #expect(await lab.wait { Talk.ask("203.0.113.81", 8080, in: lab.host) != nil })
      #expect(Listing.names(lab.folder + "/services").filter { $0.contains(".check") }.isEmpty)
    }
  }

  /// The table of a gateway as a plan has it.
  private func fill(_ table: inout RuleTable, _ objects: [PlanObject], _ gone: [String]) throws {
    let keys = gone + objects.map(\.key)
    var classes = Set(keys.flatMap { table.keys(of: $0, in: "classes") })
    for key in gone { try table.replace(owner: key, []) }
    // Of those that exchange what they have, the first finds it taken.
    for _ in 0..<2 {
      for object in objects {
        switch object.body {
        case .staticNat(let nat): try? table.replace(owner: object.key, TranslationTable.elements(of: nat))
        case .loadBalancer(let balancer):
          try table.replace(
            owner: object.key, TranslationTable.elements(of: balancer, proxyPort: nil, isAlive: { _ in true }))
        default: break
        }
      }
    }
    classes.formUnion(keys.flatMap { table.keys(of: $0, in: "classes") })
    for key in classes {
      let kind = LoadBalancerClass(mark: key.mark())
      table.setChain(kind.chain, table.contains("classes", key) ? kind.rules : nil)
    }
  }

  @Test func `any part of a transaction that fails leaves what was there`() throws {
    var plans = RandomPlan(random: Seeded(printing: "prefixes"))
    let seed = plans.random.seed
    let folder = "/tmp/daruma-test-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    let path = folder + "/one"
    let namespace = try NetworkNamespace.create(at: path)
    defer {
      try? NetworkNamespace.unmount(path: path)
      rmdir(folder)
    }
    let tables = try NFTables(in: namespace)
    func contents() throws -> [String] {
      var result = ["\(try tables.generation())"]
      for set in try tables.sets(.ipv4, "daruma") {
        result.append("\(set)")
        result += try tables.elements(.ipv4, "daruma", set.name).map { "\($0)" }.sorted()
      }
      result += try tables.chains(.ipv4, "daruma").map { "\($0)" }
      return result + (try tables.rules(.ipv4, "daruma").map { "\($0)" })
    }
    guard case .router(let router)? = Plans.edge(1).body else { return }
    let edge = { (plan: [PlanObject]) in plan.filter { $0.scope == Plans.edgeScopes[0] } }
    var table = EdgeTable.make(router)
    var before = edge(plans.next())
    try fill(&table, before, [])
    try tables.commit(table.creation(labelled: false))
    table.settle()
    var socket = try NetlinkSocket(12, in: namespace)
    for round in 0..<Trial.count(4, full: 60) {
      let after = edge(plans.next())
      let (upserts, removals) = RandomPlan.difference(before, after)
      try fill(&table, upserts, removals)
      // Element by element, so that there are many places to cut.
      let batch = Bool.random(using: &plans.random) ? table.difference(labelled: true) : table.creation(labelled: true)
      let was = try contents()
      for _ in 0..<Trial.count(12, full: 60) {
        let count = Int.random(in: 0...batch.count, using: &plans.random)
        for isAborted in [false, true] {
          var bytes = frame(16, 0) + messages(batch, count)
          if !isAborted {
            var bad = NFTBatch()
            bad.addRule(.ipv4, "daruma", "there is no such chain", [.counter])
            bytes += bad.buffer.bytes + frame(17, 1)
          }
          socket.begin()
          try socket.send([bytes], operation: "test")
          while try socket.receive(wait: false, operation: "test", { _, _ in }) {}
          socket.finish()
          #expect(try contents() == was, "\(count) of \(batch.count) messages, round \(round), seed \(seed)")
        }
      }
      try tables.commit(batch)
      #expect(try table.audit(tables).isEmpty, "round \(round), seed \(seed)")
      table.settle()
      before = after
    }
  }

  private func frame(_ type: UInt16, _ sequence: UInt32) -> [UInt8] {
    var buffer = NetlinkBuffer()
    buffer.message(type: type, flags: 1, sequence: sequence) {
      $0.append(netfilterHeader(0, resource: 10))
    }
    return buffer.bytes
  }

  private func messages(_ batch: borrowing NFTBatch, _ count: Int) -> [UInt8] {
    let bytes = batch.buffer.bytes
    var offset = 0
    for _ in 0..<count {
      let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
      offset += (length + 3) & ~3
    }
    return Array(bytes[..<offset])
  }
}
