import Glibc
import Logging

/// Writes one line of `name=value` per event to standard error. What a value holds cannot end its line, nor look like
/// another field.
struct LogLines: LogHandler {
  let part: String
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]

  init(_ part: String) { self.part = part }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { $1 }
    if let error = event.error { fields["error"] = "\(error)" }
    var line: [UInt8] = []
    line.reserveCapacity(512)
    line += "time=\(Self.time()) level=\(event.level) part=\(part) message=".utf8
    Self.append("\(event.message)", to: &line)
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      line.append(UInt8(ascii: " "))
      line += name.utf8
      line.append(Self.equals)
      if case .string(let text) = value {
        Self.append(text, to: &line)
      } else {
        Self.append("\(value)", to: &line)
      }
    }
    line.append(UInt8(ascii: "\n"))
    line.withUnsafeBytes { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let count = write(STDERR_FILENO, rest.baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        // There is nobody to tell that nobody can be told.
        guard count > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  /// As it stands if it is one word, else in quotes, with `\"`, `\\`, `\n` and `\u{…}`.
  static func append(_ text: String, to line: inout [UInt8]) {
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != quote && $0 != backslash && $0 != equals }
    if isPlain && !text.isEmpty {
      line += text.utf8
      return
    }
    line.append(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": line += #"\""#.utf8
      case "\\": line += #"\\"#.utf8
      case "\n": line += #"\n"#.utf8
      case " "..."~": line.append(UInt8(truncatingIfNeeded: scalar.value))
      default:
        if isVisible(scalar) {
          line += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        } else {
          line += "\\u{\(String(scalar.value, radix: 16))}".utf8
        }
      }
    }
    line.append(quote)
  }

  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")
  private static let equals = UInt8(ascii: "=")

  /// Neither steers a terminal nor turns what stands beside it around.
  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
    default: true
    }
  }

  /// Now, in UTC with milliseconds.
  private static func time() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    var text = Array("0000-00-00T00:00:00.000Z".utf8)
    func put(_ value: Int, endingAt end: Int, digits: Int) {
      var rest = value
      for place in (end - digits..<end).reversed() {
        text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
    }
    put(Int(parts.tm_year) + 1900, endingAt: 4, digits: 4)
    put(Int(parts.tm_mon) + 1, endingAt: 7, digits: 2)
    put(Int(parts.tm_mday), endingAt: 10, digits: 2)
    put(Int(parts.tm_hour), endingAt: 13, digits: 2)
    put(Int(parts.tm_min), endingAt: 16, digits: 2)
    put(Int(parts.tm_sec), endingAt: 19, digits: 2)
    put(now.tv_nsec / 1_000_000, endingAt: 23, digits: 3)
    return String(decoding: text, as: UTF8.self)
  }
}
