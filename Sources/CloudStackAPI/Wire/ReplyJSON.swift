extension Reply {
  /// JSON on one line. Only `"`, `\` and control characters are escaped.
  package var json: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1024)
    writeJSON(to: &bytes)
    return bytes
  }

  private func writeJSON(to bytes: inout [UInt8]) {
    switch self {
    case .string(let text): Self.writeJSON(text, to: &bytes)
    case .integer(let number): bytes += String(number).utf8
    case .decimal(let text): bytes += text.utf8
    case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
    case .list(let elements):
      bytes.append(UInt8(ascii: "["))
      for (position, element) in elements.enumerated() {
        if position > 0 { bytes.append(UInt8(ascii: ",")) }
        element.writeJSON(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let fields):
      bytes.append(UInt8(ascii: "{"))
      for (position, member) in fields.members.enumerated() {
        if position > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.writeJSON(member.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.writeJSON(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func writeJSON(_ text: String, to bytes: inout [UInt8]) {
    var text = text
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { utf8 in
      if needsNoEscape(utf8) { bytes.append(contentsOf: utf8) } else { escape(utf8, to: &bytes) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Looks at all of them, as that is done many at a time.
  private static func needsNoEscape(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    var found: UInt8 = 0
    for byte in utf8 {
      found |= byte < 0x20 ? 1 : 0
      found |= byte == UInt8(ascii: "\"") ? 1 : 0
      found |= byte == UInt8(ascii: "\\") ? 1 : 0
      found |= byte == 0x7F ? 1 : 0
    }
    return found == 0
  }

  private static func escape(_ utf8: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += #"\""#.utf8
      case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
      case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
      case UInt8(ascii: "\r"): bytes += #"\r"#.utf8
      case UInt8(ascii: "\t"): bytes += #"\t"#.utf8
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        bytes += #"\u00"#.utf8
        if digits.utf8.count == 1 { bytes.append(UInt8(ascii: "0")) }
        bytes += digits.utf8
      default: bytes.append(byte)
      }
    }
  }
}
