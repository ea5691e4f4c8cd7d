package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  private static let pathLimit = 1024

  package func createDomain(
    name: String, parent: ID<Domain>?, networkDomain: String?, by caller: Caller
  ) async throws -> ID<Domain> {
    try await transact(cause(caller, "createDomain")) { draft in
      let parent = try Self.domain(parent ?? caller.domain, caller, draft)
      let path = try Self.path(name, in: parent.path)
      guard draft.state.domains.first("name", .text(path.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "Domain with name \(name) already exists for the parent id=\(parent.id)")
      }
      var domain = Domain(id: draft.newID(), name: name, path: path, parent: parent.id, created: draft.now)
      domain.networkDomain = try Self.networkDomain(networkDomain, nil)
      try draft.put(domain)
      try draft.put(Self.event("DOMAIN.CREATE", "Created domain \(path)", domain, caller, draft))
      return domain.id
    }
  }

  /// A new name moves the paths of all below.
  package func updateDomain(
    _ id: ID<Domain>, name: String?, networkDomain: String?, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "updateDomain")) { draft in
      var domain = try Self.domain(id, caller, draft)
      domain.networkDomain = try Self.networkDomain(networkDomain, domain.networkDomain)
      let old = domain.path
      if let name, name != domain.name {
        guard let parent = domain.parent.flatMap({ draft.get($0) }) else {
          throw ControlError(.permissionDenied, "ROOT domain can not be edited with a new name")
        }
        let path = try Self.path(name, in: parent.path)
        if let holder = draft.state.domains.first("name", .text(path.lowercased())), holder.id != id {
          throw ControlError(
            .invalidParameter, "Failed to update domain id=\(id); domain with name \(name) already exists")
        }
        domain.name = name
        domain.path = path
      }
      try draft.put(domain)
      try Self.move(below: domain, from: old, &draft)
      try draft.put(Self.event("DOMAIN.UPDATE", "Updated domain \(domain.path)", domain, caller, draft))
    }
  }

  /// Puts a domain, with all below it, into another.
  package func moveDomain(_ id: ID<Domain>, to target: ID<Domain>, by caller: Caller) async throws {
    try Access.requireRootAdmin(caller)
    try await transact(cause(caller, "moveDomain")) { draft in
      var domain = try Self.domain(id, caller, draft)
      let parent = try Self.domain(target, caller, draft)
      guard domain.parent != nil else { throw ControlError(.invalidParameter, "The domain ROOT cannot be moved") }
      guard !Access.isWithin(target, id, in: draft.state) else {
        throw ControlError(.invalidParameter, "A domain cannot be moved into itself")
      }
      let (old, path) = (domain.path, try Self.path(domain.name, in: parent.path))
      if let holder = draft.state.domains.first("name", .text(path.lowercased())), holder.id != id {
        throw ControlError(.invalidParameter, "There is a domain \(path) already")
      }
      domain.parent = parent.id
      domain.path = path
      try draft.put(domain)
      try Self.move(below: domain, from: old, &draft)
      try draft.put(Self.event("DOMAIN.MOVE", "Moved domain \(old) to \(path)", domain, caller, draft))
    }
  }

  private static func move(below domain: Domain, from old: String, _ draft: inout Draft) throws {
    guard domain.path != old else { return }
    for var child in draft.state.subtree(of: domain.id).dropFirst() {
      child.path = domain.path + child.path.dropFirst(old.count)
      guard child.path.utf8.count <= pathLimit else { throw tooLong }
      try draft.put(child)
    }
  }

  /// Without `cleanup` only one that holds nothing.
  package func deleteDomain(_ id: ID<Domain>, cleanup: Bool, by caller: Caller) async throws -> Started {
    try await begin("deleteDomain", .domain, by: caller) { draft in
      let domain = try Self.domain(id, caller, draft)
      guard domain.parent != nil, id != caller.domain else {
        throw ControlError(.permissionDenied, "Neither ROOT nor the own domain can be deleted")
      }
      let domains = draft.state.subtree(of: id)
      let accounts = domains.flatMap { draft.state.accounts.matching("domain", .id($0.id)) }
      guard cleanup || accounts.isEmpty && domains.count == 1 else {
        throw ControlError(
          .resourceInUse,
          "Can't delete the domain \(domain.name): it has accounts or domains. Delete them first, or ask for cleanup")
      }
      if let leaving = accounts.first(where: { $0.state == .removing }) {
        throw ControlError(.resourceInUse, "The account \(leaving.name) is being deleted; try again when it is gone")
      }
      guard !accounts.contains(where: { $0.id == caller.account }) else {
        throw ControlError(.permissionDenied, "The own domain cannot be deleted")
      }
      for account in accounts { try Withdrawal.withdraw(account: account, &draft) }
      for var domain in domains {
        domain.isRemoving = true
        try draft.put(domain)
      }
      try draft.put(Self.event("DOMAIN.DELETE", "Deleting domain \(domain.path)", domain, caller, draft))
      let references = accounts.map { JobReference(type: JobSubject.account.rawValue, id: $0.id.uuid) }
      return (id.uuid, references)
    }
  }

  /// A domain that is not on its way out, and that an administrator may act on.
  static func domain(_ id: ID<Domain>, _ caller: Caller, _ draft: borrowing Draft) throws -> Domain {
    guard let domain = draft.get(id) else { throw ControlError(.invalidParameter, "The domain does not exist") }
    guard caller.isRootAdmin || caller.type != .user && Access.isWithin(id, caller.domain, in: draft.state) else {
      throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
    }
    guard domain.isRemoving != true else {
      throw ControlError(.invalidParameter, "The domain is being deleted")
    }
    return domain
  }

  private static func path(_ name: String, in parent: String) throws -> String {
    guard !name.isEmpty, !name.contains("/"), !name.contains("%"), name.utf16.count <= 255 else {
      throw ControlError(.invalidParameter, "A domain's name is not empty and has neither / nor %")
    }
    let path = "\(parent)/\(name)"
    guard path.utf8.count <= pathLimit else { throw tooLong }
    return path
  }

  private static let tooLong = ControlError(
    .invalidParameter, "The path of a domain has at most \(pathLimit) bytes; choose a shorter name")

  private static func event(
    _ type: String, _ text: String, _ domain: Domain, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(type, text, caller.account, caller.user, draft, resourceType: "Domain", resource: domain.id.uuid)
  }
}
