package import CloudModel
import FoundationEssentials
import Ledger
package import NodePlan
package import Planning

/// What changed in the plan of one node between two revisions, and what its guard would say to that.
package struct PlanComparison: Sendable {
  package let node: String
  package let difference: PlanDifference
  /// What would be held until it is confirmed.
  package let losses: [MassRemoval]
}

extension Control {
  private static let comparedRevisions = 10_000

  /// The state as it was after `number`, and the revisions since, oldest first.
  private func state(at number: UInt64, _ snapshot: Snapshot) throws -> (state: CloudState, since: [Revision]) {
    guard number <= snapshot.revision else {
      throw ControlError(.invalidParameter, "There is no revision \(number) yet; the newest is \(snapshot.revision)")
    }
    guard number + 1 >= oldestRevision else {
      throw ControlError(
        .invalidParameter, "What happened before revision \(oldestRevision) is no longer kept; choose a later one")
    }
    guard snapshot.revision - number <= Self.comparedRevisions else {
      throw ControlError(
        .invalidParameter,
        "Revision \(number) is \(snapshot.revision - number) back; at most \(Self.comparedRevisions) can be looked back"
      )
    }
    var state = snapshot.state
    let since = number == snapshot.revision ? [] : try ledger.history(from: number + 1, to: snapshot.revision)
    do { for revision in since.reversed() { try state.takeBack(revision) } } catch let error as LedgerError {
      guard error.code == .behind else { throw error }
      throw ControlError(.invalidParameter, "What was at revision \(number) is no longer kept; choose a later one")
    }
    return (state, since)
  }

  /// The plan of a node as of now, or of a revision in the past, in the order of keys; of one scope, if that is given.
  package func plan(of node: String, scope: String?, at number: UInt64?) throws -> (UInt64, [PlanObject]) {
    let snapshot = self.snapshot
    let revision = number ?? snapshot.revision
    let state = try state(at: revision, snapshot).state
    let plan = Planner.plan(node: node, state: state, revision: 0)
    return (revision, plan.values.filter { scope == nil || $0.scope == scope }.sorted { $0.key < $1.key })
  }

  /// What the revisions after `first` up to `last` come to in the plans of the nodes.
  package func comparePlans(
    from first: UInt64, to last: UInt64?, node: String?
  ) throws -> (from: UInt64, to: UInt64, after: CloudState, nodes: [PlanComparison]) {
    let snapshot = self.snapshot
    let (before, since) = try state(at: first, snapshot)
    let last = last ?? snapshot.revision
    guard first <= last else {
      throw ControlError(.invalidParameter, "Revision \(first) is later than \(last); give the earlier one first")
    }
    let after = try state(at: last, snapshot).state
    let resources = since.filter { $0.number <= last }.flatMap { revision in
      revision.changes.flatMap { [$0.before, $0.after].compactMap { $0 } }
    }
    let names = Set(before.nodes.all.map(\.name)).union(after.nodes.all.map(\.name))
    let nodes = names.filter { node == nil || $0 == node }.sorted().map { name in
      let difference = Planner.difference(
        node: name, resources: resources, before: before, after: after, revision: last)
      return PlanComparison(node: name, difference: difference, losses: Self.losses(difference, name, before))
    }
    return (first, last, after, nodes)
  }

  private static func losses(_ difference: PlanDifference, _ node: String, _ before: CloudState) -> [MassRemoval] {
    guard difference.removals.count >= MassRemoval.count else { return [] }
    return MassRemoval.found(
      in: difference.removals, of: Planner.plan(node: node, state: before, revision: 0).values)
  }
}
