import Addresses
import CloudModel
import FoundationEssentials
import NodePlan
import Planning
import Testing

/// A small random cloud: what changes it, and a plain way to apply a difference.
private struct Estate {
  var state = CloudState()
  var random: SplitMix
  let basic = ID<Zone>(UUID())
  let isolate = ID<Zone>(UUID())
  let account = ID<Account>(UUID())
  let cells = [ID<Cell>(UUID()), ID<Cell>(UUID())]
  let host = ID<Host>(UUID())
  let isolateHost = ID<Host>(UUID())
  let shared = ID<Network>(UUID())
  let template = ID<Template>(UUID())
  let offering = ID<ServiceOffering>(UUID())
  let networkOffering = ID<NetworkOffering>(UUID())
  private let now = Date(timeIntervalSince1970: 1_500_000_000)

  init(seed: UInt64) throws {
    random = SplitMix(state: seed)
    let guests = IPv4Prefix(IPv4(10, 1, 0, 0), length: 16)
    try put(Zone(id: basic, name: "basic", series: .basic, guestPrefix: guests, publicPrefixes: [], created: now))
    try put(Zone(id: isolate, name: "isolate", series: .isolate, guestPrefix: guests, publicPrefixes: [], created: now))
    for (index, cell) in cells.enumerated() {
      try put(
        Cell(
          id: cell, name: "cell-\(index)", zone: basic, index: index + 1,
          publicPrefixes: [IPv4Prefix(IPv4(203, 0, UInt8(index), 0), length: 24)], node: "node", created: now))
    }
    for (id, zone) in [(host, basic), (isolateHost, isolate)] {
      try put(
        Host(
          id: id, name: "host", zone: zone, node: "node", hypervisor: .simulator, cpuNumber: 1, memoryMiB: 1,
          created: now))
    }
    try put(
      Network(
        id: shared, name: "shared", displayText: "", zone: basic, offering: networkOffering, account: account,
        guestType: .shared, cidr: guests, gateway: IPv4(10, 1, 0, 1), domainName: "x", state: .implemented, created: now
      ))
    let range = ID<PublicIPRange>(UUID())
    for number in 0..<40 {
      try put(
        PublicIPAddress(
          id: ID(UUID()), address: IPv4(203, 0, UInt8(number % 2), UInt8(number)), zone: basic, cell: cells[number % 2],
          range: range, state: .allocated, account: account))
    }
  }

  mutating func put<R: Resource>(_ resource: R) throws { try state[keyPath: R.table].put(resource) }

