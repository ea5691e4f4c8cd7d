/// An IPv4 address; `value` is in host byte order.
package struct IPv4: Hashable, Sendable, Comparable {
  package let value: UInt32

  package init(_ value: UInt32) {
    self.value = value
  }

  /// Parses dotted-quad notation; `nil` for anything else (no leading zeros, no short forms).
  package init?(_ text: some StringProtocol) {
    var value: UInt32 = 0
    var octets = 0
    for part in text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      var octet: UInt32 = 0
      for byte in part {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
      }
      guard octet < 256 else { return nil }
      value = value << 8 | octet
      octets += 1
      guard octets <= 4 else { return nil }
    }
    guard octets == 4 else { return nil }
    self.value = value
  }

  package init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
    value = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
  }

  package static let any = IPv4(0)
  package static let loopback = IPv4(127, 0, 0, 1)

  package static func < (left: IPv4, right: IPv4) -> Bool { left.value < right.value }

  package func advanced(by distance: UInt32) -> IPv4 { IPv4(value &+ distance) }
}

extension IPv4: CustomStringConvertible {
  package var description: String {
    String(unsafeUninitializedCapacity: 15) { text in
      var place = 0
      func put(_ byte: UInt8) {
        text[place] = byte
        place += 1
      }
      for shift: UInt32 in [24, 16, 8, 0] {
        let octet = UInt8(truncatingIfNeeded: value >> shift)
        if shift < 24 { put(UInt8(ascii: ".")) }
        if octet >= 100 { put(UInt8(ascii: "0") + octet / 100) }
        if octet >= 10 { put(UInt8(ascii: "0") + octet / 10 % 10) }
        put(UInt8(ascii: "0") + octet % 10)
      }
      return place
    }
  }
}

extension IPv4: Codable {
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let address = IPv4(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(text) is not an IPv4 address"))
    }
    self = address
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
