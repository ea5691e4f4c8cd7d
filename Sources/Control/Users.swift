package import CloudModel
import FoundationEssentials
import Ledger

/// What is to be changed of a user; nil leaves it as it is.
package struct UserChange: Sendable {
  package var username: String?
  package var password: String?
  package var currentPassword: String?
  package var firstname: String?
  package var lastname: String?
  package var email: String?
  package var timezone: String?
  package var apiKey: String?
  package var secretKey: String?

  package init() {}
}

package enum UserState: String, Hashable, Sendable {
  case enabled, disabled, locked
}

extension User {
  package var state: UserState { enabled ? .enabled : locked == true ? .locked : .disabled }
}

extension Control {
  private static let userLimit = 1000

  package func createUser(_ request: NewAccount, by caller: Caller) async throws -> ID<User> {
    guard !request.username.isEmpty, !request.password.isEmpty else {
      throw ControlError(.invalidParameter, "username and password may not be empty")
    }
    let hash = try Password.hash(request.password)
    return try await transact(cause(caller, "createUser")) { draft in
      let account = try Access.recipient(
        for: caller, account: request.name, domain: request.domain, in: draft.state)
      guard account.name != "system" else {
        throw ControlError(.permissionDenied, "The system account has no users of anybody's")
      }
      guard account.type != .project else { throw Self.isOfProject }
      try Self.requireFree(request.username, account.domain, draft)
      guard draft.state.users.count("account", .id(account.id)) < Self.userLimit else {
        throw ControlError(.resourceLimit, "An account has at most \(Self.userLimit) users")
      }
      var user = User(
        id: draft.newID(), username: request.username, account: account.id, domain: account.domain,
        firstname: request.firstname, lastname: request.lastname, email: request.email, passwordHash: hash,
        created: draft.now)
      user.timezone = request.timezone
      try draft.put(user)
      try draft.put(Self.event("USER.CREATE", "Created user \(user.username)", user, caller, draft))
      return user.id
    }
  }

  package func updateUser(_ id: ID<User>, _ change: UserChange, by caller: Caller) async throws {
    guard (change.apiKey == nil) == (change.secretKey == nil) else {
      throw ControlError(.invalidParameter, "Please provide an userApiKey/userSecretKey pair")
    }
    let hash = try change.password.map { password in
      guard !password.isEmpty else { throw ControlError(.invalidParameter, "Password cannot be empty") }
      try requireCurrentPassword(id, change, caller)
      return try Password.hash(password)
    }
    try await transact(cause(caller, "updateUser")) { draft in
      var user = try Self.user(id, caller, draft)
      if let username = change.username, username.lowercased() != user.username.lowercased() {
        guard !username.isEmpty else { throw ControlError(.invalidParameter, "Username cannot be empty") }
        try Self.requireFree(username, user.domain, draft)
      }
      for text in [change.firstname, change.lastname] where text?.isEmpty == true {
        throw ControlError(.invalidParameter, "firstname and lastname cannot be empty")
      }
      if let key = change.apiKey, let secret = change.secretKey {
        guard key.utf8.count >= 16, secret.utf8.count >= 16 else {
          throw ControlError(.invalidParameter, "Keys have at least 16 characters")
        }
        if let holder = draft.state.users.first("apikey", .text(key)), holder.id != id {
          throw ControlError(.invalidParameter, "The API key is in use already")
        }
        user.apiKey = key
        user.secretKey = secret
      }
      user.username = change.username ?? user.username
      user.firstname = change.firstname ?? user.firstname
      user.lastname = change.lastname ?? user.lastname
      user.email = change.email ?? user.email
      user.timezone = change.timezone ?? user.timezone
      user.passwordHash = hash ?? user.passwordHash
      try draft.put(user)
      try draft.put(Self.event("USER.UPDATE", "Updated user \(user.username)", user, caller, draft))
    }
  }

  /// Who is no administrator has to know the password that is replaced.
  private func requireCurrentPassword(_ id: ID<User>, _ change: UserChange, _ caller: Caller) throws {
    if caller.type != .user { return }
    guard let user = state.users[id], Access.allows(caller, owner: user.account, in: state) else { return }
    guard let current = change.currentPassword, !current.isEmpty else {
      throw ControlError(
        .invalidParameter, "To set a new password the current password must be provided: currentpassword")
    }
    guard Password.matches(current, user.passwordHash) else {
      throw ControlError(.invalidParameter, "Current password is incorrect.")
    }
  }

