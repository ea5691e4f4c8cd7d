/// An IPv4 network in CIDR form; `address` keeps no host bits.
package struct IPv4Prefix: Hashable, Sendable {
  package let address: IPv4
  package let length: Int

  /// Host bits of `address` are cleared. `length` is 0 to 32.
  package init(_ address: IPv4, length: Int) {
    precondition((0...32).contains(length), "a prefix length is 0 to 32")
    self.length = length
    self.address = IPv4(address.value & Self.mask(length))
  }

  /// Parses `a.b.c.d/n`; a bare address is a /32. Host bits must be zero unless `strict` is false.
  package init?(_ text: some StringProtocol, strict: Bool = true) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPv4(first) else { return nil }
    var length = 32
    if parts.count == 2 {
      guard parts[1].utf8.count <= 2, parts[1].first?.isNumber == true, let parsed = Int(parts[1]),
        (0...32).contains(parsed)
      else { return nil }
      length = parsed
    }
    self.init(address, length: length)
    if strict && self.address != address { return nil }
  }

  package static let any = IPv4Prefix(.any, length: 0)

  package var netmask: IPv4 { IPv4(Self.mask(length)) }
  package var first: IPv4 { address }
  package var last: IPv4 { IPv4(address.value | ~Self.mask(length)) }
  package var count: Int { 1 << (32 - length) }

  package func contains(_ other: IPv4) -> Bool { other.value & Self.mask(length) == address.value }
  package func contains(_ other: IPv4Prefix) -> Bool { other.length >= length && contains(other.address) }
  package func overlaps(_ other: IPv4Prefix) -> Bool { contains(other.address) || other.contains(address) }

  /// The fewest prefixes that cover exactly the addresses from `first` to `last`.
  package static func covering(_ first: IPv4, _ last: IPv4) -> [IPv4Prefix] {
    var prefixes: [IPv4Prefix] = []
    var next = UInt64(first.value)
    let end = UInt64(last.value)
    while next <= end {
      var length = 32 - (next == 0 ? 32 : min(32, next.trailingZeroBitCount))
      while next + (1 << UInt64(32 - length)) - 1 > end { length += 1 }
      prefixes.append(IPv4Prefix(IPv4(UInt32(next)), length: length))
      next += 1 << UInt64(32 - length)
    }
    return prefixes
  }

  private static func mask(_ length: Int) -> UInt32 {
    length == 0 ? 0 : UInt32.max << UInt32(32 - length)
  }
}

extension IPv4Prefix: CustomStringConvertible {
  package var description: String { "\(address)/\(length)" }
}

extension IPv4Prefix: Codable {
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let prefix = IPv4Prefix(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(text) is not an IPv4 prefix"))
    }
    self = prefix
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
