package import Addresses
package import FoundationEssentials

/// Writes a value in the compact coding. The bytes depend on the value alone.
package final class BodyEncoder: Encoder {
  package let codingPath: [any CodingKey] = []
  package let userInfo: [CodingUserInfoKey: Any] = [:]
  @exclusivity(unchecked) package private(set) var bytes: [UInt8] = []
  /// The containers that are open, the outermost first, each by a number of its own.
  @exclusivity(unchecked) private var open: [Open] = []
  @exclusivity(unchecked) private var opened = 0

  struct Open {
    let number: Int
    /// The byte that closes it.
    let end: UInt8
  }

  package init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

  /// Begins anew, in the same memory.
  package func clear() {
    bytes.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
  }

  package func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(FieldEncoder<Key>(encoder: self, place: begin(Tag.fields, end: UInt8(FieldNames.end))))
  }

  package func unkeyedContainer() -> any UnkeyedEncodingContainer {
    ListEncoder(encoder: self, place: begin(Tag.list, end: Tag.end))
  }

  package func singleValueContainer() -> any SingleValueEncodingContainer { ValueEncoder(encoder: self) }

  /// Where a container stands among the open ones.
  struct Place {
    let depth: Int
    let number: Int
  }

  func begin(_ tag: UInt8, end: UInt8) -> Place {
    bytes.append(tag)
    opened += 1
    open.append(Open(number: opened, end: end))
    return Place(depth: open.count, number: opened)
  }

  /// Closes what was opened inside of `place`, so that its next member can follow.
  func resume(_ place: Place) throws {
    close(to: place.depth)
    guard open.count == place.depth, open.last?.number == place.number else {
      throw EncodingError.invalidValue(
        place.number, .init(codingPath: [], debugDescription: "two containers are written alternately"))
    }
  }

  private func close(to depth: Int) {
    while open.count > depth { bytes.append(open.removeLast().end) }
  }

  /// A value of its own, without a container around it.
  package func whole(_ write: (BodyEncoder) throws -> Void) throws {
    let depth = open.count
    let start = bytes.count
    try write(self)
    if bytes.count == start { _ = begin(Tag.fields, end: UInt8(FieldNames.end)) }
    close(to: depth)
  }

  func append(_ byte: UInt8) { bytes.append(byte) }

  func field(_ name: String) {
    let code = FieldNames.code(of: name)
    bytes.appendVarint(UInt64(code))
    if code == FieldNames.spelled { bytes.appendCounted(name.utf8) }
  }

  func null() { bytes.append(Tag.null) }

  package func write<Value: Encodable>(_ value: Value) throws {
    func same<Other>(_ type: Other.Type) -> Other { unsafeBitCast(value, to: type) }
    if Value.self == UUID.self {
      bytes.append(Tag.uuid)
      bytes.append(same(UUID.self))
    } else if Value.self == String.self {
      write(same(String.self))
    } else if Value.self == Bool.self {
      bytes.append(same(Bool.self) ? Tag.yes : Tag.no)
    } else if Value.self == Int.self {
      write(integer: same(Int.self))
    } else if Value.self == Date.self {
      write(same(Date.self).timeIntervalSinceReferenceDate)
    } else if Value.self == IPv4.self {
      bytes.append(Tag.ipv4)
      bytes.append(same(IPv4.self))
    } else if Value.self == IPv4Prefix.self {
      let prefix = same(IPv4Prefix.self)
      bytes.append(Tag.ipv4Prefix)
      bytes.append(prefix.address)
      bytes.append(UInt8(prefix.length))
    } else if Value.self == MAC.self {
      bytes.append(Tag.mac)
      bytes.appendBigEndian(same(MAC.self).value, count: 6)
    } else if Value.self == [UInt8].self {
      bytes.append(Tag.bytes)
      bytes.appendCounted(same([UInt8].self))
    } else if Value.self == Data.self {
      bytes.append(Tag.bytes)
      bytes.appendCounted(same(Data.self))
    } else if Value.self == UInt64.self {
      write(integer: same(UInt64.self))
    } else if Value.self == UInt16.self {
      write(integer: same(UInt16.self))
    } else if Value.self == UInt8.self {
      write(integer: same(UInt8.self))
    } else if Value.self == Int64.self {
      write(integer: same(Int64.self))
    } else if Value.self == UInt32.self {
      write(integer: same(UInt32.self))
    } else if Value.self == Int32.self {
      write(integer: same(Int32.self))
    } else if Value.self == UInt.self {
      write(integer: same(UInt.self))
    } else if Value.self == Int16.self {
      write(integer: same(Int16.self))
    } else if Value.self == Int8.self {
      write(integer: same(Int8.self))
    } else if Value.self == Double.self {
      write(same(Double.self))
    } else if Value.self == Float.self {
      write(Double(same(Float.self)))
    } else {
      try whole { try value.encode(to: $0) }
    }
  }

  private func write(integer value: some FixedWidthInteger) {
    if value >= 0 {
      if value < Tag.shortText - Tag.small { return bytes.append(Tag.small + UInt8(value)) }
      bytes.append(Tag.natural)
      bytes.appendVarint(UInt64(value))
    } else {
      bytes.append(Tag.negative)
      bytes.appendVarint(UInt64(~value))
    }
  }

  private func write(_ value: Double) {
    bytes.append(Tag.double)
    bytes.appendLittleEndian(value.bitPattern)
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { text in
      if text.count < 128 {
        bytes.append(Tag.shortText + UInt8(text.count))
      } else {
        bytes.append(Tag.text)
        bytes.appendVarint(UInt64(text.count))
      }
      bytes.append(contentsOf: text)
    }
  }
}

