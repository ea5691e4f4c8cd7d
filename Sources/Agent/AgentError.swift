/// Why the agent cannot do what it should, and what to do about it.
package struct AgentError: Error, CustomStringConvertible, Sendable {
  package enum Code: Hashable, Sendable {
    /// The state folder cannot be read or written.
    case storage
    /// What is stored is not what was written.
    case damaged
  }

  package let code: Code
  package let message: String
  package let cause: String?

  package init(_ code: Code, _ message: String, cause: String? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { cause.map { "\(message): \($0)" } ?? message }
}
