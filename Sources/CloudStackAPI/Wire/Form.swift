/// The parameters of one request by the names under which they were sent.
package struct Form: Sendable {
  static let maximumQueryBytes = 64 * 1024
  static let maximumBodyBytes = 1024 * 1024
  static let maximumCount = 512

  package private(set) var values: [String: String] = [:]
  /// The names in the order in which they were last sent, so that of two spellings of a name the later counts.
  private(set) var names: [String] = []

  package init() {}

  /// Reads the query and the form. A repeated parameter counts with its last value; the query wins over the form.
  /// - Throws: `APIError` 400 for what is too long or no form encoding, 431 for too many parameters.
  package init(query: String, body: [UInt8] = []) throws(APIError) {
    guard query.utf8.count <= Self.maximumQueryBytes else {
      throw .malformed("The query is longer than \(Self.maximumQueryBytes) bytes; use POST")
    }
    guard body.count <= Self.maximumBodyBytes else {
      throw .malformed("The body is longer than \(Self.maximumBodyBytes) bytes")
    }
    var count = 0
    try read(body, &count)
    try read(Array(query.utf8), &count)
  }

  private mutating func read(_ bytes: [UInt8], _ count: inout Int) throws(APIError) {
    for pair in bytes.split(separator: UInt8(ascii: "&")) {
      count += 1
      guard count <= Self.maximumCount else {
        throw .parameter("More than \(Self.maximumCount) parameters")
      }
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      let name = try Self.decoded(pair[..<equals])
      if name.isEmpty { continue }
      set(name, try Self.decoded(pair[equals...].dropFirst()))
    }
  }

  package mutating func set(_ name: String, _ value: String) {
    if values.updateValue(value, forKey: name) != nil { names.removeAll { $0 == name } }
    names.append(name)
  }

  package subscript(name: String) -> String? { values[name] }

  /// A value whatever the case of its name.
  func anyCase(_ name: String) -> String? {
    if let value = values[name] { return value }
    let wanted = name.lowercased()
    return names.last { $0.lowercased() == wanted }.flatMap { values[$0] }
  }

  private static func decoded(_ bytes: ArraySlice<UInt8>) throws(APIError) -> String {
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "+"): plain.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard index + 2 < bytes.endIndex, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2]) else {
          throw .malformed("A percent sign in the parameters is not followed by two hexadecimal digits")
        }
        plain.append(high << 4 | low)
        index += 2
      default: plain.append(byte)
      }
      index += 1
    }
    guard let text = String(validating: plain, as: UTF8.self) else {
      throw .malformed("The parameters are not UTF-8")
    }
    return text
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
