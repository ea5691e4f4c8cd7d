internal import FoundationEssentials

struct ResourceKey: Hashable, Comparable, Sendable {
  let kind: String
  let id: UUID

  static func < (left: ResourceKey, right: ResourceKey) -> Bool {
    if left.kind != right.kind { return left.kind < right.kind }
    let (left, right) = (left.words, right.words)
    return left.0 == right.0 ? left.1 < right.1 : left.0 < right.0
  }

  static func == (left: ResourceKey, right: ResourceKey) -> Bool {
    left.words == right.words && left.kind == right.kind
  }

  /// Ids differ between kinds, too.
  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }

  /// Spread over all values; the upper bits most.
  var mixed: UInt64 {
    let (high, low) = words
    return (high ^ (low << 32 | low >> 32)) &* 0x9E37_79B9_7F4A_7C15
  }

  /// In the order of the bytes.
  var words: (UInt64, UInt64) {
    let words = unsafeBitCast(id.uuid, to: (UInt64, UInt64).self)
    return (words.0.bigEndian, words.1.bigEndian)
  }
}
