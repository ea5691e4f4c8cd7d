import Addresses
import Glibc
import Kernel
import Testing

struct RouteTests {
  @Test func `A pair of links joins two namespaces, once`() throws {
    let sandbox = try Sandbox()
    let (one, two) = (try sandbox.namespace("one"), try sandbox.namespace("two"))
    let (near, far) = (try RouteSocket(in: one), try RouteSocket(in: two))
    let mac = try #require(MAC("02:00:00:00:00:01"))
    let peerMAC = try #require(MAC("02:00:00:00:00:02"))
    func ensure() throws -> Bool {
      try near.ensureVeth("a", mac: mac, peerName: "eth0", peerNamespace: two, peerMAC: peerMAC)
    }
    #expect(try ensure())
    #expect(try !ensure())
    try near.setHardwareAddress("a", peerMAC)
    #expect(try !ensure())
    #expect(try near.link("a")?.mac == mac)
    #expect(try far.link("eth0")?.mac == peerMAC)
    #expect(try near.link("a")?.kind == "veth")

    try near.setUp("a")
    try far.setUp("eth0")
    try near.setMTU("a", 1400)
    #expect(try near.link("a")?.isUp == true)
    #expect(try near.link("a")?.mtu == 1400)
    try near.setDown("a")
    #expect(try near.link("a")?.isUp == false)

    // Names taken by links of other pairs are taken over.
    #expect(try near.deleteLink("a"))
    #expect(try !near.deleteLink("a"))
    #expect(try far.link("eth0") == nil)
    try near.ensureBridge("a")
    #expect(try ensure())
    #expect(throws: KernelError.self) { try near.ensureBridge("a") }
    #expect(throws: KernelError.self) { try near.setUp("nothing") }
  }

  @Test func `Bridges, VXLANs and taps are made once and as asked`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let routes = try RouteSocket(in: one)
    #expect(try routes.ensureBridge("br0"))
    #expect(try !routes.ensureBridge("br0"))
    #expect(try routes.ensureVXLAN("vx0", vni: 42, local: ip("10.9.0.1"), learning: false))
    #expect(try !routes.ensureVXLAN("vx0", vni: 42, local: ip("10.9.0.1"), learning: false))
    #expect(try routes.ensureVXLAN("vx0", vni: 43, local: ip("10.9.0.1"), learning: false))
    #expect(try routes.link("vx0")?.vxlan?.vni == 43)
    #expect(try routes.ensureTap("tap0"))
    #expect(try !routes.ensureTap("tap0"))
    try routes.setMaster("tap0", "br0")
    try routes.setMaster("vx0", "br0")
    let index = try routes.index(of: "br0")
    #expect(try Set(routes.links().filter { $0.master == index }.map(\.name)) == ["tap0", "vx0"])
    try routes.setMaster("tap0", nil)
    #expect(try routes.link("tap0")?.master == nil)

