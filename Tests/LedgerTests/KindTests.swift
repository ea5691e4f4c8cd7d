import Addresses
import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

@Suite struct KindTests {
  @Test(arguments: Kept.allCases) func `every kind survives being stored, closed and opened`(kept: Kept) async throws {
    let folder = try await kept.place()
    var ledger = try folder.open(create: true)
    let samples = Self.samples
    #expect(Set(samples.map { type(of: $0).kind }) == Set(CloudState.kinds.map { $0.kind }))
    for sample in samples { try await ledger.store(sample) }
    await ledger.close()
    ledger = try folder.open()
    for sample in samples {
      let isHeld = ledger.holds(sample)
      #expect(isHeld, "\(sample)")
    }
    let history = try ledger.history(from: 1, to: UInt64(samples.count))
    #expect(history.count == samples.count)
    await ledger.close()
  }

  static var samples: [any Resource] {
    let prefix = IPv4Prefix(IPv4(0x0a01_0000), length: 16)
    let address = IPv4(0x0a01_0007)
    let instance = ID<VirtualMachine>(UUID())
    let account = ID<Account>(UUID())
    let network = ID<Network>(UUID())
    let zone = ID<Zone>(UUID())
    var publicIP = PublicIPAddress(
      id: ID(UUID()), address: address, zone: zone, cell: ID(UUID()), range: ID(UUID()),
      state: .allocated, account: account,
      staticNAT: StaticNATTarget(virtualMachine: instance, guestAddress: address), allocated: epoch)
    publicIP.staticNAT?.isRemoving = true
    let matches: [PacketMatch] = [
      .all, .transport(.tcp, PortRange(1, 65535)), .transport(.udp, nil), .icmp(type: 8, code: nil),
    ]
    let rules = matches.map { SecurityGroupRule(id: UUID(), match: $0, prefix: prefix, group: nil) }
    return [
      Account(
        id: account, name: "a/ü\"\n", type: .domainAdmin, domain: ID(UUID()), cells: [ID(UUID())], created: epoch),
      AsyncJob(
        id: ID(UUID()), command: "c", account: account, user: ID(UUID()), instance: UUID(), status: .failed,
        result: "{}", revision: .max, created: epoch, completed: epoch),
      Cell(id: ID(UUID()), name: "c", zone: zone, index: 250, publicPrefixes: [prefix], node: "n", created: epoch),
      Domain(id: ID(UUID()), name: "d", path: "ROOT/d", parent: ID(UUID()), created: Date(timeIntervalSince1970: 0.1)),
      Event(
        id: ID(UUID()), type: "VM.START", description: "", account: account, user: ID(UUID()), parent: ID(UUID()),
        created: epoch),
      FirewallRule(
        id: ID(UUID()), network: network, account: account, address: nil, match: .all, sources: [prefix],
        destinations: [prefix], state: .deleting, created: epoch),
      Host(
        id: ID(UUID()), name: "h", zone: zone, node: "n", hypervisor: .kvm, cpuNumber: 1, memoryMiB: 2, created: epoch),
      LoadBalancerRule(
        id: ID(UUID()), name: "l", address: publicIP.id, network: network, account: account, transport: .tcp,
        publicPort: 65535, privatePort: 1, algorithm: .leastConnections, sources: [prefix],
        members: [LoadBalancerMember(virtualMachine: instance, guestAddress: address)], created: epoch),
      Network(
        id: network, name: "n", displayText: "n", zone: zone, offering: ID(UUID()), account: account,
        guestType: .isolated, cidr: prefix, gateway: address, domainName: "x", vni: 5, state: .destroying,
        created: epoch),
      NetworkOffering(
        id: ID(UUID()), name: "o", displayText: "o", guestType: .shared, services: ["Dhcp"], created: epoch),
      PortForwardingRule(
        id: ID(UUID()), address: publicIP.id, network: network, account: account, transport: .udp,
        publicPorts: PortRange(1, 2), privatePorts: PortRange(3, 4), virtualMachine: instance, guestAddress: address,
        created: epoch),
      publicIP,
      PublicIPRange(id: ID(UUID()), zone: zone, cell: nil, first: address, last: address, created: epoch),
      Node(
        id: ID(UUID()), name: "n", hostLink: "daruma", hostAddress: address, wanAddress: address, hostRoutes: [prefix],
        created: epoch),
      SealingKey(id: ID(UUID()), number: 0, proof: [], isRetired: true, created: epoch),
      Restoration(id: ID(UUID()), epoch: 2, last: .max, moment: 0, created: epoch),
      Rollout(
        id: ID(UUID()), zone: zone, account: account, renderer: 2,
        stages: [[RolloutStep(router: UUID(), number: 3, formerRenderer: 1, faults: ["nat/x"], verified: epoch)]],
        state: .returning, message: "m", created: epoch),
      SecurityGroup(
        id: ID(UUID()), name: "s", account: account, domain: ID(UUID()), ingress: rules, created: epoch),
      offering("so"),
      Template(
        id: ID(UUID()), name: "t", displayText: "t", hypervisor: .simulator, source: "t", zones: [zone],
        account: account, sizeBytes: .max, created: epoch),
      User(
        id: ID(UUID()), username: "u", account: account, domain: ID(UUID()), firstname: "", lastname: "", email: "",
        passwordHash: "h", apiKey: "k", secretKey: nil, created: epoch),
      VirtualMachine(
        id: instance, name: "v", displayName: "v", account: account, zone: zone, host: ID(UUID()), template: ID(UUID()),
        offering: ID(UUID()), hypervisor: .kvm, securityGroups: [ID(UUID())],
        nics: [NIC(id: ID(UUID()), network: network, address: address, mac: MAC(0x0200_0000_0001))],
        state: .expunging, userData: [0, 255], expungeAfter: epoch, created: epoch),
      VirtualRouter(
        id: ID(UUID()), name: "r", network: network, zone: zone, account: account, host: ID(UUID()), created: epoch),
      Zone(
        id: zone, name: "z", series: .isolate, guestPrefix: prefix, publicPrefixes: [prefix], dns: [address],
        created: epoch),
    ]
  }
}

extension Ledger {
  func store<R: Resource>(_ resource: R) async throws { try await put(resource) }
  func holds<R: Resource>(_ resource: R) -> Bool { snapshot.state[keyPath: R.table][resource.id] == resource }
}
