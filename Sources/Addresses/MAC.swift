/// An Ethernet address in the low 48 bits of `value`, first octet highest.
package struct MAC: Hashable, Sendable {
  package let value: UInt64

  package init(_ value: UInt64) {
    self.value = value & 0xFFFF_FFFF_FFFF
  }

  /// Parses `aa:bb:cc:dd:ee:ff`.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var value: UInt64 = 0
    for part in parts {
      guard part.utf8.count == 2, part.first?.isHexDigit == true, let octet = UInt64(part, radix: 16) else {
        return nil
      }
      value = value << 8 | octet
    }
    self.value = value
  }

  /// The first six bytes of a link-layer address as the kernel hands it over.
  package init(bytes: some Sequence<UInt8>) {
    self.init(bytes.prefix(6).reduce(0) { $0 << 8 | UInt64($1) })
  }

  package var octets: [UInt8] {
    (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * $0)) }
  }
}

extension MAC: CustomStringConvertible {
  package var description: String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

extension MAC: Codable {
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let address = MAC(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(text) is not an Ethernet address"))
    }
    self = address
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
