import CloudModel
import Ledger
import NodePlan
import Planning

/// What nodes do not get yet of revisions that go in stages. A held object stays on its node as it was, until its stage
/// begins or a later revision changes it.
struct Holds: Sendable {
  struct Held: Sendable {
    let change: UInt64
    let scope: String
    /// What the node has; nil if it has nothing by this key.
    let before: PlanObject?
    let after: PlanObject?
  }

  /// A revision that goes in stages.
  struct Change: Sendable {
    let cause: Cause
    /// All that it touched.
    var keys: Set<String> = []
  }

  /// What a node is sent.
  struct Passed {
    var upserts: [PlanObject] = []
    var removals: [Removal] = []

    fileprivate init() {}
  }

  /// The revision up to which this is true.
  private(set) var position: UInt64
  private(set) var changes: [UInt64: Change] = [:]
  /// By node, then by key.
  private var nodes: [String: [String: Held]] = [:]

  init(position: UInt64) { self.position = position }

  func held(on node: String) -> [String: Held] { nodes[node] ?? [:] }

  /// Takes note of the next revision, of which `planned` is the part in the plans, and returns what the nodes are to be sent.
  mutating func pass(_ revision: Revision, _ planned: [(node: String, PlanDifference)]) -> [String: Passed] {
    position = revision.number
    let rollouts = revision.changes.filter { $0.kind == Rollout.kind }.compactMap { $0.after as? Rollout }.filter {
      $0.change != nil
    }
    var passed: [String: Passed] = [:]
    if rollouts.contains(where: { $0.change == revision.number }) {
      changes[revision.number] = Change(cause: revision.cause)
      for (node, difference) in planned { hold(difference, on: node, revision.number) }
    } else {
      for (node, difference) in planned { passed[node] = go(difference, on: node, revision) }
    }
    for rollout in rollouts { goOn(rollout, revision, &passed) }
    return passed
  }

  private mutating func hold(_ difference: PlanDifference, on node: String, _ change: UInt64) {
    func hold(_ key: String, _ scope: String, _ before: PlanObject?, _ after: PlanObject?) {
      // What waits for an earlier revision's stage waits for this one's now.
      let before = nodes[node]?[key].map(\.before) ?? before
      nodes[node, default: [:]][key] = Held(change: change, scope: scope, before: before, after: after)
      changes[change]?.keys.insert(key)
    }
    for object in difference.upserts { hold(object.key, object.scope, difference.replaced[object.key], object) }
    for object in difference.removals { hold(object.key, object.scope, object, nil) }
  }

  /// What changes now goes now, and waits no more.
  private mutating func go(_ difference: PlanDifference, on node: String, _ revision: Revision) -> Passed {
    var passed = Passed()
    if nodes[node]?.isEmpty ?? true {
      passed.upserts = difference.upserts
      passed.removals = difference.removals.map { Control.removal($0, revision) }
      return passed
    }
    for object in difference.upserts {
      let held = nodes[node]?.removeValue(forKey: object.key)
      if let held, held.before?.isSame(as: object) == true { continue }
      passed.upserts.append(object)
    }
    for object in difference.removals {
      if let held = nodes[node]?.removeValue(forKey: object.key), held.before == nil { continue }
      passed.removals.append(Control.removal(object, revision))
    }
    // What is to be in a router that is not there yet takes it along.
    for scope in Set(passed.upserts.map(\.scope)) {
      guard let router = nodes[node]?[scope], router.before == nil else { continue }
      release(router.change, [scope], on: node, revision.number, &passed)
    }
    return passed
  }

  private mutating func goOn(_ rollout: Rollout, _ revision: Revision, _ passed: inout [String: Passed]) {
    guard let change = rollout.change else { return }
    let due = rollout.steps.filter { $0.number == Int(revision.number) }
    let scopes = rollout.state.isUnderWay ? Set(due.flatMap { $0.scopes ?? [] }) : nil
    // Also a node with nothing to do follows the revision: then it is known how it stands since.
    for node in Set(rollout.steps.compactMap(\.node)).union(nodes.keys) {
      var own = passed[node] ?? Passed()
      if scopes?.isEmpty != true { release(change, scopes, on: node, revision.number, &own) }
      passed[node] = own
    }
    if !rollout.state.isUnderWay { changes[change] = nil }
  }

  /// Lets what waits in the scopes, or everywhere, go with revision `number`. Its cause is that of the change.
  private mutating func release(
    _ change: UInt64, _ scopes: Set<String>?, on node: String, _ number: UInt64, _ passed: inout Passed
  ) {
    guard let cause = changes[change]?.cause else { return }
    let due = (nodes[node] ?? [:]).filter { $0.value.change == change && scopes?.contains($0.value.scope) ?? true }
    for (key, held) in due.sorted(by: { $0.key < $1.key }) {
      nodes[node]?[key] = nil
      if var object = held.after {
        if held.before?.isSame(as: object) == true { continue }
        object.revision = number
        passed.upserts.append(object)
      } else if let object = held.before {
        passed.removals.append(Control.removal(object, number, cause))
      }
    }
  }
}

extension NodeBoard.State {
  mutating func pass(_ revision: Revision, _ planned: [(node: String, PlanDifference)]) -> [String: Holds.Passed] {
    var known = holds ?? Holds(position: fed)
    holds = nil
    let passed = known.pass(revision, planned)
    holds = known
    return passed
  }
}

extension PlanObject {
  /// The same but for the revision that put it.
  fileprivate func isSame(as other: PlanObject) -> Bool {
    var other = other
    other.revision = revision
    return self == other
  }
}

extension Control {
  /// What is held after revision `last`: from what is `known`, or else from the revisions themselves.
  func holds(_ known: Holds?, upTo last: UInt64, _ snapshot: Snapshot) throws -> Holds {
    if let known, known.position >= last { return known }
    let first = snapshot.state.rollouts.all.filter { $0.state.isUnderWay || $0.ended ?? 0 > last }.compactMap(\.change)
      .min()
    var holds = known ?? Holds(position: last)
    if known == nil {
      guard let first, first <= last else { return holds }
      holds = Holds(position: max(first, ledger.oldest) - 1)
    } else if first == nil, holds.changes.isEmpty {
      return Holds(position: last)
    }
    var state = snapshot.state
    var passed: [(Revision, [(node: String, PlanDifference)])] = []
    for revision in try ledger.history(from: holds.position + 1, to: snapshot.revision).reversed() {
      let after = state
      // What is no longer kept cannot be held back; see `takeOnChange`.
      guard (try? state.takeBack(revision)) != nil else { break }
      if revision.number <= last { passed.append((revision, differences(revision, state, after))) }
    }
    for (revision, planned) in passed.reversed() { _ = holds.pass(revision, planned) }
    return holds
  }
}

extension Rollout {
  /// The revisions by which a change went on, by scope.
  var revisions: [String: UInt64] {
    var revisions: [String: UInt64] = [:]
    for step in steps {
      for scope in step.scopes ?? [] { revisions[scope] = step.number > 0 ? UInt64(step.number) : ended }
    }
    return revisions
  }
}
