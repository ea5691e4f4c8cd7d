import Control

/// A refusal or failure as the protocol writes it.
package struct APIError: Error, Hashable, CustomStringConvertible {
  /// HTTP status and `errorcode` at once.
  package let code: Int
  /// `cserrorcode`; `nil` where CloudStack writes none.
  package let detail: Int?
  package let text: String

  package init(_ code: Int, detail: Int? = 9999, _ text: String) {
    self.code = code
    self.detail = detail
    self.text = text
  }

  package var description: String { "\(code) \(text)" }

  static let generic = "Internal error executing command, please contact your system administrator"
  static let unverified = APIError(
    401, detail: nil, "unable to verify user credentials and/or request signature")

  static func malformed(_ text: String) -> APIError { APIError(400, text) }
  static func parameter(_ text: String) -> APIError { APIError(431, text) }
  /// A value that is well-formed, but wrong for the call.
  static func value(_ text: String) -> APIError { APIError(431, detail: 4350, text) }

  static func denied(_ text: String = "Acct does not have permission to operate on this resource") -> APIError {
    APIError(531, detail: 4365, text)
  }

  /// Clients recognise "gone" by this very text.
  static func unknown(_ value: String, parameter: String, command: Command) -> APIError {
    .parameter(
      "Unable to execute API command \(command.lowercasedName) due to invalid value. Invalid parameter \(parameter) "
        + "value=\(value) due to incorrect long value format, or entity does not exist or due to incorrect parameter "
        + "annotation for the field in api cmd class.")
  }

  /// Causes inside the cloud are told to root administrators only.
  package init(_ error: any Error, isRootAdmin: Bool) {
    switch error {
    case let error as APIError: self = error
    case let error as ControlError:
      let (code, detail) = Self.codes(error.code)
      let isHidden = !isRootAdmin && (code == 530 || code == 533 || code == 534)
      self.init(code, detail: detail, isHidden ? Self.generic : error.message)
    default:
      self.init(530, detail: 4250, isRootAdmin ? String(describing: error) : Self.generic)
    }
  }

  private static func codes(_ code: ControlError.Code) -> (Int, Int?) {
    switch code {
    case .unauthenticated: (401, nil)
    case .invalidParameter: (431, 4350)
    case .permissionDenied: (531, 4365)
    case .unsupported: (432, 9999)
    case .resourceLimit: (535, 4370)
    case .insufficientCapacity: (533, 4325)
    case .insufficientAddresses: (533, 4320)
    case .resourceUnavailable: (534, 4380)
    case .resourceInUse: (536, 4375)
    case .networkRuleConflict: (537, 4360)
    case .internalError: (530, 4250)
    }
  }

  var reply: Reply {
    var fields = Fields()
    fields.add("uuidList", [Fields]())
    fields.add("errorcode", code)
    fields.add("cserrorcode", detail)
    fields.add("errortext", text)
    return .object(fields)
  }
}
