internal import Addresses
package import FoundationEssentials

/// Bytes of the compact coding. Whatever they are, reading them ends in a value or an error.
package final class Body {
  package let bytes: [UInt8]
  private let end: Int

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = Array(bytes)
    end = bytes.count
  }

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    end = bytes.count
  }

  package static func malformed(_ what: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: [], debugDescription: what))
  }

  package func byte(_ position: inout Int) throws -> UInt8 {
    guard position < end else { throw Self.malformed("the bytes end within a value") }
    defer { position += 1 }
    return bytes[position]
  }

  package func varint(_ position: inout Int) throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte(&position)
      guard shift < 63 || next < 2 else { throw Self.malformed("a number is too large") }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  package func range(_ position: inout Int, _ count: UInt64) throws -> Range<Int> {
    guard count <= UInt64(end - position) else { throw Self.malformed("the bytes end within a value") }
    defer { position += Int(count) }
    return position..<position + Int(count)
  }

  package func counted(_ position: inout Int) throws -> Range<Int> {
    let count = try varint(&position)
    return try range(&position, count)
  }

  package func isNull(at position: Int) -> Bool { position < end && bytes[position] == Tag.null }
  package func ends(at position: Int) -> Bool { position >= end || bytes[position] == Tag.end }

  /// Moves behind the value at `position`.
  package func skip(_ position: inout Int) throws {
    let tag = try byte(&position)
    if tag >= Tag.shortText {
      _ = try range(&position, UInt64(tag - Tag.shortText))
      return
    }
    if tag >= Tag.small { return }
    switch tag {
    case Tag.no, Tag.yes, Tag.null: return
    case Tag.natural, Tag.negative: _ = try varint(&position)
    case Tag.double: _ = try range(&position, 8)
    case Tag.text, Tag.bytes, Tag.sealed: _ = try counted(&position)
    case Tag.uuid: _ = try range(&position, 16)
    case Tag.ipv4: _ = try range(&position, 4)
    case Tag.ipv4Prefix: _ = try range(&position, 5)
    case Tag.mac: _ = try range(&position, 6)
    case Tag.list:
      while !ends(at: position) { try skip(&position) }
      _ = try byte(&position)
    case Tag.fields:
      while try name(&position) != nil { try skip(&position) }
    default: throw Self.malformed("there is no value that begins with \(tag)")
    }
  }

  package enum Name: Equatable {
    case known(Int)
    case spelled(Range<Int>)
  }

  /// The name of the next field; `nil` at the end of the fields.
  package func name(_ position: inout Int) throws -> Name? {
    let code = try varint(&position)
    switch Int(truncatingIfNeeded: code) {
    case FieldNames.end: return nil
    case FieldNames.spelled: return .spelled(try counted(&position))
    case let code: return .known(code)
    }
  }

  package func value<Value: Decodable>(_ type: Value.Type, at start: Int) throws -> Value {
    func same<Other>(_ value: Other) -> Value { unsafeBitCast(value, to: Value.self) }
    var position = start
    if Value.self == UUID.self {
      try expect(Tag.uuid, &position)
      return same(try uuid(&position))
    } else if Value.self == String.self {
      return same(try text(&position))
    } else if Value.self == Bool.self {
      let tag = try byte(&position)
      guard tag == Tag.yes || tag == Tag.no else { throw Self.malformed("\(tag) is not a truth value") }
      return same(tag == Tag.yes)
    } else if Value.self == Int.self {
      return same(try integer(Int.self, &position))
    } else if Value.self == Date.self {
      return same(Date(timeIntervalSinceReferenceDate: try double(&position)))
    } else if Value.self == IPv4.self {
      try expect(Tag.ipv4, &position)
      return same(IPv4(UInt32(truncatingIfNeeded: try bigEndian(&position, count: 4))))
    } else if Value.self == IPv4Prefix.self {
      try expect(Tag.ipv4Prefix, &position)
      let address = IPv4(UInt32(truncatingIfNeeded: try bigEndian(&position, count: 4)))
      let length = try byte(&position)
      guard length <= 32 else { throw Self.malformed("\(length) is not the length of a prefix") }
      return same(IPv4Prefix(address, length: Int(length)))
    } else if Value.self == MAC.self {
      try expect(Tag.mac, &position)
      return same(MAC(try bigEndian(&position, count: 6)))
    } else if Value.self == [UInt8].self {
      try expect(Tag.bytes, &position)
      return same(Array(bytes[try counted(&position)]))
    } else if Value.self == Data.self {
      try expect(Tag.bytes, &position)
      return same(Data(bytes[try counted(&position)]))
    } else if Value.self == UInt64.self {
      return same(try integer(UInt64.self, &position))
    } else if Value.self == UInt16.self {
      return same(try integer(UInt16.self, &position))
    } else if Value.self == UInt8.self {
      return same(try integer(UInt8.self, &position))
    } else if Value.self == Int64.self {
      return same(try integer(Int64.self, &position))
    } else if Value.self == UInt32.self {
      return same(try integer(UInt32.self, &position))
    } else if Value.self == Int32.self {
      return same(try integer(Int32.self, &position))
    } else if Value.self == UInt.self {
      return same(try integer(UInt.self, &position))
    } else if Value.self == Int16.self {
      return same(try integer(Int16.self, &position))
    } else if Value.self == Int8.self {
      return same(try integer(Int8.self, &position))
    } else if Value.self == Double.self {
      return same(try double(&position))
    } else if Value.self == Float.self {
      return same(Float(try double(&position)))
    } else {
      return try Value(from: BodyDecoder(body: self, position: start))
    }
  }

  private func expect(_ tag: UInt8, _ position: inout Int) throws {
    let found = try byte(&position)
    guard found == tag else { throw Self.malformed("there is \(found) where \(tag) should be") }
  }

  package func begin(_ tag: UInt8, at start: Int) throws -> Int {
    var position = start
    try expect(tag, &position)
    return position
  }

  package func uuid(_ position: inout Int) throws -> UUID {
    let range = try range(&position, 16)
    return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: uuid_t.self)) }
  }

  private func bigEndian(_ position: inout Int, count: Int) throws -> UInt64 {
    bytes[try range(&position, UInt64(count))].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func double(_ position: inout Int) throws -> Double {
    try expect(Tag.double, &position)
    let range = try range(&position, 8)
    let bits = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self) }
    return Double(bitPattern: UInt64(littleEndian: bits))
  }

  private func text(_ position: inout Int) throws -> String {
    let tag = try byte(&position)
    let range: Range<Int>
    if tag >= Tag.shortText {
      range = try self.range(&position, UInt64(tag - Tag.shortText))
    } else if tag == Tag.text {
      range = try counted(&position)
    } else {
      throw Self.malformed("there is \(tag) where a text should be")
    }
    return try string(range)
  }

  package func string(_ range: Range<Int>) throws -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw Self.malformed("a text is not UTF-8")
    }
    return text
  }

  private func integer<Integer: FixedWidthInteger>(_ type: Integer.Type, _ position: inout Int) throws -> Integer {
    let tag = try byte(&position)
    var value: Integer?
    if tag >= Tag.small, tag < Tag.shortText {
      value = Integer(exactly: tag - Tag.small)
    } else if tag == Tag.natural {
      value = Integer(exactly: try varint(&position))
    } else if tag == Tag.negative {
      value = Int64(exactly: try varint(&position)).flatMap { Integer(exactly: ~$0) }
    }
    guard let value else { throw Self.malformed("there is no \(type) at byte \(position)") }
    return value
  }
}

