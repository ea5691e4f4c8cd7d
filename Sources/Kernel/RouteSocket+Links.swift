package import Addresses
import CLinux
import Glibc
import Synchronization

/// A network interface as the kernel shows it.
package struct Link: Hashable, Sendable {
  package var name: String
  package var index: UInt32
  package var mac: MAC?
  /// Index of the bridge it belongs to.
  package var master: UInt32?
  package var mtu: UInt32 = 0
  /// Set up administratively.
  package var isUp = false
  /// `veth`, `bridge`, `vxlan`, `tun`; empty for what is none of these, as `lo`.
  package var kind = ""
  /// Index of the other end of a veth, counted in the other end's namespace.
  package var peer: UInt32?
  /// Present for `vxlan`.
  package var vxlan: VXLAN?

  package struct VXLAN: Hashable, Sendable {
    package var vni: UInt32 = 0
    package var local: IPv4?
    package var port: UInt16 = 0
    package var learning = false
  }

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(ifinfomsg.self) else { return nil }
    name = ""
    index = UInt32(bitPattern: info.ifi_index)
    isUp = info.ifi_flags & 1 != 0
    for (type, payload) in NetlinkAttributes(message, after: 16) {
      switch Int(type) {
      case IFLA_IFNAME: name = payload.text
      case IFLA_ADDRESS: if payload.count == 6 { mac = MAC(bytes: payload) }
      case IFLA_MASTER: master = payload.host()
      case IFLA_MTU: mtu = payload.host()
      case IFLA_LINK: peer = payload.host()
      case IFLA_LINKINFO: readKind(payload)
      default: break
      }
    }
  }

  private mutating func readKind(_ info: UnsafeRawBufferPointer) {
    for (type, payload) in NetlinkAttributes(info) {
      if Int(type) == IFLA_INFO_KIND { kind = payload.text }
      guard Int(type) == IFLA_INFO_DATA, kind == "vxlan" else { continue }
      var found = VXLAN()
      for (type, payload) in NetlinkAttributes(payload) {
        switch Int(type) {
        case IFLA_VXLAN_ID: found.vni = payload.host()
        case IFLA_VXLAN_LOCAL: found.local = payload.ipv4
        case IFLA_VXLAN_PORT: found.port = payload.big()
        case IFLA_VXLAN_LEARNING: found.learning = payload.host(UInt8.self) != 0
        default: break
        }
      }
      vxlan = found
    }
  }
}

extension RouteSocket {
  package func links() throws(KernelError) -> [Link] {
    try dump(RTM_GETLINK, operation: "list links", { $0.append(ifinfomsg()) }, { Link($0) })
  }

  /// The link of that name, if there is one.
  package func link(_ name: String) throws(KernelError) -> Link? {
    var found: Link?
    do {
      try socket.withLock { (socket) throws(KernelError) in
        try socket.request(
          type: UInt16(RTM_GETLINK), flags: 0, operation: "get link \(name)", each: { found = Link($0) }
        ) {
          $0.append(ifinfomsg())
          $0.put(IFLA_IFNAME, name)
        }
      }
    } catch {
      if error.code == ENODEV { return nil }
      throw error
    }
    return found
  }

  private func create(
    _ name: String, kind: String, mac: MAC? = nil, tolerating codes: [Int32] = [EEXIST],
    data: ((inout NetlinkBuffer) -> Void)? = nil
  ) throws(KernelError) -> Bool {
    try request(RTM_NEWLINK, createOnly, operation: "add \(kind) \(name)", tolerating: codes) { buffer in
      buffer.append(ifinfomsg())
      buffer.put(IFLA_IFNAME, name)
      if let mac { buffer.put(IFLA_ADDRESS, mac) }
      buffer.nest(IFLA_LINKINFO) { buffer in
        buffer.put(IFLA_INFO_KIND, kind)
        if let data { buffer.nest(IFLA_INFO_DATA, data) }
      }
    }
  }

  /// A pair of links whose far end is `peerName` in `peerNamespace`. True if it was made now. An end of the same name
  /// that belongs to something else is replaced. Both ends are down after they were made.
  @discardableResult
  package func ensureVeth(
    _ name: String, mac: MAC? = nil, peerName: String, peerNamespace: NetworkNamespace, peerMAC: MAC? = nil
  ) throws -> Bool {
    func make(tolerating codes: [Int32]) throws(KernelError) -> Bool {
      try create(name, kind: "veth", mac: mac, tolerating: codes) { buffer in
        buffer.nest(VETH_INFO_PEER) { buffer in
          buffer.append(ifinfomsg())
          buffer.put(IFLA_IFNAME, peerName)
          if let peerMAC { buffer.put(IFLA_ADDRESS, peerMAC) }
          buffer.put(IFLA_NET_NS_FD, host: peerNamespace.descriptor)
        }
      }
    }
    if try make(tolerating: [EEXIST]) { return true }
    let far = try RouteSocket(in: peerNamespace)
    let mine = try link(name)
    let theirs = try far.link(peerName)
    if let mine, let theirs, mine.kind == "veth", theirs.kind == "veth", mine.peer == theirs.index,
      theirs.peer == mine.index
    {
      if let mac, mine.mac != mac { try setHardwareAddress(name, mac) }
      if let peerMAC, theirs.mac != peerMAC { try far.setHardwareAddress(peerName, peerMAC) }
      return false
    }
    if mine != nil { try deleteLink(name) }
    if theirs != nil { try far.deleteLink(peerName) }
    return try make(tolerating: [])
  }

