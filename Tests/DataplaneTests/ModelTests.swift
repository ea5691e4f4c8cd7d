import Addresses
import Kernel
import NodePlan
import Testing

@testable import Dataplane

/// What rules would do with packets, thought through without a kernel.
@Suite struct ModelTests {
  private struct Rendered {
    var router: Router
    var table: RuleTable
    var objects: [PlanObject]
    var firewall: [UInt32: [String: FilterRule]] = [:]
    var dead: Set<MemberChecks.Member> = []

    func faults() -> [(key: String, text: String)] {
      ModelTrial(
        router: router, table: table, firewall: firewall,
        isEgressFree: router.kind == .edge || router.egressDefaultAllow, dead: dead, proxied: [], objects: objects
      ).check()
    }
  }

  private static func edge(_ objects: [PlanObject], fault: RenderingFault? = nil) throws -> Rendered {
    let object = Plans.edge(1)
    let renderer = Renderer(fault == nil ? 1 : 2, fault: fault)
    var table = renderer.table(of: object.router)
    try table.replace(owner: object.key, EdgeTable.elements(of: object.router))
    for object in objects { try render(object, renderer, &table) }
    return Rendered(router: object.router, table: table, objects: objects)
  }

  private static func render(_ object: PlanObject, _ renderer: Renderer, _ table: inout RuleTable) throws {
    switch object.body {
    case .staticNat(let nat): try table.replace(owner: object.key, renderer.elements(of: nat))
    case .portForward(let forward): try table.replace(owner: object.key, TranslationTable.elements(of: forward))
    case .loadBalancer(let balancer):
      let isEdge = balancer.router != Plans.virtual
      try table.replace(
        owner: object.key,
        isEdge
          ? EdgeTable.elements(of: balancer, proxyPort: nil) { _ in true }
          : TranslationTable.elements(of: balancer, proxyPort: nil) { _ in true })
      for key in table.keys(of: object.key, in: "classes") {
        let kind = LoadBalancerClass(mark: key.mark())
        table.setChain(kind.chain, kind.rules)
      }
    default: break
    }
  }

  private static func virtual(_ objects: [PlanObject], allowed: Bool = false) throws -> Rendered {
    var router = Plans.isolatedNetwork[1].router
    router.egressDefaultAllow = allowed
    let renderer = Renderer(1, fault: nil)
    var table = renderer.table(of: router)
    var rendered = Rendered(router: router, table: table, objects: objects)
    for case (let key, .firewall(let rule)?) in objects.map({ ($0.key, $0.body) }) where rule.public != 0 {
      rendered.firewall[rule.public, default: [:]][key] = rule
      try table.replace(owner: key, VirtualRouterTable.elements(of: rule))
    }
    for (address, rules) in rendered.firewall {
      table.setChain(
        VirtualRouterTable.firewallChain(address),
        VirtualRouterTable.firewall(rules.map { (key: $0.key, rule: $0.value) }))
    }
    table.setChain("egress", VirtualRouterTable.egress([], allowed: allowed))
    for object in objects { try render(object, renderer, &table) }
    rendered.table = table
    return rendered
  }

  private static let customers = [
    // The first two are members of load balancers, too.
    Plans.nat(Plans.cells[0], "203.0.113.70", "10.1.0.10"), Plans.nat(Plans.cells[0], "203.0.113.71", "10.1.0.11"),
    Plans.nat(Plans.cells[0], "203.0.113.72", "10.1.0.20"), Plans.nat(Plans.cells[0], "203.0.113.73", "10.1.0.21"),
    Plans.balancer(Plans.cells[0], "203.0.113.80", 8080, ["10.1.0.10", "10.1.0.11", "10.1.0.12"]),
    Plans.balancer(
      Plans.cells[0], "203.0.113.81", 53, ["10.1.0.11", "10.1.0.12"], to: 53, .source,
      sources: ["192.0.2.0/24", "198.18.0.0/15"], transport: 17),
  ]

