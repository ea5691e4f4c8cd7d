package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewVPC: Sendable {
  package var name: String
  package var displayText: String?
  package var zone: ID<Zone>
  package var offering: ID<VPCOffering>
  package var cidr: IPv4Prefix
  package var domainName: String?
  package var dns: [IPv4] = []
  package var sourceNAT: IPv4?
  package var isDisplayed: Bool?
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, zone: ID<Zone>, offering: ID<VPCOffering>, cidr: IPv4Prefix) {
    self.name = name
    self.zone = zone
    self.offering = offering
    self.cidr = cidr
  }
}

extension Control {
  /// Creates a VPC with its source NAT address. In a zone whose networks are carried by nodes that is unsupported.
  package func createVPC(_ new: NewVPC, by caller: Caller) async throws -> Started {
    try await begin("createVPC", .vpc, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: new.account, domain: new.domain, in: draft.state)
      guard let zone = draft.get(new.zone), let offering = draft.get(new.offering) else {
        throw ControlError(.invalidParameter, "The zone or the VPC offering does not exist")
      }
      try ResourceLimits.require(.vpc, for: owner, in: draft.state)
      try Self.checkName(new.name)
      guard zone.series == .isolate else {
        throw ControlError(.invalidParameter, "VPCs are for zones with advanced networking only")
      }
      guard offering.isEnabled else {
        throw ControlError(.invalidParameter, "The VPC offering \(offering.name) is disabled")
      }
      try Self.requireSimulated(zone.id, "A VPC", draft.state)
      guard (8...29).contains(new.cidr.length), Self.isPrivate(new.cidr) else {
        throw ControlError(.invalidParameter, "The cidr of a VPC is a private prefix (RFC 1918) of /8 to /29")
      }
      try Self.requireRoom(draft.state.vpcs.count("account", .id(owner.id)), 100, "VPCs of an account")
      var vpc = VPC(
        id: draft.newID(), name: new.name, displayText: new.displayText ?? new.name, zone: zone.id,
        offering: offering.id, account: owner.id, cidr: new.cidr, domainName: "", dns: new.dns, created: draft.now)
      vpc.domainName = try Self.domainName(new.domainName) ?? "cs\(vpc.id.description.prefix(6)).internal"
      vpc.isHidden = new.isDisplayed == false ? true : nil
      try draft.put(vpc)
      if offering.services.contains("SourceNat") {
        var address = try Self.choose(new.sourceNAT, zone, owner, draft)
        address.state = .allocated
        address.account = owner.id
        address.vpc = vpc.id
        address.isSourceNAT = true
        address.allocated = draft.now
        try draft.put(address)
      }
      try draft.put(Self.event("VPC.CREATE", "Created VPC", vpc, caller, draft))
      return vpc.id.uuid
    }
  }

  static func isPrivate(_ prefix: IPv4Prefix) -> Bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].compactMap { IPv4Prefix($0) }.contains { $0.contains(prefix) }
  }

  package func updateVPC(
    _ id: ID<VPC>, name: String?, displayText: String?, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateVPC", .vpc, by: caller) { draft in
      var vpc = try Self.vpc(id, caller, draft)
      if let name {
        try Self.checkName(name)
        vpc.name = name
      }
      if let displayText { vpc.displayText = displayText }
      if let isDisplayed { vpc.isHidden = isDisplayed ? nil : true }
      try draft.put(vpc)
      try draft.put(Self.event("VPC.UPDATE", "Updated VPC", vpc, caller, draft))
      return id.uuid
    }
  }

  package func deleteVPC(_ id: ID<VPC>, by caller: Caller) async throws -> Started {
    try await begin("deleteVPC", .vpc, by: caller) { draft in
      let vpc = try Self.vpc(id, caller, draft)
      let tiers = draft.state.networks.count("vpc", .id(id))
      guard tiers == 0 else {
        throw ControlError(.resourceInUse, "Can't delete VPC \(vpc.name): it has \(tiers) networks. Delete them first")
      }
      try Tiers.remove(id, &draft)
      try draft.put(Self.event("VPC.DELETE", "Deleted VPC", vpc, caller, draft))
      return id.uuid
    }
  }

  package func restartVPC(_ id: ID<VPC>, by caller: Caller) async throws -> Started {
    try await begin("restartVPC", .vpc, by: caller) { draft in
      let vpc = try Self.vpc(id, caller, draft)
      try draft.put(Self.event("VPC.RESTART", "Restarted VPC", vpc, caller, draft))
      return id.uuid
    }
  }

  static func vpc(_ id: ID<VPC>, _ caller: Caller, _ draft: borrowing Draft) throws -> VPC {
    try owned(id, "VPC", caller, draft) { $0.account }
  }

  private static func event(
    _ type: String, _ done: String, _ vpc: VPC, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "\(done) \(vpc.name)", vpc.account, caller.user, draft, resourceType: "Vpc", resource: vpc.id.uuid)
  }

  /// What makes a network a tier of a VPC; checks that it fits in.
  static func makeTier(
    _ network: inout Network, of id: ID<VPC>, acl: ID<NetworkACLList>?, _ caller: Caller, _ draft: borrowing Draft
  ) throws {
    let vpc = try vpc(id, caller, draft)
    guard vpc.zone == network.zone, vpc.account == network.account else {
      throw ControlError(.invalidParameter, "The VPC is in another zone or belongs to another account")
    }
    guard vpc.cidr.contains(network.cidr) else {
      throw ControlError(.invalidParameter, "The network \(network.cidr) is not within the VPC's \(vpc.cidr)")
    }
    let tiers = draft.state.networks.matching("vpc", .id(id))
    try requireRoom(tiers.count, 50, "tiers of a VPC")
    if let other = tiers.first(where: { $0.cidr.overlaps(network.cidr) }) {
      throw ControlError(
        .invalidParameter, "The network \(network.cidr) overlaps the tier \(other.name)'s \(other.cidr)")
    }
    let list = try acl.map { try aclList($0, usableIn: id, caller, draft).id }
    network.vpc = id
    network.acl = list ?? draft.state.networkACLLists.first("common", .text("default_deny"))?.id
    network.domainName = vpc.domainName
  }
}
