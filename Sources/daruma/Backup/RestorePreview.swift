import Agent
import CloudModel
import FoundationEssentials
import Ledger
import NodePlan
import Planning

/// What a restore would change, compared with what is in place.
struct RestorePreview: Encodable {
  struct Count: Encodable, Equatable {
    var added = 0
    var removed = 0
    var changed = 0

    var text: String { "+\(added) -\(removed) ~\(changed)" }
  }

  /// Rules and other objects of one router, or of what belongs to none, and of one account.
  struct Rules: Encodable {
    var node: String
    var router: String
    var account: String
    var count: Count
  }

  var ledger: UUID
  /// The new epoch.
  var epoch: UInt64
  /// The last revision of the backup, and the one whose state comes back.
  var last: UInt64
  var moment: UInt64
  /// Revisions of the backup whose doing is taken back.
  var takenBack: UInt64
  /// Revisions of the ledger in place that the backup does not have.
  var givenUp: UInt64?
  /// Why the ledger in place cannot be compared with.
  var unreadable: String?
  /// By kind, to the ledger in place or, where there is none, to the end of the backup.
  var resources: [String: Count]
  /// What would change in the plans, as that ledger has them.
  var rules: [Rules]
  /// What would change on this machine's node, as its agent has it; missing where that cannot be read.
  var node: [Rules]?

  init(_ restored: RestoredLedger, _ earlier: Earlier, _ outcome: CloudState, _ inPlace: InPlace) {
    let end = restored.ledger.snapshot
    ledger = end.ledger
    epoch = end.epoch
    last = restored.last
    moment = earlier.revision
    takenBack = last - moment
    unreadable = inPlace.trouble
    if let current = inPlace.ledger, current.ledger == ledger {
      givenUp = current.revision > last ? current.revision - last : 0
    }
    let before = inPlace.ledger?.state ?? end.state
    let differences = StateComparison(from: before, to: outcome).kinds
    resources = differences.mapValues { Count(added: $0.added, removed: $0.removed, changed: $0.changed) }
    resources[Restoration.kind] = nil
    let names = Set(before.nodes.all.map(\.name)).union(outcome.nodes.all.map(\.name)).sorted()
    rules = names.flatMap { name in
      Self.compare(
        name, Planner.plan(node: name, state: before, revision: 0),
        Planner.plan(node: name, state: outcome, revision: 0), before, outcome)
    }
    if let plan = inPlace.plan, let name = names.first {
      var objects = plan.objects
      for key in objects.keys { objects[key]?.revision = 0 }
      node = Self.compare(name, objects, Planner.plan(node: name, state: outcome, revision: 0), before, outcome)
    }
  }

  private static func compare(
    _ node: String, _ old: [String: PlanObject], _ new: [String: PlanObject], _ before: CloudState, _ after: CloudState
  ) -> [Rules] {
    var counts: [[String]: Count] = [:]
    func place(_ object: PlanObject) -> [String] { [object.routerID ?? "", object.account] }
    for (key, object) in new {
      if let earlier = old[key] {
        if earlier != object { counts[place(object), default: Count()].changed += 1 }
      } else {
        counts[place(object), default: Count()].added += 1
      }
    }
    for (key, object) in old where new[key] == nil { counts[place(object), default: Count()].removed += 1 }
    return counts.map { place, count in
      let account = UUID(uuidString: place[1]).map { ID<Account>($0) }
      let name = account.flatMap { after.accounts[$0]?.name ?? before.accounts[$0]?.name }
      return Rules(node: node, router: place[0], account: name ?? place[1], count: count)
    }.sorted { ($0.router, $0.account) < ($1.router, $1.account) }
  }

  func show(json: Bool) throws {
    if json { return print(try JSONText.of(self)) }
    print("ledger \(ledger.uuidString.lowercased()), as it was at revision \(moment); the backup ends at \(last)")
    if takenBack > 0 { print("  \(takenBack) revisions of the backup are taken back; they stay readable") }
    if let givenUp, givenUp > 0 {
      print("  \(givenUp) revisions of the ledger in place are not in the backup: given up")
    }
    if let unreadable { print("  the ledger in place cannot be read: \(unreadable)") }
    print("  a new epoch begins: \(epoch)")
    print(resources.isEmpty ? "no resource changes" : "resources (new, gone, changed)")
    for (kind, count) in resources.sorted(by: { $0.key < $1.key }) { print("  \(kind)  \(count.text)") }
    show(rules, "rules and other objects of the nodes, by router and account")
    if let node { show(node, "the same, compared with what this machine's node has stored") }
  }

  private func show(_ rules: [Rules], _ title: String) {
    print(rules.isEmpty ? "\(title): no change" : title)
    for rule in rules {
      let router = rule.router.isEmpty ? "no router" : "router \(rule.router)"
      print("  \(rule.node)  \(router)  \(rule.account.isEmpty ? "the cloud's own" : rule.account)  \(rule.count.text)")
    }
  }
}
