import CloudModel
import Control
import FoundationEssentials
import Ledger
import Logging
import NodePlan
import StatusPage
import Synchronization

/// Turns the nodes' reports into the facts that the public page speaks of.
final class StatusFeed: Sendable {
  private let control: Control
  private let board: StatusBoard
  private let logger: Logger
  private let isRight: @Sendable () -> Bool
  /// What is remembered from one document to the next.
  private struct Memory {
    /// Who was hit by the loss of a scope, by its name and moment.
    var hit: [String: (lostAt: Int64, accounts: Set<ID<Account>>, addresses: Int)] = [:]
    /// When a lost scope was first verified again: later verifications are those of its changes.
    var ends: [String: (lostAt: Int64, verifiedAt: Int64)] = [:]
    var looks = ScopeLooks()
    var deeds: Deeds
    var standings = Standings()
    var instances = InstanceCount()
  }
  private let memory: Mutex<Memory>
  private let newest = Mutex<StatusDocument?>(nil)

  /// - Parameter isRight: false when what this manager knows may no longer be how things are.
  init(
    control: Control, board: StatusBoard, logger: Logger, isRight: @escaping @Sendable () -> Bool = { true }
  ) {
    self.control = control
    self.board = board
    self.logger = logger
    self.isRight = isRight
    memory = Mutex(Memory(deeds: Deeds(now: Moment(Date()))))
  }

