import CloudModel
import Ledger

extension Control {
  /// - Parameter value: nil brings the default back.
  package func updateConfiguration(_ name: String, _ value: String?, by caller: Caller) async throws -> Configuration {
    try Access.requireRootAdmin(caller)
    guard let configuration = Configuration.named(name) else {
      throw ControlError(.invalidParameter, "Config parameter with name \(name) doesn't exist")
    }
    var wanted = configuration.fallback
    if let value {
      guard let normalized = configuration.normalized(value) else {
        throw ControlError(.invalidParameter, "Invalid value of \(name): \(configuration.expectation)")
      }
      wanted = normalized
    }
    let command = value == nil ? "resetConfiguration" : "updateConfiguration"
    let new = wanted
    try await transact(cause(caller, command)) { draft in
      let old = draft.state.settings.first("name", .text(name))
      if new == configuration.fallback {
        if let old { try draft.remove(old.id) }
      } else {
        try draft.put(Setting(id: old?.id ?? draft.newID(), name: name, value: new))
      }
      try draft.put(
        Self.event("CONFIGURATION.VALUE.EDIT", "Set \(name) to \(new)", caller.account, caller.user, draft))
    }
    return configuration
  }
}
