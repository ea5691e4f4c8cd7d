/// What went wrong with a machine or with libvirt, and what to do about it.
package struct HypervisorError: Error, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// libvirt refused; its own error code (`virErrorNumber`) and domain (`virErrorDomain`).
    case libvirt(code: Int32, domain: Int32)
    case noSuchMachine
    case timeLimit
    case daemonStart
    case fileSystem
    case template
  }

  package var code: Code
  package var message: String
  package var cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { cause.map { "\(message): \($0)" } ?? message }
}
