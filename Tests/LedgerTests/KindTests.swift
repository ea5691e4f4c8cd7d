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
    let disk = DiskOffering(id: ID(UUID()), name: "d", displayText: "d", sizeGiB: nil, created: epoch)
    var volume = Volume(
      id: ID(UUID()), name: "v", account: account, zone: zone, type: .data, state: .uploaded, sizeBytes: .max,
      created: epoch)
    volume.diskOffering = disk.id
    volume.virtualMachine = instance
    volume.deviceID = 1
    volume.pool = ID(UUID())
    var template = Template(
      id: ID(UUID()), name: "t", displayText: "t", hypervisor: .simulator, source: "", zones: [zone],
      account: account, sizeBytes: .max, created: epoch)
    template.registration = Template.Registration(isISO: true, format: "ISO", osType: UUID())
    template.registration?.details = [Template.Detail(name: "a", value: "b")]
    template.sharedWith = [account]
    template.linkedUserData = ID(UUID())
    template.userDataPolicy = .denyOverride
    var systemVM = SystemVM(
      id: ID(UUID()), number: 1, type: .consoleProxy, zone: zone, host: ID(UUID()), state: .stopped, created: epoch)
    systemVM.awaitsHost = true
    var internalBalancer = InternalLoadBalancer(
      id: ID(UUID()), name: "i", description: "d", account: account, network: network, sourceNetwork: network,
      sourceAddress: address, sourcePort: 65535, instancePort: 1, algorithm: .source, created: epoch)
    internalBalancer.members = [LoadBalancerMember(virtualMachine: instance, guestAddress: address)]
    internalBalancer.state = .active
    internalBalancer.isHidden = true
    let member = ProjectMember(account: account, user: ID(UUID()), isAdmin: true, role: UUID())
    let project = Project(
      id: ID(UUID()), name: "p", displayText: "P", domain: ID(UUID()), account: account, state: .suspended,
      members: [member],
      invitations: [ProjectInvitation(id: UUID(), member: member, state: .declined, created: epoch)],
      roles: [
        ProjectRole(
          id: UUID(), name: "r", description: "", permissions: [RolePermission(id: UUID(), rule: "*", isAllowed: false)]
        )
      ], created: epoch)
    var change = Rollout(
      id: ID(UUID()), zone: zone, account: account, stages: [[RolloutStep(router: UUID())]], state: .halted,
      created: epoch)
    change.change = 1
    change.job = ID(UUID())
    change.user = ID(UUID())
    change.reverted = .max
    change.isForced = true
    change.ended = 2
    change.stages[0][0].node = "n"
    change.stages[0][0].scopes = ["fabric"]
    return [
      project,
      Account(
        id: account, name: "a/ü\"\n", type: .domainAdmin, domain: ID(UUID()), cells: [ID(UUID())], created: epoch),
      AffinityGroup(
        id: ID(UUID()), name: "g", description: "", type: .ratherApart, account: account, created: epoch),
      InstanceGroup(id: ID(UUID()), name: "g", account: account, created: epoch),
      InstanceSchedule(
        id: ID(UUID()), virtualMachine: instance, action: .forceStop, description: "", schedule: "0 0 * * *",
        timeZone: "UTC", isEnabled: true, start: epoch, end: epoch, next: epoch, created: epoch),
      InstanceSnapshot(
        id: ID(UUID()), name: "s", displayName: "s", description: "", account: account, virtualMachine: instance,
        offering: ID(UUID()), hasMemory: true, state: .deleting, parent: ID(UUID()), created: epoch),
      RegisteredUserData(
        id: ID(UUID()), name: "u", account: account, content: [0, 255], parameters: "a,b", created: epoch),
      SSHKeyPair(
        id: ID(UUID()), name: "k", account: account, publicKey: "ssh-rsa AAAA", fingerprint: "00", created: epoch),
      AsyncJob(
        id: ID(UUID()), command: "c", account: account, user: ID(UUID()), instance: UUID(), status: .failed,
        result: "{}", revision: .max, created: epoch, completed: epoch),
      Cell(id: ID(UUID()), name: "c", zone: zone, index: 250, publicPrefixes: [prefix], node: "n", created: epoch),
      disk,
      Domain(id: ID(UUID()), name: "d", path: "ROOT/d", parent: ID(UUID()), created: Date(timeIntervalSince1970: 0.1)),
      Event(
        id: ID(UUID()), type: "VM.START", description: "", account: account, user: ID(UUID()), parent: ID(UUID()),
        created: epoch),
      FirewallRule(
        id: ID(UUID()), network: network, account: account, address: nil, match: .all, sources: [prefix],
        destinations: [prefix], state: .deleting, created: epoch),
      Host(
        id: ID(UUID()), name: "h", zone: zone, node: "n", hypervisor: .kvm, cpuNumber: 1, memoryMiB: 2, created: epoch),
      Alert(
        id: ID(UUID()), type: 7, name: "a", description: "d", zone: UUID(), pod: UUID(), isArchived: true, sent: epoch),
      Cluster(
        id: ID(UUID()), name: "c", zone: zone, pod: ID(UUID()), hypervisor: .simulator, isEnabled: false,
        isManaged: false, created: epoch),
      ImageStore(
        id: ID(UUID()), name: "i", zone: zone, url: "nfs://s/p", provider: "NFS", isReadOnly: true, capacityBytes: 1,
        created: epoch),
      PhysicalNetwork(
        id: ID(UUID()), name: "p", zone: zone, isEnabled: true, isolationMethods: ["VLAN"], vlan: "1-2", speed: "1G",
        tags: ["t"], trafficTypes: [TrafficType(id: UUID(), kind: .public, labels: ["kvm": "br0"])],
        providers: [
          ServiceProvider(
            id: UUID(), name: "v", isEnabled: true, services: ["Dhcp"],
            elements: [ProviderElement(id: UUID(), isEnabled: true)])
        ], created: epoch),
      Pod(
        id: ID(UUID()), name: "p", zone: zone,
        network: PrivateNetwork(prefix: prefix, gateway: address, first: address, last: address), isEnabled: false,
        created: epoch),
      Region(id: ID(UUID()), number: 2, name: "r", endpoint: "e", created: epoch),
      StoragePool(
        id: ID(UUID()), name: "s", zone: zone, pod: ID(UUID()), cluster: ID(UUID()), hypervisor: .simulator,
        server: "s", path: "/p", tags: ["t"], capacityBytes: .max, capacityIOPS: 1, state: .maintenance,
        created: epoch),
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
      ResourceDetail(id: ID(UUID()), resource: UUID(), resourceType: "UserVm", key: "k", value: "", isShown: true),
      ResourceLimit(id: ID(UUID()), resource: UUID(), type: .secondaryStorage, max: -1),
      ResourceTag(id: ID(UUID()), resource: UUID(), resourceType: "UserVm", key: "k", value: "v", customer: "c"),
      Role(
        id: ID(UUID()), name: "r", type: .resourceDomainAdmin,
        permissions: [RolePermission(id: UUID(), rule: "list*", isAllowed: false, description: "d")], created: epoch),
      Setting(id: ID(UUID()), name: "expunge.delay", value: "1"),
      IPForwardingRule(
        id: ID(UUID()), address: publicIP.id, account: account, transport: .tcp, ports: PortRange(1, 2),
        firewall: ID(UUID()), created: epoch),
      NetworkACLList(
        id: ID(UUID()), name: "a", description: "d", vpc: ID(UUID()), account: account,
        items: [
          NetworkACLItem(
            id: UUID(), number: 1, isAllowing: false, isIngress: true, match: .icmp(type: 8, code: nil),
            prefixes: [prefix], reason: "r")
        ], created: epoch),
      PortableIPRange(
        id: ID(UUID()), region: 1, first: address, last: address, gateway: address, length: 24, vlan: "untagged",
        created: epoch),
      internalBalancer,
      InternalLoadBalancerVM(
        id: ID(UUID()), name: "b", network: network, address: address, zone: zone, account: account, host: ID(UUID()),
        created: epoch),
      StorageIPRange(
        id: ID(UUID()), zone: zone, pod: ID(UUID()), first: address, last: address, gateway: address, length: 24,
        vlan: 4094, created: epoch),
      systemVM,
      QuotaTariff(
        id: ID(UUID()), name: "q", usageType: 1, value: -1, description: "d", position: 2, start: epoch, end: epoch,
        created: epoch),
      PrivateGateway(
        id: ID(UUID()), vpc: ID(UUID()), account: account, address: address, length: 24, gateway: address, vlan: 5,
        acl: ID(UUID()), isSourceNAT: true, created: epoch),
      RemoteAccessVPN(
        id: ID(UUID()), account: account, address: publicIP.id, first: address, last: address, presharedKey: "k",
        firewall: [ID(UUID())], created: epoch),
      SSLCertificate(
        id: ID(UUID()), name: "c", account: account, certificate: "c", chain: "", privateKey: "k", fingerprint: "f",
        created: epoch),
      StaticRoute(
        id: ID(UUID()), vpc: ID(UUID()), account: account, cidr: prefix, gateway: nil, nextHop: address,
        created: epoch),
      VPC(
        id: ID(UUID()), name: "v", displayText: "v", zone: zone, offering: ID(UUID()), account: account, cidr: prefix,
        domainName: "x", dns: [address], created: epoch),
      VPCOffering(
        id: ID(UUID()), name: "v", displayText: "v", services: ["Dhcp"], isEnabled: true, created: epoch),
      VPNConnection(
        id: ID(UUID()), account: account, gateway: ID(UUID()), customerGateway: ID(UUID()), isPassive: true,
        created: epoch),
      VPNCustomerGateway(
        id: ID(UUID()), account: account, name: "g", gateway: "192.0.2.1", prefixes: [prefix], presharedKey: "k",
        ikePolicy: "aes128-sha1;modp1536", espPolicy: "aes128-sha1", created: epoch),
      VPNGateway(id: ID(UUID()), account: account, vpc: ID(UUID()), address: publicIP.id, created: epoch),
      VPNUser(id: ID(UUID()), account: account, username: "u", password: "p", created: epoch),
      SealingKey(id: ID(UUID()), number: 0, proof: [], isRetired: true, created: epoch),
      Restoration(id: ID(UUID()), epoch: 2, last: .max, moment: 0, created: epoch),
      Rollout(
        id: ID(UUID()), zone: zone, account: account, renderer: 2,
        stages: [[RolloutStep(router: UUID(), number: 3, formerRenderer: 1, faults: ["nat/x"], verified: epoch)]],
        state: .returning, message: "m", created: epoch),
      change,
      SecurityGroup(
        id: ID(UUID()), name: "s", account: account, domain: ID(UUID()), ingress: rules, created: epoch),
      offering("so"),
      SnapshotPolicy(
        id: ID(UUID()), volume: volume, interval: .weekly, schedule: "1:2:3", timezone: "GMT", kept: 8, due: epoch,
        created: epoch),
      template,
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
      volume, VolumeSnapshot(id: ID(UUID()), name: "s", of: volume, state: .backingUp, created: epoch),
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
