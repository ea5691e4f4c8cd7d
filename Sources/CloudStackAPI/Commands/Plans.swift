import CloudModel
import Control
import NodePlan
import Planning

extension Commands {
  /// What nodes are to be, for people to read.
  static let plans = [
    Command(
      "listPlanObjects", "Lists what a node is to be, now or as of a past revision", roles: .admin,
      [
        .string("node", "the node's name; needed if there are several"),
        .string("scope", "a unit of the network, as listDataplaneScopes names it"),
        .long("revision", "as of this revision"),
      ] + Parameter.paging, response: .planObject
    ) { request in
      let (_, objects) = try request.control.plan(
        of: try node(request), scope: request.arguments.string("scope"), at: try revision("revision", request))
      return try request.page("planobject", objects) {
        [$0.key, $0.summary]
      } fields: {
        fields(of: $0, request.state)
      }
    },
    Command(
      "listPlanDifferences",
      "Lists what changed in the nodes' plans between two revisions, and what the nodes' guard says to that",
      roles: .admin,
      [
        .long("revision", "the earlier revision", required: true),
        .long("until", "the later revision; the newest, if it is left out"),
        .string("node", "the node's name"),
        .string("scope", "a unit of the network, as listDataplaneScopes names it"),
        .integer("page", "the page to answer with, from 1; needs pagesize"),
        .integer("pagesize", "how many entries a page has, 500 at most"),
      ], response: .planDifference
    ) { request in
      let first = try revision("revision", request) ?? 0
      let found = try request.control.comparePlans(
        from: first, to: try revision("until", request),
        node: request.arguments.has("node") ? try node(request) : nil)
      let scope = request.arguments.string("scope")
      let rows = found.nodes.flatMap(changes).filter { row in
        scope == nil || row.after?.scope == scope || row.before?.scope == scope
      }
      let (offset, size) = try request.window()
      var answer = Fields()
      answer.add("revision", Int(found.from))
      answer.add("until", Int(found.to))
      answer.add("count", rows.count)
      answer.add(
        "plandifference",
        rows.dropFirst(offset).prefix(size).compactMap { fields(of: $0, found.after) })
      answer.add("verdict", found.nodes.map { verdict($0, found.after) })
      return .object(answer)
    },
  ]

  /// The node that is meant; with several it has to be named.
  private static func node(_ request: Request) throws -> String {
    let names = request.state.nodes.all.map(\.name).sorted()
    if let name = request.arguments.string("node") {
      guard names.contains(name) else {
        throw APIError.invalid("node", name, "there are \(names.joined(separator: ", "))")
      }
      return name
    }
    guard names.count == 1 else {
      throw APIError.value("Name one of the nodes by the parameter node: \(names.joined(separator: ", "))")
    }
    return names[0]
  }

  private static func revision(_ name: String, _ request: Request) throws -> UInt64? {
    guard let number = request.arguments.integer(name) else { return nil }
    guard number >= 0 else { throw APIError.invalid(name, String(number), "revisions count from 1") }
    return UInt64(number)
  }

  /// An object as it was and as it is.
  private struct Change {
    let node: String
    let before: PlanObject?
    let after: PlanObject?
  }

  private static func changes(_ comparison: PlanComparison) -> [Change] {
    let difference = comparison.difference
    return difference.upserts.map { Change(node: comparison.node, before: difference.replaced[$0.key], after: $0) }
      + difference.removals.map { Change(node: comparison.node, before: $0, after: nil) }
  }

  private static func fields(of object: PlanObject, _ state: CloudState) -> Fields {
    var fields = Fields()
    fields.add("key", object.key)
    fields.add("scope", object.scope)
    fields.add("router", object.routerID.map { View.name(ofRouter: $0, state) ?? $0 })
    fields.add("account", ID<Account>(object.account).flatMap { state.accounts[$0]?.name })
    fields.add("summary", object.summary)
    return fields
  }

  private static func fields(of change: Change, _ state: CloudState) -> Fields? {
    guard let object = change.after ?? change.before else { return nil }
    var fields = Fields()
    fields.add("node", change.node)
    fields.append(self.fields(of: object, state).without("summary"))
    fields.add("action", change.before == nil ? "create" : change.after == nil ? "remove" : "update")
    fields.add("before", change.before?.summary)
    fields.add("after", change.after?.summary)
    return fields
  }

  private static func verdict(_ comparison: PlanComparison, _ state: CloudState) -> Fields {
    var fields = Fields()
    fields.add("node", comparison.node)
    fields.add("put", comparison.difference.upserts.count)
    fields.add("removed", comparison.difference.removals.count)
    fields.add("verdict", comparison.losses.isEmpty ? "follow" : "hold")
    fields.add(
      "reason",
      texts: comparison.losses.map { loss in
        loss.description.replacing(loss.router, with: View.name(ofRouter: loss.router, state) ?? loss.router)
      })
    return fields
  }
}

extension Fields {
  fileprivate func without(_ name: String) -> Fields {
    var fields = Fields()
    for member in members where member.name != name { fields.add(member.name, member.value) }
    return fields
  }
}
