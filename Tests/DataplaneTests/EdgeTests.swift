import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Testing

/// Gateways, fabric and instances by real packets.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EdgeTests {
  static let open = Plans.securityGroup([Plans.any(6), Plans.any(17), Plans.any(1)])

  static func plan(_ extra: [PlanObject] = []) -> [PlanObject] {
    Plans.base + [Plans.edge(1), Plans.edge(2), open] + (1...3).map { Plans.portObject(Plans.port($0)) } + extra
  }

  static func instances(_ lab: Lab) async throws -> [NetworkNamespace] {
    var result: [NetworkNamespace] = []
    for number in 1...3 {
      let namespace = try await lab.instance(Plans.port(number), gateway: "10.1.0.1")
      try lab.serve("vm\(number)", port: 80, in: namespace)
      result.append(namespace)
    }
    return result
  }

  @Test func `static NAT, load balancers and hairpin carry packets`() async throws {
    try await Lab.with { lab in
      let objects = Self.plan([
        Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"),
        Plans.nat(Plans.cells[1], "203.0.113.140", "10.1.0.12"),
        Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11", "10.1.0.12"]),
        Plans.balancer(Plans.cells[1], "203.0.113.150", 8080, ["10.1.0.10"]),
        Plans.balancer(Plans.cells[1], "203.0.113.151", 8080, ["10.1.0.11"], .source),
        Plans.balancer(Plans.cells[1], "203.0.113.152", 8080, ["10.1.0.11", "10.1.0.12"], .leastConnections),
        Plans.balancer(
          Plans.cells[1], "203.0.113.153", 8080, ["10.1.0.11"], sources: ["192.0.2.0/24", "192.0.2.128/25"]),
      ])
      let number = await lab.apply(objects, complete: true)
      for scope in ["wan", "fabric"] + Plans.edgeScopes {
        let report = try #require(lab.last(scope))
        #expect(report.phase == .verified, "\(scope): \(report.message) \(report.failedKeys)")
        #expect(report.generation == number)
      }
      let vms = try await Self.instances(lab)
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host) == "vm1 203.0.113.1")
      #expect(Talk.ask("203.0.113.140", 80, in: lab.host) == "vm3 203.0.113.1")
      let spread = Set((0..<9).compactMap { _ in Talk.ask("203.0.113.80", 8080, in: lab.host) })
      #expect(spread == ["vm1 203.0.113.1", "vm2 203.0.113.1", "vm3 203.0.113.1"])
      #expect(Talk.ask("203.0.113.150", 8080, in: lab.host) == "vm1 203.0.113.1", "cell 2 while its NAT is in cell 1")
      #expect(Talk.ask("203.0.113.151", 8080, in: lab.host) == "vm2 203.0.113.1")
      #expect(await lab.wait { Talk.ask("203.0.113.152", 8080, in: lab.host) != nil }, "least connections")
      #expect(Talk.ask("203.0.113.153", 8080, in: lab.host, timeout: 300) == nil, "not among the sources")

      try lab.serve("host", port: 81, in: lab.host)
      #expect(Talk.ask("203.0.113.1", 81, in: vms[0]) == "host 203.0.113.70", "outbound by its static NAT")
      #expect(Talk.ask("203.0.113.1", 81, in: vms[2]) == "host 203.0.113.140")
      #expect(Talk.ask("203.0.113.1", 81, in: vms[1], timeout: 300) == nil, "no static NAT, no way out")
      #expect(Talk.ask("203.0.113.70", 80, in: vms[0]) == "vm1 203.0.113.70", "hairpin to itself")
      #expect(Talk.ask("203.0.113.140", 80, in: vms[0]) == "vm3 203.0.113.70", "to another cell")
      #expect(Talk.ask("203.0.113.70", 80, in: vms[1]) != nil, "without a static NAT to a public address")
      #expect(Talk.ask("10.1.0.11", 80, in: vms[0]) == "vm2 10.1.0.10", "inside")
      #expect(Talk.ask("203.0.113.99", 80, in: lab.host, timeout: 300) == nil)
      let tracked = try Conntrack(in: lab.namespace(Names.router(Plans.cells[0])))
      let unmatched = FlowFilter(originalDestination: IPv4("203.0.113.99"))
      #expect(try tracked.flows(unmatched).isEmpty, "no entry for what no rule matches")
    }
  }

  @Test func `a revoked rule ends its connection, a spoofed source is dropped`() async throws {
    try await Lab.with { lab in
      await lab.apply(Self.plan([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]), complete: true)
      let vms = try await Self.instances(lab)
      let target = try #require(IPv4("203.0.113.70"))
      let talk = try #require(Talk(to: target, 80, in: lab.host))
      #expect(talk.hear() == "vm1 203.0.113.1")
      talk.say("a")
      #expect(talk.hear() == "a")
      await lab.apply([Plans.securityGroup([Plans.any(17)])])
      #expect(lab.last("fabric")?.phase == .verified)
      talk.say("b")
      #expect(talk.hear(400) == nil, "revoked")
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host, timeout: 300) == nil)
      #expect(Talk.askUDP("203.0.113.70", 80, in: lab.host, sourcePort: 4001) == "vm1 203.0.113.1")
      await lab.apply([Plans.securityGroup([Plans.any(6, 80, 80)])])
      #expect(Talk.ask("203.0.113.70", 80, in: lab.host) != nil)

      let routes = try RouteSocket(in: vms[1])
      try routes.addAddress(IPv4(Plans.ip("10.1.0.77")), prefixLength: 32, link: "eth0")
      let spoofed = try lab.run(
        "/usr/bin/ping", ["-c1", "-W1", "-I", "10.1.0.77", "10.1.0.1"], in: vms[1])
      #expect(!spoofed.contains("1 received"), "\(spoofed)")
    }
  }

  @Test func `a re-given address never reaches its old target`() async throws {
    try await Lab.with { lab in
      await lab.apply(Self.plan([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10")]), complete: true)
      _ = try await Self.instances(lab)
      let target = try #require(IPv4("203.0.113.70"))
      let flow = try #require(Talk(tcp: false, to: target, 80, in: lab.host, sourcePort: 4000))
      flow.say("x")
      #expect(flow.hear() == "vm1 203.0.113.1")
      await lab.apply([Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.11")])
      #expect(lab.last(Plans.edgeScopes[0])?.phase == .verified)
      flow.say("x")
      #expect(flow.hear() == "vm2 203.0.113.1")
      let number = await lab.apply([], removing: ["staticnat/203.0.113.70"])
      let report = try #require(lab.last(Plans.edgeScopes[0]))
      #expect(report.phase == .verified && report.generation == number)
      #expect(report.services.first { $0.service == "staticnat" }?.wanted == 0)
      flow.say("x")
      #expect(flow.hear(300) == nil)
    }
  }

  @Test func `metadata and DHCP reach instances`() async throws {
    try await Lab.with { lab in
      await lab.apply(Self.plan(), complete: true)
      let vms = try await Self.instances(lab)
      for address in ["10.1.0.1", "169.254.169.254"] {
        let talk = try #require(Talk(to: IPv4(Plans.ip(address)), 80, in: vms[0]))
        talk.say("GET /latest/user-data HTTP/1.0\r\n\r\n")
        #expect(talk.hear()?.contains("#cloud-config") == true)
      }
      let unknown = try #require(Talk(to: IPv4(Plans.ip("10.1.0.1")), 80, in: vms[1]))
      unknown.say("GET /latest/meta-data/ HTTP/1.0\r\n\r\n")
      #expect(unknown.hear()?.contains("404") == true)
      let lease = try lab.run(
        "/usr/bin/busybox", ["udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", "/bin/true"],
        in: vms[1])
      #expect(lease.contains("lease of 10.1.0.11 obtained"), "\(lease)")
    }
  }
}
