package import Addresses
import CloudModel
import FoundationEssentials
import Ledger

/// What a new cloud begins with on one machine: a zone of each series, and an administrator.
package struct FirstCloud: Sendable {
  package var node: String
  package var hostLink: String
  /// A /24 that the host's own shell reaches: .1 is the host, .254 the wan, .16 to .63 Isolate's pool, .64/26 and .128/26 the
  /// pools of Basic's two cells.
  package var publicPrefix: IPv4Prefix
  /// Where instances of the Basic zone have their addresses.
  package var guestPrefix = FirstCloud.usualGuestPrefix
  /// Addresses within the prefix that the host itself uses elsewhere; they are neither routed nor given away.
  package var excluded: Set<IPv4>
  package var memoryMiB: Int
  package var cpuNumber: Int
  package var adminPassword: String
  package var adminAPIKey: String
  package var adminSecretKey: String
  /// Without zones, which the administrator then makes.
  package var isBare = false

  package static let usualGuestPrefix = IPv4Prefix(IPv4(10, 1, 0, 0), length: 16)

  package init(
    node: String, hostLink: String, publicPrefix: IPv4Prefix, excluded: Set<IPv4>, memoryMiB: Int, cpuNumber: Int,
    adminPassword: String, adminAPIKey: String, adminSecretKey: String
  ) {
    self.node = node
    self.hostLink = hostLink
    self.publicPrefix = publicPrefix
    self.excluded = excluded
    self.memoryMiB = memoryMiB
    self.cpuNumber = cpuNumber
    self.adminPassword = adminPassword
    self.adminAPIKey = adminAPIKey
    self.adminSecretKey = adminSecretKey
  }

  /// The parts of a range of addresses that are free of excluded ones.
  func segments(_ first: IPv4, _ last: IPv4) -> [(first: IPv4, last: IPv4)] {
    var segments: [(first: IPv4, last: IPv4)] = []
    var start = first.value
    for excluded in excluded.map(\.value).sorted() where excluded >= first.value && excluded <= last.value {
      if excluded > start { segments.append((IPv4(start), IPv4(excluded - 1))) }
      start = excluded + 1
    }
    if start <= last.value { segments.append((IPv4(start), last)) }
    return segments
  }
}

extension Control {
  /// Creates the first cloud in an empty ledger; does nothing in one that holds a cloud.
  package func bootstrap(_ first: FirstCloud) async throws {
    guard state.domains.isEmpty else { return }
    guard first.publicPrefix.length == 24 else {
      throw ControlError(.invalidParameter, "The public range must be a /24")
    }
    guard (8...22).contains(first.guestPrefix.length) else {
      throw ControlError(.invalidParameter, "The guest range must be a /8 to a /22")
    }
    let hash = try Password.hash(first.adminPassword)
    try await transact(Cause(actor: "system/bootstrap", command: "bootstrap", job: nil)) { draft in
      guard draft.state.domains.isEmpty else { return }
      let admin = try Self.putAdministrator(first, hash, &draft)
      let base = first.publicPrefix.first
      guard first.excluded.isDisjoint(with: [base.advanced(by: 1), base.advanced(by: 254)]) else {
        throw ControlError(.invalidParameter, "The host itself uses .1 or .254 of \(first.publicPrefix)")
      }
      try draft.put(
        Node(
          id: draft.newID(), name: first.node, hostLink: first.hostLink, hostAddress: base.advanced(by: 1),
          wanAddress: base.advanced(by: 254),
          hostRoutes: first.segments(base, first.publicPrefix.last).flatMap { IPv4Prefix.covering($0.first, $0.last) },
          created: draft.now))
      if first.isBare { return try Self.putBareCloud(admin, &draft) }
      let basic = try Self.putZone("basic", .basic, first.guestPrefix, first, &draft)
      let isolate = try Self.putZone("isolate", .isolate, IPv4Prefix(IPv4(10, 1, 1, 0), length: 24), first, &draft)
      for index in 1...2 {
        let cell = Cell(
          id: draft.newID(), name: "cell-\(index)", zone: basic.id, index: index, publicPrefixes: [], node: first.node,
          created: draft.now)
        try draft.put(cell)
        let start = base.advanced(by: UInt32(64 * index))
        for segment in first.segments(start, start.advanced(by: 63)) {
          _ = try Self.addRange(basic, cell.id, segment.first, segment.last, &draft)
        }
      }
      for segment in first.segments(base.advanced(by: 16), base.advanced(by: 63)) {
        _ = try Self.addRange(isolate, nil, segment.first, segment.last, &draft)
      }
      try Self.putServiceOfferings(&draft)
      try Self.putNetworkOfferings(admin, basic, &draft)
      try Self.putDiskOfferings(&draft)
      try Self.putVPCDefaults(&draft)
      for (name, hypervisor) in [("tiny", HypervisorType.kvm), ("tiny-simulator", .simulator)] {
        try draft.put(
          Template(
            id: draft.newID(), name: name,
            displayText: "Serves its host name over HTTP" + (hypervisor == .kvm ? "" : "; simulated"),
            hypervisor: hypervisor, source: Self.builtInTemplate, zones: [basic.id, isolate.id], account: admin,
            sizeBytes: hypervisor == .simulator ? Volume.bytesPerGiB : 0, created: draft.now))
      }
      try Furnishing.furnish(&draft)
    }
  }

