package import CloudModel
import FoundationEssentials
import Ledger

package struct NewAccount: Sendable {
  package var name: String?
  package var type: AccountType
  package var domain: ID<Domain>?
  package var username: String
  package var password: String
  package var firstname: String
  package var lastname: String
  package var email: String

  package init(
    name: String?, type: AccountType, domain: ID<Domain>?, username: String, password: String, firstname: String,
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
    guard caller.isRootAdmin || request.type != .rootAdmin else {
      throw ControlError(.permissionDenied, "Only the root administrator may create root administrators")
    }
    guard !request.username.isEmpty, !request.password.isEmpty else {
      throw ControlError(.invalidParameter, "username and password may not be empty")
    }
    let hash = try Password.hash(request.password)
    return try await transact(cause(caller, "createAccount")) { draft in
      let domain = request.domain ?? caller.domain
      guard draft.state.domains[domain] != nil else {
        throw ControlError(.invalidParameter, "The domain does not exist")
      }
      guard caller.isRootAdmin || Access.isWithin(domain, caller.domain, in: draft.state) else {
        throw ControlError(.permissionDenied, "No permission to create accounts in this domain")
      }
      let name = request.name ?? request.username
      guard draft.state.accounts.first("name", .scoped(domain.uuid, name.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "The specified account: \(name) already exists")
      }
      guard draft.state.users.first("username", .scoped(domain.uuid, request.username.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "The user \(request.username) already exists in the domain")
      }
      let account = Account(
        id: draft.newID(), name: name, type: request.type, domain: domain,
        cells: Self.shuffledCells(draft.state, seed: draft.newUUID()), created: draft.now)
      try draft.put(account)
      try draft.put(
        User(
          id: draft.newID(), username: request.username, account: account.id, domain: domain,
          firstname: request.firstname, lastname: request.lastname, email: request.email, passwordHash: hash,
          created: draft.now))
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
      guard var account = draft.get(id) else { throw ControlError(.invalidParameter, "The account does not exist") }
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
      account.state = .removing
      try draft.put(account)
      for var user in draft.state.users.matching("account", .id(id)) {
        user.enabled = false
        user.apiKey = nil
        user.secretKey = nil
        try draft.put(user)
      }
      for machine in draft.state.virtualMachines.matching("account", .id(id)) {
        try Withdrawal.withdraw(machine: machine, &draft)
      }
      for network in draft.state.networks.matching("account", .id(id)) where network.guestType == .isolated {
        try Withdrawal.withdraw(network: network, &draft)
      }
      for address in draft.state.publicIPs.matching("account", .id(id)) where address.state == .allocated {
        try Withdrawal.withdraw(address: address, &draft)
      }
      for group in draft.state.securityGroups.matching("account", .id(id)) {
        for peer in draft.state.securityGroups.matching("peer", .id(group.id)) where peer.account != id {
          var peer = peer
          peer.ingress.removeAll { $0.group == group.id }
          peer.egress.removeAll { $0.group == group.id }
          try draft.put(peer)
        }
      }
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
