import Addresses
import Dataplane
import Glibc
import Kernel

/// What somebody else may do to the network of a node.
struct Damage {
  var random: Seeded

  private mutating func pick<T>(_ items: [T]) -> T? { items.randomElement(using: &random) }

  /// Does one random thing to one random place and tells what. What the kernel does not allow is nothing.
  mutating func strike(_ lab: Lab) -> String {
    guard let place = pick(Listing.names(lab.configuration.namespaceDirectory)),
      let namespace = try? lab.namespace(place)
    else { return "nothing" }
    do {
      if Int.random(in: 0..<4, using: &random) == 0 {
        return try "\(place): " + wiring(RouteSocket(in: namespace))
      }
      return try "\(place): " + rules(NFTables(in: namespace))
    } catch {
      return "\(place): not possible (\(error))"
    }
  }

  private mutating func rules(_ tables: NFTables) throws -> String {
    var batch = NFTBatch()
    let table = "daruma"
    let sets = try tables.sets(.ipv4, table)
    let chains = try tables.chains(.ipv4, table).map(\.name)
    let what: String
    switch Int.random(in: 0...9, using: &random) {
    case 0...3:
      guard let set = pick(sets) else { return "nothing" }
      let elements = try tables.elements(.ipv4, table, set.name)
      let some = Array(elements.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)))
      what = "elements of \(set.name)"
      if some.isEmpty { return "nothing" }
      if Bool.random(using: &random) { batch.deleteElements(.ipv4, table, set.name, some) }
      if Bool.random(using: &random) {
        let changed = some.map { element in
          var element = element
          var bytes = element.key.bytes
          if Bool.random(using: &random) { bytes[3] ^= UInt8.random(in: 0...3, using: &random) }
          element.key = NFTBytes(raw: bytes)
          if let data = element.data {
            var bytes = data.bytes
            bytes[3] ^= UInt8.random(in: 0...3, using: &random)
            element.data = NFTBytes(raw: bytes)
          }
          return element
        }
        batch.addElements(.ipv4, table, set.name, changed)
      }
    case 4:
      guard let set = pick(sets) else { return "nothing" }
      what = "\(set.name) flushed"
      batch.flushSet(.ipv4, table, set.name)
    case 5:
      guard let chain = pick(chains) else { return "nothing" }
      what = "\(chain) flushed"
      batch.flushChain(.ipv4, table, chain)
    case 6:
      guard let chain = pick(chains) else { return "nothing" }
      what = "a rule in \(chain)"
      batch.addRule(.ipv4, table, chain, [.verdict(.drop)], comment: "foreign")
    case 7:
      what = "a foreign chain and set"
      batch.addChain(.ipv4, table, "foreign")
      batch.addSet(.ipv4, table, "foreign", key: [.ipv4])
    case 8:
      what = "a foreign table"
      batch.addTable(.inet, "foreign")
      batch.addChain(.inet, "foreign", "c", base: NFTBaseChain(.filter, .forward, priority: -5, policy: .drop))
    default:
      what = "the table deleted"
      batch.deleteTable(.ipv4, table)
    }
    try tables.commit(batch)
    return what
  }

  private mutating func wiring(_ routes: RouteSocket) throws -> String {
    let links = try routes.links().filter { $0.name != "lo" }
    guard let link = pick(links) else { return "nothing" }
    switch Int.random(in: 0...6, using: &random) {
    case 0:
      try routes.deleteLink(link.name)
      return "\(link.name) deleted"
    case 1:
      try routes.setDown(link.name)
      return "\(link.name) set down"
    case 2:
      guard let route = pick(try routes.routes().filter { $0.table != 255 }) else { return "nothing" }
      try routes.deleteRoute(route)
      return "route \(route.destination) deleted"
    case 3:
      let text = IPv4(203, 0, 113, UInt8.random(in: 1...254, using: &random))
      try routes.replaceRoute(Route(IPv4Prefix(text, length: 32), link: link.index))
      return "route \(text) added"
    case 4:
      guard let address = pick(try routes.addresses().filter { $0.link == link.index }) else { return "nothing" }
      try routes.removeAddress(address.address, prefixLength: address.prefixLength, link: link.name)
      return "\(address.address) removed"
    case 5:
      guard let rule = pick(try routes.rules().filter { (1..<32766).contains($0.priority) }) else { return "nothing" }
      try routes.deleteRule(rule)
      return "rule \(rule.priority) deleted"
    default:
      guard let found = pick(try routes.neighbours().filter { $0.link == link.index && $0.isPermanent }) else {
        return "nothing"
      }
      try routes.deleteNeighbour(found.address, link: link.name)
      return "neighbour \(found.address) deleted"
    }
  }
}
