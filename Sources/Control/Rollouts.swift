package import CloudModel
import FoundationEssentials
import Ledger
import NodePlan
import Synchronization

/// Which routers are meant by a rebuild.
package enum RebuildSubject: Sendable {
  case zone(ID<Zone>)
  case cell(ID<Cell>)
  case router(ID<VirtualRouter>)
  case network(ID<Network>)
  case account(ID<Account>)
}

extension Control {
  /// Makes routers from nothing again, a few of their zone's at a time.
  /// - Parameter renderer: the version of the rules from then on; nil leaves it.
  package func rebuildNetwork(
    _ subject: RebuildSubject, renderer: Int?, by caller: Caller
  ) async throws -> Started {
    let newest = newestRenderer
    let share = settings.stageShare
    return try await begin("rebuildNetwork", .rollout, by: caller) { draft in
      if let renderer {
        try Access.requireRootAdmin(caller)
        guard (1...newest).contains(renderer) else {
          throw ControlError(.invalidParameter, "The nodes render rules by the versions 1 to \(newest)")
        }
      }
      let (id, count) = try Rollouts.put(subject, renderer: renderer, share: share, caller, &draft)
      try draft.put(
        Self.event("NETWORK.REBUILD", "Rebuilding \(count) routers", caller.account, caller.user, draft))
      return id.uuid
    }
  }

  /// Lets no further stage begin. The stage under way is verified, or returned, first. What has begun of a revision that goes
  /// in stages is taken back then; of one that is halted already that is tried again.
  /// - Parameter releasing: what waits behind a change that is halted follows it instead.
  package func cancelRebuild(_ id: ID<Rollout>, releasing: Bool = false, by caller: Caller) async throws {
    try await transact(cause(caller, "cancelRebuild")) { draft in
      guard var rollout = draft.get(id) else { throw ControlError(.invalidParameter, "There is no rebuild \(id)") }
      try Access.require(caller, owner: rollout.account, in: draft.state)
      guard rollout.state.isUnderWay else {
        throw ControlError(.invalidParameter, "The rebuild has ended already; it is \(rollout.state.rawValue)")
      }
      if releasing {
        try Self.release(&rollout, draft)
      } else {
        rollout.isCancelled = true
      }
      try draft.put(rollout)
    }
  }

  /// The newest version of the rules that every connected node renders.
  package var newestRenderer: Int { nodes.state.withLock { Rollouts.newestRenderer($0) } }
}

/// What rollouts are made of, and their ends.
enum Rollouts {
  private static let kept = 200
  /// Why a cancelled rollout ended.
  static let cancelled = "The rebuild was cancelled; no further stage began"

  static func newestRenderer(_ board: NodeBoard.State) -> Int {
    board.sessions.keys.map { Int(max(1, board.hellos[$0]?.renderer ?? 1)) }.min() ?? 1
  }

  /// Records that routers are to be made from nothing. Returns how many there are, too.
  static func put(
    _ subject: RebuildSubject, renderer: Int?, share: Double, _ caller: Caller, _ draft: inout Draft
  ) throws -> (id: ID<Rollout>, count: Int) {
    let (zone, routers) = try routers(subject, caller, draft.state)
    guard draft.state.isCarried(zone) else {
      throw ControlError(.unsupported, "No node carries the routers of this zone: there is nothing to rebuild")
    }
    let mine = draft.state.rollouts.matching("underway", .number(1)).filter {
      $0.account == caller.account && $0.change == nil
    }
    guard !mine.contains(where: { Set($0.steps.map(\.router)).isSuperset(of: routers) }) else {
      throw ControlError(.resourceInUse, "A rebuild of this is under way already; see listRebuilds")
    }
    let id: ID<Rollout> = draft.newID()
    let stages = stages(routers, share: share, of: zone, draft.state)
    try draft.put(
      Rollout(id: id, zone: zone, account: caller.account, renderer: renderer, stages: stages, created: draft.now))
    try forgetOld(&draft)
    return (id, routers.count)
  }

