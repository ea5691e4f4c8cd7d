extension Reply {
  /// Reads JSON text, such as a job's stored result. `nil` when it is none, nested deeper than 32 levels, or
  /// holds a number with an exponent. Members whose value is null are left out.
  package init?(json text: String) {
    var parser = ReplyParser(text)
    guard let value = parser.value(depth: 0), parser.isAtEnd() else { return nil }
    self = value
  }
}

private struct ReplyParser {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == bytes.count
  }

  mutating func value(depth: Int) -> Reply? {
    guard depth < 32 else { return nil }
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return object(depth: depth)
    case UInt8(ascii: "["): return list(depth: depth)
    case UInt8(ascii: "\""): return string().map(Reply.string)
    case UInt8(ascii: "t"): return take("true") ? .boolean(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .boolean(false) : nil
    default: return number()
    }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ text: String) -> Bool {
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func object(depth: Int) -> Reply? {
    guard take("{") else { return nil }
    var fields = Fields()
    skipSpace()
    if take("}") { return .object(fields) }
    while true {
      skipSpace()
      guard let name = string() else { return nil }
      skipSpace()
      guard take(":") else { return nil }
      skipSpace()
      if !take("null") {
        guard let member = value(depth: depth + 1) else { return nil }
        fields.add(name, member)
      }
      skipSpace()
      if take("}") { return .object(fields) }
      guard take(",") else { return nil }
    }
  }

  private mutating func list(depth: Int) -> Reply? {
    guard take("[") else { return nil }
    var elements: [Reply] = []
    skipSpace()
    if take("]") { return .list(elements) }
    while true {
      guard let element = value(depth: depth + 1) else { return nil }
      elements.append(element)
      skipSpace()
      if take("]") { return .list(elements) }
      guard take(",") else { return nil }
    }
  }

  private mutating func number() -> Reply? {
    let start = position
    skipDigits()
    let whole = String(decoding: bytes[start..<position], as: UTF8.self)
    guard peek == UInt8(ascii: "."), Int(whole) != nil else { return Int(whole).map(Reply.integer) }
    position += 1
    let fraction = position
    skipDigits()
    guard position > fraction, !bytes[fraction..<position].contains(UInt8(ascii: "-")) else { return nil }
    return .decimal(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func skipDigits() {
    while let byte = peek, byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      position += 1
    }
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var units: [UInt16] = []
    var pending: [UInt8] = []
    func flushed(_ bytes: [UInt8]) -> String.UTF16View { String(decoding: bytes, as: UTF8.self).utf16 }
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        units += flushed(pending)
        return String(decoding: units, as: UTF16.self)
      case UInt8(ascii: "\\"):
        units += flushed(pending)
        pending = []
        guard let unit = escape() else { return nil }
        units.append(unit)
      default: pending.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> UInt16? {
    guard let byte = peek else { return nil }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "u"):
      guard position + 4 <= bytes.count else { return nil }
      defer { position += 4 }
      return UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    default: return UInt16(byte)
    }
  }
}