    let everybody = MAC(0)
    try routes.addForwarding(everybody, destination: ip("10.9.0.2"), link: "vx0")
    try routes.addForwarding(everybody, destination: ip("10.9.0.3"), link: "vx0")
    try routes.addForwarding(everybody, destination: ip("10.9.0.3"), link: "vx0")
    let wanted = try #require(MAC("02:00:00:00:00:07"))
    try routes.addForwarding(wanted, destination: ip("10.9.0.2"), link: "vx0")
    try routes.addForwarding(wanted, destination: ip("10.9.0.3"), link: "vx0")
    let entries = try routes.forwarding().filter { $0.destination != nil }.map { "\($0.mac) \($0.destination ?? .any)" }
    #expect(
      entries.sorted() == [
        "00:00:00:00:00:00 10.9.0.2", "00:00:00:00:00:00 10.9.0.3", "02:00:00:00:00:07 10.9.0.3",
      ])
    try routes.deleteForwarding(everybody, destination: ip("10.9.0.2"), link: "vx0")
    try routes.deleteForwarding(everybody, destination: ip("10.9.0.2"), link: "vx0")
    #expect(try routes.forwarding().filter { $0.mac == everybody && $0.destination != nil }.count == 1)
  }

  @Test func `Addresses, routes, rules and neighbours come back as they were put`() throws {
    let sandbox = try Sandbox()
    let (one, two) = (try sandbox.namespace("one"), try sandbox.namespace("two"))
    let routes = try RouteSocket(in: one)
    try routes.ensureVeth("a", peerName: "b", peerNamespace: two)
    try routes.setUp("a")
    let index = try routes.index(of: "a")

    #expect(try routes.addAddress(ip("10.0.0.1"), prefixLength: 24, link: "a"))
    #expect(try !routes.addAddress(ip("10.0.0.1"), prefixLength: 24, link: "a"))
    let mine = LinkAddress(address: try ip("10.0.0.1"), prefixLength: 24, link: index)
    #expect(try routes.addresses().contains(mine))

    let all: [Route] = [
      Route(.any, via: try ip("10.0.0.254"), link: index, table: 1000),
      Route(try net("10.1.0.0/16"), via: try ip("10.0.0.253"), link: index, source: try ip("10.0.0.1"), table: 1000),
      Route(try net("10.2.0.0/16"), kind: .unreachable, table: 1000, metric: 7),
      Route(try net("10.3.0.0/16"), kind: .blackhole, table: 1000),
      Route(try net("10.4.0.0/16"), via: try ip("192.0.2.1"), link: index, table: 1000, onlink: true),
      Route(try net("10.5.0.0/16"), link: index, table: 1000),
    ]
    for route in all { try routes.replaceRoute(route) }
    for route in all { try routes.replaceRoute(route) }
    #expect(try Set(routes.routes(table: 1000)) == Set(all))
    try routes.replaceRoute(net("10.5.0.0/16"), via: ip("10.0.0.2"), link: "a", table: 1000)
    #expect(try routes.routes(table: 1000).first { try $0.destination == net("10.5.0.0/16") }?.via == ip("10.0.0.2"))
    #expect(try routes.deleteRoute(all[2]))
    #expect(try !routes.deleteRoute(all[2]))
    try routes.replaceRoute(net("10.7.0.0/16"), kind: .local, link: "lo", table: 1000)
    #expect(try routes.routes().contains { $0.table == Route.localTable })

    #expect(try routes.addRule(priority: 100, mark: 0x10, mask: 0xf0, table: 1000))
    #expect(try !routes.addRule(priority: 100, mark: 0x10, mask: 0xf0, table: 1000))
    let rule = RoutingRule(priority: 100, mark: 0x10, mask: 0xf0, table: 1000)
    #expect(try routes.rules().contains(rule))
    #expect(try routes.deleteRule(rule))
    #expect(try !routes.deleteRule(rule))

    let mac = try #require(MAC("02:00:00:00:00:09"))
    try routes.replaceNeighbour(ip("10.0.0.9"), mac: mac, link: "a")
    try routes.replaceNeighbour(ip("10.0.0.9"), mac: mac, link: "a")
    let neighbour = try #require(try routes.neighbours().first { try $0.address == ip("10.0.0.9") })
    #expect(neighbour.mac == mac && neighbour.isPermanent && neighbour.link == index)
    #expect(try routes.deleteNeighbour(ip("10.0.0.9"), link: "a"))
    #expect(try !routes.deleteNeighbour(ip("10.0.0.9"), link: "a"))
    try routes.addProxyNeighbour(ip("10.0.0.77"), link: "a")
    #expect(try routes.neighbours(proxies: true).map(\.address) == [ip("10.0.0.77")])
    #expect(try routes.deleteProxyNeighbour(ip("10.0.0.77"), link: "a"))

    #expect(try routes.removeAddress(ip("10.0.0.1"), prefixLength: 24, link: "a"))
    #expect(try !routes.removeAddress(ip("10.0.0.1"), prefixLength: 24, link: "a"))
    let time = try ContinuousClock().measure { for _ in 0..<1000 { try routes.setUp("a") } }
    print("one request for a link takes \(time / 1000)")
  }

  @Test func `What others change is told, and that something was lost`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    let (own, others) = (try RouteSocket(in: one), try RouteSocket(in: one))
    let events = try RouteEvents(in: one, besides: own)
    func told() -> [String] {
      var found: [String] = []
      let isAll = events.take { event in
        switch event {
        case .link(let link): found.append("link \(link.name) \(link.isUp)")
        case .address(let address): found.append("address \(address.address)")
        case .neighbour(let neighbour): found.append("neighbour \(neighbour.address)")
        case .route(let route) where route.origin != 2: found.append("route \(route.destination)")
        case .route: break
        case .rule(let rule): found.append("rule \(rule.priority)")
        }
      }
      return isAll ? found : ["lost"]
    }
    func change(_ routes: RouteSocket, _ last: UInt8) throws {
      let address = IPv4(10, 0, last, 1)
      try routes.addAddress(address, prefixLength: 32, link: "a")
      try routes.replaceNeighbour(address, mac: MAC(0x0200_0000_0001), link: "a")
      try routes.replaceRoute(IPv4Prefix(address, length: 24), link: "a")
      try routes.addRule(priority: UInt32(last) + 100, table: 7)
      try routes.deleteRoute(Route(IPv4Prefix(address, length: 24), link: routes.index(of: "a")))
    }
    #expect(told().isEmpty)
    try own.ensureBridge("a")
    #expect(told().contains("link a false"), "links are told of whoever changes them")
    try own.setUp("a")
    #expect(told().contains("link a true"))
    try change(own, 1)
    #expect(told().isEmpty, "one's own doing")
    try change(others, 2)
    #expect(told() == ["address 10.0.2.1", "neighbour 10.0.2.1", "route 10.0.2.0/24", "rule 102", "route 10.0.2.0/24"])
    for number in 0..<10_000 as Range<UInt32> {
      try own.replaceNeighbour(IPv4(0x0A08_0000 + number), mac: MAC(0x0200_0000_0001), link: "a")
    }
    try others.deleteNeighbour(IPv4(10, 0, 2, 1), link: "a")
    #expect(Set(told()) == ["neighbour 10.0.2.1"], "much of one's own drives out nothing")
    for number in 0..<10_000 as Range<UInt32> {
      try others.replaceNeighbour(IPv4(0x0A08_0000 + number), mac: MAC(0x0200_0000_0002), link: "a")
    }
    #expect(told() == ["lost"])
    #expect(told().isEmpty)
    try others.ensureBridge("b")
    _ = told()
    try others.deleteLink("b")
    #expect(told().contains("link b false"))
  }

  @Test func `Addresses are read as written, and nothing else is`() throws {
    #expect(IPv4("10.0.0.255")?.description == "10.0.0.255")
    for text in ["", "10", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1.", "10.0..1", " 10.0.0.1", "1.2.3.4.5"] {
      #expect(IPv4(text) == nil, "\(text)")
    }
    #expect(IPv4Prefix("10.1.2.3/16", strict: false)?.description == "10.1.0.0/16")
    #expect(IPv4Prefix("10.1.2.3/33") == nil)
    #expect(IPv4Prefix("10.1.2.3/") == nil)
    #expect(try net("10.1.0.0/16").contains(ip("10.1.255.255")))
    #expect(try !net("10.1.0.0/16").contains(ip("10.2.0.0")))
    #expect(MAC("02:0a:00:00:00:ff")?.description == "02:0a:00:00:00:ff")
    #expect(MAC("02:0a:00:00:00") == nil)
    #expect(MAC("02:0a:00:00:00:+f") == nil)
  }
}
