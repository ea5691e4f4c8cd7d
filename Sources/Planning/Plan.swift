package import CloudModel
package import NodePlan

/// What one node is to be, by key.
package typealias Plan = [String: PlanObject]

/// What turns one plan into another.
package struct PlanDifference: Sendable {
  package var upserts: [PlanObject] = []
  package var removals: [PlanObject] = []
  /// What stood in the place of upserts, by key.
  package var replaced: [String: PlanObject] = [:]

  package init() {}

  package var isEmpty: Bool { upserts.isEmpty && removals.isEmpty }
  /// The scopes in which something changes.
  package var scopes: Set<String> { Set(upserts.map(\.scope)).union(removals.map(\.scope)) }
}

package enum Planner {
  /// The whole plan of a node; every object carries `revision`.
  package static func plan(node: String, state: CloudState, revision: UInt64) -> Plan {
    var plan: Plan = [:]
    for root in Root.all(in: state) {
      for var object in objects(of: root, node: node, in: state) {
        object.revision = revision
        plan[object.key] = object
      }
    }
    return plan
  }

  /// What `resources`, each as it was or as it is, changed in the plan of a node between two states. Objects carry `revision`.
  package static func difference(
    node: String, resources: [any Resource], before: CloudState, after: CloudState, revision: UInt64
  ) -> PlanDifference {
    var roots: Set<Root> = []
    for resource in resources {
      roots.formUnion(Root.affected(by: resource, in: before))
      roots.formUnion(Root.affected(by: resource, in: after))
    }
    var old: Plan = [:]
    var new: Plan = [:]
    for root in roots {
      for object in objects(of: root, node: node, in: before) { old[object.key] = object }
      for object in objects(of: root, node: node, in: after) { new[object.key] = object }
    }
    var difference = PlanDifference()
    for (key, object) in new where old[key] != object {
      var object = object
      object.revision = revision
      difference.upserts.append(object)
      difference.replaced[key] = old[key]
    }
    for (key, object) in old where new[key] == nil { difference.removals.append(object) }
    difference.upserts.sort { $0.key < $1.key }
    difference.removals.sort { $0.key < $1.key }
    return difference
  }
}
