import CLinux

/// A 32-bit register, 0 through 15. A value of several words, or a concatenation, takes consecutive ones.
package struct NFTRegister: Hashable, Sendable, ExpressibleByIntegerLiteral {
  package let index: UInt32

  package init(_ index: UInt32) { self.index = index & 15 }
  package init(integerLiteral value: UInt32) { self.init(value) }

  // The kernel reports every fourth one under its old 128-bit number; written so, both spellings agree.
  var number: UInt32 { index & 3 == 0 ? index / 4 + 1 : index + 8 }
}

/// One step of a rule.
package enum NFTExpression: Hashable, Sendable {
  package enum Meta: UInt32, Sendable {
    case length = 0
    case protocolType = 1
    case mark = 3
    case inputIndex = 4
    case outputIndex = 5
    case inputName = 6
    case outputName = 7
    case networkProtocol = 15
    case transportProtocol = 16
    case packetType = 19
  }

  package enum Base: UInt32, Sendable {
    case link = 0
    case network = 1
    case transport = 2
  }

  package enum Connection: UInt32, Sendable {
    case state = 0
    case direction = 1
    case status = 2
    case mark = 3
    case transportProtocol = 10
    case sourcePort = 11
    case destinationPort = 12
    case sourceAddress = 19
    case destinationAddress = 20

    var hasDirection: Bool { rawValue >= 10 }
  }

  package enum Direction: UInt8, Sendable {
    case original = 0
    case reply = 1
  }

  package enum Comparison: UInt32, Sendable {
    case equal = 0
    case notEqual = 1
    case less = 2
    case lessOrEqual = 3
    case greater = 4
    case greaterOrEqual = 5
  }

  package enum Translation: UInt32, Sendable {
    case source = 0
    case destination = 1
  }

  package enum Refusal: Hashable, Sendable {
    /// ICMP destination unreachable of this code; 13 is administratively prohibited.
    case icmp(code: UInt8)
    case tcpReset
  }

  case meta(Meta, to: NFTRegister)
  case setMeta(Meta, from: NFTRegister)
  case payload(Base, offset: UInt32, length: UInt32, to: NFTRegister)
  /// Writes into the packet, and sets the 16-bit checksum at `checksum` of the same header right. `isInPseudoHeader`: the checksum of
  /// the transport protocol, where it has one that covers what is written, too.
  case setPayload(
    Base, offset: UInt32, length: UInt32, from: NFTRegister, checksum: UInt32, isInPseudoHeader: Bool = false)
  /// The direction counts for addresses, ports and the protocol only.
  case connection(Connection, Direction? = nil, to: NFTRegister)
  case setConnectionMark(from: NFTRegister)
  /// `value` has as many bytes as are compared.
  case compare(Comparison, NFTRegister, [UInt8])
  /// `mask` and `xor` have the same length.
  case bitwise(from: NFTRegister, mask: [UInt8], xor: [UInt8], to: NFTRegister)
  case immediate([UInt8], to: NFTRegister)
  case verdict(NFTVerdict)
  /// Whether the key is in the set.
  case lookup(String, key: NFTRegister, inverted: Bool = false)
  /// The value the map has for the key; the rule ends where there is none.
  case map(String, key: NFTRegister, to: NFTRegister)
  /// The verdict the map has for the key.
  case verdictMap(String, key: NFTRegister)
  case nat(Translation, address: NFTRegister, port: NFTRegister? = nil)
  case masquerade
  /// `offset` + hash of `length` bytes mod `modulus`.
  case hash(NFTRegister, length: UInt32, modulus: UInt32, seed: UInt32 = 0, offset: UInt32 = 0, to: NFTRegister)
  /// `offset` + the symmetric hash of the flow mod `modulus`.
  case symmetricHash(modulus: UInt32, offset: UInt32 = 0, to: NFTRegister)
  case counting(modulus: UInt32, offset: UInt32 = 0, to: NFTRegister)
  case counter
  case reject(Refusal)
  /// At most `rate` packets in `seconds`, and `burst` at once.
  case limit(rate: UInt64, seconds: UInt64 = 1, burst: UInt32 = 5)
  case untracked

  package static func sourceAddress(to register: NFTRegister) -> NFTExpression {
    .payload(.network, offset: 12, length: 4, to: register)
  }
  package static func destinationAddress(to register: NFTRegister) -> NFTExpression {
    .payload(.network, offset: 16, length: 4, to: register)
  }
  package static func setSourceAddress(from register: NFTRegister) -> NFTExpression {
    .setPayload(.network, offset: 12, length: 4, from: register, checksum: 10, isInPseudoHeader: true)
  }
  package static func setDestinationAddress(from register: NFTRegister) -> NFTExpression {
    .setPayload(.network, offset: 16, length: 4, from: register, checksum: 10, isInPseudoHeader: true)
  }
  package static func sourcePort(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 0, length: 2, to: register)
  }
  package static func destinationPort(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 2, length: 2, to: register)
  }
  package static func tcpFlags(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 13, length: 1, to: register)
  }
  package static func sourceHardwareAddress(to register: NFTRegister) -> NFTExpression {
    .payload(.link, offset: 6, length: 6, to: register)
  }

  /// Only packets whose connection state is one of the bits: invalid 1, established 2, related 4, new 8, untracked 64.
  package static func connectionState(_ bits: UInt32) -> [NFTExpression] {
    [
      .connection(.state, to: 0),
      .bitwise(from: 0, mask: hostBytes(bits), xor: [0, 0, 0, 0], to: 0),
      .compare(.notEqual, 0, [0, 0, 0, 0]),
    ]
  }

  /// Only packets of this transport protocol: 1 ICMP, 6 TCP, 17 UDP.
  package static func transportProtocol(_ number: UInt8) -> [NFTExpression] {
    [.meta(.transportProtocol, to: 0), .compare(.equal, 0, [number])]
  }

  package static func setMark(_ mark: UInt32) -> [NFTExpression] {
    [.immediate(hostBytes(mark), to: 0), .setMeta(.mark, from: 0)]
  }

  /// The bytes of a mark or link index, in the machine's order.
  package static func hostBytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

  /// A fingerprint of what a rule does, the same as the kernel's copy of it has.
  package static func digest(_ expressions: [NFTExpression], family: NFTFamily = .ipv4) -> UInt64 {
    var buffer = NetlinkBuffer()
    NFTExpression.write(expressions, family: family, &buffer)
    return buffer.bytes.withUnsafeBytes { bytes in
      guard let list = NetlinkAttributes(bytes).first(where: { _ in true }) else { return 0 }
      return digest(list: list.payload)
    }
  }
}
