import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  private static let systemName = "system"

  /// Whom calls act for that are trusted without keys. Its user cannot log in and has no keys.
  package func systemCaller() async throws -> Caller {
    if let caller = Self.systemCaller(in: state) { return caller }
    try await transact(Cause(actor: "system/integration", command: "createSystemUser", job: nil)) { draft in
      guard Self.systemCaller(in: draft.state) == nil else { return }
      guard let account = Self.systemAccount(in: draft.state) else {
        throw ControlError(.resourceUnavailable, "The cloud has no system account")
      }
      try draft.put(
        User(
          id: draft.newID(), username: Self.systemName, account: account.id, domain: account.domain,
          firstname: "system", lastname: "cloud", email: "", passwordHash: Password.nobodys, created: draft.now))
    }
    guard let caller = Self.systemCaller(in: state) else {
      throw ControlError(.resourceUnavailable, "The cloud has no system account")
    }
    return caller
  }

  /// It owns what is everybody's, and cannot be deleted.
  static func systemAccount(in state: CloudState) -> Account? {
    guard let root = state.domains.first("name", .text("root")) else { return nil }
    return state.accounts.first("name", .scoped(root.id.uuid, systemName))
  }

  private static func systemCaller(in state: CloudState) -> Caller? {
    guard let account = systemAccount(in: state), let user = state.users.matching("account", .id(account.id)).first
    else {
      return nil
    }
    return Caller(user: user, account: account)
  }
}
