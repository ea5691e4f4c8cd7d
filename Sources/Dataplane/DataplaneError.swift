/// Why the network is not as planned; `message` says what is wrong and, if that helps, what to do.
package struct DataplaneError: Error, CustomStringConvertible {
  package enum Code: Sendable {
    case conflict
    case invalid
    case missing
    case notVerified
    case kernel
    case program
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String {
    guard let cause else { return message }
    return "\(message): \(cause)"
  }
}
