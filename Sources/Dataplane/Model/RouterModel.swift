import Addresses
import Kernel
import NodePlan

/// A router in memory: its rules, and where it routes.
final class RouterModel {
  enum Arrival: Equatable {
    /// Leaves by a link with these ends.
    case sent(String, Ends)
    /// Taken by the router itself, at its own address.
    case taken(Ends)
    case lost(String)
  }

  let router: Router
  let rules: RuleModel
  let inside: String
  private let guests: IPv4Prefix
  private let own: Set<IPv4>

  init(_ router: Router, _ table: RuleTable) {
    self.router = router
    rules = RuleModel(table)
    inside = router.kind == .virtual ? "guest" : "fab"
    guests = IPv4Prefix(router.guestPrefix)
    own = router.kind == .virtual ? [IPv4(router.gateway), LinkEnds.pub] : [LinkEnds.pub, LinkEnds.fab]
  }

  /// Lets a packet come in, and follows it to where it leaves.
  func route(_ packet: inout ModelPacket) throws -> Arrival {
    if case .dropped(let chain) = try rules.pass(.prerouting, &packet, .min...(RuleModel.conntrack - 1)) {
      return .lost(chain)
    }
    // Conntrack would wait for the answer, and call what follows invalid.
    if packet.isReply && packet.isUntracked { return .lost("conntrack: it does not hear of the answer") }
    let isAnswer = packet.isReply
    if isAnswer { translateBack(&packet) }
    if case .dropped(let chain) = try rules.pass(.prerouting, &packet, RuleModel.conntrack...(.max)) {
      return .lost(chain)
    }
    let target = packet.ends.destination
    if own.contains(target) {
      if case .dropped(let chain) = try rules.pass(.input, &packet) { return .lost(chain) }
      return .taken(packet.ends)
    }
    if guests.contains(target) {
      packet.output = inside
    } else if isServed(target) {
      return .lost("routing: nothing translates \(target)")
    } else {
      packet.output = "pub"
    }
    if case .dropped(let chain) = try rules.pass(.forward, &packet) { return .lost(chain) }
    if isAnswer { translateSource(&packet) }
    if case .dropped(let chain) = try rules.pass(.postrouting, &packet) { return .lost(chain) }
    return .sent(packet.output, packet.ends)
  }

  /// Whether an address lies behind the router.
  func isNear(_ address: IPv4) -> Bool { guests.contains(address) || isServed(address) }

  private func isServed(_ address: IPv4) -> Bool {
    router.publicPrefixes.contains { IPv4Prefix($0).contains(address) }
  }

  /// Answers to what was sent as somebody else go to who it was, before routing.
  private func translateBack(_ packet: inout ModelPacket) {
    packet.ends.destination = packet.original.source
    packet.ends.destinationPort = packet.original.sourcePort
  }

  /// Answers come from whom the first packet was addressed to.
  private func translateSource(_ packet: inout ModelPacket) {
    packet.ends.source = packet.original.destination
    packet.ends.sourcePort = packet.original.destinationPort
  }
}
