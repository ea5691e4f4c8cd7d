package import CloudModel
import Ledger

extension Control {
  private static let userDataPerAccount = 100

  package func registerUserData(
    name: String, content: [UInt8], parameters: String?, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> ID<RegisteredUserData> {
    try await transact(cause(caller, "registerUserData")) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      guard !content.isEmpty else { throw ControlError(.invalidParameter, "userdata may not be empty") }
      try Self.requireUserData(content)
      guard draft.state.registeredUserData.first("name", .scoped(owner.id.uuid, name.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "A userdata with name \(name) already exists for account \(owner.name)")
      }
      guard draft.state.registeredUserData.count("account", .id(owner.id)) < Self.userDataPerAccount else {
        throw ControlError(.resourceLimit, "An account registers at most \(Self.userDataPerAccount) user data")
      }
      let id: ID<RegisteredUserData> = draft.newID()
      try draft.put(
        RegisteredUserData(
          id: id, name: name, account: owner.id, content: content, parameters: parameters, created: draft.now))
      try draft.put(
        Self.event(
          "REGISTER.USER.DATA", "Registered user data \(name)", owner.id, caller.user, draft, resourceType: "UserData",
          resource: id.uuid))
      return id
    }
  }

  package func deleteUserData(_ id: ID<RegisteredUserData>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteUserData")) { draft in
      guard let source = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find user data \(id)") }
      try Access.require(caller, owner: source.account, in: draft.state)
      guard draft.state.virtualMachines.count("userdata", .id(id)) == 0 else {
        throw ControlError(
          .invalidParameter, "The user data \(source.name) cannot be deleted while instances use it; reset theirs first"
        )
      }
      guard draft.state.templates.count("userdata", .id(id)) == 0 else {
        throw ControlError(
          .invalidParameter,
          "Userdata \(source.name) cannot be removed as it is linked to active template/templates; see "
            + "linkUserDataToTemplate")
      }
      try draft.remove(id)
    }
  }

  /// Gives a stopped instance other user data.
  package func resetUserData(
    of id: ID<VirtualMachine>, content: [UInt8]?, source: ID<RegisteredUserData>?, by caller: Caller
  ) async throws -> Started {
    try await change(id, "resetUserDataForVirtualMachine", "VM.RESETUSERDATA", by: caller) { machine, draft in
      guard machine.state == .stopped else { throw Self.wrongState(machine, "given other user data; stop it first") }
      machine.userDataSource = nil
      machine.userData = content ?? []
      try Self.requireUserData(machine.userData)
      if let source { try Self.takeUserData(from: source, &machine, draft) }
      try Self.mergeUserData(into: &machine, draft)
    }
  }
}
