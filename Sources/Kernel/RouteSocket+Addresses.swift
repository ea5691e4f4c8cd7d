package import Addresses
import CLinux
import Glibc

/// An IPv4 address on a link.
package struct LinkAddress: Hashable, Sendable {
  package var address: IPv4
  package var prefixLength: Int
  /// Index of the link.
  package var link: UInt32

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(ifaddrmsg.self), info.ifa_family == UInt8(AF_INET) else { return nil }
    var found: IPv4?
    for (type, payload) in NetlinkAttributes(message, after: 8) {
      if Int(type) == IFA_LOCAL || (Int(type) == IFA_ADDRESS && found == nil) { found = payload.ipv4 }
    }
    guard let found else { return nil }
    address = found
    prefixLength = Int(info.ifa_prefixlen)
    link = info.ifa_index
  }

  package init(address: IPv4, prefixLength: Int, link: UInt32) {
    self.address = address
    self.prefixLength = prefixLength
    self.link = link
  }
}

extension RouteSocket {
  private func address(
    _ type: Int, _ flags: Int32, _ ip: IPv4, _ prefixLength: Int, _ link: String, _ operation: String,
    tolerating codes: [Int32]
  ) throws(KernelError) -> Bool {
    guard (0...32).contains(prefixLength) else { throw KernelError(code: EINVAL, operation: operation) }
    let index = try index(of: link)
    return try request(type, flags, operation: operation, tolerating: codes) { buffer in
      buffer.append(
        ifaddrmsg(
          ifa_family: UInt8(AF_INET), ifa_prefixlen: UInt8(prefixLength), ifa_flags: 0, ifa_scope: 0, ifa_index: index))
      buffer.put(IFA_LOCAL, ip)
      buffer.put(IFA_ADDRESS, ip)
      if type == RTM_NEWADDR && prefixLength < 31 {
        buffer.put(IFA_BROADCAST, IPv4(ip.value | ~IPv4Prefix(ip, length: prefixLength).netmask.value))
      }
    }
  }

  /// True if it was not there before.
  @discardableResult
  package func addAddress(_ ip: IPv4, prefixLength: Int, link: String) throws(KernelError) -> Bool {
    try address(
      RTM_NEWADDR, createOnly, ip, prefixLength, link, "add address \(ip)/\(prefixLength) on \(link)",
      tolerating: [EEXIST])
  }

  /// True if it was there.
  @discardableResult
  package func removeAddress(_ ip: IPv4, prefixLength: Int, link: String) throws(KernelError) -> Bool {
    try address(
      RTM_DELADDR, 0, ip, prefixLength, link, "remove address \(ip)/\(prefixLength) on \(link)",
      tolerating: [EADDRNOTAVAIL])
  }

  package func addresses() throws(KernelError) -> [LinkAddress] {
    try dump(
      RTM_GETADDR, operation: "list addresses",
      { $0.append(ifaddrmsg(ifa_family: UInt8(AF_INET), ifa_prefixlen: 0, ifa_flags: 0, ifa_scope: 0, ifa_index: 0)) },
      { LinkAddress($0) })
  }
}
