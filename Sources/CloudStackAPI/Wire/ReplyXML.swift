extension Reply {
  /// An XML document whose root is called `root`. Lists have no wrapper: their elements repeat under the member's name.
  package func xml(root: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1024)
    bytes += #"<?xml version="1.0" encoding="UTF-8"?>"#.utf8
    writeXML(named: root, to: &bytes)
    return bytes
  }

  private func writeXML(named name: String, to bytes: inout [UInt8]) {
    if case .list(let elements) = self {
      for element in elements { element.writeXML(named: name, to: &bytes) }
      return
    }
    Self.writeTag(name, opening: true, to: &bytes)
    switch self {
    case .string(let text): Self.writeXML(text, to: &bytes)
    case .integer(let number): bytes += String(number).utf8
    case .decimal(let text): bytes += text.utf8
    case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
    case .object(let fields):
      for member in fields.members { member.value.writeXML(named: member.name, to: &bytes) }
    case .list: break
    }
    Self.writeTag(name, opening: false, to: &bytes)
  }

  private static func writeTag(_ name: String, opening: Bool, to bytes: inout [UInt8]) {
    bytes += (opening ? "<" : "</").utf8
    bytes += name.utf8
    bytes.append(UInt8(ascii: ">"))
  }

  /// Characters that XML cannot hold at all are written as U+FFFD.
  private static func writeXML(_ text: String, to bytes: inout [UInt8]) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": bytes += "&amp;".utf8
      case "<": bytes += "&lt;".utf8
      case ">": bytes += "&gt;".utf8
      case "\"": bytes += "&quot;".utf8
      case "'": bytes += "&apos;".utf8
      case "\n", "\r", "\t": bytes.append(UInt8(scalar.value))
      case "\0"..<" ", "\u{FFFE}", "\u{FFFF}": bytes += "\u{FFFD}".utf8
      default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
      }
    }
  }
}
