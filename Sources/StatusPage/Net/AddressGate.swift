import Glibc
package import NIOCore

/// Decides where a reader's webhook may lead: to public addresses only, or to those that operators allow by name.
package struct AddressGate: Sendable {
  private let allowed: Set<String>

  /// - Parameter allowed: single addresses that are reached although they are not public, such as a receiver in the
  ///   provider's own network.
  package init(allowed: Set<String> = []) { self.allowed = allowed }

  package func admits(_ address: SocketAddress) -> Bool {
    guard let text = address.ipAddress else { return false }
    if allowed.contains(text) { return true }
    switch address {
    case .v4(let v4): return Self.isPublic(v4: UInt32(bigEndian: v4.address.sin_addr.s_addr))
    case .v6(let v6):
      return withUnsafeBytes(of: v6.address.sin6_addr) { Self.isPublic(v6: Array($0)) }
    case .unixDomainSocket: return false
    }
  }

  /// What IANA's registry of special-purpose addresses does not call globally reachable, and multicast.
  private static let special4: [(base: UInt32, length: UInt32)] = [
    (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0x7f00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12),
    (0xc000_0000, 24), (0xc000_0200, 24), (0xc058_6300, 24), (0xc0a8_0000, 16), (0xc612_0000, 15), (0xc633_6400, 24),
    (0xcb00_7100, 24), (0xe000_0000, 4), (0xf000_0000, 4),
  ]

  static func isPublic(v4 value: UInt32) -> Bool {
    !special4.contains { value >> (32 - $0.length) == $0.base >> (32 - $0.length) }
  }

  /// Global unicast is 2000::/3. Of it, protocol assignments and Teredo (2001::/23), documentation (2001:db8::/32, 3fff::/20) and
  /// 6to4 (2002::/16), which holds an IPv4 address, are left out; addresses mapped or translated from IPv4 lie outside anyway.
  static func isPublic(v6 bytes: [UInt8]) -> Bool {
    guard bytes.count == 16, bytes[0] >> 5 == 1 else { return false }
    let first = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    let second = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    switch first {
    case 0x2001: return second >= 0x0200 && second != 0x0db8
    case 0x2002: return false
    case 0x3fff: return second >= 0x1000
    default: return true
    }
  }
}
