package import CloudModel
import Ledger

extension Control {
  package func createInstanceGroup(
    name: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> ID<InstanceGroup> {
    try await transact(cause(caller, "createInstanceGroup")) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      guard draft.state.instanceGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) == nil else {
        throw ControlError(
          .invalidParameter, "Unable to create vm group, a group with name \(name) already exists for account")
      }
      return try Self.instanceGroup(named: name, owner.id, &draft)
    }
  }

  package func updateInstanceGroup(_ id: ID<InstanceGroup>, name: String?, by caller: Caller) async throws {
    try await transact(cause(caller, "updateInstanceGroup")) { draft in
      var group = try Self.instanceGroup(id, caller, draft)
      guard let name, name != group.name else { return }
      guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      let other = draft.state.instanceGroups.first("name", .scoped(group.account.uuid, name.lowercased()))
      guard other == nil || other?.id == id else {
        throw ControlError(.invalidParameter, "A group with name \(name) already exists for the account")
      }
      group.name = name
      try draft.put(group)
    }
  }

  /// Its instances are in no group then.
  package func deleteInstanceGroup(_ id: ID<InstanceGroup>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteInstanceGroup")) { draft in
      let group = try Self.instanceGroup(id, caller, draft)
      for var machine in draft.state.virtualMachines.matching("group", .id(group.id)) {
        machine.group = nil
        try draft.put(machine)
      }
      try draft.remove(id)
    }
  }

  /// The account's group of that name, which is made if there is none.
  static func instanceGroup(
    named name: String, _ owner: ID<Account>, _ draft: inout Draft
  ) throws -> ID<InstanceGroup> {
    if let group = draft.state.instanceGroups.first("name", .scoped(owner.uuid, name.lowercased())) { return group.id }
    guard (1...255).contains(name.utf16.count) else {
      throw ControlError(.invalidParameter, "The name of a group has 1 to 255 characters")
    }
    guard draft.state.instanceGroups.count("account", .id(owner)) < ownLimit else {
      throw ControlError(.resourceLimit, "An account has at most \(ownLimit) instance groups")
    }
    let group = InstanceGroup(id: draft.newID(), name: name, account: owner, created: draft.now)
    try draft.put(group)
    return group.id
  }

  private static func instanceGroup(
    _ id: ID<InstanceGroup>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> InstanceGroup {
    guard let group = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find the group \(id)") }
    try Access.require(caller, owner: group.account, in: draft.state)
    return group
  }
}
