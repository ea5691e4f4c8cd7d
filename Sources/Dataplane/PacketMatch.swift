import Addresses
import Kernel
import NodePlan

/// Parts of rules.
enum Step {
  static let accept = [NFTExpression.verdict(.accept)]
  static let drop = [NFTExpression.verdict(.drop)]

  static func input(_ link: String) -> [NFTExpression] {
    [.meta(.inputName, to: 0), .compare(.equal, 0, name(link))]
  }
  static func output(_ link: String) -> [NFTExpression] {
    [.meta(.outputName, to: 0), .compare(.equal, 0, name(link))]
  }
  /// Links whose name starts so.
  static func inputStarts(_ prefix: String) -> [NFTExpression] {
    [.meta(.inputName, to: 0), .compare(.equal, 0, Array(prefix.utf8))]
  }
  static let original: [NFTExpression] = [.connection(.direction, to: 0), .compare(.equal, 0, [0])]
  static let reply: [NFTExpression] = [.connection(.direction, to: 0), .compare(.equal, 0, [1])]
  static let invalid = NFTExpression.connectionState(1)
  static let known = NFTExpression.connectionState(2 | 4)
  /// What conntrack is not to know.
  static let untracked = NFTExpression.connectionState(64)
  static let related = NFTExpression.connectionState(4)

  static func protocolNumber(_ number: UInt8) -> [NFTExpression] { NFTExpression.transportProtocol(number) }

  static func port(_ port: UInt16) -> [NFTExpression] {
    [.destinationPort(to: 0), .compare(.equal, 0, bytes(port))]
  }

  static func destination(_ address: IPv4) -> [NFTExpression] {
    [.destinationAddress(to: 0), .compare(.equal, 0, bytes(address))]
  }

  static func bytes(_ port: UInt16) -> [UInt8] { [UInt8(port >> 8), UInt8(port & 255)] }
  static func bytes(_ address: IPv4) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: address.value >> (24 - 8 * $0)) }
  }

  private static func name(_ link: String) -> [UInt8] {
    let bytes = Array(link.utf8.prefix(15))
    return bytes + Array(repeating: 0, count: 16 - bytes.count)
  }

  /// One end of the connection as its first packet had it.
  static func within(_ prefix: IPv4Prefix, _ end: NFTExpression.Connection) -> [NFTExpression] {
    if prefix.length == 0 { return [] }
    var steps: [NFTExpression] = [.connection(end, .original, to: 0)]
    if prefix.length < 32 {
      steps.append(.bitwise(from: 0, mask: bytes(prefix.netmask), xor: [0, 0, 0, 0], to: 0))
    }
    return steps + [.compare(.equal, 0, bytes(prefix.address))]
  }

  /// Matches the first packet of the connection, whichever of its packets is looked at.
  static func match(_ match: Match) -> [NFTExpression] {
    guard match.protocol < 256 else { return [] }
    var steps = protocolNumber(UInt8(match.protocol))
    switch match.protocol {
    case 1:
      guard let type = UInt8(exactly: match.icmpType) else { return steps }
      steps.append(.connection(.destinationPort, .original, to: 0))
      if let code = UInt8(exactly: match.icmpCode) {
        steps.append(.compare(.equal, 0, [type, code]))
      } else {
        steps.append(.bitwise(from: 0, mask: [255, 0], xor: [0, 0], to: 0))
        steps.append(.compare(.equal, 0, [type, 0]))
      }
    case 6, 17, 33, 132, 136:
      let first = UInt16(clamping: match.firstPort)
      let last = UInt16(clamping: match.lastPort)
      if first == 0 && last == .max { return steps }
      steps.append(.connection(.destinationPort, .original, to: 0))
      if first == last {
        steps.append(.compare(.equal, 0, bytes(first)))
      } else {
        steps.append(.compare(.greaterOrEqual, 0, bytes(first)))
        steps.append(.compare(.lessOrEqual, 0, bytes(last)))
      }
    default: break
    }
    return steps
  }
}
