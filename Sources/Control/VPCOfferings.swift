import Addresses
package import CloudModel
import FoundationEssentials
import Ledger
import Logging

extension Control {
  private static let vpcServices = [
    "Dhcp", "Dns", "Lb", "NetworkACL", "PortForwarding", "SourceNat", "StaticNat", "UserData", "Vpn",
  ]

  package func createVPCOffering(
    name: String, displayText: String?, services: [String], isEnabled: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("createVPCOffering", .vpcOffering, by: caller) { draft in
      try Access.requireRootAdmin(caller)
      try Self.checkName(name)
      let services = try services.map { service in
        let known = Self.vpcServices.first { $0.lowercased() == service.lowercased() }
        guard let known else {
          throw ControlError(
            .invalidParameter,
            "A VPC has no service \(service), only \(Self.vpcServices.joined(separator: ", "))")
        }
        return known
      }
      let offering = VPCOffering(
        id: draft.newID(), name: name, displayText: displayText ?? name,
        services: services.isEmpty ? Self.vpcServices : Set(services).sorted(), isEnabled: isEnabled,
        created: draft.now)
      guard draft.state.vpcOfferings.first("name", .text(name.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "There is a VPC offering \(name) already")
      }
      try Self.requireRoom(draft.state.vpcOfferings.count, 1000, "VPC offerings")
      try draft.put(offering)
      try draft.put(Self.event("VPC.OFFERING.CREATE", "VPC offering \(name)", caller.account, caller.user, draft))
      return offering.id.uuid
    }
  }

  package func updateVPCOffering(
    _ id: ID<VPCOffering>, name: String?, displayText: String?, isEnabled: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateVPCOffering", .vpcOffering, by: caller) { draft in
      var offering = try Self.vpcOffering(id, caller, draft)
      if let name {
        try Self.checkName(name)
        offering.name = name
      }
      if let displayText { offering.displayText = displayText }
      if let isEnabled { offering.isEnabled = isEnabled }
      try draft.put(offering)
      try draft.put(
        Self.event("VPC.OFFERING.UPDATE", "VPC offering \(offering.name)", caller.account, caller.user, draft))
      return id.uuid
    }
  }

  package func deleteVPCOffering(_ id: ID<VPCOffering>, by caller: Caller) async throws -> Started {
    try await begin("deleteVPCOffering", .vpcOffering, by: caller) { draft in
      let offering = try Self.vpcOffering(id, caller, draft)
      guard !offering.isDefault else {
        throw ControlError(.invalidParameter, "The default VPC offering cannot be deleted; disable it instead")
      }
      guard draft.state.vpcs.count("offering", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "The VPC offering \(offering.name) is used by VPCs; disable it instead")
      }
      try draft.remove(id)
      try draft.put(
        Self.event("VPC.OFFERING.DELETE", "VPC offering \(offering.name)", caller.account, caller.user, draft))
      return id.uuid
    }
  }

  private static func vpcOffering(
    _ id: ID<VPCOffering>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> VPCOffering {
    try Access.requireRootAdmin(caller)
    guard let offering = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find VPC offering \(id)")
    }
    return offering
  }

  /// What every cloud has for VPCs. Clouds of before get it when their manager starts.
  static func putVPCDefaults(_ draft: inout Draft) throws {
    let name = "Default VPC offering"
    if draft.state.vpcOfferings.first("name", .text(name.lowercased())) == nil {
      try draft.put(
        VPCOffering(
          id: draft.newID(), name: name, displayText: name, services: vpcServices, isDefault: true, isEnabled: true,
          created: draft.now))
    }
    let tier = "DefaultIsolatedNetworkOfferingForVpcNetworks"
    // Listed behind the offerings for networks by themselves.
    var offering =
      draft.state.networkOfferings.first("name", .text(tier.lowercased()))
      ?? NetworkOffering(
        id: draft.newID(), name: tier, displayText: "Tier of a VPC", guestType: .isolated, services: vpcServices,
        egressDefaultAllow: true, created: draft.now.addingTimeInterval(0.001))
    offering.forVPC = true
    try draft.put(offering)
    for (name, isAllowing) in [("default_allow", true), ("default_deny", false)]
    where draft.state.networkACLLists.first("common", .text(name)) == nil {
      let items = [true, false].enumerated().map { position, isIngress in
        NetworkACLItem(
          id: draft.newUUID(), number: position + 1, isAllowing: isAllowing, isIngress: isIngress, match: .all,
          prefixes: [.any], reason: "")
      }
      try draft.put(
        NetworkACLList(
          id: draft.newID(), name: name,
          description: "Default Network ACL \(isAllowing ? "Allow All" : "Deny All")", vpc: nil, account: nil,
          items: items, created: draft.now))
    }
  }

  /// Gives a cloud of before what VPCs need. A manager that cannot write now tries again when it starts next.
  func putMissingVPCDefaults() async {
    let state = self.state
    guard !ledger.isClosed, !state.domains.isEmpty,
      state.networkACLLists.first("common", .text("default_deny")) == nil
    else { return }
    do {
      try await transact(Cause(actor: "system/bootstrap", command: "putVPCDefaults", job: nil)) { draft in
        try Self.putVPCDefaults(&draft)
      }
    } catch {
      logger.error("the defaults of VPCs could not be stored", metadata: ["error": "\(error)"])
    }
  }
}
