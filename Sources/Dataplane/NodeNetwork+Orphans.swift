import Glibc
import Kernel
import Logging

extension NodeNetwork {
  /// Ends what an earlier agent, which died on the way, had made for routers and networks that are not in the plan.
  func sweepOrphans() {
    do {
      try sweepPrograms()
      for name in Files.names(in: configuration.namespaceDirectory) where isOrphan(name) {
        logger.info("ending a router that is not in the plan", metadata: ["place": "\(name)"])
        let path = configuration.namespacePath(name)
        if let namespace = try? NetworkNamespace.open(path: path) {
          let routes = try RouteSocket(in: namespace)
          for link in try routes.links() where link.kind == "veth" { try routes.deleteLink(link.name) }
        }
        try NetworkNamespace.unmount(path: path)
      }
      for (name, prefixes) in [(Names.wan, ["r-"]), (Names.fabric, ["g-", "v-", "b-", "x-"])] {
        guard let place = places[name] else { continue }
        let wanted = Set(place.wiring.values.joined().compactMap(\.linkName))
        for link in try place.routes.links()
        where prefixes.contains(where: link.name.hasPrefix) && !wanted.contains(link.name) {
          try place.routes.deleteLink(link.name)
        }
      }
      hasOrphans = false
    } catch {
      logger.warning("cannot end what is not in the plan", metadata: ["error": "\(error)"])
    }
  }

  private func sweepPrograms() throws {
    for name in Files.names(in: configuration.processDirectory) {
      guard let place = Self.place(ofProgram: name), isOrphan(place) else { continue }
      let path = configuration.processDirectory + "/" + name
      try Daemon.recorded(path)?.terminate(grace: .milliseconds(500))
      Files.remove(path)
    }
    for name in Files.names(in: configuration.serviceDirectory) {
      guard let place = Self.place(ofProgram: name), isOrphan(place) else { continue }
      Files.remove(configuration.serviceDirectory + "/" + name)
    }
  }

  /// `r-…` of `haproxy-r-….cfg`.
  private static func place(ofProgram file: String) -> String? {
    for prefix in ["dnsmasq-r-", "haproxy-r-", "rendering-r-"] where file.hasPrefix(prefix) {
      return "r-" + file.dropFirst(prefix.count).prefix { $0 != "." }
    }
    return nil
  }

  private func isOrphan(_ place: String) -> Bool {
    place.hasPrefix("r-") && places[place] == nil && departures[place] == nil
  }
}
