/// A mail address that is safe in a header and in an SMTP command: no quoting, no white space, ASCII only.
package struct MailAddress: Sendable, Hashable, Codable, CustomStringConvertible {
  package let description: String

  package init?(_ text: String) {
    guard text.utf8.count <= 254 else { return nil }
    let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].count), Self.isLocal(parts[0]), Self.isDomain(parts[1]) else {
      return nil
    }
    description = text
  }

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let address = MailAddress(text) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no mail address"))
    }
    self = address
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// One inbox, however its domain is written.
  var key: String {
    let parts = description.split(separator: "@")
    return "\(parts[0])@\(parts[1].lowercased())"
  }

  private static func isLocal(_ bytes: Substring.UTF8View) -> Bool {
    bytes.first != UInt8(ascii: ".") && bytes.last != UInt8(ascii: ".")
      && bytes.allSatisfy { isLetter($0) || "!#$&'*+-/=?^_{|}~.".utf8.contains($0) }
  }

  private static func isDomain(_ bytes: Substring.UTF8View) -> Bool {
    let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.count > 1
      && labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
          && label.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "-") }
      }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }
}
