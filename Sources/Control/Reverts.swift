package import CloudModel
package import FoundationEssentials
import Ledger

/// A moment to go back to.
package enum PastMoment: Sendable {
  case revision(UInt64)
  case instant(Date)
}

extension Control {
  /// Takes back what a revision did, with what its job did in the end.
  package func revertRevision(_ number: UInt64, by caller: Caller) async throws -> Started {
    guard let revision = try revisions(from: number, to: number).first(where: { $0.number == number }) else {
      throw ControlError(
        .invalidParameter,
        "There is no revision \(number); those from \(oldestRevision) to \(snapshot.revision) are kept")
    }
    if !caller.isRootAdmin {
      let owners = revision.changes.flatMap { [$0.before, $0.after] }.compactMap { $0?.ownerAccount }
      for owner in owners { try Access.require(caller, owner: owner, in: state) }
      if owners.isEmpty { throw ControlError(.permissionDenied, "Only the root administrator may revert this") }
    }
    if revision.cause.command == Self.finishing {
      let began = revision.cause.job.flatMap { state.jobs[ID($0)]?.revision }
      throw ControlError(
        .invalidParameter,
        "Revision \(number) only records the end of a job" + (began.map { "; revert revision \($0)" } ?? ""))
    }
    guard !state.rollouts.matching("underway", .number(1)).contains(where: { $0.change == number }) else {
      throw ControlError(
        .resourceInUse, "Revision \(number) still goes in stages; cancelRebuild takes it back, see listRebuilds")
    }
    let job = revision.cause.job.flatMap { state.jobs[ID($0)] }
    guard job?.status != .pending else {
      throw ControlError(.resourceInUse, "The job of revision \(number) is not done; wait for it")
    }
    let end = try job?.settled.flatMap { try revisions(from: $0, to: $0).first }
    if revision.changes.contains(where: \.isBeforeUnknown) {
      throw ControlError(.invalidParameter, "What was before revision \(number) is no longer kept")
    }
    let changes = try Self.merge(([revision] + (end.map { [$0] } ?? [])).flatMap(\.changes))
    guard !changes.isEmpty else {
      throw ControlError(.invalidParameter, "Revision \(number) changed nothing that can be taken back")
    }
    return try await begin("revertRevision", .revision, by: caller) { draft in
      let references = try Self.takeBack(changes, &draft) { try Self.requireRevertible($0, caller, $1) }
      try draft.put(
        Self.event("REVERT", "Reverting revision \(number)", caller.account, caller.user, draft))
      return (nil, references)
    }
  }

  /// Takes changes back that nothing has changed since; returns what it touched.
  static func takeBack(
    _ changes: [ResourceChange], _ draft: inout Draft, _ check: (any Resource, CloudState) throws -> Void
  ) throws -> [JobReference] {
    let state = draft.state
    for change in changes {
      for resource in [change.before, change.after].compactMap({ $0 }) { try check(resource, state) }
      guard isSame(change.after, present(change, in: state)) else {
        throw ControlError(
          .resourceInUse,
          "Nothing was reverted: a later revision changed \(change.kind) \(change.id.uuidString.lowercased()); "
            + "see listResourceHistory")
      }
    }
    return try Revert.apply(changes.map { .init(kind: $0.kind, id: $0.id, resource: $0.before) }, &draft)
  }

  /// Brings back what an isolated network, or everything of the network that an account has, was at a past moment.
  package func revertNetwork(
    _ network: ID<Network>?, account: ID<Account>?, to moment: PastMoment, by caller: Caller
  ) async throws -> Started {
    guard (network == nil) != (account == nil) else {
      throw ControlError(.invalidParameter, "Name either a network or an account")
    }
    let number: UInt64
    switch moment {
    case .revision(let revision): number = revision
    case .instant(let instant): number = try revision(at: instant)
    }
    let base = snapshot
    guard number <= base.revision else { throw ControlError(.invalidParameter, "There is no revision \(number) yet") }
    guard number + 1 >= oldestRevision else {
      throw ControlError(
        .invalidParameter, "What happened before revision \(oldestRevision) is no longer kept; choose a later moment")
    }
    var past = base.state
    var touched: [UUID: ResourceChange] = [:]
    for revision in try ledger.history(from: number + 1, to: base.revision).reversed() {
      try past.takeBack(revision)
      for change in revision.changes where Revert.kinds.contains(change.kind) { touched[change.id] = change }
    }
    let then = past
    let candidates = Array(touched.values)
    return try await begin("revertNetwork", .revision, by: caller) { draft in
      guard draft.nextRevision == base.revision + 1 || !Self.isTouched(candidates, base.state, draft.state) else {
        throw ControlError(.resourceInUse, "Something changed meanwhile; try again")
      }
      var wanted: [Revert.Wanted] = []
      for change in candidates {
        let before = Self.present(change, in: then)
        let now = Self.present(change, in: draft.state)
        let isMeant = [before, now].compactMap { $0 }.contains { Self.belongs($0, to: network, account) }
        guard isMeant, !Self.isSame(before, now) else { continue }
        for case let resource? in [before, now] where Self.belongs(resource, to: network, account) {
          try Self.requireRevertible(resource, caller, draft.state)
        }
        if change.kind == VirtualMachine.kind {
          // Of instances only the addresses are the network's; those made or ended since stay as they are.
          guard let old = before as? VirtualMachine, var machine = now as? VirtualMachine else { continue }
          for position in machine.nics.indices {
            guard let nic = old.nics.first(where: { $0.id == machine.nics[position].id }) else { continue }
            machine.nics[position].secondary = nic.secondary
          }
          wanted.append(.init(kind: change.kind, id: change.id, resource: machine))
        } else {
          wanted.append(.init(kind: change.kind, id: change.id, resource: before))
        }
      }
      let references = try Revert.apply(wanted, &draft)
      try draft.put(
        Self.event("REVERT", "Reverting to revision \(number)", caller.account, caller.user, draft))
      return (nil, references)
    }
  }

