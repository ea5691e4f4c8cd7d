package import CloudModel
import FoundationEssentials
import Ledger

/// What accounts and domains have, and the most that they may have. -1 is no limit.
package enum ResourceLimits {
  /// Throws if `account`, or a domain that it is in, would have more than it may. Every creation asks this first.
  static func require(
    _ type: LimitedResource, _ added: Int = 1, for account: Account, in state: CloudState
  ) throws(ControlError) {
    guard added > 0 else { return }
    let max = max(type, of: account, in: state)
    if max >= 0 {
      let held = count(type, of: account, in: state)
      guard held + added <= max else {
        throw ControlError(
          .resourceLimit,
          "Maximum amount of resources of Type = '\(type.name)' for Account Name = \(account.name) in Domain Id = "
            + "\(account.domain) has been exceeded: Account Resource Limit = \(max), Current Account Resource Amount = "
            + "\(held), Requested Resource Amount = \(added).")
      }
    }
    for domain in state.lineage(of: account.domain) {
      let max = Self.max(type, of: domain, in: state)
      guard max >= 0 else { continue }
      let held = count(type, of: domain.id, in: state)
      guard held + added <= max else {
        throw ControlError(
          .resourceLimit,
          "Maximum amount of resources of Type = '\(type.name)' for Domain Name = \(domain.name) has been exceeded: "
            + "Domain Resource Limit = \(max), Current Domain Resource Amount = \(held), Requested Resource Amount = "
            + "\(added).")
      }
    }
  }

  /// What an instance of the offering takes.
  static func requireInstance(
    _ offering: ID<ServiceOffering>, for account: Account, in state: CloudState
  ) throws(ControlError) {
    guard let offering = state.serviceOfferings[offering] else { return }
    try require(.instance, for: account, in: state)
    try require(.cpu, offering.cpuNumber, for: account, in: state)
    try require(.memory, offering.memoryMiB, for: account, in: state)
  }

  /// Root administrators are not limited.
  package static func max(_ type: LimitedResource, of account: Account, in state: CloudState) -> Int {
    if account.type == .rootAdmin { return -1 }
    let fallback: Configuration = account.type == .project ? .projectLimit(type) : .accountLimit(type)
    return row(type, account.id.uuid, in: state)?.max ?? state.integer(fallback)
  }

  /// Neither is ROOT, unless somebody said so.
  package static func max(_ type: LimitedResource, of domain: Domain, in state: CloudState) -> Int {
    row(type, domain.id.uuid, in: state)?.max ?? (domain.parent == nil ? -1 : state.integer(.domainLimit(type)))
  }

  static func row(_ type: LimitedResource, _ owner: UUID, in state: CloudState) -> ResourceLimit? {
    state.resourceLimits.first("type", .scoped(owner, String(type.rawValue)))
  }

  /// What the accounts of a domain and of those below it have.
  package static func count(_ type: LimitedResource, of domain: ID<Domain>, in state: CloudState) -> Int {
    state.subtree(of: domain).reduce(0) { sum, domain in
      state.accounts.matching("domain", .id(domain.id)).reduce(sum) { $0 + count(type, of: $1, in: state) }
    }
  }

  package static func count(_ type: LimitedResource, of account: Account, in state: CloudState) -> Int {
    let key = IndexKey.id(account.id)
    switch type {
    case .instance: return state.sum("holding", account.id) { _ in 1 }
    case .publicIP: return state.publicIPs.count("account", key)
    case .network: return state.networks.matching("account", key).count { $0.guestType == .isolated }
    case .cpu: return state.sum("holding", account.id, \.cpuNumber)
    case .memory: return state.sum("holding", account.id, \.memoryMiB)
    case .template: return state.templates.count("account", key)
    case .volume: return state.volumes.count("account", key)
    case .snapshot: return state.snapshots.count("account", key)
    case .vpc: return state.vpcs.count("account", key)
    case .primaryStorage:
      let bytes = state.volumes.matching("account", key).reduce(0) { $0 + $1.sizeBytes }
      return (bytes + Volume.bytesPerGiB - 1) / Volume.bytesPerGiB
    case .project:
      return state.projects.matching("member", key).count { project in
        project.owners.contains { $0.account == account.id }
      }
    case .secondaryStorage: return 0
    }
  }
}

extension CloudState {
  /// What all instances take together that `index` files under `owner` and their offering.
  package func sum<R>(_ index: String, _ owner: ID<R>, _ taken: (ServiceOffering) -> Int) -> Int {
    serviceOfferings.all.reduce(0) { $0 + taken($1) * virtualMachines.count(index, .ids(owner, $1.id)) }
  }
}

/// Whose limits are meant.
package enum LimitOwner: Hashable, Sendable {
  case account(ID<Account>)
  case domain(ID<Domain>)

  var uuid: UUID {
    switch self {
    case .account(let id): id.uuid
    case .domain(let id): id.uuid
    }
  }
}

extension Control {
  /// - Parameter max: -1 for as many as wanted.
  package func updateResourceLimit(
    _ type: LimitedResource, of owner: LimitOwner, max: Int, by caller: Caller
  ) async throws {
    guard (-1...Configuration.limit).contains(max) else {
      throw ControlError(.invalidParameter, "max is -1 or a number up to \(Configuration.limit)")
    }
    try await transact(cause(caller, "updateResourceLimit")) { draft in
      let above = try Self.requireLimits(of: owner, max: max, caller, draft)
      for domain in above {
        let allowed = ResourceLimits.max(type, of: domain, in: draft.state)
        guard caller.isRootAdmin || allowed < 0 || (0...allowed).contains(max) else {
          throw ControlError(
            .invalidParameter,
            "The domain \(domain.name) has the limit \(allowed) for \(type.name); max may not be more than that")
        }
      }
      let old = ResourceLimits.row(type, owner.uuid, in: draft.state)
      try draft.put(ResourceLimit(id: old?.id ?? draft.newID(), resource: owner.uuid, type: type, max: max))
      try draft.put(
        Self.event(
          "RESOURCE.LIMIT.UPDATE", "Set the limit of \(type.name) to \(max)", caller.account, caller.user, draft))
    }
  }

  /// The domains whose limits bound those of `owner`, if the caller may set these.
  private static func requireLimits(
    of owner: LimitOwner, max: Int, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> [Domain] {
    guard caller.type != .user else {
      throw ControlError(.permissionDenied, "Only administrators may set limits")
    }
    switch owner {
    case .account(let id):
      guard let account = draft.get(id) else {
        throw ControlError(.invalidParameter, "The account does not exist")
      }
      try Access.require(caller, owner: id, in: draft.state)
      guard caller.isRootAdmin || id != caller.account else {
        throw ControlError(.permissionDenied, "An administrator of a domain cannot set limits of its own account")
      }
      guard account.type != .rootAdmin || max == -1 else {
        throw ControlError(.invalidParameter, "Only -1 limit is supported for Root Admin accounts")
      }
      return draft.state.lineage(of: account.domain)
    case .domain(let id):
      guard draft.get(id) != nil else { throw ControlError(.invalidParameter, "The domain does not exist") }
      guard caller.isRootAdmin || id != caller.domain && Access.isWithin(id, caller.domain, in: draft.state) else {
        throw ControlError(.permissionDenied, "Unable to update resource limit for domain: permission denied")
      }
      return Array(draft.state.lineage(of: id).dropFirst())
    }
  }
}