/// Reads the value at one place of a body.
struct BodyDecoder: Decoder {
  let body: Body
  let position: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(FieldDecoder<Key>(body, start: try body.begin(Tag.fields, at: position)))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    ListDecoder(body: body, next: try body.begin(Tag.list, at: position))
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { ValueDecoder(body: body, position: position) }
}

/// Fields are mostly asked for in the order in which they were written, so the search begins where the last one ended.
private final class FieldDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let body: Body
  private let start: Int
  private var next: Int

  init(_ body: Body, start: Int) {
    self.body = body
    self.start = start
    next = start
  }

  var codingPath: [any CodingKey] { [] }

  var allKeys: [Key] {
    var keys: [Key] = []
    var position = start
    while let name = try? body.name(&position) {
      let text =
        switch name {
        case .known(let code): FieldNames.name(of: code)
        case .spelled(let range): try? body.string(range)
        }
      if let key = text.flatMap(Key.init(stringValue:)) { keys.append(key) }
      guard (try? body.skip(&position)) != nil else { break }
    }
    return keys
  }

  /// Where the value of `key` begins.
  private func find(_ key: Key) throws -> Int? {
    let wanted = key.stringValue
    if let place = try search(wanted, from: next, to: .max) { return place }
    return next == start ? nil : try search(wanted, from: start, to: next)
  }

  private func search(_ wanted: String, from first: Int, to limit: Int) throws -> Int? {
    let code = FieldNames.code(of: wanted)
    var position = first
    while position < limit, let name = try body.name(&position) {
      let value = position
      try body.skip(&position)
      let isFound =
        switch name {
        case .known(let known): known == code
        case .spelled(let range): body.bytes[range].elementsEqual(wanted.utf8)
        }
      if isFound {
        next = position
        return value
      }
    }
    return nil
  }

  func contains(_ key: Key) -> Bool {
    let before = next
    defer { next = before }
    return (try? find(key)) != nil
  }

  private func place(_ key: Key) throws -> Int {
    guard let place = try find(key) else {
      throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "there is no \(key.stringValue)"))
    }
    return place
  }

  func decodeNil(forKey key: Key) throws -> Bool {
    let before = next
    defer { next = before }
    return body.isNull(at: try place(key))
  }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try body.value(type, at: try place(key))
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    guard let place = try find(key), !body.isNull(at: place) else { return nil }
    return try body.value(type, at: place)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try BodyDecoder(body: body, position: try place(key)).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try BodyDecoder(body: body, position: try place(key)).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { throw Body.malformed("there is no class with a superclass") }
  func superDecoder(forKey key: Key) throws -> any Decoder { BodyDecoder(body: body, position: try place(key)) }
}

private struct ListDecoder: UnkeyedDecodingContainer {
  let body: Body
  var next: Int
  var currentIndex = 0
  var codingPath: [any CodingKey] { [] }
  var count: Int? { nil }
  var isAtEnd: Bool { body.ends(at: next) }

  private mutating func place() throws -> Int {
    guard !isAtEnd else { throw Body.malformed("the list is over") }
    let place = next
    try body.skip(&next)
    currentIndex += 1
    return place
  }

  mutating func decodeNil() throws -> Bool {
    guard body.isNull(at: next) else { return false }
    _ = try place()
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try body.value(type, at: try place())
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try BodyDecoder(body: body, position: try place()).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try BodyDecoder(body: body, position: try place()).unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { BodyDecoder(body: body, position: try place()) }
}

private struct ValueDecoder: SingleValueDecodingContainer {
  let body: Body
  let position: Int
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { body.isNull(at: position) }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try body.value(type, at: position) }
}