  /// - Parameter availability: the file in which the availability of the page's components is kept.
  func run(availability: String) async throws {
    var record: AvailabilityRecord?
    do throws(StatusPageError) {
      record = try AvailabilityRecord(of: board, path: availability, now: Moment(Date()))
    } catch { report(error) }
    let begin = ContinuousClock.now
    var mayTell = false
    while !Task.isCancelled {
      mayTell = mayTell || isAcquainted || begin < .now - Self.patience
      if isRight(), mayTell {
        let document = document()
        newest.withLock { $0 = document }
        report(board.update(document))
        let unknown = Set(document.unknown ?? [])
        board.tell([], unknown: unknown)
        do throws(StatusPageError) { try record?.advance(unknown: unknown, now: document.time) } catch { report(error) }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// For so long after its start a manager that has not heard of all gateways yet says nothing about them.
  private static let patience = Duration.seconds(5)

  /// Whether the nodes have told how the gateways are: before that, nothing is known, which is no fault.
  private var isAcquainted: Bool {
    let health = control.health()
    let state = control.state
    return state.nodes.all.allSatisfy { health.connectedNodes.contains($0.name) }
      && state.cells.ids.allSatisfy { health.current.contains("router/\($0)") }
  }

  /// The newest document; nil while there is none that is right.
  var told: StatusDocument? { isRight() ? newest.withLock { $0 } : nil }

  private func report(_ failure: StatusPageError?) {
    guard let failure else { return }
    logger.error("the status page's file could not be written", metadata: ["error": "\(failure)"])
  }

  /// How everything that the page speaks of stands now.
  func document() -> StatusDocument {
    let health = control.health()
    let state = control.state
    return memory.withLock { memory in
      var document = StatusDocument(time: Moment(Date()), components: [], services: [], losses: [])
      document.components.append(
        Component(
          id: "api", zone: "cloud", series: "management", name: "API",
          state: health.refusals.isEmpty ? .operational : .majorOutage))
      var affected: [AffectedScope] = []
      // Of a zone that no node carries, nobody reports anything.
      for zone in state.zones.all.sorted(by: { $0.name < $1.name }) where state.isCarried(zone.id) {
        switch zone.series {
        case .basic: addBasic(zone, health, state, &memory, &document, &affected)
        case .isolate: addIsolate(zone, health, state, &memory, &document, &affected)
        }
      }
      for node in state.nodes.all.sorted(by: { $0.name < $1.name }) {
        addNode(node, health, state, &memory, &document)
      }
      document.actions = memory.deeds.actions(state, now: document.time)
      document.facts = memory.deeds.facts(health, state, document.losses, control, now: document.time)
      document.accounts = memory.standings.accounts(affected, state)
      document.customers = Self.customers(document, memory)
      return document
    }
  }

  private func addBasic(
    _ zone: Zone, _ health: Health, _ state: CloudState, _ memory: inout Memory, _ document: inout StatusDocument,
    _ affected: inout [AffectedScope]
  ) {
    for cell in state.cells.matching("zone", .id(zone.id)).sorted(by: { $0.index < $1.index }) {
      let scope = "router/\(cell.id)"
      let report = health.scopes[scope]
      let isCurrent = health.current.contains(scope)
      let looks = memory.looks.see(report, isCurrent: isCurrent, scope, now: document.time)
      let isFailing = looks.contains(where: \.isFailing)
      let hit =
        report.map { whoWasHit(scope, $0, isCurrent: isCurrent, cell, zone, state, &memory) } ?? (
          accounts: 0, addresses: 0
        )
      document.add(
        Component(
          id: "\(cell.id)/gateway", zone: zone.name, series: "Basic", name: "Gateways", cell: cell.name,
          state: isFailing ? .majorOutage : .operational), isWatched: isCurrent)
      document.observations.append(
        Observation(
          component: "\(cell.id)/gateway", kind: .gateway, looks: looks,
          // What fails unwatched is seen by others.
          accounts: isFailing || !isCurrent ? hit.accounts : 0,
          addresses: isFailing || !isCurrent ? hit.addresses : 0))
      for service in [("Load balancer", "loadbalancer"), ("Static NAT", "staticnat")] {
        add(scope, report, isCurrent, service, zone, cell, hit.accounts, &document)
      }
      addLoss(scope, report, .edgeGateway, cell, zone, state, &memory, &document, &affected)
    }
    addGuests(zone, [(health.scopes["fabric"], health.current.contains("fabric"))], health, state, &memory, &document)
    addLoss("fabric", health.scopes["fabric"], .fabric, nil, zone, state, &memory, &document, &affected)
  }

  private func addIsolate(
    _ zone: Zone, _ health: Health, _ state: CloudState, _ memory: inout Memory, _ document: inout StatusDocument,
    _ affected: inout [AffectedScope]
  ) {
    var isLost = false
    var isCurrent = true
    var looks: [[Look]] = []
    var reports: [(ScopeReport?, Bool)] = []
    for router in state.routers.all where router.zone == zone.id {
      let scope = "router/\(router.id)"
      let report = health.scopes[scope]
      reports.append((report, health.current.contains(scope)))
      isCurrent = isCurrent && (report == nil || health.current.contains(scope))
      isLost = isLost || ScopeLooks.isOut(report)
      looks.append(
        memory.looks.see(report, isCurrent: health.current.contains(scope), scope, now: document.time))
      for service in report?.services ?? [] {
        document.services.append(
          ServiceProgress(
            component: "\(zone.id)/routers", scope: scope, service: service.service, wanted: Int(service.wanted),
            verified: Self.verified(service, report), accounts: Self.verified(service, report) < service.wanted ? 1 : 0)
        )
      }
      addLoss(scope, report, .virtualRouter, nil, zone, state, &memory, &document, &affected)
    }
    document.add(
      Component(
        id: "\(zone.id)/routers", zone: zone.name, series: "Isolate", name: "Virtual routers",
        state: isLost ? .partialOutage : .operational), isWatched: isCurrent)
    let all = ScopeLooks.together(looks)
    if !all.isEmpty {
      document.observations.append(
        Observation(component: "\(zone.id)/routers", kind: .virtualRouter, looks: all))
    }
    addGuests(zone, reports, health, state, &memory, &document)
  }

  /// What instances of the zone have of it: themselves, and the service that gives them addresses and names.
  private func addGuests(
    _ zone: Zone, _ reports: [(report: ScopeReport?, isCurrent: Bool)], _ health: Health, _ state: CloudState,
    _ memory: inout Memory, _ document: inout StatusDocument
  ) {
    let series = zone.series == .basic ? "Basic" : "Isolate"
    document.add(
      Component(
        id: "\(zone.id)/instances", zone: zone.name, series: series, name: "Instances",
        state: memory.instances.standing(of: zone.id, health, state, now: document.time)),
      isWatched: state.hosts.matching("zone", .id(zone.id)).allSatisfy { health.connectedNodes.contains($0.node) })
    let serving = reports.filter { $0.report?.services.contains { $0.service == "dhcp" && $0.wanted > 0 } ?? false }
    let broken = serving.count { ScopeLooks.isOut($0.report) }
    let standing: ComponentState =
      broken == 0 ? .operational : broken == serving.count ? .majorOutage : .partialOutage
    document.add(
      Component(id: "\(zone.id)/dhcpdns", zone: zone.name, series: series, name: "DHCP and DNS", state: standing),
      isWatched: serving.allSatisfy(\.isCurrent))
  }

  private func addNode(
    _ node: Node, _ health: Health, _ state: CloudState, _ memory: inout Memory, _ document: inout StatusDocument
  ) {
    let isConnected = health.connectedNodes.contains(node.name)
    let id = "node/\(node.name)"
    document.add(
      Component(
        id: id, zone: "cloud", series: "management", name: "Nodes", cell: node.name, state: .operational),
      isWatched: isConnected)
    let cells = state.cells.matching("node", .text(node.name))
    let packets = cells.compactMap { memory.looks.packets("router/\($0.id)") }.max { $0.at < $1.at }
    let agent = memory.looks.seeAgent(node.name, isConnected: isConnected, now: document.time)
    document.observations.append(
      Observation(component: id, kind: .node, looks: [agent] + (packets.map { [$0] } ?? [])))
  }

  private func add(
    _ scope: String, _ report: ScopeReport?, _ isCurrent: Bool, _ service: (title: String, name: String), _ zone: Zone,
    _ cell: Cell, _ accounts: Int, _ document: inout StatusDocument
  ) {
    let count = report?.services.first { $0.service == service.name }
    let wanted = Int(count?.wanted ?? 0)
    let verified = count.map { Self.verified($0, report) } ?? 0
    let id = "\(cell.id)/\(service.name)"
    let isLost = ScopeLooks.isOut(report)
    let state: ComponentState =
      isLost
      ? (verified == 0 ? .majorOutage : .partialOutage)
      // Single rules that a node cannot put in place are their owners' matter.
      : verified * 100 < wanted * 99 ? .partialOutage : .operational
    document.add(
      Component(id: id, zone: zone.name, series: "Basic", name: service.title, cell: cell.name, state: state),
      isWatched: isCurrent)
    document.services.append(
      ServiceProgress(
        component: id, scope: scope, service: service.name, wanted: wanted, verified: verified,
        accounts: isLost && verified < wanted ? accounts : 0, addressesOut: wanted - verified))
  }

  /// How many rules of a service are known to be in place and reached by packets. Changes under way take away nothing.
  private static func verified(_ count: ServiceCount, _ report: ScopeReport?) -> Int {
    guard let report, !ScopeLooks.isWhollyFailed(report) else { return 0 }
    return Int(ScopeLooks.isOut(report) || report.phase == .failed ? count.verified : count.wanted)
  }

  private func addLoss(
    _ scope: String, _ report: ScopeReport?, _ role: ScopeRole, _ cell: Cell?, _ zone: Zone, _ state: CloudState,
    _ memory: inout Memory, _ document: inout StatusDocument, _ affected: inout [AffectedScope]
  ) {
    guard let report, report.lostAtNs > 0 else { return }
    let wanted = report.services.reduce(0) { $0 + Int($1.wanted) }
    // A scope that serves nobody yet, as while a cloud is being made, has nothing that a customer could miss.
    guard report.services.contains(where: { $0.service != "firewall" && $0.wanted > 0 }) else { return }
    let verified = report.services.reduce(0) { $0 + Self.verified($1, report) }
    let (accounts, addresses) = whoWasHit(scope, report, cell, zone, state, &memory)
    let isTotal = ["table", "namespace", "link", "ruleset"].contains { report.lastDrift.contains($0) }
    let loss = ScopeLoss(
      scope: scope, role: role, cellName: cell?.name, zoneName: zone.name, found: Self.finding(report.lastDrift),
      rulesLost: isTotal ? wanted : max(1, wanted - verified), rulesWanted: wanted,
      probesMissed: isTotal ? 1 : 0, accounts: accounts, addresses: addresses,
      lostAt: Self.moment(report.lostAtNs), detectedAt: Self.moment(report.detectedAtNs),
      appliedAt: report.appliedAtNs > report.lostAtNs ? Self.moment(report.appliedAtNs) : nil,
      verifiedAt: end(of: scope, report, &memory))
    document.losses.append(loss)
    if let one = AffectedScope(loss, cell, zone, isTotal: isTotal, now: document.time) { affected.append(one) }
  }

  private func end(of scope: String, _ report: ScopeReport, _ memory: inout Memory) -> Moment? {
    guard !ScopeLooks.isOut(report), report.verifiedAtNs > report.lostAtNs else {
      memory.ends[scope] = nil
      return nil
    }
    if let known = memory.ends[scope], known.lostAt == report.lostAtNs { return Self.moment(known.verifiedAt) }
    memory.ends[scope] = (report.lostAtNs, report.verifiedAtNs)
    return Self.moment(report.verifiedAtNs)
  }

  /// Counted once a loss, since it takes a look at every address of the cell.
  private func whoWasHit(
    _ scope: String, _ report: ScopeReport, isCurrent: Bool = true, _ cell: Cell?, _ zone: Zone, _ state: CloudState,
    _ memory: inout Memory
  ) -> (accounts: Int, addresses: Int) {
    guard report.lostAtNs > 0 || ScopeLooks.isWhollyFailed(report) || !isCurrent else { return (0, 0) }
    // Who would be hit by a loss that nobody reports is counted apart, when the reports end.
    let moment = isCurrent ? report.lostAtNs : -1
    if let known = memory.hit[scope], known.lostAt == moment { return (known.accounts.count, known.addresses) }
    let accounts: Set<ID<Account>>
    var addresses = 0
    if let cell {
      let hit = state.publicIPs.matching("cell", .id(cell.id))
      accounts = Set(hit.compactMap(\.account))
      addresses = hit.count
    } else if scope == "fabric" {
      accounts = Set(Standings.machines(in: zone.id, state).map(\.account))
    } else {
      let router = ID<VirtualRouter>(scope.dropFirst("router/".count)).flatMap { state.routers[$0] }
      accounts = Set(router.map { [$0.account] } ?? [])
    }
    memory.hit[scope] = (moment, accounts, addresses)
    return (accounts.count, addresses)
  }

  /// An account may have rules in several scopes.
  private static func customers(_ document: StatusDocument, _ memory: Memory) -> CustomerCount {
    let recent = document.losses.filter { loss in
      loss.verifiedAt.map { document.time.milliseconds - $0.milliseconds < 60_000 } ?? true
    }
    func count(_ losses: [ScopeLoss]) -> Int {
      let sets = losses.compactMap { memory.hit[$0.scope]?.accounts }
      guard let first = sets.first else { return 0 }
      return sets.dropFirst().reduce(first) { $0.union($1) }.count
    }
    return CustomerCount(hit: count(recent), out: count(recent.filter { $0.verifiedAt == nil }))
  }

  private static func finding(_ text: String) -> Finding {
    if text.contains("table") || text.contains("ruleset") { return .tablesDeleted }
    if text.contains("namespace") { return .namespaceGone }
    if text.contains("link") { return .linkGone }
    if text.contains("route") { return .routesGone }
    if text.contains("probe") { return .packetsLost }
    return .elementsChanged
  }

  private static func moment(_ nanoseconds: Int64) -> Moment {
    Moment(Date(timeIntervalSince1970: Double(nanoseconds) / 1e9))
  }
}

extension StatusDocument {
  /// - Parameter isWatched: false when its node is silent: it goes on as it is, but nobody would notice its end.
  fileprivate mutating func add(_ component: Component, isWatched: Bool) {
    components.append(component)
    if !isWatched, component.state == .operational { unknown = (unknown ?? []) + [component.id] }
  }
}
