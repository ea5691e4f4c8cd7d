import Addresses
import Glibc
import Kernel
import Testing

struct NFTablesTests {
  /// One of everything a router needs.
  static func router() throws -> NFTBatch {
    var batch = NFTBatch()
    let table = "router"
    batch.destroyTable(.ipv4, table)
    batch.addTable(.ipv4, table)
    batch.addChain(.ipv4, table, "pre", base: NFTBaseChain(.nat, .prerouting, priority: -100))
    batch.addChain(.ipv4, table, "post", base: NFTBaseChain(.nat, .postrouting, priority: 100))
    batch.addChain(.ipv4, table, "fwd", base: NFTBaseChain(.filter, .forward, priority: 0, policy: .drop))
    batch.addChain(.ipv4, table, "class2")
    batch.addChain(.ipv4, table, "web")
    batch.addMap(.ipv4, table, "in", key: [.ipv4], data: .fields([.ipv4]), size: 1000)
    batch.addMap(.ipv4, table, "out", key: [.ipv4], data: .fields([.ipv4]), size: 1000)
    batch.addMap(.ipv4, table, "vips", key: [.ipv4, .protocolNumber, .port], data: .fields([.mark]), size: 100)
    batch.addMap(
      .ipv4, table, "backends", key: [.ipv4, .protocolNumber, .port, .mark], data: .fields([.ipv4, .port]), size: 100)
    batch.addMap(.ipv4, table, "classes", key: [.mark], data: .verdict, size: 16)
    batch.addSet(.ipv4, table, "pairs", key: [.interface, .interface], size: 100)
    batch.addSet(
      .ipv4, table, "allowed", key: [.ipv4, .protocolNumber, .port], size: 100, flags: [.interval])
    batch.addSet(.ipv4, table, "networks", key: [.ipv4], flags: [.interval])
    try batch.addElements(.ipv4, table, "in", inward())
    try batch.addElements(
      .ipv4, table, "out", inward().map { NFTElement($0.data ?? NFTBytes(), data: $0.key) })
    let vip = NFTBytes(try ip("203.0.113.9"), protocolNumber: 6, port: 443)
    batch.addElements(.ipv4, table, "vips", [NFTElement(vip, data: NFTBytes(mark: 2), comment: "shop")])
    for bucket in 0..<2 as Range<UInt32> {
      var key = vip
      key.append(mark: bucket)
      let backend = NFTBytes(IPv4(10, 0, 0, UInt8(bucket + 11)), port: 8443)
      batch.addElements(.ipv4, table, "backends", [NFTElement(key, data: backend)])
    }
    batch.addElements(.ipv4, table, "classes", [NFTElement(NFTBytes(mark: 2), verdict: .goto("class2"))])
    var pair = NFTBytes(interface: "eth0")
    pair.append(interface: "eth1")
    batch.addElements(.ipv4, table, "pairs", [NFTElement(pair)])
    let allowed = NFTElement(
      NFTBytes(try ip("10.0.0.0"), protocolNumber: 6, port: 80),
      end: NFTBytes(try ip("10.0.0.255"), protocolNumber: 6, port: 90))
    batch.addElements(.ipv4, table, "allowed", [allowed])
    batch.addElements(.ipv4, table, "networks", NFTElement.interval(try net("192.168.4.0/22")))
    for (chain, rules) in rules {
      for (comment, expressions) in rules {
        batch.addRule(.ipv4, table, chain, expressions, comment: comment, label: comment)
      }
    }
    return batch
  }

  static func inward() throws -> [NFTElement] {
    try (1...3).map { NFTElement(NFTBytes(try ip("203.0.113.\($0)")), data: NFTBytes(try ip("10.0.0.\($0)"))) }
  }

  static let vipKey: [NFTExpression] = [
    .destinationAddress(to: 0), .meta(.transportProtocol, to: 1), .destinationPort(to: 2),
  ]

