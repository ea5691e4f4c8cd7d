package import Addresses
package import FoundationEssentials

extension BodyEncoder: FieldCoder {
  package var isReading: Bool { false }

  package func begin(_ name: String) -> Bool {
    field(name)
    return true
  }

  package func missing(_ name: String) -> any Error { Body.malformed("there is no \(name)") }

  package func value(_ value: inout UUID) throws { try write(value) }
  package func value(_ value: inout String) throws { try write(value) }
  package func value(_ value: inout Bool) throws { try write(value) }
  package func value(_ value: inout Int) throws { try write(value) }
  package func value(_ value: inout UInt64) throws { try write(value) }
  package func value(_ value: inout UInt16) throws { try write(value) }
  package func value(_ value: inout UInt8) throws { try write(value) }
  package func value(_ value: inout Date) throws { try write(value) }
  package func value(_ value: inout IPv4) throws { try write(value) }
  package func value(_ value: inout IPv4Prefix) throws { try write(value) }
  package func value(_ value: inout MAC) throws { try write(value) }
  package func value(_ value: inout [UInt8]) throws { try write(value) }
  package func codable<Value: Codable>(_ value: inout Value) throws { try write(value) }

  package func fields(_ body: (inout BodyEncoder) throws -> Void) throws {
    append(Tag.fields)
    var coder = self
    try body(&coder)
    append(UInt8(FieldNames.end))
  }

  package func elements<Element>(
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
