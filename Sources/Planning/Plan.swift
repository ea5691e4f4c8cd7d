package import CloudModel
import Dispatch
package import NodePlan
import Synchronization

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

/// What a plan is known by.
package struct PlanOutline: Sendable {
  package var digest = PlanDigest()
  package var scopes: Set<String> = []
}

package enum Planner {
  /// The whole plan of a node; every object carries `revision`.
  package static func plan(node: String, state: CloudState, revision: UInt64) -> Plan {
    let made = shares(node, state) { objects in
      objects.map { object in
        var object = object
        object.revision = revision
        return object
      }
    }
    var plan = Plan(minimumCapacity: made.reduce(0) { $0 + $1.count })
    for part in made { for object in part { plan[object.key] = object } }
    return plan
  }

  /// The outline of the plan of a node, without keeping the plan.
  package static func outline(node: String, state: CloudState) throws -> PlanOutline {
    let parts = shares(node, state) { objects in
      Result {
        var outline = PlanOutline()
        for object in objects {
          try outline.digest.add(object)
          outline.scopes.insert(object.scope)
        }
        return outline
      }
    }
    return try parts.reduce(into: PlanOutline()) { whole, part in
      let part = try part.get()
      whole.digest = whole.digest + part.digest
      whole.scopes.formUnion(part.scopes)
    }
  }

  /// What `body` makes of the objects, which have no revision yet. Each object comes from one root, so the roots are shared
  /// out among the cores.
  private static func shares<R: Sendable>(
    _ node: String, _ state: CloudState, _ body: @Sendable ([PlanObject]) -> R
  ) -> [R] {
    let roots = Root.all(in: state)
    let made = Mutex<[R]>([])
    let share = max(1000, roots.count / 16)
    DispatchQueue.concurrentPerform(iterations: (roots.count + share - 1) / share) { number in
      let part = roots[(number * share)..<min(roots.count, (number + 1) * share)]
      let result = body(part.flatMap { objects(of: $0, node: node, in: state) })
      made.withLock { $0.append(result) }
    }
    return made.withLock { $0 }
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
