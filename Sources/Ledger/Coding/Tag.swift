/// How a value begins in the compact coding; the value follows. Numbers are stored for ever.
///
/// Lengths and numbers are varints: seven bits per byte, the lowest first, all but the last byte with the top bit set.
enum Tag {
  /// The end of a list.
  static let end: UInt8 = 0
  static let no: UInt8 = 1
  static let yes: UInt8 = 2
  static let null: UInt8 = 3
  /// A varint.
  static let natural: UInt8 = 4
  /// The varint of the bits inverted.
  static let negative: UInt8 = 5
  /// Eight bytes, the lowest first.
  static let double: UInt8 = 6
  /// Length and UTF-8.
  static let text: UInt8 = 7
  /// Length and bytes.
  static let bytes: UInt8 = 8
  static let uuid: UInt8 = 9
  /// Four bytes, the highest first.
  static let ipv4: UInt8 = 10
  /// As `ipv4`, then the length.
  static let ipv4Prefix: UInt8 = 11
  /// Six bytes.
  static let mac: UInt8 = 12
  /// Fields: the name's number (a varint) and the value, until the number 0.
  static let fields: UInt8 = 13
  /// Values until `end`.
  static let list: UInt8 = 14
  /// Length, and a value that only a key opens; see `Secrets`.
  static let sealed: UInt8 = 15
  /// From here on, a natural number below 96.
  static let small: UInt8 = 0x20
  /// From here on, UTF-8 of a length below 128.
  static let shortText: UInt8 = 0x80
}
