package import CloudModel
import FoundationEssentials
import Ledger

/// What is to be changed of an account; nil leaves it as it is.
package struct AccountChange: Sendable {
  package var name: String?
  package var role: ID<Role>?
  package var networkDomain: String?
  package var details: [String: String] = [:]

  package init() {}
}

extension Control {
  package func updateAccount(_ id: ID<Account>, _ change: AccountChange, by caller: Caller) async throws {
    try await transact(cause(caller, "updateAccount")) { draft in
      var account = try Self.account(id, caller, draft)
      if let name = change.name {
        guard !name.isEmpty, account.name != "system" else {
          throw ControlError(.invalidParameter, "The account cannot have this name")
        }
        if let holder = draft.state.accounts.first("name", .scoped(account.domain.uuid, name.lowercased())),
          holder.id != id
        {
          throw ControlError(.invalidParameter, "There is an account \(name) in the domain already")
        }
        account.name = name
      }
      if let role = change.role {
        let role = try Self.role(role, caller, draft)
        guard id != caller.account, account.name != "system" else {
          throw ControlError(.permissionDenied, "Neither the own nor the system account's role can be changed")
        }
        if role.type != account.type {
          try Access.requireRootAdmin(caller)
          guard role.type != .rootAdmin || draft.get(account.domain)?.parent == nil else {
            throw ControlError(.invalidParameter, "Only accounts of the domain ROOT can be root administrators")
          }
        }
        account.type = role.type
        account.role = role.id == Role.builtIn(role.type)?.id ? nil : role.id
      }
      account.networkDomain = try Self.networkDomain(change.networkDomain, account.networkDomain)
      try draft.put(account)
      try Self.put(
        change.details, on: TaggedResource(id: id.uuid, type: "Account", account: id), isShown: true, &draft)
      try draft.put(Self.event("ACCOUNT.UPDATE", "Updated account \(account.name)", account, caller, draft))
    }
  }

  package func enableAccount(_ id: ID<Account>, by caller: Caller) async throws {
    try await transact(cause(caller, "enableAccount")) { draft in
      var account = try Self.account(id, caller, draft)
      account.state = .enabled
      try draft.put(account)
      try draft.put(Self.event("ACCOUNT.ENABLE", "Enabled account \(account.name)", account, caller, draft))
    }
  }

  /// Refuses its users and stops its instances.
  package func disableAccount(_ id: ID<Account>, by caller: Caller) async throws -> Started {
    try await begin("disableAccount", .account, by: caller) { draft in
      var account = try Self.changeableAccount(id, caller, draft)
      account.state = .disabled
      try draft.put(account)
      var stopped: [JobReference] = []
      for var machine in draft.state.virtualMachines.matching("account", .id(id)) where machine.state.isPoweredOn {
        machine.state = .stopping
        try draft.put(machine)
        stopped.append(JobReference(type: JobSubject.virtualMachine.rawValue, id: machine.id.uuid))
      }
      try draft.put(Self.event("ACCOUNT.DISABLE", "Disabled account \(account.name)", account, caller, draft))
      return (id.uuid, stopped)
    }
  }

  /// Refuses its users; its instances go on.
  package func lockAccount(_ id: ID<Account>, by caller: Caller) async throws {
    try await transact(cause(caller, "lockAccount")) { draft in
      try Self.lock(id, caller, &draft)
    }
  }

  /// The same as a job.
  package func startLockAccount(_ id: ID<Account>, by caller: Caller) async throws -> Started {
    try await begin("disableAccount", .account, by: caller) { draft in
      try Self.lock(id, caller, &draft)
      return id.uuid
    }
  }

  private static func lock(_ id: ID<Account>, _ caller: Caller, _ draft: inout Draft) throws {
    var account = try changeableAccount(id, caller, draft)
    guard account.state != .disabled else {
      throw ControlError(.invalidParameter, "The account is disabled, which is more than locked")
    }
    account.state = .locked
    try draft.put(account)
    try draft.put(event("ACCOUNT.LOCK", "Locked account \(account.name)", account, caller, draft))
  }

  /// An account that is not on its way out, and that an administrator may act on.
  static func account(_ id: ID<Account>, _ caller: Caller, _ draft: borrowing Draft) throws -> Account {
    guard let account = draft.get(id) else { throw ControlError(.invalidParameter, "The account does not exist") }
    guard caller.type != .user else {
      throw ControlError(.permissionDenied, "Only administrators may change accounts")
    }
    try Access.require(caller, owner: id, in: draft.state)
    guard account.state != .removing else {
      throw ControlError(.invalidParameter, "The account is being deleted")
    }
    guard account.type != .project else { throw isOfProject }
    return account
  }

  static let isOfProject = ControlError(
    .invalidParameter, "The account is a project's; it is changed, suspended and deleted with the project")

  private static func changeableAccount(
    _ id: ID<Account>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> Account {
    let account = try account(id, caller, draft)
    guard id != caller.account, account.name != "system" else {
      throw ControlError(.permissionDenied, "Neither the own nor the system account can be shut out")
    }
    return account
  }

  /// The DNS domain of networks that is asked for; an empty one takes it back.
  static func networkDomain(_ wanted: String?, _ current: String?) throws -> String? {
    guard let wanted else { return current }
    return try domainName(wanted)
  }

  private static func event(
    _ type: String, _ text: String, _ account: Account, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(type, text, account.id, caller.user, draft, resourceType: "Account", resource: account.id.uuid)
  }
}
