package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewPrivateGateway: Sendable {
  package var vpc: ID<VPC>
  package var address: IPv4
  package var gateway: IPv4
  package var netmask: IPv4
  package var vlan: Int?
  package var acl: ID<NetworkACLList>?
  package var isSourceNAT = false

  package init(vpc: ID<VPC>, address: IPv4, gateway: IPv4, netmask: IPv4) {
    self.vpc = vpc
    self.address = address
    self.gateway = gateway
    self.netmask = netmask
  }
}

extension Control {
  package func createPrivateGateway(_ new: NewPrivateGateway, by caller: Caller) async throws -> Started {
    try await begin("createPrivateGateway", .privateGateway, by: caller) { draft in
      let vpc = try Self.vpc(new.vpc, caller, draft)
      let length = try Self.prefixLength(new.netmask)
      let prefix = IPv4Prefix(new.gateway, length: length)
      guard prefix.contains(new.address), new.address != new.gateway, new.address != prefix.first,
        new.address != prefix.last
      else {
        throw ControlError(.invalidParameter, "ipaddress must be another host address of the gateway's \(prefix)")
      }
      guard !vpc.cidr.overlaps(prefix) else {
        throw ControlError(.invalidParameter, "The gateway's \(prefix) overlaps the VPC's \(vpc.cidr)")
      }
      if let vlan = new.vlan, !(1...4094).contains(vlan) {
        throw ControlError(.invalidParameter, "A VLAN is 1 to 4094")
      }
      let others = draft.state.privateGateways.matching("vpc", .id(vpc.id))
      try Self.requireRoom(others.count, 16, "private gateways of a VPC")
      guard !others.contains(where: { $0.address == new.address && $0.vlan == new.vlan }) else {
        throw ControlError(.invalidParameter, "The VPC has a private gateway with \(new.address) already")
      }
      let acl = try new.acl.map { try Self.aclList($0, usableIn: vpc.id, caller, draft).id }
      let gateway = PrivateGateway(
        id: draft.newID(), vpc: vpc.id, account: vpc.account, address: new.address, length: length,
        gateway: new.gateway, vlan: new.vlan,
        acl: acl ?? draft.state.networkACLLists.first("common", .text("default_deny"))?.id,
        isSourceNAT: new.isSourceNAT, created: draft.now)
      try draft.put(gateway)
      try draft.put(
        Self.event(
          "PRIVATE.GATEWAY.CREATE", "Private gateway \(gateway.address)", vpc.account, caller.user, draft,
          resourceType: "PrivateGateway", resource: gateway.id.uuid))
      return gateway.id.uuid
    }
  }

  static func prefixLength(_ netmask: IPv4) throws(ControlError) -> Int {
    let length = netmask.value.nonzeroBitCount
    guard (8...30).contains(length), netmask.value == UInt32.max << UInt32(32 - length) else {
      throw ControlError(.invalidParameter, "Invalid netmask \(netmask); use one of /8 to /30")
    }
    return length
  }

  package func deletePrivateGateway(_ id: ID<PrivateGateway>, by caller: Caller) async throws -> Started {
    try await begin("deletePrivateGateway", .privateGateway, by: caller) { draft in
      let gateway = try Self.owned(id, "private gateway", caller, draft) { $0.account }
      guard draft.state.staticRoutes.count("gateway", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "The private gateway has static routes; delete them first")
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "PRIVATE.GATEWAY.DELETE", "Private gateway \(gateway.address)", gateway.account, caller.user, draft,
          resourceType: "PrivateGateway", resource: id.uuid))
      return id.uuid
    }
  }

  /// - Parameters:
  ///   - gateway: the private gateway that the prefix is behind; or
  ///   - nextHop: the address, with the VPC.
  package func createStaticRoute(
    _ cidr: IPv4Prefix, gateway: ID<PrivateGateway>?, vpc: ID<VPC>?, nextHop: IPv4?, by caller: Caller
  ) async throws -> Started {
    try await begin("createStaticRoute", .staticRoute, by: caller) { draft in
      let found = try gateway.map { try Self.owned($0, "private gateway", caller, draft) { $0.account } }
      guard let id = found?.vpc ?? vpc, let hop = found?.gateway ?? nextHop, (found == nil) == (nextHop != nil) else {
        throw ControlError(.invalidParameter, "Name either gatewayid, or vpcid and nexthop")
      }
      let vpc = try Self.vpc(id, caller, draft)
      guard !vpc.cidr.overlaps(cidr), cidr != .any else {
        throw ControlError(.invalidParameter, "The route's \(cidr) overlaps the VPC's \(vpc.cidr), or is everything")
      }
      let routes = draft.state.staticRoutes.matching("vpc", .id(vpc.id))
      try Self.requireRoom(routes.count, 256, "static routes of a VPC")
      if let other = routes.first(where: { $0.cidr.overlaps(cidr) }) {
        throw ControlError(
          .networkRuleConflict, "The route's \(cidr) overlaps that of route \(other.id), \(other.cidr)")
      }
      let route = StaticRoute(
        id: draft.newID(), vpc: vpc.id, account: vpc.account, cidr: cidr, gateway: gateway, nextHop: hop,
        created: draft.now)
      try draft.put(route)
      try draft.put(
        Self.event(
          "STATIC.ROUTE.CREATE", "Static route \(cidr)", vpc.account, caller.user, draft, resourceType: "StaticRoute",
          resource: route.id.uuid))
      return route.id.uuid
    }
  }

  package func deleteStaticRoute(_ id: ID<StaticRoute>, by caller: Caller) async throws -> Started {
    try await begin("deleteStaticRoute", .staticRoute, by: caller) { draft in
      let route = try Self.owned(id, "static route", caller, draft) { $0.account }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "STATIC.ROUTE.DELETE", "Static route \(route.cidr)", route.account, caller.user, draft,
          resourceType: "StaticRoute", resource: id.uuid))
      return id.uuid
    }
  }
}
