import Addresses
import Dataplane
import Glibc
import Kernel
import NodePlan
import Testing

/// What `nft` shows of each kind of namespace, and what the programs are told.
/// `DARUMA_REWRITE_GOLDENS=1` writes them anew.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GoldenTests {
  static let folder = String("\(#filePath)".dropLast("GoldenTests.swift".count)) + "Goldens/"

  /// The order of elements is the kernel's whim.
  private func normal(_ listing: String) -> String {
    var lines: [String] = []
    var elements = ""
    for line in listing.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if elements.isEmpty && !line.contains("elements = {") {
        lines.append(line)
        continue
      }
      elements += line
      guard line.hasSuffix("}") else { continue }
      let start = elements.firstIndex(of: "{").map { elements.index(after: $0) } ?? elements.startIndex
      let items = elements[start...].dropLast().split(separator: ",")
        .map { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ") }.sorted()
      lines.append("\t\telements = {")
      lines += items.map { "\t\t\t" + $0 + "," }
      lines.append("\t\t}")
      elements = ""
    }
    return lines.joined(separator: "\n")
  }

  private func compare(_ text: String, _ name: String, _ lab: Lab) throws {
    let path = Self.folder + name
    if getenv("DARUMA_REWRITE_GOLDENS") != nil {
      let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      _ = text.withCString { write(file, $0, strlen($0)) }
      close(file)
    }
    let expected = try lab.run("/bin/cat", [path])
    #expect(text == expected, "\(name) differs from its golden")
  }

  private func compareRules(_ namespace: NetworkNamespace, _ name: String, _ lab: Lab) throws {
    let listing = try lab.run("/usr/sbin/nft", ["list", "ruleset"], in: namespace)
    try compare(normal(listing), name, lab)
  }

  @Test func `edge gateway, fabric, virtual router and their programs`() async throws {
    try await Lab.with { lab in
      let inside = Plans.port(4, network: Plans.isolated, router: Plans.virtual)
      let objects =
        EdgeTests.plan([
          Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"),
          Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11"]),
          Plans.balancer(Plans.cells[0], "203.0.113.81", 53, ["10.1.0.11"], .source, sources: ["192.0.2.0/24"]),
          Plans.balancer(Plans.cells[0], "203.0.113.82", 443, ["10.1.0.11"], .leastConnections),
        ]) + Plans.isolatedNetwork + [
          Plans.portObject(inside), Plans.forward("198.51.100.2", 8080, "10.9.0.13", 80),
          Plans.firewall("198.51.100.2", Plans.any(6, 8080, 8090)), Plans.firewall("198.51.100.2", Plans.any(1)),
          Plans.firewall(nil, Plans.any(256)), Plans.nat(Plans.virtual, "198.51.100.3", "10.9.0.11"),
        ]
      await lab.apply(objects, complete: true)
      for scope in [Plans.edgeScopes[0], "fabric", "router/" + Plans.virtual, "network/" + Plans.isolated] {
        #expect(lab.last(scope)?.phase == .verified, "\(String(describing: lab.last(scope)))")
      }
      try compareRules(lab.namespace(Names.router(Plans.cells[0])), "edge.nft", lab)
      try compareRules(lab.namespace("fabric"), "fabric.nft", lab)
      try compareRules(lab.namespace(Names.router(Plans.virtual)), "virtual.nft", lab)
      let router = Names.router(Plans.virtual)
      for (file, golden) in [
        ("dnsmasq-fabric.conf", "dnsmasq-fabric.conf"), ("dnsmasq-fabric.hosts", "dnsmasq-fabric.hosts"),
        ("dnsmasq-\(router).conf", "dnsmasq-virtual.conf"), ("dnsmasq-\(router).names", "dnsmasq-virtual.names"),
        ("haproxy-\(Names.router(Plans.cells[0])).cfg", "haproxy.cfg"),
      ] {
        let text = try lab.run("/bin/cat", [lab.folder + "/services/" + file])
        try compare(
          text.split(separator: lab.folder, omittingEmptySubsequences: false).joined(separator: "STATE"), golden, lab)
      }
    }
  }
}