  static let rules: [(String, [(String, [NFTExpression])])] = [
    (
      "pre",
      [
        ("static", [.destinationAddress(to: 0), .map("in", key: 0, to: 0), .nat(.destination, address: 0)]),
        ("class", vipKey + [.map("vips", key: 0, to: 0), .setMeta(.mark, from: 0)]),
        ("balance", [.meta(.mark, to: 0), .verdictMap("classes", key: 0)]),
      ]
    ),
    (
      "class2",
      [
        (
          "hash",
          [
            .sourceAddress(to: 1), .sourcePort(to: 2), .hash(1, length: 8, modulus: 2, seed: 7, to: 0),
            .setMeta(.mark, from: 0),
          ]
        ),
        (
          "backend",
          vipKey + [
            .meta(.mark, to: 3), .map("backends", key: 0, to: 0), .nat(.destination, address: 0, port: 1),
          ]
        ),
      ]
    ),
    (
      "post",
      [
        ("back", [.sourceAddress(to: 0), .map("out", key: 0, to: 0), .nat(.source, address: 0)]),
        ("rest", [.meta(.outputName, to: 0), .compare(.equal, 0, Array("eth0".utf8) + [0]), .masquerade]),
      ]
    ),
    (
      "fwd",
      [
        ("known", NFTExpression.connectionState(6) + [.counter, .verdict(.accept)]),
        ("pairs", [.meta(.inputName, to: 0), .meta(.outputName, to: 4), .lookup("pairs", key: 0), .verdict(.accept)]),
        ("web", vipKey + [.lookup("allowed", key: 0), .verdict(.jump("web"))]),
        ("net", [.sourceAddress(to: 0), .lookup("networks", key: 0, inverted: true), .verdict(.return)]),
        ("slow", [.limit(rate: 10, seconds: 1, burst: 5), .reject(.icmp(code: 13))]),
        ("reset", NFTExpression.transportProtocol(6) + [.reject(.tcpReset)]),
        (
          "flags",
          NFTExpression.transportProtocol(6) + [
            .tcpFlags(to: 0), .bitwise(from: 0, mask: [2], xor: [0], to: 0), .compare(.notEqual, 0, [0]),
            .verdict(.drop),
          ]
        ),
      ]
    ),
    (
      "web",
      [
        (
          "origin",
          NFTExpression.transportProtocol(6) + [
            .connection(.destinationAddress, .original, to: 0), .compare(.equal, 0, [203, 0, 113, 9]),
            .connection(.destinationPort, .original, to: 0), .compare(.equal, 0, [1, 187]), .verdict(.accept),
          ]
        ),
        ("ctmark", NFTExpression.setMark(5) + [.setConnectionMark(from: 0)]),
        ("ct", [.connection(.mark, to: 0), .compare(.greaterOrEqual, 0, [1, 0, 0, 0]), .counter]),
        ("turn", [.counting(modulus: 4, offset: 1, to: 0), .setMeta(.mark, from: 0)]),
        ("sym", [.symmetricHash(modulus: 4, to: 0), .setMeta(.mark, from: 0)]),
      ]
    ),
  ]

