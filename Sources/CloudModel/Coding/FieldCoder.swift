package import Addresses
package import FoundationEssentials

/// Goes through the fields of a value in the order in which they are stored, to write them or to read them. The bytes are
/// those of Codable, which takes about three times as long: its containers are made anew for each kind of value.
package protocol FieldCoder {
  /// Whether fields are read; otherwise they are written.
  var isReading: Bool { get }

  /// Goes to a field, whose value is next. When reading, returns whether it is there and has a value.
  mutating func begin(_ name: String) throws -> Bool
  /// The error that there is no such field.
  func missing(_ name: String) -> any Error

  mutating func value(_ value: inout UUID) throws
  mutating func value(_ value: inout String) throws
  mutating func value(_ value: inout Bool) throws
  mutating func value(_ value: inout Int) throws
  mutating func value(_ value: inout UInt64) throws
  mutating func value(_ value: inout UInt16) throws
  mutating func value(_ value: inout UInt8) throws
  mutating func value(_ value: inout Date) throws
  mutating func value(_ value: inout IPv4) throws
  mutating func value(_ value: inout IPv4Prefix) throws
  mutating func value(_ value: inout MAC) throws
  mutating func value(_ value: inout [UInt8]) throws
  /// Whatever else there is, by Codable.
  mutating func codable<Value: Codable>(_ value: inout Value) throws
  /// A value that consists of fields.
  mutating func fields(_ body: (inout Self) throws -> Void) throws
  /// A list. `blank` is what each element is read into.
  mutating func elements<Element>(
    _ list: inout [Element], _ blank: Element, _ body: (inout Self, inout Element) throws -> Void) throws
}

/// A kind whose resources are so many that their coding is felt. Its fields are told here once more, in the order of their
/// declaration.
package protocol FieldCoded: Resource {
  /// What is read into.
  init(reading id: ID<Self>)
  /// Goes through all fields but the id, which is the first.
  mutating func code(_ coder: inout some FieldCoder) throws
}

extension FieldCoded {
  package static func read(_ body: Body) throws -> Self {
    var reader = FieldReader(body)
    var value = Self(reading: .zero)
    try reader.fields { reader in
      var id = ID<Self>.zero
      try reader.field("id", &id)
      value = Self(reading: id)
      try value.code(&reader)
    }
    return value
  }

  package func write(to encoder: BodyEncoder) throws {
    var value = self
    try encoder.fields { encoder in
      var id = value.id
      try encoder.field("id", &id)
      try value.code(&encoder)
    }
  }
}

extension ID {
  /// The id of nothing.
  package static var zero: ID { ID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))) }
}

// MARK: - Fields that are always there

extension FieldCoder {
  @inline(__always)
  private mutating func require(_ name: String) throws {
    if try !begin(name) { throw missing(name) }
  }

  package mutating func field(_ name: String, _ value: inout UUID) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout String) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout Bool) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout Int) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout UInt64) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout UInt16) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout Date) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout IPv4) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout MAC) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout [UInt8]) throws {
    try require(name)
    try self.value(&value)
  }

  package mutating func field(_ name: String, _ value: inout IPProtocol) throws {
    try require(name)
    try self.value(&value.rawValue)
  }

  package mutating func field<R>(_ name: String, _ id: inout ID<R>) throws {
    try require(name)
    try value(&id)
  }

  package mutating func field<Value: RawRepresentable<String>>(_ name: String, _ value: inout Value) throws {
    try require(name)
    var text = isReading ? "" : value.rawValue
    try self.value(&text)
    if isReading { value = try Value(rawValue: text).orThrow(missing("\(name) that is \(text)")) }
  }

  package mutating func field<Value: RawRepresentable<Int>>(_ name: String, _ value: inout Value) throws {
    try require(name)
    var number = isReading ? 0 : value.rawValue
    try self.value(&number)
    if isReading { value = try Value(rawValue: number).orThrow(missing("\(name) that is \(number)")) }
  }

  package mutating func field(_ name: String, _ ports: inout PortRange) throws {
    try require(name)
    try value(&ports)
  }

  package mutating func field<R>(_ name: String, _ ids: inout [ID<R>]) throws {
    try require(name)
    try elements(&ids, .zero) { try $0.value(&$1) }
  }

  package mutating func field(_ name: String, _ prefixes: inout [IPv4Prefix]) throws {
    try require(name)
    try elements(&prefixes, IPv4Prefix(.any, length: 0)) { try $0.value(&$1) }
  }

  package mutating func value<R>(_ id: inout ID<R>) throws {
    var uuid = id.uuid
    try value(&uuid)
    if isReading { id = ID(uuid) }
  }

  package mutating func value(_ ports: inout PortRange) throws {
    try fields { coder in
      try coder.field("first", &ports.first)
      try coder.field("last", &ports.last)
    }
  }
}

// MARK: - Fields that may be missing

extension FieldCoder {
  package mutating func field(_ name: String, _ value: inout UUID?) throws {
    try field(name, &value, ID<Never>.zero.uuid) { try $0.value(&$1) }
  }

  package mutating func field(_ name: String, _ value: inout String?) throws {
    try field(name, &value, "") { try $0.value(&$1) }
  }

  package mutating func field(_ name: String, _ value: inout Bool?) throws {
    try field(name, &value, false) { try $0.value(&$1) }
  }

  package mutating func field(_ name: String, _ value: inout UInt64?) throws {
    try field(name, &value, 0) { try $0.value(&$1) }
  }

  package mutating func field(_ name: String, _ value: inout Date?) throws {
    try field(name, &value, Date(timeIntervalSinceReferenceDate: 0)) { try $0.value(&$1) }
  }

  package mutating func field<R>(_ name: String, _ id: inout ID<R>?) throws {
    try field(name, &id, .zero) { try $0.value(&$1) }
  }

  package mutating func field<Value: Codable>(codable name: String, _ value: inout Value?, _ blank: Value) throws {
    try field(name, &value, blank) { try $0.codable(&$1) }
  }

  /// `blank` is what the value is read into.
  @inline(__always)
  package mutating func field<Value>(
    _ name: String, _ value: inout Value?, _ blank: Value, _ body: (inout Self, inout Value) throws -> Void
  ) throws {
    if isReading {
      guard try begin(name) else {
        value = nil
        return
      }
      var read = blank
      try body(&self, &read)
      value = read
    } else if var written = value {
      _ = try begin(name)
      try body(&self, &written)
    }
  }
}

extension Optional {
  fileprivate func orThrow(_ error: @autoclosure () -> any Error) throws -> Wrapped {
    guard let self else { throw error() }
    return self
  }
}