  @Test func `a gateway's rules lead where its plan says, in both directions`() throws {
    let faults = try Self.edge(Self.customers).faults()
    #expect(faults.isEmpty, "\(faults)")
  }

  @Test func `a virtual router's rules lead where its plan says, as far as its firewall allows`() throws {
    for allowed in [false, true] {
      let faults = try Self.virtual(
        [
          Plans.forward("198.51.100.2", 8080, "10.9.0.13", 80),
          Plans.firewall("198.51.100.2", Plans.any(6, 8080, 8090)),
          Plans.forward("198.51.100.2", 9090, "10.9.0.13", 90), Plans.nat(Plans.virtual, "198.51.100.3", "10.9.0.11"),
          Plans.firewall("198.51.100.3", Plans.any(17, 53, 53)), Plans.nat(Plans.virtual, "198.51.100.4", "10.9.0.12"),
        ], allowed: allowed
      ).faults()
      #expect(faults.isEmpty, "\(faults)")
    }
  }

  @Test func `swapped addresses are found at both`() throws {
    let faults = try Self.edge(Self.customers, fault: .swapped).faults()
    #expect(Set(faults.map(\.key)) == Set((70...73).map { "staticnat/203.0.113.\($0)" }))
    func text(_ address: String) -> String? { faults.first { $0.key == "staticnat/\(address)" }?.text }
    #expect(
      text("203.0.113.70")
        == "203.0.113.70 leads to 10.1.0.11:7777 by fab by “from outside”, “tracked”, “static NAT”, “static NAT, inbound”, "
        + "“inbound”, not to 10.1.0.10")
    #expect(
      text("203.0.113.72")
        == "203.0.113.72 leads to 10.1.0.21:7777 by fab by “from outside”, “static NAT”, “static NAT, inbound”, not to 10.1.0.20"
    )
  }

  @Test func `answers that are not let through are found everywhere`() throws {
    let faults = try Self.edge(Self.customers, fault: .oneWay).faults()
    #expect(faults.count == Self.customers.count)
    #expect(
      faults.allSatisfy { $0.text.contains("is dropped in forward by ") && $0.text.contains("“a mistake”") },
      "\(faults)")
  }

  @Test func `packets of which conntrack knows one direction only are found`() throws {
    for name in ["arriving", "departing"] {
      var rendered = try Self.edge(Self.customers)
      var chain = try #require(rendered.table.chains[name])
      #expect(chain.rules.removeLast().comment == "static NAT")
      rendered.table.setChain(name, chain)
      #expect(rendered.faults().map(\.key).sorted() == ["staticnat/203.0.113.72", "staticnat/203.0.113.73"], "\(name)")
    }
  }

  @Test func `missing, wrong and surplus elements are found at whom they serve`() throws {
    func fault(_ change: (inout RuleTable) throws -> Void) throws -> [String] {
      var rendered = try Self.edge(Self.customers)
      try change(&rendered.table)
      return rendered.faults().map(\.key).sorted()
    }
    let nat = "staticnat/203.0.113.70"
    #expect(try fault { try $0.replace(owner: nat, []) } == [nat])
    for set in ["to_private", "to_public", "pairs"] {
      let found = try fault { table in
        try table.replace(owner: nat, table.elements(of: nat).filter { $0.set != set })
      }
      #expect(found == [nat], "without its element in \(set)")
    }
    let balancer = "lb/203.0.113.80:8080"
    for set in ["services", "classes", "backends", "members", "tracked"] {
      let found = try fault { table in
        try table.replace(owner: balancer, table.elements(of: balancer).filter { $0.set != set })
      }
      #expect(found.contains(balancer), "without its elements in \(set)")
    }
    #expect(try fault { $0.setChain("rr-3", nil) } == [balancer])
  }
}

extension RuleTable {
  fileprivate func elements(of owner: String) -> [SetElement] {
    sets.keys.flatMap { set in
      keys(of: owner, in: set).compactMap { element(in: set, $0) }.map { found in
        SetElement(set, found.key, end: found.keyEnd, data: found.data, verdict: found.verdict)
      }
    }
  }
}
