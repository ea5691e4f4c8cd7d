/// How a value begins in the compact coding; the value follows. Numbers are stored for ever.
///
/// Lengths and numbers are varints: seven bits per byte, the lowest first, all but the last byte with the top bit set.
package enum Tag {
  /// The end of a list.
  package static let end: UInt8 = 0
  package static let no: UInt8 = 1
  package static let yes: UInt8 = 2
  package static let null: UInt8 = 3
  /// A varint.
  package static let natural: UInt8 = 4
  /// The varint of the bits inverted.
  package static let negative: UInt8 = 5
  /// Eight bytes, the lowest first.
  package static let double: UInt8 = 6
  /// Length and UTF-8.
  package static let text: UInt8 = 7
  /// Length and bytes.
  package static let bytes: UInt8 = 8
  package static let uuid: UInt8 = 9
  /// Four bytes, the highest first.
  package static let ipv4: UInt8 = 10
  /// As `ipv4`, then the length.
  package static let ipv4Prefix: UInt8 = 11
  /// Six bytes.
  package static let mac: UInt8 = 12
  /// Fields: the name's number (a varint) and the value, until the number 0.
  package static let fields: UInt8 = 13
  /// Values until `end`.
  package static let list: UInt8 = 14
  /// Length, and a value that only a key opens; see `Secrets`.
  package static let sealed: UInt8 = 15
  /// From here on, a natural number below 96.
  package static let small: UInt8 = 0x20
  /// From here on, UTF-8 of a length below 128.
  package static let shortText: UInt8 = 0x80
}
