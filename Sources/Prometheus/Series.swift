/// One line of a metric: its name and labels, in the alphabet that Prometheus allows.
struct Series: Hashable, Sendable {
  let name: String
  private let dimensions: [Dimension]

  private struct Dimension: Hashable, Sendable {
    let name: String
    let value: String
  }

  init(_ label: String, _ dimensions: [(String, String)]) {
    name = Self.name(label)
    self.dimensions = dimensions.map { Dimension(name: Self.name($0), value: $1) }.sorted { $0.name < $1.name }
  }

  /// `{a="1",b="2"}`, or nothing.
  func labels(_ more: (String, String)? = nil) -> String {
    var parts = dimensions.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
    if let (name, value) = more { parts.append("\(name)=\"\(value)\"") }
    return parts.isEmpty ? "" : "{\(parts.joined(separator: ","))}"
  }

  private static func name(_ text: String) -> String {
    let name = text.utf8.map { byte -> Character in
      let isPlain =
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
      return isPlain ? Character(UnicodeScalar(byte)) : "_"
    }
    return name.first?.isNumber == true ? "_" + String(name) : String(name)
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
