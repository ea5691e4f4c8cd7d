package import CloudModel
import Ledger

extension Control {
  package func createAffinityGroup(
    name: String, type: AffinityType, description: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> Started {
    try await begin("createAffinityGroup", .affinityGroup, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      guard draft.state.affinityGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) == nil else {
        throw ControlError(
          .invalidParameter, "Unable to create affinity group, a group with name \(name) already exists.")
      }
      guard draft.state.affinityGroups.count("account", .id(owner.id)) < Self.ownLimit else {
        throw ControlError(.resourceLimit, "An account has at most \(Self.ownLimit) affinity groups")
      }
      let id: ID<AffinityGroup> = draft.newID()
      try draft.put(
        AffinityGroup(
          id: id, name: name, description: description, type: type, account: owner.id, created: draft.now))
      try draft.put(
        Self.event(
          "AG.CREATE", "Created affinity group \(name)", owner.id, caller.user, draft, resourceType: "AffinityGroup",
          resource: id.uuid))
      return id.uuid
    }
  }

  /// Its instances are in the group no longer; they stay where they are.
  package func deleteAffinityGroup(_ id: ID<AffinityGroup>, by caller: Caller) async throws -> Started {
    try await begin("deleteAffinityGroup", .affinityGroup, by: caller) { draft in
      let group = try Self.affinityGroup(id, caller, draft)
      for var machine in draft.state.virtualMachines.matching("affinitygroup", .id(id)) {
        machine.affinityGroups = machine.affinityGroups.map { $0.filter { $0 != id } }.flatMap { $0.isEmpty ? nil : $0 }
        try draft.put(machine)
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "AG.DELETE", "Deleted affinity group \(group.name)", group.account, caller.user, draft,
          resourceType: "AffinityGroup", resource: id.uuid))
      return id.uuid
    }
  }

  /// Puts a stopped instance into these groups and no others.
  package func updateVMAffinityGroup(
    _ id: ID<VirtualMachine>, groups: [ID<AffinityGroup>], names: [String], by caller: Caller
  ) async throws -> Started {
    try await change(id, "updateVMAffinityGroup", "VM.UPDATE", by: caller) { machine, draft in
      guard machine.state == .stopped else {
        throw Self.wrongState(machine, "given other affinity groups; stop it first")
      }
      machine.affinityGroups = try Self.affinityGroups(groups, names, machine.account, draft)
    }
  }

  private static let affinityGroupsPerInstance = 16

  static func affinityGroups(
    _ ids: [ID<AffinityGroup>], _ names: [String], _ owner: ID<Account>, _ draft: borrowing Draft
  ) throws -> [ID<AffinityGroup>]? {
    var ids = ids
    for name in names {
      guard let group = draft.state.affinityGroups.first("name", .scoped(owner.uuid, name.lowercased())) else {
        throw ControlError(.invalidParameter, "Unable to find affinity group by name \(name)")
      }
      ids.append(group.id)
    }
    var seen: Set<ID<AffinityGroup>> = []
    let unique = ids.filter { seen.insert($0).inserted }
    guard unique.count <= affinityGroupsPerInstance else {
      throw ControlError(.invalidParameter, "An instance is in at most \(affinityGroupsPerInstance) affinity groups")
    }
    for id in unique {
      guard let group = draft.get(id) else {
        throw ControlError(.invalidParameter, "Unable to find affinity group \(id)")
      }
      guard group.account == owner else {
        throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
      }
    }
    return unique.isEmpty ? nil : unique
  }

  private static func affinityGroup(
    _ id: ID<AffinityGroup>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> AffinityGroup {
    guard let group = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find affinity group \(id)")
    }
    try Access.require(caller, owner: group.account, in: draft.state)
    return group
  }
}
