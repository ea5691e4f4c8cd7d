package import Addresses
import CLinux
import Glibc

/// Where an address of the link is: its hardware address, or that this machine answers for it.
package struct Neighbour: Hashable, Sendable {
  package var address: IPv4
  package var mac: MAC?
  /// Index of the link.
  package var link: UInt32
  package var isPermanent = false
  package var isProxy = false

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(ndmsg.self), info.ndm_family == UInt8(AF_INET) else { return nil }
    address = .any
    link = UInt32(bitPattern: info.ndm_ifindex)
    isPermanent = info.ndm_state & 0x80 != 0
    isProxy = info.ndm_flags & 0x08 != 0
    for (type, payload) in NetlinkAttributes(message, after: 12) {
      switch Int(type) {
      case NDA_DST: address = payload.ipv4
      case NDA_LLADDR: if payload.count == 6 { mac = MAC(bytes: payload) }
      default: break
      }
    }
  }
}

/// Where a bridge port or VXLAN sends frames for a hardware address.
package struct ForwardingEntry: Hashable, Sendable {
  /// All zeros: frames to everybody.
  package var mac: MAC
  package var link: UInt32
  /// The VXLAN endpoint.
  package var destination: IPv4?

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(ndmsg.self), info.ndm_family == UInt8(AF_BRIDGE) else { return nil }
    mac = MAC(0)
    link = UInt32(bitPattern: info.ndm_ifindex)
    for (type, payload) in NetlinkAttributes(message, after: 12) {
      switch Int(type) {
      case NDA_DST: if payload.count == 4 { destination = payload.ipv4 }
      case NDA_LLADDR: if payload.count == 6 { mac = MAC(bytes: payload) }
      default: break
      }
    }
  }
}

extension RouteSocket {
  private static func header(
    _ link: UInt32 = 0, family: Int32 = AF_INET, state: UInt16 = 0, flags: UInt8 = 0, _ buffer: inout NetlinkBuffer
  ) {
    var info = ndmsg()
    info.ndm_family = UInt8(family)
    info.ndm_ifindex = Int32(bitPattern: link)
    info.ndm_state = state
    info.ndm_flags = flags
    buffer.append(info)
  }

  /// A permanent entry never expires and does not count against the machine-wide limit of learnt ones.
  package func replaceNeighbour(
    _ ip: IPv4, mac: MAC, link: String, permanent: Bool = true
  ) throws(KernelError) {
    let index = try index(of: link)
    try request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, operation: "replace neighbour \(ip) on \(link)") {
      Self.neighbour(ip, mac, index, permanent: permanent, &$0)
    }
  }

  static func neighbour(_ ip: IPv4, _ mac: MAC, _ link: UInt32, permanent: Bool, _ buffer: inout NetlinkBuffer) {
    header(link, state: permanent ? 0x80 : 0x02, &buffer)
    buffer.put(NDA_DST, ip)
    buffer.put(NDA_LLADDR, mac)
  }

  /// True if it was there.
  @discardableResult
  package func deleteNeighbour(_ ip: IPv4, link: String) throws(KernelError) -> Bool {
    let index = try index(of: link)
    return try request(RTM_DELNEIGH, operation: "delete neighbour \(ip) on \(link)", tolerating: [ENOENT]) {
      Self.header(index, &$0)
      $0.put(NDA_DST, ip)
    }
  }

  /// This machine answers on `link` to those who ask for `ip`.
  package func addProxyNeighbour(_ ip: IPv4, link: String) throws(KernelError) {
    let index = try index(of: link)
    try request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, operation: "add proxy neighbour \(ip) on \(link)") {
      Self.header(index, state: 0x80, flags: 0x08, &$0)
      $0.put(NDA_DST, ip)
    }
  }

  /// True if it was there.
  @discardableResult
  package func deleteProxyNeighbour(_ ip: IPv4, link: String) throws(KernelError) -> Bool {
    let index = try index(of: link)
    return try request(RTM_DELNEIGH, operation: "delete proxy neighbour \(ip) on \(link)", tolerating: [ENOENT]) {
      Self.header(index, flags: 0x08, &$0)
      $0.put(NDA_DST, ip)
    }
  }

  /// Neighbours, or with `proxies` those this machine answers for.
  package func neighbours(proxies: Bool = false) throws(KernelError) -> [Neighbour] {
    try dump(
      RTM_GETNEIGH, operation: "list neighbours", { Self.header(flags: proxies ? 0x08 : 0, &$0) },
      {
        guard let found = Neighbour($0), found.isProxy == proxies else { return nil }
        return found
      })
  }

  /// Frames for `mac` leave the VXLAN `link` to `destination`. With a `mac` of zeros: frames to everybody go there
  /// too, besides the destinations already there.
  package func addForwarding(_ mac: MAC, destination: IPv4, link: String) throws(KernelError) {
    let index = try index(of: link)
    let flags = NLM_F_CREATE | (mac.value == 0 ? NLM_F_APPEND : NLM_F_REPLACE)
    try request(RTM_NEWNEIGH, flags, operation: "add forwarding \(mac) on \(link)", tolerating: [EEXIST]) {
      Self.header(index, family: AF_BRIDGE, state: 0xc0, flags: 0x02, &$0)
      $0.put(NDA_LLADDR, mac)
      $0.put(NDA_DST, destination)
    }
  }

  /// No error if it is not there.
  package func deleteForwarding(_ mac: MAC, destination: IPv4, link: String) throws(KernelError) {
    let index = try index(of: link)
    try request(RTM_DELNEIGH, operation: "delete forwarding \(mac) on \(link)", tolerating: [ENOENT]) {
      Self.header(index, family: AF_BRIDGE, state: 0xc0, flags: 0x02, &$0)
      $0.put(NDA_LLADDR, mac)
      $0.put(NDA_DST, destination)
    }
  }

  package func forwarding() throws(KernelError) -> [ForwardingEntry] {
    // Only a link header in the request makes all kernels list the forwarding of every link.
    try dump(
      RTM_GETNEIGH, operation: "list forwarding",
      {
        var info = ifinfomsg()
        info.ifi_family = UInt8(AF_BRIDGE)
        $0.append(info)
      }, { ForwardingEntry($0) })
  }
}
