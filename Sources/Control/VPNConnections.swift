import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  package func createVPNConnection(
    gateway: ID<VPNGateway>, customerGateway: ID<VPNCustomerGateway>, isPassive: Bool, isDisplayed: Bool?,
    by caller: Caller
  ) async throws -> Started {
    try await begin("createVpnConnection", .vpnConnection, by: caller) { draft in
      let own = try Self.owned(gateway, "VPN gateway", caller, draft) { $0.account }
      let other = try Self.owned(customerGateway, "VPN customer gateway", caller, draft) { $0.account }
      guard own.account == other.account else {
        throw ControlError(.permissionDenied, "The VPN gateways belong to different accounts")
      }
      let connections = draft.state.vpnConnections.matching("gateway", .id(gateway))
      try Self.requireRoom(connections.count, 64, "connections of a VPN gateway")
      guard !connections.contains(where: { $0.customerGateway == customerGateway }) else {
        throw ControlError(.invalidParameter, "The vpn connection with customer gateway \(other.name) already exists")
      }
      if let vpc = draft.get(own.vpc), let prefix = other.prefixes.first(where: { $0.overlaps(vpc.cidr) }) {
        throw ControlError(.invalidParameter, "The other site's \(prefix) overlaps the VPC's \(vpc.cidr)")
      }
      var connection = VPNConnection(
        id: draft.newID(), account: own.account, gateway: gateway, customerGateway: customerGateway,
        isPassive: isPassive, created: draft.now)
      connection.isHidden = isDisplayed == false ? true : nil
      try draft.put(connection)
      try draft.put(Self.event("VPN.S2S.CONNECTION.CREATE", "Created", connection, caller, draft))
      return connection.id.uuid
    }
  }

  package func updateVPNConnection(
    _ id: ID<VPNConnection>, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await change(id, "updateVpnConnection", "VPN.S2S.CONNECTION.UPDATE", "Updated", caller) { connection, _ in
      if let isDisplayed { connection.isHidden = isDisplayed ? nil : true }
    }
  }

  package func resetVPNConnection(_ id: ID<VPNConnection>, by caller: Caller) async throws -> Started {
    try await change(id, "resetVpnConnection", "VPN.S2S.CONNECTION.RESET", "Reset", caller) { _, _ in }
  }

  package func deleteVPNConnection(_ id: ID<VPNConnection>, by caller: Caller) async throws -> Started {
    try await change(id, "deleteVpnConnection", "VPN.S2S.CONNECTION.DELETE", "Deleted", caller) { _, draft in
      try draft.remove(id)
    }
  }

  private func change(
    _ id: ID<VPNConnection>, _ command: String, _ type: String, _ done: String, _ caller: Caller,
    _ body: @escaping @Sendable (inout VPNConnection, inout Draft) throws -> Void
  ) async throws -> Started {
    try await begin(command, .vpnConnection, by: caller) { draft in
      var connection = try Self.owned(id, "VPN connection", caller, draft) { $0.account }
      try body(&connection, &draft)
      if draft.get(id) != nil { try draft.put(connection) }
      try draft.put(Self.event(type, done, connection, caller, draft))
      return id.uuid
    }
  }

  private static func event(
    _ type: String, _ done: String, _ connection: VPNConnection, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "\(done) a VPN connection", connection.account, caller.user, draft, resourceType: "VpnConnection",
      resource: connection.id.uuid)
  }
}