  package func deleteUser(_ id: ID<User>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteUser")) { draft in
      let user = try Self.changeableUser(id, caller, draft, "deleted")
      try ProjectEnds.forget(user: id, &draft)
      try draft.remove(id)
      try draft.put(Self.event("USER.DELETE", "Deleted user \(user.username)", user, caller, draft))
    }
  }

  package func enableUser(_ id: ID<User>, by caller: Caller) async throws {
    try await transact(cause(caller, "enableUser")) { draft in
      var user = try Self.user(id, caller, draft)
      user.enabled = true
      user.locked = nil
      try draft.put(user)
      try draft.put(Self.event("USER.ENABLE", "Enabled user \(user.username)", user, caller, draft))
    }
  }

  /// From then on neither keys nor sessions nor the password of the user are taken.
  package func disableUser(_ id: ID<User>, by caller: Caller) async throws -> Started {
    try await begin("disableUser", .user, by: caller) { draft in
      var user = try Self.changeableUser(id, caller, draft, "disabled")
      user.enabled = false
      user.locked = nil
      try draft.put(user)
      try draft.put(Self.event("USER.DISABLE", "Disabled user \(user.username)", user, caller, draft))
      return id.uuid
    }
  }

  package func lockUser(_ id: ID<User>, by caller: Caller) async throws {
    try await transact(cause(caller, "lockUser")) { draft in
      var user = try Self.changeableUser(id, caller, draft, "locked")
      guard user.state != .disabled else {
        throw ControlError(.invalidParameter, "The user is disabled, which is more than locked")
      }
      user.enabled = false
      user.locked = true
      try draft.put(user)
      try draft.put(Self.event("USER.LOCK", "Locked user \(user.username)", user, caller, draft))
    }
  }

  /// Gives the user to another account of the same domain.
  package func moveUser(
    _ id: ID<User>, toAccount name: String?, or account: ID<Account>?, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "moveUser")) { draft in
      var user = try Self.changeableUser(id, caller, draft, "moved")
      let named = name.flatMap { draft.state.accounts.first("name", .scoped(user.domain.uuid, $0.lowercased())) }
      guard let target = account.flatMap({ draft.get($0) }) ?? named else {
        throw ControlError(.invalidParameter, "account or accountid must name an account of the user's domain")
      }
      try Access.require(caller, owner: target.id, in: draft.state)
      guard target.domain == user.domain else {
        throw ControlError(.invalidParameter, "A user is moved within its domain only")
      }
      guard target.state == .enabled, target.name != "system", target.type != .project, target.id != user.account else {
        throw ControlError(.invalidParameter, "The user cannot be moved to the account \(target.name)")
      }
      try ProjectEnds.forget(user: id, &draft)
      user.account = target.id
      try draft.put(user)
      try draft.put(
        Self.event("USER.MOVE", "Moved user \(user.username) to \(target.name)", user, caller, draft))
    }
  }

  static func user(_ id: ID<User>, _ caller: Caller, _ draft: borrowing Draft) throws -> User {
    guard let user = draft.get(id) else { throw ControlError(.invalidParameter, "The user does not exist") }
    try Access.require(caller, owner: user.account, in: draft.state)
    guard draft.get(user.account)?.state != .removing else {
      throw ControlError(.invalidParameter, "The user's account is being deleted")
    }
    return user
  }

  private static func changeableUser(
    _ id: ID<User>, _ caller: Caller, _ draft: borrowing Draft, _ what: String
  ) throws -> User {
    let user = try user(id, caller, draft)
    guard id != caller.user else { throw ControlError(.invalidParameter, "A user cannot be \(what) by itself") }
    return user
  }

  static func requireFree(_ username: String, _ domain: ID<Domain>, _ draft: borrowing Draft) throws {
    guard draft.state.users.first("username", .scoped(domain.uuid, username.lowercased())) == nil else {
      throw ControlError(.invalidParameter, "The user \(username) already exists in the domain")
    }
  }

  private static func event(
    _ type: String, _ text: String, _ user: User, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(type, text, user.account, caller.user, draft, resourceType: "User", resource: user.id.uuid)
  }
}