  /// True if it was made now; EEXIST if the name belongs to a link of another kind.
  @discardableResult
  package func ensureBridge(_ name: String, mac: MAC? = nil) throws(KernelError) -> Bool {
    if try create(name, kind: "bridge", mac: mac) { return true }
    let present = try link(name)
    if present?.kind != "bridge" { throw KernelError(code: EEXIST, operation: "add bridge \(name)") }
    if let mac, present?.mac != mac { try setHardwareAddress(name, mac) }
    return false
  }

  /// True if it was made now. One of the same name with other parameters is replaced.
  @discardableResult
  package func ensureVXLAN(
    _ name: String, vni: UInt32, local: IPv4, port: UInt16 = 4789, learning: Bool = true, mac: MAC? = nil
  ) throws(KernelError) -> Bool {
    func make(tolerating codes: [Int32]) throws(KernelError) -> Bool {
      try create(name, kind: "vxlan", mac: mac, tolerating: codes) { buffer in
        buffer.put(IFLA_VXLAN_ID, host: vni)
        buffer.put(IFLA_VXLAN_LOCAL, local)
        buffer.put(IFLA_VXLAN_PORT, big: port)
        buffer.put(IFLA_VXLAN_LEARNING, host: UInt8(learning ? 1 : 0))
      }
    }
    if try make(tolerating: [EEXIST]) { return true }
    if let present = try link(name) {
      if present.vxlan == Link.VXLAN(vni: vni, local: local, port: port, learning: learning) {
        if let mac, present.mac != mac { try setHardwareAddress(name, mac) }
        return false
      }
      if present.kind != "vxlan" { throw KernelError(code: EEXIST, operation: "add vxlan \(name)") }
      try deleteLink(name)
    }
    return try make(tolerating: [])
  }

  /// A persistent tap for a virtual machine to open. True if it was made now; one that is in use stays as it is.
  @discardableResult
  package func ensureTap(_ name: String, virtioHeader: Bool = false) throws -> Bool {
    if let present = try link(name) {
      if present.kind != "tun" { throw KernelError(code: EEXIST, operation: "add tap \(name)") }
      return false
    }
    if name.isEmpty || name.utf8.count > 15 { throw KernelError(code: EINVAL, operation: "add tap \(name)") }
    try run(in: namespace) {
      let tun = try openFile("/dev/net/tun", O_RDWR)
      if daruma_make_tap(tun.raw, name, virtioHeader ? 1 : 0) < 0 { throw KernelError.last("add tap \(name)") }
    }
    return true
  }

  /// True if it was there.
  @discardableResult
  package func deleteLink(_ name: String) throws(KernelError) -> Bool {
    try request(RTM_DELLINK, operation: "delete link \(name)", tolerating: [ENODEV]) {
      $0.append(ifinfomsg())
      $0.put(IFLA_IFNAME, name)
    }
  }

  private func change(
    _ name: String, _ what: String, _ fill: (inout NetlinkBuffer) -> Void = { _ in }
  ) throws(KernelError) {
    try request(RTM_NEWLINK, operation: "\(what) \(name)") {
      $0.append(ifinfomsg())
      $0.put(IFLA_IFNAME, name)
      fill(&$0)
    }
  }

  package func setUp(_ name: String) throws(KernelError) { try setFlags(name, up: true) }

  package func setDown(_ name: String) throws(KernelError) { try setFlags(name, up: false) }

  private func setFlags(_ name: String, up: Bool) throws(KernelError) {
    try request(RTM_NEWLINK, operation: "set \(up ? "up" : "down") \(name)") {
      var info = ifinfomsg()
      info.ifi_flags = up ? 1 : 0
      info.ifi_change = 1
      $0.append(info)
      $0.put(IFLA_IFNAME, name)
    }
  }

  /// Puts the link into a bridge, or with nil takes it out.
  package func setMaster(_ name: String, _ bridge: String?) throws(KernelError) {
    var master: UInt32 = 0
    if let bridge { master = try index(of: bridge) }
    try change(name, "set master of") { $0.put(IFLA_MASTER, host: master) }
  }

  package func setMTU(_ name: String, _ bytes: UInt32) throws(KernelError) {
    try change(name, "set MTU of") { $0.put(IFLA_MTU, host: bytes) }
  }

  package func setHardwareAddress(_ name: String, _ mac: MAC) throws(KernelError) {
    try change(name, "set hardware address of") { $0.put(IFLA_ADDRESS, mac) }
  }
}
