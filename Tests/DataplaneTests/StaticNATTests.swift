import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Testing

/// Static NAT at an edge gateway: alone, and for an instance that a load balancer leads to as well, whose connections are tracked.
@Suite(.serialized, .timeLimit(.minutes(3))) struct StaticNATTests {
  private static let outside = "203.0.113.70"
  private static let balancer = Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10"])

  private static func with(tracked: Bool, _ body: (Lab, [NetworkNamespace]) async throws -> Void) async throws {
    try await Lab.with { lab in
      let nat = Plans.nat(Plans.cells[0], outside, "10.1.0.10")
      let number = await lab.apply(EdgeTests.plan([nat] + (tracked ? [balancer] : [])), complete: true)
      let report = try #require(lab.last(Plans.edgeScopes[0]))
      #expect(report.phase == .verified && report.generation == number, "\(report.message)")
      try await body(lab, try await EdgeTests.instances(lab))
    }
  }

  @Test(arguments: [false, true]) func `its packets are tracked only where something else needs it`(
    tracked: Bool
  ) async throws {
    try await Self.with(tracked: tracked) { lab, vms in
      try lab.serve("host", port: 81, in: lab.host)
      #expect(Talk.ask(Self.outside, 80, in: lab.host) == "vm1 203.0.113.1")
      #expect(Talk.askUDP(Self.outside, 80, in: lab.host, sourcePort: 4000) == "vm1 203.0.113.1")
      #expect(Talk.ask("203.0.113.1", 81, in: vms[0]) == "host \(Self.outside)")
      #expect(Talk.askUDP("203.0.113.1", 81, in: vms[0], sourcePort: 4000) == "host \(Self.outside)")
      // What does not fit into one packet.
      let large = try #require(Talk(tcp: false, to: IPv4(Plans.ip(Self.outside)), 80, in: lab.host))
      large.say(String(repeating: "x", count: 6000))
      #expect(large.hear() == "vm1 203.0.113.1")
      for (namespace, address) in [(lab.host, Self.outside), (vms[0], "203.0.113.1")] {
        let told = try lab.run("/bin/ping", ["-c", "2", "-i", "0.01", "-W", "1", "-s", "3000", address], in: namespace)
        #expect(told.contains(" 0% packet loss"), "\(told)")
      }
      if tracked { #expect(Talk.ask("203.0.113.80", 8080, in: lab.host) == "vm1 203.0.113.1") }
      let conntrack = try Conntrack(in: lab.namespace(Names.router(Plans.cells[0])))
      let (public_, private_) = (IPv4(Plans.ip(Self.outside)), IPv4(Plans.ip("10.1.0.10")))
      let flows =
        try conntrack.flows(FlowFilter(originalDestination: public_))
        + conntrack.flows(FlowFilter(originalSource: private_))
      #expect(flows.isEmpty == !tracked, "\(flows)")
    }
  }

  @Test(arguments: [false, true]) func `whoever an error is about is told in its own addresses`(
    tracked: Bool
  ) async throws {
    try await Self.with(tracked: tracked) { lab, vms in
      #expect(Talk.error(Self.outside, 9, in: lab.host) == ECONNREFUSED, "of the instance, to outside")
      #expect(Talk.error("203.0.113.1", 9, in: vms[0]) == ECONNREFUSED, "from outside, to the instance")
      // The wan is a hop, too.
      #expect(Talk.error(Self.outside, 80, in: lab.host, hops: 2) == EHOSTUNREACH, "of the gateway")
      #expect(Talk.error("203.0.113.1", 80, in: vms[0], hops: 2) == EHOSTUNREACH, "of the gateway to the instance")
    }
  }

  @Test func `an error that an instance makes up about another's packets is not believed`() async throws {
    try await Lab.with { lab in
      let nats = [
        Plans.nat(Plans.cells[0], Self.outside, "10.1.0.10"), Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.11"),
      ]
      await lab.apply(EdgeTests.plan(nats), complete: true)
      let vms = try await EdgeTests.instances(lab)
      let victim = try #require(
        Talk(tcp: false, to: IPv4(Plans.ip(Self.outside)), 9, in: lab.host, sourcePort: 4321))
      // Nobody answers at this port; vm1 itself is told not to say so.
      _ = try lab.run(
        "/usr/sbin/nft", ["add table ip t; add chain ip t o { type filter hook output priority 0; }"], in: vms[0])
      _ = try lab.run("/usr/sbin/nft", ["add rule ip t o ip protocol icmp drop"], in: vms[0])
      victim.say("x")
      let forged = """
        import socket, struct
        def total(b):
            s = sum(struct.unpack('!%dH' % (len(b) // 2), b)); s = (s >> 16) + (s & 65535); return ~(s + (s >> 16)) & 65535
        a, b = socket.inet_aton('203.0.113.1'), socket.inet_aton('10.1.0.10')
        head = lambda c: struct.pack('!BBHHHBBH4s4s', 69, 0, 29, 1, 0, 60, 17, c, a, b)
        inner = head(total(head(0))) + struct.pack('!HHHH', 4321, 9, 9, 0)
        icmp = lambda c: struct.pack('!BBHI', 3, 3, c, 0) + inner
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        s.sendto(icmp(total(icmp(0))), ('203.0.113.1', 0))
        """
      func told() -> Int32 {
        var watched = pollfd(fd: victim.descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&watched, 1, 500) <= 0 { return 0 }
        var byte: UInt8 = 0
        return recv(victim.descriptor, &byte, 1, 0) < 0 ? errno : 0
      }
      _ = try lab.run("/usr/bin/python3", ["-c", forged], in: vms[1])
      #expect(told() == 0, "of another's instance")
      _ = try lab.run("/usr/sbin/nft", ["delete table ip t"], in: vms[0])
      _ = try lab.run("/usr/bin/python3", ["-c", forged], in: vms[0])
      #expect(told() == ECONNREFUSED, "of the instance itself")
    }
  }

  @Test func `a connection goes on while its instance joins a load balancer and leaves it`() async throws {
    try await Self.with(tracked: false) { lab, _ in
      let open = try #require(Talk(to: IPv4(Plans.ip(Self.outside)), 80, in: lab.host))
      #expect(open.hear() == "vm1 203.0.113.1")
      let datagrams = try #require(Talk(tcp: false, to: IPv4(Plans.ip(Self.outside)), 80, in: lab.host))
      for round in 0..<6 {
        if round % 2 == 0 {
          await lab.apply([Self.balancer])
        } else {
          await lab.apply([], removing: [Self.balancer.key])
        }
        for count in 0..<20 {
          open.say("\(round).\(count)")
          #expect(open.hear() == "\(round).\(count)")
          datagrams.say("x")
          #expect(datagrams.hear() == "vm1 203.0.113.1")
        }
      }
    }
  }
}
