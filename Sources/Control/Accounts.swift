package import CloudModel
import FoundationEssentials
import Ledger

package struct NewAccount: Sendable {
  package var name: String?
  /// That of the role if there is one.
  package var type: AccountType?
  package var role: ID<Role>?
  package var domain: ID<Domain>?
  package var username: String
  package var password: String
  package var firstname: String
  package var lastname: String
  package var email: String
  package var timezone: String?
  package var networkDomain: String?
  package var details: [String: String] = [:]

  package init(
    name: String?, type: AccountType?, domain: ID<Domain>?, username: String, password: String, firstname: String,
    lastname: String, email: String
  ) {
    self.name = name
    self.type = type
    self.domain = domain
    self.username = username
    self.password = password
    self.firstname = firstname
    self.lastname = lastname
    self.email = email
  }
}

extension Control {
  /// Creates an account with its first user and a default security group.
  package func createAccount(_ request: NewAccount, by caller: Caller) async throws -> ID<Account> {
    guard caller.type != .user else {
      throw ControlError(.permissionDenied, "Only administrators may create accounts")
    }
    guard !request.username.isEmpty, !request.password.isEmpty else {
      throw ControlError(.invalidParameter, "username and password may not be empty")
    }
    let hash = try Password.hash(request.password)
    return try await transact(cause(caller, "createAccount")) { draft in
      let domain = request.domain ?? caller.domain
      guard let holder = draft.state.domains[domain], holder.isRemoving != true else {
        throw ControlError(.invalidParameter, "The domain does not exist, or is being deleted")
      }
      guard caller.isRootAdmin || Access.isWithin(domain, caller.domain, in: draft.state) else {
        throw ControlError(.permissionDenied, "No permission to create accounts in this domain")
      }
      let role = try request.role.map { try Self.role($0, caller, draft) }
      guard let type = role?.type ?? request.type else {
        throw ControlError(.invalidParameter, "Neither accounttype nor roleid is given")
      }
      guard caller.isRootAdmin || type != .rootAdmin else {
        throw ControlError(.permissionDenied, "Only the root administrator may create root administrators")
      }
      let name = request.name ?? request.username
      guard draft.state.accounts.first("name", .scoped(domain.uuid, name.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "The specified account: \(name) already exists")
      }
      try Self.requireFree(request.username, domain, draft)
      var account = Account(
        id: draft.newID(), name: name, type: type, domain: domain,
        cells: Self.shuffledCells(draft.state, seed: draft.newUUID()), created: draft.now)
      account.role = role.flatMap { $0.id == Role.builtIn(type)?.id ? nil : $0.id }
      account.networkDomain = try Self.networkDomain(request.networkDomain, nil)
      try draft.put(account)
      var user = User(
        id: draft.newID(), username: request.username, account: account.id, domain: domain,
        firstname: request.firstname, lastname: request.lastname, email: request.email, passwordHash: hash,
        created: draft.now)
      user.timezone = request.timezone
      try draft.put(user)
      try Self.put(
        request.details, on: TaggedResource(id: account.id.uuid, type: "Account", account: account.id), isShown: true,
        &draft)
      try draft.put(
        SecurityGroup(
          id: draft.newID(), name: "default", description: "Default Security Group", account: account.id,
          domain: domain, created: draft.now))
      try draft.put(Self.event("ACCOUNT.CREATE", "Created account \(name)", account.id, caller.user, draft))
      return account.id
    }
  }

  /// The few cells that an account's public addresses come from: at most two of each zone, drawn per account, so that no two
  /// accounts need share all of theirs.
  static func shuffledCells(_ state: CloudState, seed: UUID) -> [ID<Cell>] {
    var byZone: [ID<Zone>: [Cell]] = [:]
    for cell in state.cells.all { byZone[cell.zone, default: []].append(cell) }
    var chosen: [ID<Cell>] = []
    for cells in byZone.values {
      let sorted = cells.sorted { $0.index < $1.index }
      let start = Int(seed.uuid.0) % sorted.count
      let second = (start + 1 + Int(seed.uuid.1) % max(1, sorted.count - 1)) % sorted.count
      chosen.append(sorted[start].id)
      if second != start { chosen.append(sorted[second].id) }
    }
    return chosen
  }

  /// Deletes an account with everything it has.
  package func deleteAccount(_ id: ID<Account>, by caller: Caller) async throws -> Started {
    try await begin("deleteAccount", .account, by: caller) { draft in
      guard let account = draft.get(id) else { throw ControlError(.invalidParameter, "The account does not exist") }
      guard caller.type != .user else {
        throw ControlError(.permissionDenied, "Only administrators may delete accounts")
      }
      try Access.require(caller, owner: id, in: draft.state)
      guard id != caller.account else {
        throw ControlError(.invalidParameter, "An account cannot delete itself")
      }
      guard account.name != "system" else {
        throw ControlError(.permissionDenied, "The system account cannot be deleted")
      }
      guard account.type != .project else { throw Self.isOfProject }
      try ProjectEnds.requireNone(ownedBy: id, in: draft.state)
      for network in draft.state.networks.matching("account", .id(id)) where network.permitted != nil {
        let guests = draft.state.virtualMachines.matching("network", .id(network.id))
        guard guests.allSatisfy({ $0.account == id }) else {
          throw ControlError(.resourceInUse, "The network \(network.name) has instances of other accounts")
        }
      }
      try Withdrawal.withdraw(account: account, &draft)
      try draft.put(Self.event("ACCOUNT.DELETE", "Deleting account \(account.name)", id, caller.user, draft))
      return id.uuid
    }
  }

  package func registerUserKeys(
    _ id: ID<User>, by caller: Caller
  ) async throws -> (apiKey: String, secretKey: String) {
    let keys = (SecretKey.generate(), SecretKey.generate())
    try await transact(cause(caller, "registerUserKeys")) { draft in
      guard var user = draft.get(id) else { throw ControlError(.invalidParameter, "The user does not exist") }
      try Access.require(caller, owner: user.account, in: draft.state)
      user.apiKey = keys.0
      user.secretKey = keys.1
      try draft.put(user)
      try draft.put(
        Self.event("REGISTER.USER.KEY", "Registered keys of \(user.username)", user.account, caller.user, draft))
    }
    return keys
  }

  package func userKeys(_ id: ID<User>, by caller: Caller) throws -> (apiKey: String?, secretKey: String?) {
    let state = self.state
    guard let user = state.users[id] else { throw ControlError(.invalidParameter, "The user does not exist") }
    try Access.require(caller, owner: user.account, in: state)
    return (user.apiKey, user.secretKey)
  }

  static func event(
    _ type: String, _ description: String, _ account: ID<Account>, _ user: ID<User>?, _ draft: borrowing Draft,
    resourceType: String? = nil, resource: UUID? = nil
  ) -> Event {
    Event(
      id: draft.newID(), type: type, description: description, account: account, user: user,
      resourceType: resourceType, resource: resource, created: draft.now)
  }
}
