import Addresses
import CloudModel
import StatusPage

/// A scope whose loss customers notice or noticed lately.
struct AffectedScope: Hashable {
  enum Place: Hashable {
    case cell(ID<Cell>)
    case router(ID<VirtualRouter>)
    case fabric(ID<Zone>)
  }

  let place: Place
  let lostAt: Moment
  let verifiedAt: Moment?

  /// In seconds: how long it is told to customers that something is back, and how long a part of a scope is missing before
  /// it is told.
  static let memory = 3600.0
  static let patience = 2.0

  /// Nil when there is nothing to tell: it was long ago, or a repair of a part that nobody noticed.
  init?(_ loss: ScopeLoss, _ cell: Cell?, _ zone: Zone, isTotal: Bool, now: Moment) {
    let end = loss.verifiedAt ?? now
    let lasted = Double(end.milliseconds - loss.lostAt.milliseconds) / 1000
    guard isTotal || lasted >= Self.patience else { return nil }
    if let verified = loss.verifiedAt, Double(now.milliseconds - verified.milliseconds) / 1000 > Self.memory {
      return nil
    }
    switch loss.role {
    case .edgeGateway:
      guard let cell else { return nil }
      place = .cell(cell.id)
    case .virtualRouter:
      guard let id = ID<VirtualRouter>(loss.scope.dropFirst("router/".count)) else { return nil }
      place = .router(id)
    case .fabric: place = .fabric(zone.id)
    case .component: return nil
    }
    lostAt = loss.lostAt
    verifiedAt = loss.verifiedAt
  }
}

/// What of each customer is out of service, and what is back; made anew when a scope is lost or verified.
struct Standings {
  /// Of all customers together, so that a document stays of a size that can be sent; the others are counted.
  static let limit = 40_000
  static let perAccount = 500

  private var scopes: [AffectedScope]?
  private var known: [AccountStanding] = []

  mutating func accounts(_ scopes: [AffectedScope], _ state: CloudState) -> [AccountStanding] {
    if scopes != self.scopes {
      self.scopes = scopes
      known = Self.accounts(scopes, state)
    }
    return known
  }

  /// Instances with an interface in a network of the zone.
  static func machines(in zone: ID<Zone>, _ state: CloudState) -> [VirtualMachine] {
    state.networks.matching("zone", .id(zone)).flatMap { state.virtualMachines.matching("network", .id($0.id)) }
  }

  private struct Key: Hashable {
    let kind: AffectedResource.Kind
    let id: String
  }

  private struct Collection {
    var resources: [ID<Account>: [Key: AffectedResource]] = [:]

    /// What is out by one of its scopes is out.
    mutating func add(
      _ account: ID<Account>, _ kind: AffectedResource.Kind, _ id: String, _ name: String, _ scope: AffectedScope
    ) {
      let key = Key(kind: kind, id: id)
      let state: AffectedResource.State = scope.verifiedAt == nil ? .out : .back
      let since = scope.verifiedAt ?? scope.lostAt
      if let before = resources[account]?[key], before.state == .out || state == .back && before.since >= since {
        return
      }
      resources[account, default: [:]][key] = AffectedResource(
        kind: kind, id: id, name: name, state: state, since: since)
    }

    mutating func add(_ machine: VirtualMachine, _ scope: AffectedScope) {
      guard machine.state == .running else { return }
      let name = machine.displayName.isEmpty ? machine.name : machine.displayName
      add(machine.account, .instance, machine.id.description, name, scope)
    }

    mutating func add(_ address: PublicIPAddress, _ scope: AffectedScope, _ state: CloudState) {
      guard let account = address.account, !address.isSystem else { return }
      let rules = state.loadBalancerRules.matching("address", .id(address.id))
      let isUsed =
        address.staticNAT != nil || !rules.isEmpty || address.isSourceNAT
        || state.portForwardingRules.count("address", .id(address.id)) > 0
      guard isUsed else { return }
      add(account, .address, address.id.description, address.address.description, scope)
      for rule in rules { add(rule.account, .loadBalancer, rule.id.description, rule.name, scope) }
      if let machine = address.staticNAT.flatMap({ state.virtualMachines[$0.virtualMachine] }) { add(machine, scope) }
    }
  }

  private static func accounts(_ scopes: [AffectedScope], _ state: CloudState) -> [AccountStanding] {
    var found = Collection()
    for scope in scopes {
      switch scope.place {
      case .cell(let id):
        for address in state.publicIPs.matching("cell", .id(id)) { found.add(address, scope, state) }
      case .router(let id):
        guard let router = state.routers[id] else { continue }
        for address in state.publicIPs.matching("network", .id(router.network)) { found.add(address, scope, state) }
        for machine in state.virtualMachines.matching("network", .id(router.network)) { found.add(machine, scope) }
      case .fabric(let zone):
        for machine in machines(in: zone, state) { found.add(machine, scope) }
      }
    }
    var left = limit
    return found.resources.sorted { $0.key < $1.key }.map { account, resources in
      // What is out comes first where not all can be named.
      let sorted = resources.values.sorted {
        ($0.state == .out ? 0 : 1, $0.kind.rawValue, $0.name) < ($1.state == .out ? 0 : 1, $1.kind.rawValue, $1.name)
      }
      let named = sorted.prefix(min(perAccount, left))
      left -= named.count
      return AccountStanding(
        account: account.description, resources: Array(named), omitted: sorted.count - named.count)
    }
  }
}
