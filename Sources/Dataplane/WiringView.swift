import Kernel

/// What the wiring of a place is to be at a moment, and how to see what it is.
struct WiringView: Sendable {
  let wiring: [String: [WiringItem]]
  let routes: RouteSocket

  /// Everything of the wiring that the kernel does not have, best first to be mended, and what it has.
  func damage() throws(KernelError) -> (missing: [WiringItem], snapshot: WiringSnapshot) {
    let snapshot = try WiringSnapshot(routes)
    var missing: [WiringItem] = []
    for items in wiring.values {
      for item in items where !snapshot.has(item) {
        if Self.isOptional(item.linkName), let link = item.linkName, snapshot.links[link] == nil { continue }
        missing.append(item)
      }
    }
    return (missing.sorted { $0.rank < $1.rank }, snapshot)
  }

  /// Routes, rules and addresses of the kernel that are not ours.
  func foreign(_ snapshot: WiringSnapshot) -> (routes: [Route], rules: [RoutingRule], addresses: [LinkAddress]) {
    snapshot.foreign(wanted: Set(wiring.values.joined()))
  }

  /// A port whose device nobody has attached.
  static func isOptional(_ link: String?) -> Bool { link?.hasPrefix("p-") == true }
}