  @Test func `The rule set lists in nft as it was meant`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    try NFTables(in: one).commit(Self.router())
    let text = try sandbox.ruleset(one)
    #expect(text == goldenRouter)
  }

  @Test func `A table of both families translates IPv4`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let tables = try NFTables(in: one)
    let rule: [NFTExpression] = [
      .meta(.networkProtocol, to: 0), .compare(.equal, 0, [2]), .immediate([10, 0, 0, 1], to: 0),
      .nat(.source, address: 0),
    ]
    var batch = NFTBatch()
    batch.addTable(.inet, "both")
    batch.addChain(.inet, "both", "post", base: NFTBaseChain(.nat, .postrouting, priority: 100))
    batch.addRule(.inet, "both", "post", rule)
    try tables.commit(batch)
    #expect(try sandbox.ruleset(one).contains("snat ip to 10.0.0.1\n"))
    #expect(try tables.rules(.inet, "both").map(\.digest) == [NFTExpression.digest(rule, family: .inet)])
  }

  @Test func `What is read back equals what was put`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let tables = try NFTables(in: one)
    try tables.commit(Self.router())
    #expect(try tables.tables().map(\.name) == ["router"])
    let chains = try tables.chains(.ipv4, "router")
    #expect(chains.map(\.name) == ["pre", "post", "fwd", "class2", "web"])
    #expect(chains[2].base == NFTBaseChain(.filter, .forward, priority: 0, policy: .drop))
    #expect(chains[3].base == nil)
    let rules = try tables.rules(.ipv4, "router")
    for (chain, wanted) in Self.rules {
      let found = rules.filter { $0.chain == chain }
      #expect(found.map(\.comment) == wanted.map(\.0))
      for (found, wanted) in zip(found, wanted) {
        #expect(found.digest == NFTExpression.digest(wanted.1), "\(wanted.0)")
      }
    }
    #expect(try tables.rules(.ipv4, "router", chain: "web").count == 5)
    let sets = try tables.sets(.ipv4, "router")
    #expect(sets.count == 8)
    #expect(sets.first { $0.name == "in" }?.size == 1000)
    #expect(sets.first { $0.name == "in" }?.isMap == true)
    #expect(try Set(tables.elements(.ipv4, "router", "in")) == Set(Self.inward()))
    let shop = try #require(try tables.elements(.ipv4, "router", "vips").first)
    #expect(shop.comment == "shop" && shop.data == NFTBytes(mark: 2))
    #expect(try tables.elements(.ipv4, "router", "classes").first?.verdict == .goto("class2"))
    #expect(try tables.elements(.ipv4, "router", "allowed").first?.keyEnd?.port(at: 8) == 90)
    #expect(
      try tables.element(.ipv4, "router", "in", key: NFTBytes(ip("203.0.113.2")))?.data?.ipv4() == ip("10.0.0.2"))
    #expect(try tables.element(.ipv4, "router", "in", key: NFTBytes(ip("203.0.113.200"))) == nil)
    #expect(throws: KernelError.self) { try tables.elements(.ipv4, "router", "nothing") }
  }

  @Test func `Elements change and everything goes`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let tables = try NFTables(in: one)
    try tables.commit(Self.router())
    let old = NFTElement(NFTBytes(try ip("203.0.113.2")), data: NFTBytes(try ip("10.0.0.2")))
    let new = NFTElement(old.key, data: NFTBytes(try ip("10.0.0.99")))
    var clash = NFTBatch()
    clash.addElements(.ipv4, "router", "in", [new])
    #expect(throws: KernelError(code: EEXIST, operation: "add elements", message: 0)) { try tables.commit(clash) }
    var change = NFTBatch()
    change.deleteElements(.ipv4, "router", "in", [old])
    change.addElements(.ipv4, "router", "in", [new])
    try tables.commit(change)
    #expect(try tables.element(.ipv4, "router", "in", key: old.key) == new)
    var clear = NFTBatch()
    clear.flushSet(.ipv4, "router", "in")
    clear.flushChain(.ipv4, "router", "web")
    try tables.commit(clear)
    #expect(try tables.elements(.ipv4, "router", "in").isEmpty)
    #expect(try tables.rules(.ipv4, "router", chain: "web").isEmpty)
    var gone = NFTBatch()
    gone.destroyTable(.ipv4, "router")
    try tables.commit(gone)
    try tables.commit(gone)
    #expect(try tables.tables().isEmpty)
  }

  @Test func `A failed batch names its message and changes nothing`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let tables = try NFTables(in: one)
    try tables.commit(Self.router())
    let before = try sandbox.ruleset(one)
    let generation = try tables.generation()
    var batch = NFTBatch()
    batch.flushChain(.ipv4, "router", "fwd", label: "fine")
    batch.addRule(.ipv4, "router", "nowhere", [.counter], label: "rule 17")
    batch.flushChain(.ipv4, "router", "pre")
    let error = #expect(throws: KernelError.self) { try tables.commit(batch) }
    #expect(error == KernelError(code: ENOENT, operation: "add rule", message: 1, label: "rule 17"))
    #expect(try sandbox.ruleset(one) == before)
    #expect(try tables.generation() == generation)
  }

  @Test func `A commit for another generation is refused`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let (mine, other) = (try NFTables(in: one), try NFTables(in: one))
    let generation = try mine.generation()
    try mine.commit(Self.router(), expecting: generation)
    #expect(try mine.generation() == generation + 1)
    var batch = NFTBatch()
    batch.addTable(.ipv4, "other")
    try other.commit(batch)
    let error = #expect(throws: KernelError.self) { try mine.commit(batch, expecting: generation + 1) }
    #expect(error?.isStaleGeneration == true)
    try mine.commit(batch, expecting: generation + 2)
  }

  @Test func `Connections to a static address and to a load balancer reach the machine behind`() throws {
    let sandbox = try Sandbox()
    let (client, router, server) =
      (try sandbox.namespace("client"), try sandbox.namespace("router"), try sandbox.namespace("server"))
    let routes = try RouteSocket(in: router)
    for (namespace, link, near, far) in [
      (client, "left", "198.51.100.1", "198.51.100.2"), (server, "right", "10.0.0.254", "10.0.0.11"),
    ] {
      let own = try RouteSocket(in: namespace)
      try routes.ensureVeth(link, peerName: "eth0", peerNamespace: namespace)
      try routes.setUp(link)
      try own.setUp("eth0")
      try routes.addAddress(ip(near), prefixLength: 24, link: link)
      try own.addAddress(ip(far), prefixLength: 24, link: "eth0")
      try own.replaceRoute(.any, via: ip(near))
    }
    try router.sysctl("net.ipv4.ip_forward", "1")
    var batch = try Self.router()
    batch.addChain(.ipv4, "router", "fwd", base: NFTBaseChain(.filter, .forward, priority: 0, policy: .accept))
    batch.flushChain(.ipv4, "router", "fwd")
    let target = try ip("10.0.0.11")
    batch.addElements(.ipv4, "router", "in", [NFTElement(NFTBytes(try ip("203.0.113.11")), data: NFTBytes(target))])
    // Both buckets lead to the one server there is.
    var key = NFTBytes(try ip("203.0.113.9"), protocolNumber: 6, port: 443)
    key.append(mark: 1)
    batch.deleteElements(.ipv4, "router", "backends", [NFTElement(key)])
    batch.addElements(.ipv4, "router", "backends", [NFTElement(key, data: NFTBytes(target, port: 8443))])
    try NFTables(in: router).commit(batch)
    let listener = try NamespaceSocket.listenTCP(.any, port: 8443, in: server)
    for (address, port) in [("203.0.113.11", 8443), ("203.0.113.9", 443)] as [(String, UInt16)] {
      let connection = try NamespaceSocket.connectTCP(ip(address), port: port, in: client)
      var watched = pollfd(fd: connection.raw, events: Int16(POLLOUT), revents: 0)
      #expect(poll(&watched, 1, 3000) == 1)
      #expect(NamespaceSocket.connectionError(connection) == 0)
      let flows = try Conntrack(in: router).flows(FlowFilter(originalDestination: ip(address)))
      #expect(try flows.map(\.reply.source) == [ip("10.0.0.11")])
    }
    #expect(listener.raw >= 0)
  }

  @Test func `A hundred thousand elements fill in one transaction`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let tables = try NFTables(in: one)
    let inward = (0..<100_000 as Range<UInt32>).map {
      NFTElement(NFTBytes(IPv4(0x0b00_0000 + $0)), data: NFTBytes(IPv4(0x0a00_0000 + $0)))
    }
    let outward = inward.map { NFTElement($0.data ?? NFTBytes(), data: $0.key) }
    let clock = ContinuousClock()
    var batch = NFTBatch()
    let built = clock.measure {
      batch.addTable(.ipv4, "t")
      batch.addMap(.ipv4, "t", "in", key: [.ipv4], data: .fields([.ipv4]), size: 125_000)
      batch.addMap(.ipv4, "t", "out", key: [.ipv4], data: .fields([.ipv4]), size: 125_000)
      batch.addElements(.ipv4, "t", "in", inward)
      batch.addElements(.ipv4, "t", "out", outward)
    }
    let committed = try clock.measure { try tables.commit(batch) }
    var found: [NFTElement] = []
    let read = try clock.measure { found = try tables.elements(.ipv4, "t", "in") }
    #expect(Set(found) == Set(inward))
    let single = try clock.measure {
      for i in 0..<1000 as Range<UInt32> {
        var batch = NFTBatch()
        batch.addElements(.ipv4, "t", "in", [NFTElement(NFTBytes(IPv4(0x0c00_0000 + i)), data: NFTBytes(.loopback))])
        try tables.commit(batch)
      }
    }
    print("100,000 static NATs: build \(built), commit \(committed), read one map \(read); one more \(single / 1000)")
  }
}
