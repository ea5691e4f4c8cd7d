/// HTML being written. Fixed parts are `StaticString`s, so that nothing from outside gets in unescaped.
struct Markup {
  private(set) var text = ""

  mutating func raw(_ fixed: StaticString) {
    text += fixed.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
  }

  /// Also for attribute values, which are always in double quotes.
  mutating func escaped(_ value: String) {
    for scalar in value.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      // Marks that reorder the text after them would let a name forge what follows it.
      case "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}", "\u{200e}", "\u{200f}", "\u{0}"..<"\u{20}": break
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  mutating func element(_ open: StaticString, _ value: String, _ close: StaticString) {
    raw(open)
    escaped(value)
    raw(close)
  }
}
