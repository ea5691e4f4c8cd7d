package import Addresses
package import FoundationEssentials

/// Reads fields of a body one after the other. Where each begins is found once, as fields may come, go and change places.
package struct FieldReader: FieldCoder {
  private let body: Body
  /// Where the next value begins.
  private var position = 0
  /// The fields of the values that are being read, those of the innermost last.
  private var found: [Field] = []
  private var first = 0
  /// The place in `found` at which the next field is expected.
  private var next = 0

  private struct Field {
    let name: Body.Name
    let place: Int
  }

  package init(_ body: Body) { self.body = body }

  package var isReading: Bool { true }

  package mutating func begin(_ name: String) throws -> Bool {
    if next < found.count, isField(next, name) { return step(to: next) }
    for field in first..<found.count where isField(field, name) { return step(to: field) }
    return false
  }

  private func isField(_ field: Int, _ name: String) -> Bool {
    switch found[field].name {
    case .known(let code): FieldNames.name(of: code) == name
    case .spelled(let range): body.bytes[range].elementsEqual(name.utf8)
    }
  }

  private mutating func step(to field: Int) -> Bool {
    next = field + 1
    position = found[field].place
    return !body.isNull(at: position)
  }

  package func missing(_ name: String) -> any Error { Body.malformed("there is no \(name)") }

  package mutating func value(_ value: inout UUID) throws { value = try body.value(UUID.self, at: position) }
  package mutating func value(_ value: inout String) throws { value = try body.value(String.self, at: position) }
  package mutating func value(_ value: inout Bool) throws { value = try body.value(Bool.self, at: position) }
  package mutating func value(_ value: inout Int) throws { value = try body.value(Int.self, at: position) }
  package mutating func value(_ value: inout UInt64) throws { value = try body.value(UInt64.self, at: position) }
  package mutating func value(_ value: inout UInt16) throws { value = try body.value(UInt16.self, at: position) }
  package mutating func value(_ value: inout UInt8) throws { value = try body.value(UInt8.self, at: position) }
  package mutating func value(_ value: inout Date) throws { value = try body.value(Date.self, at: position) }
  package mutating func value(_ value: inout IPv4) throws { value = try body.value(IPv4.self, at: position) }
  package mutating func value(_ value: inout IPv4Prefix) throws {
    value = try body.value(IPv4Prefix.self, at: position)
  }
  package mutating func value(_ value: inout MAC) throws { value = try body.value(MAC.self, at: position) }
  package mutating func value(_ value: inout [UInt8]) throws { value = try body.value([UInt8].self, at: position) }

  package mutating func codable<Value: Codable>(_ value: inout Value) throws {
    value = try body.value(Value.self, at: position)
  }

  package mutating func fields(_ read: (inout FieldReader) throws -> Void) throws {
    let (outer, after) = (first, next)
    first = found.count
    next = first
    var place = try body.begin(Tag.fields, at: position)
    while let name = try body.name(&place) {
      found.append(Field(name: name, place: place))
      try body.skip(&place)
    }
    try read(&self)
    found.removeLast(found.count - first)
    (first, next) = (outer, after)
  }

  package mutating func elements<Element>(
    _ list: inout [Element], _ blank: Element, _ read: (inout FieldReader, inout Element) throws -> Void
  ) throws {
    list = []
    var place = try body.begin(Tag.list, at: position)
    while !body.ends(at: place) {
      position = place
      try body.skip(&place)
      var element = blank
      try read(&self, &element)
      list.append(element)
    }
  }
}
