import Kernel
import Logging

extension NodeNetwork {
  /// So much wiring is compared in a moment, with nothing else going on.
  private static let littleWiring = 5000

  /// Has the wiring compared with the kernel's. Much of it is compared while changes of the plan go on, and looked at again
  /// in between them if something seems wrong.
  func survey() {
    if isSurveying { return }
    let count = places.values.reduce(0) { $0 + $1.wiring.values.reduce(0) { $0 + $1.count } }
    if count <= Self.littleWiring || !detached.isEmpty || places.values.contains(where: \.hasLeftovers) {
      isSuspicious = true
      return
    }
    isSurveying = true
    let views = places.values.map(\.view)
    let host = host?.view
    let ports = Set(attachments.keys.map(Names.port))
    let fabric = places[Names.fabric]?.routes
    Task {
      let isWhole = await Self.isWhole(views, host, ports, fabric)
      isSurveying = false
      if !isWhole { isSuspicious = true }
    }
  }

  @concurrent private static func isWhole(
    _ views: [WiringView], _ host: WiringView?, _ ports: Set<String>, _ fabric: RouteSocket?
  ) async -> Bool {
    do {
      for view in views {
        let (missing, snapshot) = try view.damage()
        let foreign = view.foreign(snapshot)
        guard missing.isEmpty, foreign.routes.isEmpty, foreign.rules.isEmpty, foreign.addresses.isEmpty else {
          return false
        }
      }
      if let host, try !host.damage().missing.isEmpty { return false }
      guard !ports.isEmpty, let fabric else { return true }
      return ports.isSubset(of: try fabric.links().map(\.name))
    } catch {
      // Whoever looks again says what is the matter.
      return false
    }
  }
}
