import Addresses
package import Kernel
import NodePlan

/// How things on a node are called. Names end in the first 12 hex digits of the object's UUID.
package enum Names {
  package static let table = "daruma"
  static let fabric = "fabric"
  static let wan = "wan"
  static let probe = "probe"

  package static func short(_ id: String) -> String {
    var id = id
    return id.withUTF8 { bytes in
      String(unsafeUninitializedCapacity: 12) { name in
        var count = 0
        for byte in bytes where count < 12 {
          let lower = byte | 0x20
          let isDigit = (0x30...0x39).contains(byte)
          guard isDigit || (0x61...0x66).contains(lower) else { continue }
          name[count] = isDigit ? byte : lower
          count += 1
        }
        return count
      }
    }
  }

  package static func router(_ id: String) -> String { "r-" + short(id) }
  /// The tap or veth of a port, in `fabric`.
  package static func port(_ id: String) -> String { "p-" + short(id) }
  static func gatewayLink(_ id: String) -> String { "g-" + short(id) }
  static func virtualLink(_ id: String) -> String { "v-" + short(id) }
  static func bridge(_ vni: UInt32) -> String { "b-" + String(vni, radix: 16) }
  static func vxlan(_ vni: UInt32) -> String { "x-" + String(vni, radix: 16) }
  static func ingressChain(_ group: String) -> String { "si-" + short(group) }
  static func egressChain(_ group: String) -> String { "se-" + short(group) }
  static func groupSet(_ group: String) -> String { "m-" + short(group) }
}

/// Both ends of the links between our own namespaces, the same on each of them.
enum LinkEnds {
  static let wan = IPv4(0xA9FE_FF01)  // 169.254.255.1
  static let pub = IPv4(0xA9FE_FF02)
  static let fabric = IPv4(0xA9FE_FE01)  // 169.254.254.1
  static let fab = IPv4(0xA9FE_FE02)
  static let probe = IPv4(0xA9FE_FD01)
  static let wanMAC = MAC(0x0200_0000_0001)
  static let pubMAC = MAC(0x0200_0000_0002)
  static let fabricMAC = MAC(0x0200_0000_0003)
  static let fabMAC = MAC(0x0200_0000_0004)
  static let probeMAC = MAC(0x0200_0000_0005)
  static let probeFarMAC = MAC(0x0200_0000_0006)
  static let uplinkMAC = MAC(0x0200_0000_0007)
  static let hostMAC = MAC(0x0200_0000_0008)
  static let gatewayMAC = MAC(0x0200_0000_0009)
  static let metadata = IPv4(0xA9FE_A9FE)
  static let probePort: UInt16 = 8463
}

/// Where things of a node are, and in whose network the host's end of its uplink is.
package struct NetworkConfiguration: Sendable {
  /// Absolute path of the state folder.
  package var stateDirectory: String
  package var node: String
  /// The network namespace that stands for the host; nil is the caller's own.
  package var hostNamespace: NetworkNamespace?
  package var dnsmasq = "/usr/sbin/dnsmasq"
  package var haproxy = "/usr/sbin/haproxy"
  /// To be tried, as one more version of the rules.
  package var renderingFault: RenderingFault?

  package init(stateDirectory: String, node: String, hostNamespace: NetworkNamespace? = nil) {
    self.stateDirectory = stateDirectory
    self.node = node
    self.hostNamespace = hostNamespace
  }

  /// The newest version of the rules that this program renders.
  package var newestRenderer: UInt32 { Renderer.newest(renderingFault) }

  package var runDirectory: String { stateDirectory + "/run" }
  package var namespaceDirectory: String { runDirectory + "/netns" }
  var processDirectory: String { runDirectory + "/processes" }
  /// Leases and rendered configuration of dnsmasq and haproxy.
  var serviceDirectory: String { stateDirectory + "/services" }

  package func namespacePath(_ name: String) -> String { namespaceDirectory + "/" + name }
}

extension IPv4Prefix {
  init(_ prefix: Prefix) { self.init(IPv4(prefix.address), length: Int(min(prefix.length, 32))) }
}
