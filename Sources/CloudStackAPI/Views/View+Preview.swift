import CloudModel
import Control
import FoundationEssentials
import Ledger
import NodePlan
import Planning

extension View {
  /// A change as it would be, as far as `caller` may know it.
  static func preview(_ preview: Preview, for caller: Caller) -> Fields {
    var fields = Fields()
    fields.add("dryrun", true)
    fields.add("revision", Int(preview.base))
    let changes = visible(preview.changes, caller, preview.after)
    fields.add("change", changes.map { change($0, detailed: true) })
    fields.add(
      "rule",
      preview.plans.flatMap { plan in
        let old = plan.difference.replaced
        let upserts = plan.difference.upserts.map { (old[$0.key], Optional($0)) }
        return (upserts + plan.difference.removals.map { ($0, nil) }).compactMap { before, after in
          rule(plan.node, before, after, caller, preview.after)
        }
      })
    return fields
  }

  /// These are no part of a change.
  private static let bookkeeping = Set(CloudState.kinds.filter { $0.isBookkeeping }.map { $0.kind })

  /// The changes that `caller` may know: of resources that nobody else had before or after.
  static func visible(_ changes: [ResourceChange], _ caller: Caller, _ state: CloudState) -> [ResourceChange] {
    changes.filter { change in
      if bookkeeping.contains(change.kind) { return false }
      if caller.isRootAdmin { return true }
      guard let entity = Entity.byKind[change.kind] else { return false }
      let owners = [change.before, change.after].compactMap { $0 }.map { entity.owner(of: $0) }
      // An address of the pool is nobody's before it is given and after it was taken back.
      let isOwned = owners.contains { if case .account? = $0 { true } else { false } }
      return isOwned
        && owners.allSatisfy {
          $0 == .rootAdmin && change.kind == PublicIPAddress.kind || $0?.isOpen(to: caller, in: state) == true
        }
    }
  }

  /// What became of a resource: all of one that is new or gone, else the fields that differ.
  static func change(_ change: ResourceChange, detailed: Bool) -> Fields {
    var fields = Fields()
    fields.add("kind", change.kind)
    fields.add("id", change.id.uuidString.lowercased())
    fields.add("action", change.before == nil ? "create" : change.after == nil ? "remove" : "update")
    guard detailed else { return fields }
    let before = change.before.map(members) ?? [:]
    let after = change.after.map(members) ?? [:]
    fields.add(
      "field",
      Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }.map { name in
        let isSecret = (change.after ?? change.before).map { type(of: $0).secretFields.contains(name) } ?? true
        var fields = Fields()
        fields.add("name", name.lowercased())
        fields.add("before", before[name].map { isSecret ? .string("(secret)") : $0 })
        fields.add("after", after[name].map { isSecret ? .string("(secret)") : $0 })
        return fields
      })
    return fields
  }

  private static func members(_ resource: any Resource) -> [String: Reply] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    guard let data = try? encoder.encode(resource),
      case .object(let fields)? = Reply(json: String(decoding: data, as: UTF8.self))
    else { return [:] }
    return Dictionary(fields.members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  private static func rule(
    _ node: String, _ before: PlanObject?, _ after: PlanObject?, _ caller: Caller, _ state: CloudState
  ) -> Fields? {
    guard let object = after ?? before else { return nil }
    let account = ID<Account>(object.account).flatMap { state.accounts[$0] }
    guard caller.isRootAdmin || account.map({ Access.allows(caller, owner: $0.id, in: state) }) == true else {
      return nil
    }
    var fields = Fields()
    if caller.isRootAdmin { fields.add("node", node) }
    if let router = object.routerID { fields.add("router", name(ofRouter: router, state) ?? router) }
    fields.add("account", account?.name)
    fields.add("key", object.key)
    fields.add("action", before == nil ? "create" : after == nil ? "remove" : "update")
    fields.add("before", before?.summary)
    fields.add("after", after?.summary)
    return fields
  }

  static func name(ofRouter id: String, _ state: CloudState) -> String? {
    ID<Cell>(id).flatMap { state.cells[$0] }?.name ?? ID<VirtualRouter>(id).flatMap { state.routers[$0] }?.name
  }
}