  /// One random change; the resources it touched, before and after.
  mutating func change() throws -> [any Resource] {
    let machines = state.virtualMachines.all.sorted { $0.id < $1.id }
    switch random.next() % 7 {
    case 0, 1:
      let number = UInt32(random.next() % 60_000)
      let machine = VirtualMachine(
        id: ID(UUID()), name: "m\(number)", displayName: "", account: account, zone: basic, host: host,
        template: template, offering: offering, hypervisor: .simulator,
        securityGroups: state.securityGroups.ids.prefix(2).map { $0 },
        nics: [NIC(id: ID(UUID()), network: shared, address: IPv4(0x0A01_0010 + number), mac: MAC(UInt64(number)))],
        state: .running, created: now)
      do { try put(machine) } catch { return [] }
      return [machine]
    case 2:
      guard var machine = machines.randomElement(using: &random) else { return [] }
      let before = machine
      machine.state = machine.state == .running ? .stopped : .running
      try put(machine)
      return [before, machine]
    case 3:
      let addresses = state.publicIPs.all.sorted { $0.id < $1.id }
      guard var address = addresses.randomElement(using: &random), let machine = machines.randomElement(using: &random)
      else { return [] }
      let before = address
      address.staticNAT =
        address.staticNAT == nil
        ? StaticNATTarget(virtualMachine: machine.id, guestAddress: machine.nics[0].address) : nil
      try put(address)
      return [before, address]
    case 4:
      let group = SecurityGroup(
        id: ID(UUID()), name: "g\(random.next())", account: account, domain: ID(UUID()),
        ingress: [SecurityGroupRule(id: UUID(), match: .all, prefix: .any, group: nil)], created: now)
      try put(group)
      return [group]
    case 5:
      guard let address = state.publicIPs.all.sorted(by: { $0.id < $1.id }).randomElement(using: &random) else {
        return []
      }
      let rule = LoadBalancerRule(
        id: ID(UUID()), name: "lb", address: address.id, network: nil, account: account, transport: .tcp,
        publicPort: UInt16(random.next() % 60_000), privatePort: 80, algorithm: .roundRobin,
        members: machines.prefix(3).map {
          LoadBalancerMember(virtualMachine: $0.id, guestAddress: $0.nics[0].address)
        }, created: now)
      try put(rule)
      return [rule]
    default:
      guard let machine = machines.randomElement(using: &random) else { return [] }
      state.virtualMachines.remove(machine.id)
      return [machine]
    }
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct `Differences of plans` {
  @Test func `lead to the same plan as planning anew`() throws {
    let seed = UInt64.random(in: 1...UInt64.max)
    print("seed \(seed)")
    var estate = try Estate(seed: seed)
    var plan = Planner.plan(node: "node", state: estate.state, revision: 0)
    for revision in UInt64(1)...400 {
      let before = estate.state
      let touched = try estate.change()
      let difference = Planner.difference(
        node: "node", resources: touched, before: before, after: estate.state, revision: revision)
      for object in difference.upserts {
        #expect(object.revision == revision)
        var object = object
        object.revision = 0
        #expect(plan[object.key] != object, "an unchanged object is not sent")
        plan[object.key] = object
      }
      for object in difference.removals {
        #expect(plan.removeValue(forKey: object.key) != nil, "only what was there is removed")
      }
      let fresh = Planner.plan(node: "node", state: estate.state, revision: 0)
      try #require(plan == fresh, "after revision \(revision) of seed \(seed)")
    }
  }

  @Test func `of a static NAT are one object on one router`() throws {
    var estate = try Estate(seed: 7)
    while estate.state.virtualMachines.isEmpty { _ = try estate.change() }
    let machine = try #require(estate.state.virtualMachines.all.first { _ in true })
    var address = try #require(estate.state.publicIPs.all.first { $0.staticNAT == nil })
    let before = estate.state
    let old = address
    address.staticNAT = StaticNATTarget(virtualMachine: machine.id, guestAddress: machine.nics[0].address)
    try estate.put(address)
    let difference = Planner.difference(
      node: "node", resources: [old, address], before: before, after: estate.state, revision: 9)
    #expect(difference.upserts.map(\.key) == ["nat/\(address.cell?.description ?? "")/\(address.address)"])
    #expect(difference.removals.isEmpty && difference.scopes == ["router/\(address.cell?.description ?? "")"])
  }

  @Test func `look at one root for a changed static NAT, however many there are`() throws {
    var estate = try Estate(seed: 9)
    for size in [100, 10_000] {
      let range = ID<PublicIPRange>(UUID())
      for number in estate.state.publicIPs.count..<size {
        try estate.put(
          PublicIPAddress(
            id: ID(UUID()), address: IPv4(0x6500_0000 + UInt32(number)), zone: estate.basic, cell: estate.cells[0],
            range: range, state: .allocated, account: estate.account,
            staticNAT: StaticNATTarget(virtualMachine: ID(UUID()), guestAddress: IPv4(0x0a01_0000 + UInt32(number)))))
      }
      let address = try #require(estate.state.publicIPs.all.first { $0.staticNAT != nil })
      let roots = Root.affected(by: address, in: estate.state)
      #expect(roots == [.publicIP(address.id)])
      #expect(roots.flatMap { Planner.objects(of: $0, node: "node", in: estate.state) }.count == 1)
    }
  }

  @Test func `of a zone and of an offering reach the routers that follow them`() throws {
    var estate = try Estate(seed: 10)
    var offering = NetworkOffering(
      id: estate.networkOffering, name: "o", displayText: "o", guestType: .isolated, services: [], created: Date())
    try estate.put(offering)
    for number in 1...3 {
      let network = Network(
        id: ID(UUID()), name: "n", displayText: "", zone: estate.isolate, offering: offering.id,
        account: estate.account, guestType: .isolated, cidr: IPv4Prefix(IPv4(10, 1, 1, 0), length: 24),
        gateway: IPv4(10, 1, 1, 1), domainName: "x", vni: number, state: .implemented, created: Date())
      try estate.put(network)
      try estate.put(
        VirtualRouter(
          id: ID(UUID()), name: "r", network: network.id, zone: estate.isolate, account: estate.account,
          host: estate.isolateHost, created: Date()))
    }
    let before = estate.state
    var zone = try #require(before.zones[estate.isolate])
    zone.dns = [IPv4(192, 0, 2, 53)]
    try estate.put(zone)
    offering.egressDefaultAllow = true
    try estate.put(offering)
    for resource in [zone, offering] as [any Resource] {
      let difference = Planner.difference(
        node: "node", resources: [resource], before: before, after: estate.state, revision: 1)
      #expect(difference.upserts.count == 3 && difference.removals.isEmpty)
    }
  }

  @Test func `of another node are empty`() throws {
    var estate = try Estate(seed: 8)
    let before = estate.state
    let touched = try (0..<50).flatMap { _ in try estate.change() }
    #expect(
      Planner.difference(node: "other", resources: touched, before: before, after: estate.state, revision: 1).isEmpty)
  }
}
