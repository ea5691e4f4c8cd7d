import Kernel
package import NodePlan

/// An edge gateway's rule set alone, in the caller's network namespace, for measurements: each step of a refill for itself.
package final class GatewayMeasurement {
  private let place: Place

  package init() throws {
    place = try Place("measured", NetworkNamespace.current())
    place.table = EdgeTable.make(Router())
  }

  /// Works out what the objects (static NATs and load balancers) want of the rule set.
  package func plan(_ objects: [PlanObject]) throws {
    for object in objects {
      switch object.body {
      case .staticNat(let nat): try place.table?.replace(owner: object.key, TranslationTable.elements(of: nat))
      case .loadBalancer(let balancer):
        try place.table?.replace(
          owner: object.key, EdgeTable.elements(of: balancer, proxyPort: nil) { _ in true })
        for key in place.table?.keys(of: object.key, in: "classes") ?? [] {
          let kind = LoadBalancerClass(mark: key.mark())
          if place.table?.chains[kind.chain] != nil { continue }
          place.table?.setChain(kind.chain, kind.rules)
        }
      default: throw DataplaneError(.invalid, "\(object.key) has no part in an edge gateway's rule set")
      }
    }
  }

  /// Deletes every table, as whoever destroys a gateway's configuration.
  package func wipe() throws {
    var batch = NFTBatch()
    for table in try place.rules.tables() { batch.deleteTable(table.family, table.name) }
    try place.rules.commit(batch)
  }

  /// From what is wanted to the end of the transaction that puts all of it into an empty kernel.
  package func refill() throws {
    guard var table = place.table else { return }
    let generation = try place.rules.generation()
    let damage = try table.audit(place.rules)
    try place.rules.commit(table.repair(damage, labelled: false), expecting: generation)
    place.generation = generation &+ 1
    table.settle()
    place.table = table
  }

  /// Reads everything back and compares it; what differs, or nothing.
  package func compare() throws -> String {
    guard var table = place.table else { return "" }
    return try table.audit(place.rules).description
  }

  /// Lets the kernel compare everything, as after a loss and at a start; what differs, or nothing.
  package func confirm() throws -> String {
    guard var table = place.table else { return "" }
    return try table.audit(place.rules, confirming: place.rules.generation()).description
  }

  /// The whole of a change: what the objects want, its transaction, and reading back what that touched.
  package func change(_ objects: [PlanObject]) throws {
    try plan(objects)
    guard case .committed = try place.commit() else {
      throw DataplaneError(.notVerified, "somebody else changed the rule set meanwhile")
    }
  }

  /// What the objects want, and its transaction; `readBack` is to follow.
  package func transact(_ objects: [PlanObject]) throws {
    try plan(objects)
    guard let expected = place.generation, let batch = place.table?.difference(labelled: false) else { return }
    try place.rules.commit(batch, expecting: expected)
    place.generation = expected &+ 1
  }

  /// Reads back what the last transaction touched; what differs, or nothing.
  package func readBack() throws -> String {
    let difference = try place.table?.readBack(place.rules) ?? ""
    place.table?.settle()
    return difference
  }
}
