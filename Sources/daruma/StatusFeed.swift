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
  /// Who was hit by the loss of a scope, by its name and moment.
  private let hit = Mutex<[String: (lostAt: Int64, accounts: Int, addresses: Int)]>([:])

  /// - Parameter isRight: false when what this manager knows may no longer be how things are.
  init(
    control: Control, board: StatusBoard, logger: Logger, isRight: @escaping @Sendable () -> Bool = { true }
  ) {
    self.control = control
    self.board = board
    self.logger = logger
    self.isRight = isRight
  }

  func run() async throws {
    while !Task.isCancelled {
      if isRight(), let failure = board.update(document()) {
        logger.error("the status page's file could not be written", metadata: ["error": "\(failure)"])
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// How the losses of shared scopes and the services in them stand now.
  func document() -> StatusDocument {
    let health = control.health()
    let state = control.state
    var document = StatusDocument(time: Moment(Date()), components: [], services: [], losses: [])
    document.components.append(
      Component(
        id: "api", zone: "cloud", series: "management", name: "API",
        state: health.refusals.isEmpty ? .operational : .majorOutage))
    for zone in state.zones.all.sorted(by: { $0.name < $1.name }) {
      let series = zone.series == .basic ? "Basic" : "Isolate"
      switch zone.series {
      case .basic:
        for cell in state.cells.matching("zone", .id(zone.id)).sorted(by: { $0.index < $1.index }) {
          let scope = "router/\(cell.id)"
          let isCurrent = health.current.contains(scope)
          for service in [("Load balancer", "loadbalancer"), ("Static NAT", "staticnat")] {
            add(scope, health.scopes[scope], isCurrent, service, zone, series, cell, &document)
          }
          addLoss(scope, health.scopes[scope], .edgeGateway, cell, zone, state, &document)
        }
        addLoss("fabric", health.scopes["fabric"], .fabric, nil, zone, state, &document)
      case .isolate:
        var lost = false
        var isCurrent = true
        for router in state.routers.all where router.zone == zone.id {
          let scope = "router/\(router.id)"
          let report = health.scopes[scope]
          isCurrent = isCurrent && (report == nil || health.current.contains(scope))
          lost = lost || report?.phase == .lost || report?.phase == .failed
          for service in report?.services ?? [] {
            document.services.append(
              ServiceProgress(
                component: "\(zone.id)/routers", scope: scope, service: service.service, wanted: Int(service.wanted),
                verified: Int(service.verified)))
          }
          addLoss(scope, report, .virtualRouter, nil, zone, state, &document)
        }
        document.components.append(
          Component(
            id: "\(zone.id)/routers", zone: zone.name, series: series, name: "Virtual routers",
            state: lost ? .partialOutage : Self.unlessUnknown(.operational, isCurrent)))
      }
    }
    return document
  }

  private func add(
    _ scope: String, _ report: ScopeReport?, _ isCurrent: Bool, _ service: (title: String, name: String), _ zone: Zone,
    _ series: String, _ cell: Cell, _ document: inout StatusDocument
  ) {
    let count = report?.services.first { $0.service == service.name }
    let wanted = Int(count?.wanted ?? 0)
    let isHealthy = report.map { $0.phase != .lost && $0.phase != .failed } ?? false
    let verified = isHealthy ? wanted : Int(count?.verified ?? 0)
    let id = "\(cell.id)/\(service.name)"
    document.components.append(
      Component(
        id: id, zone: zone.name, series: series, name: service.title, cell: cell.name,
        state: isHealthy
          ? Self.unlessUnknown(.operational, isCurrent) : (verified == 0 ? .majorOutage : .partialOutage)))
    document.services.append(
      ServiceProgress(
        component: id, scope: scope, service: service.name, wanted: wanted, verified: verified,
        addressesOut: wanted - verified))
  }

  private func addLoss(
    _ scope: String, _ report: ScopeReport?, _ role: ScopeRole, _ cell: Cell?, _ zone: Zone, _ state: CloudState,
    _ document: inout StatusDocument
  ) {
    guard let report, report.lostAtNs > 0 else { return }
    let wanted = report.services.reduce(0) { $0 + Int($1.wanted) }
    // A scope that serves nobody yet, as while a cloud is being made, has nothing that a customer could miss.
    guard report.services.contains(where: { $0.service != "firewall" && $0.wanted > 0 }) else { return }
    let verified = report.services.reduce(0) { $0 + Int($1.verified) }
    let (accounts, addresses) = whoWasHit(scope, report, cell, state)
    let isTotal = ["table", "namespace", "link", "ruleset"].contains { report.lastDrift.contains($0) }
    document.losses.append(
      ScopeLoss(
        scope: scope, role: role, cellName: cell?.name, zoneName: zone.name, found: Self.finding(report.lastDrift),
        rulesLost: isTotal ? wanted : max(1, wanted - verified), rulesWanted: wanted,
        probesMissed: isTotal ? 1 : 0, accounts: accounts, addresses: addresses,
        lostAt: Self.moment(report.lostAtNs), detectedAt: Self.moment(report.detectedAtNs),
        appliedAt: report.appliedAtNs > report.lostAtNs ? Self.moment(report.appliedAtNs) : nil,
        verifiedAt: report.phase == .verified && report.verifiedAtNs > report.lostAtNs
          ? Self.moment(report.verifiedAtNs) : nil))
  }

  /// What no agent watches any more goes on as it is, but nobody would notice its end.
  private static func unlessUnknown(_ state: ComponentState, _ isCurrent: Bool) -> ComponentState {
    isCurrent ? state : .degradedPerformance
  }

  /// Counted once a loss, since it takes a look at every address of the cell.
  private func whoWasHit(
    _ scope: String, _ report: ScopeReport, _ cell: Cell?, _ state: CloudState
  ) -> (accounts: Int, addresses: Int) {
    guard let cell else { return (0, 0) }
    return hit.withLock { hit in
      if let known = hit[scope], known.lostAt == report.lostAtNs { return (known.accounts, known.addresses) }
      let addresses = state.publicIPs.matching("cell", .id(cell.id))
      let accounts = Set(addresses.compactMap(\.account)).count
      hit[scope] = (report.lostAtNs, accounts, addresses.count)
      return (accounts, addresses.count)
    }
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
