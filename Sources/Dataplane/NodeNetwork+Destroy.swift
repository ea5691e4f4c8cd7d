import Glibc
import Kernel

extension NodeNetwork {
  /// Ends the network of a node, also one whose agent crashed: programs, the host's link, namespaces, the mount point.
  /// What is not there any more is no error.
  package static func destroy(configuration: NetworkConfiguration) async throws {
    for name in Files.names(in: configuration.processDirectory) where !name.hasSuffix(".new") {
      let path = configuration.processDirectory + "/" + name
      try Daemon.recorded(path)?.terminate(grace: .milliseconds(500))
      Files.remove(path)
    }
    for name in Files.names(in: configuration.namespaceDirectory) {
      let path = configuration.namespacePath(name)
      if let namespace = try? NetworkNamespace.open(path: path) {
        // What still holds the namespace must not speak for its addresses any more.
        let routes = try RouteSocket(in: namespace)
        for link in try routes.links() where link.kind == "veth" { _ = try? routes.deleteLink(link.name) }
      }
      try NetworkNamespace.unmount(path: path)
    }
    try MountPoint.release(configuration.runDirectory)
    ChildProcess.reapAll()
  }
}