  private static let books: Set<String> = [Alert.kind, AsyncJob.kind, Event.kind, Rollout.kind]

  /// What several changes of each resource come to, without the books that jobs keep.
  static func merge(_ changes: [ResourceChange]) throws -> [ResourceChange] {
    var merged: [UUID: ResourceChange] = [:]
    for change in changes where !books.contains(change.kind) {
      let first = merged[change.id] ?? change
      merged[change.id] = ResourceChange(
        kind: change.kind, id: change.id, previous: first.previous, before: first.before, after: change.after)
    }
    let machines = Set(merged.values.filter { $0.kind == VirtualMachine.kind }.map(\.id))
    // What was only written again is as it was. The disks of an instance follow what becomes of it.
    return merged.values.filter { change in
      let holder = ((change.after ?? change.before) as? Volume)?.virtualMachine
      if let holder, machines.contains(holder.uuid) { return false }
      guard let before = change.before, let after = change.after else { return true }
      return !before.equals(after)
    }.sorted { ($0.kind, $0.id.uuidString) < ($1.kind, $1.id.uuidString) }
  }

  private static func present(_ change: ResourceChange, in state: CloudState) -> (any Resource)? {
    (change.before ?? change.after).flatMap { $0.present(in: state) }
  }

  private static func isTouched(_ changes: [ResourceChange], _ before: CloudState, _ after: CloudState) -> Bool {
    changes.contains { !isSame(present($0, in: before), present($0, in: after)) }
  }

  private static func requireRevertible(_ resource: any Resource, _ caller: Caller, _ state: CloudState) throws {
    let isKnown = Revert.kinds.contains(resource.kindName)
    if !caller.isRootAdmin {
      if let owner = resource.ownerAccount { try Access.require(caller, owner: owner, in: state) }
      if !isKnown || resource is Zone {
        throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
      }
    }
    guard isKnown else {
      throw ControlError(.unsupported, "A \(resource.kindName) cannot be brought back by a revert")
    }
  }

  private static func belongs(_ resource: any Resource, to network: ID<Network>?, _ account: ID<Account>?) -> Bool {
    if let account { return resource.ownerAccount == account }
    switch resource {
    case let value as Network: return value.id == network
    case let value as VirtualRouter: return value.network == network
    case let value as PublicIPAddress: return value.network == network
    case let value as FirewallRule: return value.network == network
    case let value as PortForwardingRule: return value.network == network
    case let value as LoadBalancerRule: return value.network == network
    case let value as VirtualMachine: return value.nics.contains { $0.network == network }
    default: return false
    }
  }

  /// Equal but for how far the nodes have followed.
  private static func isSame(_ one: (any Resource)?, _ other: (any Resource)?) -> Bool {
    switch (one, other) {
    case (nil, nil): true
    case (let one as FirewallRule, let other as FirewallRule): one.settled == other.settled
    case (let one as PortForwardingRule, let other as PortForwardingRule): one.settled == other.settled
    case (let one as LoadBalancerRule, let other as LoadBalancerRule): one.settled == other.settled
    case (let one as VirtualRouter, let other as VirtualRouter): one.settled == other.settled
    case (let one?, let other?): one.equals(other)
    default: false
    }
  }
}

extension VirtualRouter {
  /// How often it was rebuilt, and by which rules, is no wish of its owner's.
  fileprivate var settled: VirtualRouter {
    var router = self
    router.rebuilds = nil
    router.renderer = nil
    return router
  }
}

extension FirewallRule {
  fileprivate var settled: FirewallRule {
    var rule = self
    if state == .add { rule.state = .active }
    return rule
  }
}

extension PortForwardingRule {
  fileprivate var settled: PortForwardingRule {
    var rule = self
    if state == .add { rule.state = .active }
    return rule
  }
}

extension LoadBalancerRule {
  fileprivate var settled: LoadBalancerRule {
    var rule = self
    if state == .add { rule.state = .active }
    return rule
  }
}

extension Resource {
  fileprivate func present(in state: CloudState) -> (any Resource)? {
    let table = Self.table
    return state[keyPath: table][id]
  }

  fileprivate func equals(_ other: any Resource) -> Bool { other as? Self == self }
  var kindName: String { Self.kind }

  /// Whose it is, of those kinds that a revert knows, and of jobs.
  var ownerAccount: ID<Account>? {
    switch self {
    case let value as AsyncJob: value.account
    case let value as Network: value.account
    case let value as VirtualRouter: value.account
    case let value as PublicIPAddress: value.account
    case let value as FirewallRule: value.account
    case let value as PortForwardingRule: value.account
    case let value as LoadBalancerRule: value.account
    case let value as SecurityGroup: value.account
    case let value as VirtualMachine: value.account
    default: nil
    }
  }
}
