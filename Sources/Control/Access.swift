package import CloudModel

/// Who is calling.
package struct Caller: Hashable, Sendable {
  package let user: ID<User>
  package let account: ID<Account>
  package let domain: ID<Domain>
  package let type: AccountType

  package init(user: User, account: Account) {
    self.user = user.id
    self.account = account.id
    self.domain = account.domain
    self.type = account.type
  }

  package var isRootAdmin: Bool { type == .rootAdmin }
  /// Acts for everybody in its domain.
  package var isDomainAdmin: Bool { type == .domainAdmin || type == .resourceDomainAdmin }
}

/// Whose resources a list command speaks of; the parameters that most list commands share.
package struct ListScope: Hashable, Sendable {
  package var account: String?
  package var domain: ID<Domain>?
  package var listAll = false
  package var isRecursive = false
  /// A resource named by id: an administrator then looks at everything it may see.
  package var byID = false

  package init() {}
}

/// Who may see and touch what.
package enum Access {
  /// Whether `caller` may look at and act on what `owner` has.
  package static func allows(_ caller: Caller, owner: ID<Account>, in state: CloudState) -> Bool {
    if owner == caller.account { return true }
    switch caller.type {
    case .rootAdmin: return true
    case .user: return false
    case .domainAdmin, .resourceDomainAdmin:
      // An administrator of the domain ROOT must not get at the keys of root administrators, who live there too.
      guard let account = state.accounts[owner], account.type != .rootAdmin else { return false }
      return isWithin(account.domain, caller.domain, in: state)
    }
  }

  /// Refuses what belongs to somebody else, saying nothing about it.
  package static func require(_ caller: Caller, owner: ID<Account>, in state: CloudState) throws(ControlError) {
    guard allows(caller, owner: owner, in: state) else {
      throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
    }
  }

  package static func requireRootAdmin(_ caller: Caller) throws(ControlError) {
    guard caller.isRootAdmin else {
      throw ControlError(.permissionDenied, "Only the root administrator may do this")
    }
  }

  /// Whether `domain` is `ancestor` or lies below it.
  package static func isWithin(_ domain: ID<Domain>, _ ancestor: ID<Domain>, in state: CloudState) -> Bool {
    guard let child = state.domains[domain], let parent = state.domains[ancestor] else { return false }
    return child.id == parent.id || child.path.hasPrefix(parent.path + "/")
  }

  /// The account that a request acts for: its own, or the one that an administrator named.
  package static func owner(
    for caller: Caller, account name: String?, domain: ID<Domain>?, in state: CloudState
  ) throws(ControlError) -> Account {
    guard let name else {
      guard let own = state.accounts[caller.account] else {
        throw ControlError(.permissionDenied, "The account no longer exists")
      }
      return own
    }
    let scope = domain ?? caller.domain
    guard let account = state.accounts.first("name", .scoped(scope.uuid, name.lowercased())),
      allows(caller, owner: account.id, in: state)
    else {
      throw ControlError(.permissionDenied, "Unable to find the account, or no permission to act for it")
    }
    return account
  }

  /// The account that gets something new.
  package static func recipient(
    for caller: Caller, account name: String?, domain: ID<Domain>?, in state: CloudState
  ) throws(ControlError) -> Account {
    let account = try owner(for: caller, account: name, domain: domain, in: state)
    guard account.state == .enabled else {
      throw ControlError(.permissionDenied, "The account \(account.name) is \(account.state.rawValue)")
    }
    return account
  }

  /// A test for the owners that a list shows.
  package static func visibility(
    for caller: Caller, _ scope: ListScope, in state: CloudState
  ) throws(ControlError) -> @Sendable (ID<Account>) -> Bool {
    if let name = scope.account {
      let id = try owner(for: caller, account: name, domain: scope.domain, in: state).id
      return { $0 == id }
    }
    if caller.type == .user {
      let own = caller.account
      return { $0 == own }
    }
    if let domain = scope.domain {
      guard caller.isRootAdmin || isWithin(domain, caller.domain, in: state) else {
        throw ControlError(.permissionDenied, "No permission to list this domain")
      }
      let recursive = scope.isRecursive
      return { owner in
        guard let account = state.accounts[owner], caller.isRootAdmin || account.type != .rootAdmin else {
          return false
        }
        return recursive ? isWithin(account.domain, domain, in: state) : account.domain == domain
      }
    }
    guard scope.listAll || scope.byID else {
      let own = caller.account
      return { $0 == own }
    }
    return { allows(caller, owner: $0, in: state) }
  }
}
