/// Why an operator's wish was not followed, in a sentence that says what to do.
package struct OperatorError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable { case unknown, refused, invalid }
  package var code: Code
  package var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