  /// The routers that are meant, as far as `caller` may ask for that.
  static func routers(
    _ subject: RebuildSubject, _ caller: Caller, _ state: CloudState
  ) throws -> (ID<Zone>, [UUID]) {
    switch subject {
    case .zone(let id):
      try Access.requireRootAdmin(caller)
      let found = all(in: id, state)
      guard !found.isEmpty else { throw ControlError(.invalidParameter, "The zone has no routers yet") }
      return (id, found)
    case .cell(let id):
      try Access.requireRootAdmin(caller)
      guard let cell = state.cells[id] else { throw ControlError(.invalidParameter, "There is no cell \(id)") }
      return (cell.zone, [id.uuid])
    case .router(let id):
      guard let router = state.routers[id] else { throw ControlError(.invalidParameter, "There is no router \(id)") }
      try Access.require(caller, owner: router.account, in: state)
      return (router.zone, [id.uuid])
    case .network(let id):
      guard let network = state.networks[id] else {
        throw ControlError(.invalidParameter, "Unable to find network \(id)")
      }
      guard network.guestType == .isolated else {
        throw ControlError(
          .permissionDenied, "The shared network's gateways are rebuilt by the operator; name a zone or a cell")
      }
      try Access.require(caller, owner: network.account, in: state)
      guard let router = state.routers.first("network", .id(id)) else {
        throw ControlError(.invalidParameter, "The network has no router; it gets one with its first instance")
      }
      return (router.zone, [router.id.uuid])
    case .account(let id):
      try Access.require(caller, owner: id, in: state)
      return try routers(ofAccount: id, caller, state)
    }
  }

  /// Its own routers; for the root administrator, whose gateways they are, also the cells that carry its addresses. Of several
  /// zones, one that has the most.
  private static func routers(
    ofAccount id: ID<Account>, _ caller: Caller, _ state: CloudState
  ) throws -> (ID<Zone>, [UUID]) {
    var byZone: [ID<Zone>: Set<UUID>] = [:]
    for router in state.routers.matching("account", .id(id)) { byZone[router.zone, default: []].insert(router.id.uuid) }
    if caller.isRootAdmin {
      for address in state.publicIPs.matching("account", .id(id)) {
        if let cell = address.cell { byZone[address.zone, default: []].insert(cell.uuid) }
      }
    }
    let carried = byZone.filter { state.isCarried($0.key) }
    guard let most = carried.max(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) }) else {
      throw ControlError(
        .invalidParameter,
        caller.isRootAdmin
          ? "The account has neither routers nor addresses"
          : "The account has no router of its own; shared gateways are rebuilt by the operator")
    }
    return (most.key, most.value.sorted { $0.uuidString < $1.uuidString })
  }

  /// All routers of a zone: the gateways of its cells in their order, and its virtual routers.
  static func all(in zone: ID<Zone>, _ state: CloudState) -> [UUID] {
    state.cells.matching("zone", .id(zone)).sorted { $0.index < $1.index }.map(\.id.uuid)
      + state.routers.all.filter { $0.zone == zone }.map(\.id.uuid).sorted { $0.uuidString < $1.uuidString }
  }

  static func stages(
    _ routers: [UUID], share: Double, of zone: ID<Zone>, _ state: CloudState
  ) -> [[RolloutStep]] {
    let size = max(1, Int(Double(all(in: zone, state).count) * share))
    return stride(from: 0, to: routers.count, by: size).map { start in
      routers[start..<min(start + size, routers.count)].map { RolloutStep(router: $0) }
    }
  }

  /// Records the end of a rollout that has not ended yet.
  static func settle(_ id: ID<Rollout>, _ end: RolloutState, _ message: String, _ draft: inout Draft) throws {
    guard var rollout = draft.get(id), rollout.state.isUnderWay else { return }
    rollout.state = message == cancelled ? .cancelled : end
    if rollout.message.isEmpty { rollout.message = message }
    rollout.completed = draft.now
    try draft.put(rollout)
  }

  static func forgetOld(_ draft: inout Draft) throws {
    guard draft.state.rollouts.count > kept else { return }
    let ended = draft.state.rollouts.all.filter { !$0.state.isUnderWay }.sorted { $0.created < $1.created }
    for rollout in ended.prefix(draft.state.rollouts.count - kept) { try draft.remove(rollout.id) }
  }
}
