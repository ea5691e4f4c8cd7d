/// Why a use case refused or failed. `message` is fit for the caller's eyes and says what to do.
package struct ControlError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case unauthenticated
    case invalidParameter
    case permissionDenied
    case unsupported
    case resourceLimit
    case insufficientCapacity
    case insufficientAddresses
    case resourceUnavailable
    case resourceInUse
    case networkRuleConflict
    case internalError
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
