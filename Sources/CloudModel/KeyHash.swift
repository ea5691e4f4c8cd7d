internal import FoundationEssentials

/// Hashes of keys. Ids and numbers need no more than mixing, with a number that nobody outside knows.
enum KeyHash {
  private static let secret = UInt64.random(in: .min ... .max)

  @inline(__always)
  static func of(_ uuid: UUID) -> UInt64 {
    let (first, second) = uuid.words
    return mix(mix(first ^ secret) &+ second)
  }

  @inline(__always)
  static func of(_ number: UInt64) -> UInt64 { mix(mix(number ^ secret)) }

  static func of(_ text: String) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(text)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = (value ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return high ^ low
  }
}

extension UUID {
  /// Its bytes, eight at a time, to be compared and mixed.
  @inline(__always)
  var words: (UInt64, UInt64) { unsafeBitCast(uuid, to: (UInt64, UInt64).self) }
}
