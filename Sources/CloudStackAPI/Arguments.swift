import Addresses
import CloudModel
import Control
import FoundationEssentials

/// A command's parameters, checked: typed, within their lengths, and of things that exist and that the caller may name.
package struct Arguments: Sendable {
  enum Value: Hashable, Sendable {
    case boolean(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case uuid(UUID)
    case everyUUID
    case uuids([UUID])
    case strings([String])
    case rows([[String: String]])
    case date(Date)
  }

  private var values: [String: Value] = [:]

  mutating func set(_ name: String, _ value: Value) {
    values[name] = value
  }

  var names: some Collection<String> { values.keys }

  func has(_ name: String) -> Bool { values[name] != nil }

  func boolean(_ name: String) -> Bool? {
    if case .boolean(let value) = values[name] { value } else { nil }
  }

  func flag(_ name: String) -> Bool { boolean(name) ?? false }

  func integer(_ name: String) -> Int? {
    if case .integer(let value) = values[name] { value } else { nil }
  }

  func double(_ name: String) -> Double? {
    if case .double(let value) = values[name] { value } else { nil }
  }

  func string(_ name: String) -> String? {
    if case .string(let value) = values[name] { value } else { nil }
  }

  func strings(_ name: String) -> [String]? {
    if case .strings(let value) = values[name] { value } else { nil }
  }

  func date(_ name: String) -> Date? {
    if case .date(let value) = values[name] { value } else { nil }
  }

  /// The rows of a map parameter in the order of their indexes.
  func rows(_ name: String) -> [[String: String]]? {
    if case .rows(let value) = values[name] { value } else { nil }
  }

  func uuid(_ name: String) -> UUID? {
    if case .uuid(let value) = values[name] { value } else { nil }
  }

  func id<R>(_ name: String, _ type: R.Type = R.self) -> ID<R>? {
    uuid(name).map { ID($0) }
  }

  func ids<R>(_ name: String, _ type: R.Type = R.self) -> [ID<R>]? {
    if case .uuids(let value) = values[name] { value.map { ID($0) } } else { nil }
  }

  /// Whether the value was `-1`: all there are.
  func isEvery(_ name: String) -> Bool { values[name] == .everyUUID }

  /// An argument that the command cannot do without. Where the declaration says so too, it is never missing.
  func require<V>(_ name: String, _ get: (Arguments) -> (String) -> V?, _ command: Command) throws(APIError) -> V {
    guard let value = get(self)(name) else { throw .missing(name, command) }
    return value
  }
}

extension APIError {
  static func missing(_ name: String, _ command: Command) -> APIError {
    .parameter("Unable to execute API command \(command.lowercasedName) due to missing parameter \(name)")
  }

  static func invalid(_ name: String, _ value: String, _ expected: String) -> APIError {
    .value("Invalid value \(value) of parameter \(name): \(expected)")
  }
}
