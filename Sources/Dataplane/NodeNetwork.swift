import Addresses
import Glibc
package import Kernel
package import Logging
package import NodePlan

/// A change of the network part of the plan.
package struct PlanChange: Sendable {
  package var generation: UInt64
  /// `upserts` are everything there is to be.
  package var complete: Bool
  package var upserts: [PlanObject]
  /// Keys.
  package var removals: [String]

  package init(generation: UInt64, complete: Bool, upserts: [PlanObject], removals: [String] = []) {
    self.generation = generation
    self.complete = complete
    self.upserts = upserts
    self.removals = removals
  }
}

/// Where a port is: what a machine or a simulated instance is plugged into.
package struct PortPlace: Sendable {
  /// The fabric's namespace, in which the tap or veth is.
  package var namespace: NetworkNamespace
  package var link: String
  package var mtu: UInt32
}

/// Keeps the network of a node as its plan says, in namespaces under the state folder, and reports how each scope stands.
package actor NodeNetwork {
  let configuration: NetworkConfiguration
  let metadata: any MetadataSource
  let logger: Logger
  let send: @Sendable (ScopeReport) -> Void

  var places: [String: Place] = [:]
  var host: Place?
  var objects: [String: PlanObject] = [:]
  var scopes = ScopeLedger()
  var generation: UInt64 = 0
  /// Places whose table or wiring changed since their last transaction.
  var dirty: Set<String> = []
  /// Elements of objects are gathered, place by place, before they are put into the tables.
  var isGathering = false
  /// Routers whose services may have to change.
  var staleServices: Set<String> = []

  var wan: Wan?
  var fabric: Fabric?
  var fabricKey = ""
  var networks: [String: GuestNetwork] = [:]
  var routers: [String: RouterState] = [:]
  /// Former routers of which something is left, by the names of their places.
  var departures: [String: Departure] = [:]
  var groups: [String: SecurityGroupRules] = [:]
  /// How many security groups name a group as a peer.
  var namings: [String: Int] = [:]
  /// Ports of the fabric by their groups' combination.
  var combinations: [String: (groups: [String], ports: Set<String>)] = [:]
  var combinationOfPort: [String: String] = [:]
  var fabricHosts: [String: Dnsmasq.Host] = [:]
  var dependents: [String: Set<String>] = [:]
  var attachments: [String: Attachment] = [:]
  /// Links of detached ports, and when they must have gone by themselves.
  var detached: [String: ContinuousClock.Instant] = [:]
  var fabricDnsmasq: Daemon?
  var fabricDnsmasqSettings: Dnsmasq.Settings?
  var responder: ProbeResponder?
  var prober: Prober?
  var checks: MemberChecks?
  var server: MetadataServer?
  var watch: Task<Void, Never>?
  /// A plan was put in place. Until then nothing that is there is foreign: an earlier agent may have made it.
  var knowsPlan = false
  /// Things of an earlier agent may be there that the plan does not have.
  var hasOrphans = false
  /// Places whose wiring is not as it should be.
  var damaged: Set<String> = []
  /// Places whose wiring was mended in the middle of a change, with what was found. The next look tells of it.
  var mended: [String: String] = [:]
  /// Wiring is being compared with the kernel's beside everything else.
  var isSurveying = false
  /// When all wiring is compared next, whatever was heard of it.
  var nextSweep = ContinuousClock.now
  var beats: UInt64 = 0
  var glances: UInt64 = 0
  var hostsRead: [String: ContinuousClock.Instant] = [:]
  /// When connections of what went may be looked for next.
  var nextEnding = ContinuousClock.now
  /// Routers that are to be made anew, and the task that does it.
  var dueRebuilds: Set<String> = []
  var rebuilding: Task<Void, Never>?
  /// Steps that are under way: what is wanted may not be in the kernel yet.
  var steps = 0
  var isApplying: Bool { steps > 0 }
  /// The name of the trouble of a scope of whose former objects something is left in the kernel.
  static let remains = "remains"

  enum Attachment: Sendable {
    case tap
    case veth(NetworkNamespace, String)
  }

  /// `report` is called from the actor, in order.
  package init(
    configuration: NetworkConfiguration, metadata: any MetadataSource, logger: Logger,
    report: @escaping @Sendable (ScopeReport) -> Void
  ) {
    self.configuration = configuration
    self.metadata = metadata
    self.logger = logger
    send = report
  }

  /// Makes the folder of namespaces a private mount point, takes over what an earlier agent left, and begins to watch.
  package func start() async throws {
    for folder in [configuration.processDirectory, configuration.serviceDirectory] { try Files.makeFolder(folder) }
    try MountPoint.prepare(configuration.runDirectory)
    for folder in [configuration.processDirectory, configuration.namespaceDirectory] { try Files.makeFolder(folder) }
    try openPlace(Names.wan, forwarding: true)
    try openPlace(Names.fabric, forwarding: true)
    try openPlace(Names.probe, forwarding: false)
    places[Names.fabric]?.table = FabricTable.make()
    dirty.insert(Names.fabric)
    if host == nil {
      host = try Place("host", configuration.hostNamespace ?? NetworkNamespace.current())
    }
    guard let wanPlace = places[Names.wan] else { return }
    prober = try Prober(namespace: wanPlace.namespace)
    server = try MetadataServer(metadata)
    checks = try MemberChecks { [weak self] news in
      Task { await self?.membersChanged(news) }
    }
    watch = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(10))
        guard let self else { return }
        await self.glance()
      }
    }
  }

  /// Ends watching; the network stays as it is.
  package func stop() async {
    watch?.cancel()
    await watch?.value
    watch = nil
    rebuilding?.cancel()
    prober?.stop()
    await rebuilding?.value
    checks?.stop()
    server?.stop()
    responder?.stop()
    for id in routers.keys { routers[id]?.responder?.stop() }
  }

  /// The namespace that was there under the name, or a new one.
  @discardableResult
  func openPlace(_ name: String, forwarding: Bool) throws -> Place {
    if let place = places[name] { return place }
    let path = configuration.namespacePath(name)
    let namespace: NetworkNamespace
    var isFound = true
    do {
      namespace = try NetworkNamespace.open(path: path)
    } catch let error as KernelError where error.code == ENOENT {
      namespace = try NetworkNamespace.create(at: path)
      isFound = false
    }
    let place = try Place(name, namespace)
    try place.prepare(forwarding: forwarding)
    // Whoever had it before may have died before connections of what it removed were forgotten.
    place.ending.isGeneral = isFound
    if isFound && !knowsPlan { place.beginAdoption() }
    places[name] = place
    return place
  }

  /// Finds the namespace of a place by its name; the empty name is the host.
  func namespace(_ name: String) -> NetworkNamespace? {
    name.isEmpty ? host?.namespace : places[name]?.namespace
  }

  func wire(_ place: String, _ owner: String, _ items: [WiringItem]) throws {
    try places[place]?.wire(owner, items, { self.namespace($0) })
  }

  func report(_ name: String) {
    var failed: [String: Int] = [:]
    var isGroundless = false
    for key in scopes[name].failures.keys {
      guard let object = objects[key] else { continue }
      isGroundless = isGroundless || Self.isGround(object)
      for (service, count) in ScopeLedger.services(object) { failed[service, default: 0] += count }
    }
    var report = scopes.report(name, failedServices: failed, isGroundless: isGroundless)
    if let state = routers[String(name.dropFirst("router/".count))], state.scope == name {
      report.rebuilt = state.rendering.rebuilt
      report.rebuildFailed = state.rendering.failed
      report.rebuildFailure = state.rendering.failure
      report.renderer = state.renderer.version
    }
    send(report)
  }

  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
