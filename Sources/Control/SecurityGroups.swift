package import Addresses
package import CloudModel
package import FoundationEssentials
import Ledger

extension Control {
  package enum Direction: Sendable { case ingress, egress }

  package func createSecurityGroup(
    name: String, description: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> ID<SecurityGroup> {
    try await transact(cause(caller, "createSecurityGroup")) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
      guard draft.state.securityGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) == nil else {
        throw ControlError(
          .invalidParameter, "Unable to create security group, a group with name \(name) already exists.")
      }
      let group = SecurityGroup(
        id: draft.newID(), name: name, description: description, account: owner.id, domain: owner.domain,
        created: draft.now)
      try draft.put(group)
      try draft.put(Self.event("SG.CREATE", "Created security group \(name)", owner.id, caller.user, draft))
      return group.id
    }
  }

  package func deleteSecurityGroup(_ id: ID<SecurityGroup>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteSecurityGroup")) { draft in
      let group = try Self.group(id, caller, draft)
      guard group.name != "default" else {
        throw ControlError(.invalidParameter, "The network group default is reserved")
      }
      guard draft.state.virtualMachines.matching("securitygroup", .id(id)).isEmpty,
        draft.state.securityGroups.matching("peer", .id(id)).allSatisfy({ $0.id == id })
      else {
        throw ControlError(
          .resourceInUse, "Cannot delete group when it is in use by virtual machines or other security groups")
      }
      try draft.remove(id)
      try draft.put(Self.event("SG.DELETE", "Deleted security group \(group.name)", group.account, caller.user, draft))
    }
  }

  package func authorizeSecurityGroup(
    _ id: ID<SecurityGroup>, direction: Direction, match: PacketMatch, prefixes: [IPv4Prefix],
    groups: [ID<SecurityGroup>], by caller: Caller
  ) async throws -> Started {
    let command = direction == .ingress ? "authorizeSecurityGroupIngress" : "authorizeSecurityGroupEgress"
    return try await begin(command, .securityGroup, by: caller) { draft in
      var group = try Self.group(id, caller, draft)
      guard !prefixes.isEmpty || !groups.isEmpty else {
        throw ControlError(.invalidParameter, "At least one cidr or at least one security group needs to be specified")
      }
      var rules = prefixes.map { SecurityGroupRule(id: draft.newUUID(), match: match, prefix: $0, group: nil) }
      for peer in groups {
        guard draft.get(peer) != nil else { throw ControlError(.invalidParameter, "The security group does not exist") }
        rules.append(SecurityGroupRule(id: draft.newUUID(), match: match, prefix: nil, group: peer))
      }
      let existing = direction == .ingress ? group.ingress : group.egress
      for rule in rules
      where existing.contains(where: { $0.match == rule.match && $0.prefix == rule.prefix && $0.group == rule.group }) {
        throw ControlError(.invalidParameter, "The security group already has this rule")
      }
      guard existing.count + rules.count <= 100 else {
        throw ControlError(.resourceLimit, "A security group holds at most 100 rules per direction")
      }
      switch direction {
      case .ingress: group.ingress += rules
      case .egress: group.egress += rules
      }
      try draft.put(group)
      let type = direction == .ingress ? "SG.AUTH.INGRESS" : "SG.AUTH.EGRESS"
      try draft.put(Self.event(type, "Authorized rules of \(group.name)", group.account, caller.user, draft))
      return (id.uuid, rules.map { JobReference(type: "SecurityGroupRule", id: $0.id) })
    }
  }

  package func revokeSecurityGroup(
    rule: UUID, direction: Direction, by caller: Caller
  ) async throws -> Started {
    let command = direction == .ingress ? "revokeSecurityGroupIngress" : "revokeSecurityGroupEgress"
    return try await begin(command, .securityGroup, by: caller) { draft in
      guard let holder = draft.state.securityGroups.first("rule", .uuid(rule)) else {
        throw ControlError(.invalidParameter, "Unable to find security group rule \(rule.uuidString.lowercased())")
      }
      var group = try Self.group(holder.id, caller, draft)
      switch direction {
      case .ingress: group.ingress.removeAll { $0.id == rule }
      case .egress: group.egress.removeAll { $0.id == rule }
      }
      guard group != holder else {
        throw ControlError(.invalidParameter, "The rule is of the other direction")
      }
      try draft.put(group)
      let type = direction == .ingress ? "SG.REVOKE.INGRESS" : "SG.REVOKE.EGRESS"
      try draft.put(Self.event(type, "Revoked a rule of \(group.name)", group.account, caller.user, draft))
      return group.id.uuid
    }
  }

  static func group(
    _ id: ID<SecurityGroup>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> SecurityGroup {
    guard let group = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find security group \(id)")
    }
    try Access.require(caller, owner: group.account, in: draft.state)
    return group
  }
}
