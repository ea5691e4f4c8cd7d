import CloudModel
import FoundationEssentials
import Ledger
import NodePlan
import Planning

/// Whether a revision concerns so many customers of a zone that it goes in stages.
enum Breadth {
  /// Thrown by a transaction that may be wide: it is made again, with an eye on what was before.
  struct Doubt: Error {}

  /// A router, or what of a node is no router's.
  private struct Unit {
    let id: UUID
    let node: String
    var scopes: Set<String> = []
  }

  private static let shared: [any Resource.Type] = [Zone.self, Cell.self, NetworkOffering.self, Node.self]
  private static let owned: [any Resource.Type] = [
    FirewallRule.self, LoadBalancerRule.self, Network.self, PortForwardingRule.self, PublicIPAddress.self,
    SecurityGroup.self, VirtualMachine.self, VirtualRouter.self,
  ]

  /// Whether what the draft touches may be several customers'. Costs what was touched.
  static func isDoubtful(_ draft: borrowing Draft) -> Bool {
    for kind in shared where isTouched(kind, draft) { return true }
    var accounts: Set<ID<Account>> = []
    var gone = 0
    for kind in owned { count(kind, draft, &accounts, &gone) }
    return accounts.count > 1 || gone > 1
  }

  private static func isTouched<R: Resource>(_ kind: R.Type, _ draft: borrowing Draft) -> Bool {
    !draft.touched(kind).isEmpty
  }

  private static func count<R: Resource>(
    _ kind: R.Type, _ draft: borrowing Draft, _ accounts: inout Set<ID<Account>>, _ gone: inout Int
  ) {
    for id in draft.touched(kind) {
      guard let resource = draft.get(id) else {
        gone += 1
        continue
      }
      if let account = resource.ownerAccount { accounts.insert(account) }
    }
  }

  /// What the draft touched of that which plans are made of, before and after.
  static func touched(_ draft: borrowing Draft, _ before: CloudState) -> [any Resource] {
    var resources: [any Resource] = []
    for kind in shared + owned { add(kind, draft, before, &resources) }
    return resources
  }

  private static func add<R: Resource>(
    _ kind: R.Type, _ draft: borrowing Draft, _ before: CloudState, _ resources: inout [any Resource]
  ) {
    let table = R.table
    for id in draft.touched(kind) {
      if let old = before[keyPath: table][id] { resources.append(old) }
      if let new = draft.get(id) { resources.append(new) }
    }
  }

  /// Has the revision go in stages if it is wide.
  static func stage(
    _ planned: [(node: String, PlanDifference)], _ cause: Cause, _ before: CloudState, _ settings: ControlSettings,
    _ draft: inout Draft
  ) throws {
    let after = draft.state
    let objects = planned.flatMap { node, difference in
      (difference.upserts + difference.removals).map { (node: node, object: $0) }
    }
    // Instances are not torn from what belongs to them.
    let hasInstances = objects.contains { if case .instance? = $0.object.body { true } else { false } }
    guard !hasInstances else { return }
    var units: [UUID: Unit] = [:]
    for (node, object) in objects {
      let id = router(of: object, before, after) ?? after.nodes.all.first { $0.name == node }?.id.uuid
      guard let id else { continue }
      units[id, default: Unit(id: id, node: node)].scopes.insert(object.scope)
    }
    guard units.count > 1, let zone = zone(of: objects.map(\.object), units.keys, before, after),
      isWide(accounts(of: objects.map(\.object), zone, after), zone, settings.changeShare, after)
    else { return }
    let order = Rollouts.all(in: zone, after)
    let size = max(1, Int(Double(order.count + units.keys.count { !order.contains($0) }) * settings.stageShare))
    let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    let sorted = units.values.sorted {
      (places[$0.id] ?? .max, $0.id.uuidString) < (places[$1.id] ?? .max, $1.id.uuidString)
    }
    let stages = stride(from: 0, to: sorted.count, by: size).map { start in
      sorted[start..<min(start + size, sorted.count)].map { unit in
        var step = RolloutStep(router: unit.id)
        step.node = unit.node
        step.scopes = unit.scopes.sorted()
        return step
      }
    }
    let user = cause.user.flatMap { draft.state.users[$0] }
    guard let account = user?.account ?? Control.systemAccount(in: after)?.id else { return }
    var rollout = Rollout(id: draft.newID(), zone: zone, account: account, stages: stages, created: draft.now)
    rollout.change = draft.nextRevision
    rollout.job = cause.job.map { ID($0) }
    rollout.user = user?.id
    try draft.put(rollout)
    try Rollouts.forgetOld(&draft)
  }

