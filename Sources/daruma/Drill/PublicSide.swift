import Addresses
import Foundation
import Kernel

/// A network namespace on the public side of the wan, from which the drill looks at the cloud as the Internet does.
struct PublicSide {
  static let address = IPv4(198, 19, 255, 2)
  private static let near = IPv4(198, 19, 255, 1)
  private static let link = "d-public"

  let namespace: NetworkNamespace
  private let folder: StateFolder

  init(folder: StateFolder) throws {
    self.folder = folder
    Self.removeLeftovers(folder)
    let wan = try NetworkNamespace.open(path: folder.path + "/run/netns/wan")
    namespace = try NetworkNamespace.create(at: Self.path(folder))
    let inside = try RouteSocket(in: wan)
    try inside.ensureVeth(Self.link, peerName: "eth0", peerNamespace: namespace)
    try inside.setUp(Self.link)
    try inside.addAddress(Self.near, prefixLength: 32, link: Self.link)
    try inside.replaceRoute(IPv4Prefix(Self.address, length: 32), link: Self.link)
    let outside = try RouteSocket(in: namespace)
    try outside.setUp("eth0")
    try outside.addAddress(Self.address, prefixLength: 32, link: "eth0")
    try outside.replaceRoute(IPv4Prefix(Self.near, length: 32), link: "eth0")
    try outside.replaceRoute(.any, via: Self.near, link: "eth0", source: Self.address)
  }

  func remove() { Self.removeLeftovers(folder) }

  private static func path(_ folder: StateFolder) -> String { folder.path + "/run/netns/drill" }

  static func removeLeftovers(_ folder: StateFolder) {
    if let wan = try? NetworkNamespace.open(path: folder.path + "/run/netns/wan") {
      _ = try? RouteSocket(in: wan).deleteLink(link)
    }
    try? NetworkNamespace.unmount(path: path(folder))
  }
}
