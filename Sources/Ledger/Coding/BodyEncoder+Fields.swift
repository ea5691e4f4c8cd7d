internal import Addresses
internal import CloudModel
internal import FoundationEssentials

extension BodyEncoder {
  func write(_ resource: some Resource) throws {
    var coder = self
    if try !resource.write(&coder) { try whole { try resource.write(to: $0) } }
  }

  /// The bytes that its `Codable` makes, which each revision would feel.
  func write(_ cause: Cause) throws {
    var cause = cause
    try fields { coder in
      try coder.field("actor", &cause.actor)
      try coder.field("command", &cause.command)
      try coder.field("job", &cause.job)
    }
  }
}

extension BodyEncoder: FieldCoder {
  var isReading: Bool { false }

  func begin(_ name: String) -> Bool {
    field(name)
    return true
  }

  func missing(_ name: String) -> any Error { Body.malformed("there is no \(name)") }

  func value(_ value: inout UUID) throws { try write(value) }
  func value(_ value: inout String) throws { try write(value) }
  func value(_ value: inout Bool) throws { try write(value) }
  func value(_ value: inout Int) throws { try write(value) }
  func value(_ value: inout UInt64) throws { try write(value) }
  func value(_ value: inout UInt16) throws { try write(value) }
  func value(_ value: inout UInt8) throws { try write(value) }
  func value(_ value: inout Date) throws { try write(value) }
  func value(_ value: inout IPv4) throws { try write(value) }
  func value(_ value: inout IPv4Prefix) throws { try write(value) }
  func value(_ value: inout MAC) throws { try write(value) }
  func value(_ value: inout [UInt8]) throws { try write(value) }
  func codable<Value: Codable>(_ value: inout Value) throws { try write(value) }

  func fields(_ body: (inout BodyEncoder) throws -> Void) throws {
    append(Tag.fields)
    var coder = self
    try body(&coder)
    append(UInt8(FieldNames.end))
  }

  func elements<Element>(
    _ list: inout [Element], _ blank: Element, _ body: (inout BodyEncoder, inout Element) throws -> Void
  ) throws {
    append(Tag.list)
    var coder = self
    for element in list {
      var element = element
      try body(&coder, &element)
    }
    append(Tag.end)
  }
}