  /// The router whose unit an object belongs to. A network goes with its router.
  private static func router(of object: PlanObject, _ before: CloudState, _ after: CloudState) -> UUID? {
    let parts = object.scope.split(separator: "/")
    guard parts.count == 2, let id = UUID(uuidString: String(parts[1])) else { return nil }
    switch parts[0] {
    case "router": return id
    case "network":
      return (after.routers.first("network", .uuid(id)) ?? before.routers.first("network", .uuid(id)))?.id.uuid
    default: return nil
    }
  }

  /// The zone that most of it is in.
  private static func zone(
    of objects: [PlanObject], _ units: some Sequence<UUID>, _ before: CloudState, _ after: CloudState
  ) -> ID<Zone>? {
    var counts: [ID<Zone>: Int] = [:]
    for unit in units {
      let zone =
        after.cells[ID(unit)]?.zone ?? after.routers[ID(unit)]?.zone ?? before.cells[ID(unit)]?.zone
        ?? before.routers[ID(unit)]?.zone
      if let zone { counts[zone, default: 0] += 1 }
    }
    for object in objects {
      if case .fabric(let fabric)? = object.body, let zone = ID<Zone>(fabric.zone) { counts[zone, default: 0] += 1 }
    }
    return counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
  }

  /// The customers that objects concern, but for those who are leaving. A gateway is of all who have addresses there, a fabric
  /// of all who have anything in the zone.
  private static func accounts(
    of objects: [PlanObject], _ zone: ID<Zone>, _ state: CloudState
  ) -> Set<ID<Account>> {
    var accounts: Set<ID<Account>> = []
    for object in objects {
      switch object.body {
      case .fabric?: accounts.formUnion(state.accounts.ids.filter { isCustomer($0, of: zone, state) })
      case .router(let router)? where router.kind == .edge:
        guard let cell = ID<Cell>(router.id) else { continue }
        accounts.formUnion(state.publicIPs.matching("cell", .id(cell)).compactMap(\.account))
      default: if let account = ID<Account>(object.account) { accounts.insert(account) }
      }
    }
    return accounts.filter { id in state.accounts[id].map { $0.state != .removing } ?? false }
  }

  private static func isCustomer(_ account: ID<Account>, of zone: ID<Zone>, _ state: CloudState) -> Bool {
    state.publicIPs.matching("account", .id(account)).contains { $0.zone == zone }
      || state.virtualMachines.matching("account", .id(account)).contains { $0.zone == zone }
      || state.networks.matching("account", .id(account)).contains { $0.zone == zone }
  }

  private static func isWide(
    _ accounts: Set<ID<Account>>, _ zone: ID<Zone>, _ share: Double, _ state: CloudState
  ) -> Bool {
    guard accounts.count > 1 else { return false }
    var customers = 0
    for account in state.accounts.ids where isCustomer(account, of: zone, state) {
      customers += 1
      if Double(accounts.count) <= share * Double(customers) { return false }
    }
    return true
  }
}

extension Cause {
  /// Whoever asked for it, if that was somebody.
  var user: ID<User>? {
    actor.hasPrefix("user/") ? ID<User>(String(actor.dropFirst("user/".count))) : nil
  }
}