  /// The folder of the template that every cloud has.
  static let builtInTemplate = "tiny"

  /// What a cloud has before there is a zone.
  private static func putBareCloud(_ admin: ID<Account>, _ draft: inout Draft) throws {
    try putServiceOfferings(&draft)
    try putNetworkOfferings(admin, nil, &draft)
    try putDiskOfferings(&draft)
    try putVPCDefaults(&draft)
    try draft.put(
      Template(
        id: draft.newID(), name: "tiny-simulator", displayText: "Serves its host name over HTTP; simulated",
        hypervisor: .simulator, source: builtInTemplate, zones: [], account: admin, sizeBytes: Volume.bytesPerGiB,
        created: draft.now))
    try Furnishing.furnish(&draft)
  }

  private static func putAdministrator(
    _ first: FirstCloud, _ hash: String, _ draft: inout Draft
  ) throws -> ID<Account> {
    let root = Domain(id: draft.newID(), name: "ROOT", path: "ROOT", created: draft.now)
    try draft.put(root)
    let system = Account(id: draft.newID(), name: "system", type: .rootAdmin, domain: root.id, created: draft.now)
    let admin = Account(id: draft.newID(), name: "admin", type: .rootAdmin, domain: root.id, created: draft.now)
    try draft.put(system)
    try draft.put(admin)
    try draft.put(
      User(
        id: draft.newID(), username: "admin", account: admin.id, domain: root.id, firstname: "admin", lastname: "cloud",
        email: "", passwordHash: hash, apiKey: first.adminAPIKey, secretKey: first.adminSecretKey, created: draft.now))
    try draft.put(
      SecurityGroup(
        id: draft.newID(), name: "default", description: "Default Security Group", account: admin.id, domain: root.id,
        created: draft.now))
    return admin.id
  }

  private static func putZone(
    _ name: String, _ series: Series, _ guest: IPv4Prefix, _ first: FirstCloud, _ draft: inout Draft
  ) throws -> Zone {
    let zone = Zone(
      id: draft.newID(), name: name, series: series, guestPrefix: guest, publicPrefixes: [first.publicPrefix],
      created: draft.now)
    try draft.put(zone)
    for hypervisor in HypervisorType.allCases {
      try draft.put(
        Host(
          id: draft.newID(), name: "\(first.node)-\(name)-\(hypervisor.rawValue.lowercased())", zone: zone.id,
          node: first.node, hypervisor: hypervisor, cpuNumber: first.cpuNumber, memoryMiB: first.memoryMiB,
          created: draft.now))
    }
    return zone
  }

  private static func putServiceOfferings(_ draft: inout Draft) throws {
    for (name, memory) in [("Tiny Instance", 96), ("Small Instance", 512), ("Medium Instance", 1024)] {
      try draft.put(
        ServiceOffering(
          id: draft.newID(), name: name, displayText: name, cpuNumber: 1, cpuSpeedMHz: memory == 1024 ? 1000 : 500,
          memoryMiB: memory, created: draft.now))
    }
  }

  private static func putNetworkOfferings(
    _ admin: ID<Account>, _ basic: Zone?, _ draft: inout Draft
  ) throws {
    let shared = NetworkOffering(
      id: draft.newID(), name: "DefaultSharedNetscalerEIPandELBNetworkOffering",
      displayText: "Shared network with security groups, elastic IP and elastic LB", guestType: .shared,
      services: ["Dhcp", "Dns", "UserData", "SecurityGroup", "StaticNat", "Lb"], egressDefaultAllow: true,
      created: draft.now)
    try draft.put(shared)
    try draft.put(
      NetworkOffering(
        id: draft.newID(), name: "DefaultIsolatedNetworkOfferingWithSourceNatService",
        displayText: "Isolated network with a virtual router and source NAT", guestType: .isolated,
        services: ["Dhcp", "Dns", "UserData", "Firewall", "SourceNat", "StaticNat", "PortForwarding", "Lb"],
        created: draft.now))
    guard let basic else {
      return try draft.put(
        NetworkOffering(
          id: draft.newID(), name: "DefaultSharedNetworkOfferingWithSGService",
          displayText: "Shared network with security groups", guestType: .shared,
          services: ["Dhcp", "Dns", "UserData", "SecurityGroup"], egressDefaultAllow: true, created: draft.now))
    }
    try draft.put(
      Network(
        id: draft.newID(), name: "guestNetworkForBasicZone", displayText: "guestNetworkForBasicZone", zone: basic.id,
        offering: shared.id, account: admin, guestType: .shared, cidr: basic.guestPrefix,
        gateway: basic.guestPrefix.first.advanced(by: 1), domainName: "basic.internal", state: .implemented,
        created: draft.now))
  }
}
