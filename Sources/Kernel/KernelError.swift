import Glibc

/// A refusal of the kernel: the error number and what was asked of it.
package struct KernelError: Error, CustomStringConvertible, Equatable {
  /// The positive errno.
  package let code: Int32
  /// What was attempted, with its object: `add link veth0`.
  package let operation: String
  /// Position of the guilty message in a batch, if the kernel named one.
  package let message: Int?
  /// The caller's label of that message.
  package let label: String?
  /// Labels of further messages of the batch that the kernel refuses for themselves.
  package let others: [String]

  package init(
    code: Int32, operation: String, message: Int? = nil, label: String? = nil, others: [String] = []
  ) {
    self.code = code
    self.operation = operation
    self.message = message
    self.label = label
    self.others = others
  }

  static func last(_ operation: String) -> KernelError { KernelError(code: errno, operation: operation) }

  package var description: String {
    var text = "\(operation): \(String(cString: strerror(code))) (errno \(code))"
    if let message { text += ", message \(message)" }
    if let label { text += " (\(label))" }
    return text
  }

  /// Somebody changed the rule set between the reading of its generation and the commit.
  package var isStaleGeneration: Bool { code == ERESTART && message == nil }

  /// The kernel refused a message of the batch, and so all of it. After any other error of a commit nobody knows what
  /// became of it without looking.
  package var isRefusal: Bool { message != nil }

  /// Nothing was wrong with what was asked; asked again, it may well succeed.
  package var isPassing: Bool {
    [ENOBUFS, ENOMEM, EINTR, EBUSY, EAGAIN, EMSGSIZE, ETIMEDOUT].contains(code) && message == nil
  }
}

/// Repeats a system call that a signal interrupted.
@discardableResult
func uninterrupted<R: FixedWidthInteger>(_ operation: @autoclosure () -> String, _ call: () -> R) throws(KernelError)
  -> R
{
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw KernelError.last(operation()) }
  }
}
