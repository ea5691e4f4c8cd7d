import Addresses
import CloudModel
import FoundationEssentials
import Ledger

/// What the use cases of the infrastructure share.
extension Control {
  /// One transaction of a root administrator.
  func administer<Value: Sendable>(
    _ command: String, by caller: Caller, _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Value {
    try Access.requireRootAdmin(caller)
    return try await transact(cause(caller, command), body)
  }

  /// The same as a job.
  func administer(
    _ command: String, _ subject: JobSubject, by caller: Caller,
    _ body: @escaping @Sendable (inout Draft) throws -> UUID
  ) async throws -> Started {
    try Access.requireRootAdmin(caller)
    return try await begin(command, subject, by: caller, body)
  }

  static func note(
    _ type: String, _ description: String, by caller: Caller, _ resourceType: String, _ resource: UUID,
    _ draft: inout Draft
  ) throws {
    try draft.put(
      event(
        type, description, caller.account, caller.user, draft, resourceType: resourceType, resource: resource))
  }

  static func found<R: Resource>(_ id: ID<R>, _ draft: borrowing Draft) throws(ControlError) -> R {
    guard let resource = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find the \(R.kind) \(id)")
    }
    return resource
  }

  /// A name of something: up to 255 characters, not blank.
  static func checked(_ name: String, _ what: String = "name") throws(ControlError) -> String {
    guard !name.isEmpty, name.utf16.count <= 255, name.contains(where: { !$0.isWhitespace }) else {
      throw ControlError(.invalidParameter, "\(what) must have 1 to 255 characters")
    }
    return name
  }

  static func limit(_ count: Int, to most: Int, _ what: String) throws(ControlError) {
    guard count < most else { throw ControlError(.resourceLimit, "There can be at most \(most) \(what)") }
  }

  /// The two sides of `scheme://rest`, the scheme in lower case.
  static func split(url: String) -> (scheme: String, rest: Substring)? {
    guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
    return (url[..<colon].lowercased(), url[colon...].dropFirst(3))
  }

  /// `Enabled` or `Disabled` (or without the last letter), in any case.
  static func isEnabled(_ text: String) throws(ControlError) -> Bool {
    switch text.lowercased() {
    case "enabled", "enable": return true
    case "disabled", "disable": return false
    default: throw ControlError(.invalidParameter, "The state \(text) is not Enabled or Disabled")
    }
  }

  /// A network of private or public addresses, of which `first` to `last` may be given out.
  static func privateNetwork(
    gateway: IPv4, netmask: IPv4, first: IPv4, last: IPv4?
  ) throws(ControlError) -> PrivateNetwork {
    let length = netmask.value.nonzeroBitCount
    guard (8...30).contains(length), netmask.value == UInt32.max << UInt32(32 - length) else {
      throw ControlError(.invalidParameter, "Invalid netmask \(netmask); use one of /8 to /30")
    }
    let prefix = IPv4Prefix(gateway, length: length)
    let last = last ?? IPv4(prefix.last.value - 1)
    guard gateway != prefix.first, gateway != prefix.last else {
      throw ControlError(.invalidParameter, "The gateway \(gateway) must be a host address of \(prefix)")
    }
    guard first <= last, prefix.contains(first), prefix.contains(last), first != prefix.first, last != prefix.last
    else { throw ControlError(.invalidParameter, "The range \(first) to \(last) does not lie within \(prefix)") }
    guard !(first...last).contains(gateway) else {
      throw ControlError(.invalidParameter, "The gateway \(gateway) lies within the range \(first) to \(last)")
    }
    return PrivateNetwork(prefix: prefix, gateway: gateway, first: first, last: last)
  }
}
