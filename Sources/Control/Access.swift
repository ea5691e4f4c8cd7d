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
  package var projects = Projects.none

  /// Whether what belongs to projects is meant, when neither a project nor a resource is named.
  package enum Projects: Hashable, Sendable {
    case none, only, all
  }

  package init() {}
}

/// Who may see and touch what.
package enum Access {
  /// Whether `caller` may look at and act on what `owner` has.
  package static func allows(_ caller: Caller, owner: ID<Account>, in state: CloudState) -> Bool {
    if owner == caller.account { return true }
    switch caller.type {
    case .rootAdmin: return true
    case .user, .project: return isMember(caller, of: owner, in: state)
    case .domainAdmin, .resourceDomainAdmin:
      // An administrator of the domain ROOT must not get at the keys of root administrators, who live there too.
      guard let account = state.accounts[owner], account.type != .rootAdmin else { return false }
      return isWithin(account.domain, caller.domain, in: state) || isMember(caller, of: owner, in: state)
    }
  }

  /// Whether `owner` is a project's account, and the caller works on the project.
  private static func isMember(_ caller: Caller, of owner: ID<Account>, in state: CloudState) -> Bool {
    state.project(of: owner)?.member(caller.account, caller.user) != nil
  }

  /// Whether `caller` acts for everybody in the domain.
  package static func administers(_ caller: Caller, _ domain: ID<Domain>, in state: CloudState) -> Bool {
    caller.isRootAdmin || caller.isDomainAdmin && isWithin(domain, caller.domain, in: state)
  }

  /// The accounts of the projects that the caller works on.
  package static func projectAccounts(of caller: Caller, in state: CloudState) -> [ID<Account>] {
    state.projects.matching("member", .id(caller.account)).filter {
      $0.member(caller.account, caller.user) != nil
    }.map(\.account)
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
      if let project = state.project(of: account.id) {
        throw ControlError(
          .permissionDenied,
          "The project \(project.name) is \(project.state.rawValue.lowercased()); activateProject lets things be made in it"
        )
      }
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
    if let domain = scope.domain, caller.type != .user,
      !caller.isRootAdmin && !isWithin(domain, caller.domain, in: state)
    {
      throw ControlError(.permissionDenied, "No permission to list this domain")
    }
    let isMeant = isMeant(caller, scope, in: state)
    if scope.byID { return isMeant }
    switch scope.projects {
    case .all: return isMeant
    case .none: return { isMeant($0) && state.accounts[$0]?.type != .project }
    case .only: return { isMeant($0) && state.accounts[$0]?.type == .project }
    }
  }

  /// The same, whether an account is a project's or not.
  private static func isMeant(
    _ caller: Caller, _ scope: ListScope, in state: CloudState
  ) -> @Sendable (ID<Account>) -> Bool {
    if let domain = scope.domain, caller.type != .user {
      let recursive = scope.isRecursive
      return { owner in
        guard let account = state.accounts[owner], caller.isRootAdmin || account.type != .rootAdmin else {
          return false
        }
        return recursive ? isWithin(account.domain, domain, in: state) : account.domain == domain
      }
    }
    if caller.type != .user && !(scope.listAll || scope.byID) && scope.projects != .only {
      let own = caller.account
      return { $0 == own }
    }
    return { allows(caller, owner: $0, in: state) }
  }
}
