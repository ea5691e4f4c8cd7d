import Addresses
import Kernel

/// Connections that are to be forgotten because what made them is gone. The rule set lets nothing of them pass already;
/// this is so that a client that keeps its source port is translated anew.
struct Ending: Sendable {
  var filters: [FlowFilter] = []
  /// Connections may have been made while translations were missing: all there are must be looked at.
  var isGeneral = false

  var isEmpty: Bool { filters.isEmpty && !isGeneral }

  mutating func take() -> Ending {
    defer { self = Ending() }
    return self
  }

  /// Takes what is about these addresses.
  mutating func take(about addresses: Set<IPv4>) -> Ending {
    var taken = Ending(filters: [], isGeneral: isGeneral)
    isGeneral = false
    if addresses.isEmpty || filters.isEmpty { return taken }
    let split = filters.partition { filter in
      [filter.originalSource, filter.originalDestination, filter.replySource, filter.replyDestination]
        .contains { $0.map(addresses.contains) ?? false }
    }
    taken.filters = Array(filters[split...])
    filters.removeSubrange(split...)
    return taken
  }

  mutating func add(_ other: Ending) {
    filters += other.filters
    isGeneral = isGeneral || other.isGeneral
  }

  /// What the transaction that brought the table to the kernel took away.
  mutating func note(_ table: RuleTable) {
    for key in table.removedKeys(of: "pairs") { addPair(key.ipv4(), key.ipv4(at: 4)) }
    for key in table.removedKeys(of: "members") { addMember(key, key.ipv4(at: 12)) }
  }

  /// What a table has that is put in its place by another as a whole, and this has not.
  mutating func note(from former: RuleTable, to table: RuleTable) {
    for key in former.keys(in: "pairs") where !table.contains("pairs", key) { addPair(key.ipv4(), key.ipv4(at: 4)) }
    for key in former.keys(in: "members") where !table.contains("members", key) { addMember(key, key.ipv4(at: 12)) }
  }

  /// What led elsewhere or nowhere while somebody had changed the rule set.
  mutating func note(_ damage: RuleTable.Damage) {
    for element in damage.surplus["to_private"] ?? [] {
      if let target = element.data { addPair(element.key.ipv4(), target.ipv4()) }
    }
    for element in damage.surplus["to_public"] ?? [] {
      if let outside = element.data { addPair(outside.ipv4(), element.key.ipv4()) }
    }
    for element in damage.surplus["pairs"] ?? [] { addPair(element.key.ipv4(), element.key.ipv4(at: 4)) }
    for element in damage.surplus["members"] ?? [] { addMember(element.key, element.key.ipv4(at: 12)) }
    for set in ["backends", "forwards"] {
      for element in damage.surplus[set] ?? [] {
        if let target = element.data { addMember(element.key, target.ipv4()) }
      }
    }
    let isFrameWrong =
      damage.isTotal || !damage.wrongChains.isEmpty || !damage.missingChains.isEmpty || !damage.foreignTables.isEmpty
    if isFrameWrong || damage.missing["to_public"] != nil { isGeneral = true }
  }

  private mutating func addPair(_ outside: IPv4, _ inside: IPv4) {
    filters.append(FlowFilter(originalDestination: outside, replySource: inside))
    filters.append(FlowFilter(originalSource: inside, replyDestination: outside))
  }

  private mutating func addMember(_ service: NFTBytes, _ inside: IPv4) {
    filters.append(
      FlowFilter(
        originalDestination: service.ipv4(), replySource: inside,
        protocolNumber: UInt8(truncatingIfNeeded: service.bytes[4]), port: service.port(at: 8)))
  }

  /// Forgets them. `translation` tells which of all connections are right.
  @concurrent func carryOut(_ conntrack: Conntrack, _ translation: TranslationCheck?) async throws(KernelError) {
    try conntrack.deleteFlows(anyOf: filters)
    if isGeneral, let translation { try conntrack.deleteFlows { translation.isWrong($0) } }
  }
}

/// Whether connections are as the table of their router would make them.
struct TranslationCheck: Sendable {
  private let pairs: PackedElements?
  private let members: PackedElements?
  let guests: IPv4Prefix
  let sourceNAT: IPv4?

  init(_ table: RuleTable, _ guests: IPv4Prefix, sourceNAT: IPv4?) {
    pairs = table.elements(in: "pairs")
    members = table.elements(in: "members")
    self.guests = guests
    self.sourceNAT = sourceNAT
  }

  func isWanted(_ filter: FlowFilter) -> Bool {
    if filter.protocolNumber != nil { return false }
    if let outside = filter.originalDestination, let inside = filter.replySource {
      return isPair(outside, inside)
    }
    if let outside = filter.replyDestination, let inside = filter.originalSource {
      return isPair(outside, inside)
    }
    return false
  }

  func isWrong(_ flow: Flow) -> Bool {
    let (original, reply) = (flow.original, flow.reply)
    if reply.source != original.destination || reply.sourcePort != original.destinationPort {
      return !isPair(original.destination, reply.source) && !isMember(flow)
    }
    if reply.destination != original.source {
      return !isPair(reply.destination, original.source) && reply.destination != sourceNAT
    }
    // Nothing of the guests leaves as itself.
    return guests.contains(original.source) && !guests.contains(original.destination)
      && !Self.linkLocal.contains(original.destination)
  }

  private static let linkLocal = IPv4Prefix(IPv4(169, 254, 0, 0), length: 16)

  private func isPair(_ outside: IPv4, _ inside: IPv4) -> Bool { pairs?.position(of: NFTBytes(outside, inside)) != nil }

  private func isMember(_ flow: Flow) -> Bool {
    var key = NFTBytes(
      flow.original.destination, protocolNumber: flow.original.protocolNumber, port: flow.original.destinationPort)
    key.append(flow.reply.source)
    key.append(port: flow.reply.sourcePort)
    return members?.position(of: key) != nil
  }
}
