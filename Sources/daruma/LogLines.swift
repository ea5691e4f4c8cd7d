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
    var line = "time=\(Self.time()) level=\(event.level) part=\(part) message="
    line += Self.quoted("\(event.message)")
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " \(name)="
      if case .string(let text) = value { line += Self.quoted(text) } else { line += Self.quoted("\(value)") }
    }
    line += "\n"
    line.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
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
  static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != quote && $0 != backslash && $0 != equals }
    if isPlain && !text.isEmpty { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case " "..."~": quoted.unicodeScalars.append(scalar)
      default:
        if isVisible(scalar) {
          quoted.unicodeScalars.append(scalar)
        } else {
          quoted += "\\u{\(String(scalar.value, radix: 16))}"
        }
      }
    }
    return quoted + "\""
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
    func digits(_ value: some BinaryInteger, _ count: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let day = "\(parts.tm_year + 1900)-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    let clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
    return "\(day)T\(clock).\(digits(now.tv_nsec / 1_000_000, 3))Z"
  }
}
