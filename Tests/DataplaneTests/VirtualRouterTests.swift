import Addresses
import Dataplane
import Kernel
import NodePlan
import Testing

/// An isolated network by real packets.
@Suite(.serialized, .timeLimit(.minutes(3))) struct VirtualRouterTests {
  @Test func `port forwarding, static NAT, firewall, egress and source NAT`() async throws {
    try await Lab.with { lab in
      let ports = [1, 2].map { Plans.port($0, network: Plans.isolated, router: Plans.virtual) }
      var objects = Plans.base + Plans.isolatedNetwork + ports.map { Plans.portObject($0) }
      objects += [
        Plans.forward("198.51.100.2", 8080, "10.9.0.10", 80), Plans.firewall("198.51.100.2", Plans.any(6, 8080, 8080)),
        Plans.nat(Plans.virtual, "198.51.100.3", "10.9.0.11"),
      ]
      await lab.apply(objects, complete: true)
      let scope = "router/" + Plans.virtual
      let report = try #require(lab.last(scope))
      #expect(report.phase == .verified, "\(report.message) \(report.failedKeys)")
      var vms: [NetworkNamespace] = []
      for (index, port) in ports.enumerated() {
        vms.append(try await lab.instance(port, gateway: "10.9.0.1", length: 24))
        try lab.serve("vm\(index + 1)", port: 80, in: vms[index])
      }
      #expect(Talk.ask("198.51.100.2", 8080, in: lab.host) == "vm1 203.0.113.1")
      #expect(Talk.ask("198.51.100.3", 80, in: lab.host, timeout: 300) == nil, "closed by the firewall")
      await lab.apply([Plans.firewall("198.51.100.3", Plans.any(6, 80, 80))])
      #expect(Talk.ask("198.51.100.3", 80, in: lab.host) == "vm2 203.0.113.1")
      await lab.apply([], removing: ["fw/198.51.100.3/80"])
      #expect(Talk.ask("198.51.100.3", 80, in: lab.host, timeout: 300) == nil)

      try lab.serve("host", port: 81, in: lab.host)
      #expect(Talk.ask("203.0.113.1", 81, in: vms[0], timeout: 300) == nil, "egress denied by default")
      await lab.apply([Plans.firewall(nil, Plans.any(6, 81, 81))])
      #expect(Talk.ask("203.0.113.1", 81, in: vms[0]) == "host 198.51.100.2", "source NAT")
      #expect(Talk.ask("203.0.113.1", 81, in: vms[1]) == "host 198.51.100.3", "static NAT")
      await lab.apply([], removing: ["fw/egress/81"])
      #expect(Talk.ask("203.0.113.1", 81, in: vms[0], timeout: 300) == nil)

      let lease = try lab.run(
        "/usr/bin/busybox", ["udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", "/bin/true"],
        in: vms[0])
      #expect(lease.contains("lease of 10.9.0.10 obtained"), "\(lease)")
      let name = try lab.run("/usr/bin/busybox", ["nslookup", "vm2.net.internal", "10.9.0.1"], in: vms[0])
      #expect(name.contains("10.9.0.11"), "\(name)")
      #expect(Talk.ask("198.51.100.2", 8080, in: vms[1]) != nil, "hairpin")

      let number = await lab.apply([], removing: ["router/" + Plans.virtual])
      let end = try #require(lab.last(scope))
      #expect(end.generation == number)
      #expect(Talk.ask("198.51.100.2", 8080, in: lab.host, timeout: 300) == nil)
    }
  }
}