private struct FieldEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: BodyEncoder
  let place: BodyEncoder.Place
  var codingPath: [any CodingKey] { [] }

  private func begin(_ key: some CodingKey) throws {
    try encoder.resume(place)
    encoder.field(key.stringValue)
  }

  mutating func encodeNil(forKey key: Key) throws {
    try begin(key)
    encoder.null()
  }

  mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    try begin(key)
    try encoder.write(value)
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    // A misplaced container shows itself with its first member.
    try? begin(key)
    return encoder.container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    try? begin(key)
    return encoder.unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { encoder }
  mutating func superEncoder(forKey key: Key) -> any Encoder {
    try? begin(key)
    return encoder
  }
}

private struct ListEncoder: UnkeyedEncodingContainer {
  let encoder: BodyEncoder
  let place: BodyEncoder.Place
  var count = 0
  var codingPath: [any CodingKey] { [] }

  private mutating func begin() throws {
    try encoder.resume(place)
    count += 1
  }

  mutating func encodeNil() throws {
    try begin()
    encoder.null()
  }

  mutating func encode<Value: Encodable>(_ value: Value) throws {
    try begin()
    try encoder.write(value)
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    try? begin()
    return encoder.container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    try? begin()
    return encoder.unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { encoder }
}

private struct ValueEncoder: SingleValueEncodingContainer {
  let encoder: BodyEncoder
  var codingPath: [any CodingKey] { [] }

  mutating func encodeNil() throws { encoder.null() }
  mutating func encode<Value: Encodable>(_ value: Value) throws { try encoder.write(value) }
}

extension [UInt8] {
  package mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  package mutating func appendCounted(_ bytes: some Collection<UInt8>) {
    appendVarint(UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  package mutating func append(_ uuid: UUID) { Swift.withUnsafeBytes(of: uuid.uuid) { append(contentsOf: $0) } }
  package mutating func append(_ address: IPv4) { appendBigEndian(UInt64(address.value), count: 4) }

  package mutating func appendBigEndian(_ value: UInt64, count: Int) {
    for shift in (0..<count).reversed() { append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8))) }
  }

  package mutating func appendLittleEndian(_ value: UInt64) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
