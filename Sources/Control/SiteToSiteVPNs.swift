package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

/// The other site, as it is to be.
package struct CustomerGatewayForm: Sendable {
  package var name: String?
  package var gateway: String
  package var prefixes: [IPv4Prefix]
  package var presharedKey: String
  package var ikePolicy: String
  package var espPolicy: String
  package var ikeLifetime: Int?
  package var espLifetime: Int?
  package var ikeVersion: String?
  package var detectsDeadPeers: Bool?
  package var forcesEncapsulation: Bool?
  package var splitsConnections: Bool?
  package var account: String?
  package var domain: ID<Domain>?

  package init(
    gateway: String, prefixes: [IPv4Prefix], presharedKey: String, ikePolicy: String, espPolicy: String
  ) {
    self.gateway = gateway
    self.prefixes = prefixes
    self.presharedKey = presharedKey
    self.ikePolicy = ikePolicy
    self.espPolicy = espPolicy
  }
}

extension Control {
  package func createVPNGateway(
    _ id: ID<VPC>, address wanted: ID<PublicIPAddress>?, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("createVpnGateway", .vpnGateway, by: caller) { draft in
      let vpc = try Self.vpc(id, caller, draft)
      guard draft.state.vpnGateways.first("vpc", .id(id)) == nil else {
        throw ControlError(.invalidParameter, "The VPC \(vpc.name) has a VPN gateway already")
      }
      let addresses = draft.state.publicIPs.matching("vpc", .id(id))
      guard let address = addresses.first(where: { wanted == nil ? $0.isSourceNAT : $0.id == wanted }) else {
        throw ControlError(.invalidParameter, "The VPC \(vpc.name) has no such public address")
      }
      var gateway = VPNGateway(
        id: draft.newID(), account: vpc.account, vpc: id, address: address.id, created: draft.now)
      gateway.isHidden = isDisplayed == false ? true : nil
      try draft.put(gateway)
      try draft.put(
        Self.event(
          "VPN.S2S.VPN.GATEWAY.CREATE", "VPN gateway of \(vpc.name)", vpc.account, caller.user, draft,
          resourceType: "VpnGateway", resource: gateway.id.uuid))
      return gateway.id.uuid
    }
  }

  package func updateVPNGateway(_ id: ID<VPNGateway>, isDisplayed: Bool?, by caller: Caller) async throws -> Started {
    try await begin("updateVpnGateway", .vpnGateway, by: caller) { draft in
      var gateway = try Self.owned(id, "VPN gateway", caller, draft) { $0.account }
      if let isDisplayed { gateway.isHidden = isDisplayed ? nil : true }
      try draft.put(gateway)
      try draft.put(
        Self.event("VPN.S2S.VPN.GATEWAY.UPDATE", "Updated a VPN gateway", gateway.account, caller.user, draft))
      return id.uuid
    }
  }

  package func deleteVPNGateway(_ id: ID<VPNGateway>, by caller: Caller) async throws -> Started {
    try await begin("deleteVpnGateway", .vpnGateway, by: caller) { draft in
      let gateway = try Self.owned(id, "VPN gateway", caller, draft) { $0.account }
      guard draft.state.vpnConnections.count("gateway", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "The VPN gateway has connections; delete them first")
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "VPN.S2S.VPN.GATEWAY.DELETE", "Deleted a VPN gateway", gateway.account, caller.user, draft,
          resourceType: "VpnGateway", resource: id.uuid))
      return id.uuid
    }
  }

  package func createVPNCustomerGateway(_ form: CustomerGatewayForm, by caller: Caller) async throws -> Started {
    try await begin("createVpnCustomerGateway", .vpnCustomerGateway, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: form.account, domain: form.domain, in: draft.state)
      let held = draft.state.vpnCustomerGateways.count("account", .id(owner.id))
      try Self.requireRoom(held, 100, "VPN customer gateways of an account")
      var gateway = VPNCustomerGateway(
        id: draft.newID(), account: owner.id, name: "VPN-\(form.gateway)", gateway: "", prefixes: [],
        presharedKey: "", ikePolicy: "", espPolicy: "", created: draft.now)
      try Self.apply(form, to: &gateway, draft)
      try draft.put(gateway)
      try draft.put(Self.event("VPN.S2S.CUSTOMER.GATEWAY.CREATE", gateway, caller, draft))
      return gateway.id.uuid
    }
  }

  package func updateVPNCustomerGateway(
    _ id: ID<VPNCustomerGateway>, _ form: CustomerGatewayForm, by caller: Caller
  ) async throws -> Started {
    try await begin("updateVpnCustomerGateway", .vpnCustomerGateway, by: caller) { draft in
      var gateway = try Self.owned(id, "VPN customer gateway", caller, draft) { $0.account }
      try Self.apply(form, to: &gateway, draft)
      try draft.put(gateway)
      try draft.put(Self.event("VPN.S2S.CUSTOMER.GATEWAY.UPDATE", gateway, caller, draft))
      return id.uuid
    }
  }

  package func deleteVPNCustomerGateway(_ id: ID<VPNCustomerGateway>, by caller: Caller) async throws -> Started {
    try await begin("deleteVpnCustomerGateway", .vpnCustomerGateway, by: caller) { draft in
      let gateway = try Self.owned(id, "VPN customer gateway", caller, draft) { $0.account }
      guard draft.state.vpnConnections.count("customergateway", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "The VPN customer gateway has connections; delete them first")
      }
      try draft.remove(id)
      try draft.put(Self.event("VPN.S2S.CUSTOMER.GATEWAY.DELETE", gateway, caller, draft))
      return id.uuid
    }
  }

  private static func apply(
    _ form: CustomerGatewayForm, to gateway: inout VPNCustomerGateway, _ draft: borrowing Draft
  ) throws {
    if let name = form.name {
      try checkName(name)
      gateway.name = name
    }
    let named = draft.state.vpnCustomerGateways.first("name", .scoped(gateway.account.uuid, gateway.name.lowercased()))
    guard named == nil || named?.id == gateway.id else {
      throw ControlError(.invalidParameter, "The account has a VPN customer gateway \(gateway.name) already")
    }
    guard IPv4(form.gateway) != nil || form.gateway.split(separator: ".").allSatisfy({ HostName.isValid($0) }),
      !form.gateway.isEmpty, form.gateway.utf8.count <= 190
    else { throw ControlError(.invalidParameter, "gateway is an IPv4 address or a host name") }
    guard (1...10).contains(form.prefixes.count) else {
      throw ControlError(.invalidParameter, "cidrlist has 1 to 10 prefixes")
    }
    for (position, prefix) in form.prefixes.enumerated()
    where form.prefixes.dropFirst(position + 1).contains(where: { $0.overlaps(prefix) }) {
      throw ControlError(.invalidParameter, "The prefixes of cidrlist overlap at \(prefix)")
    }
    guard (1...255).contains(form.presharedKey.utf8.count), !form.presharedKey.contains(where: \.isWhitespace) else {
      throw ControlError(.invalidParameter, "ipsecpsk has 1 to 255 characters without spaces")
    }
    try requirePolicy(form.ikePolicy, "ikepolicy", needsGroup: true)
    try requirePolicy(form.espPolicy, "esppolicy", needsGroup: false)
    for (name, seconds) in [("ikelifetime", form.ikeLifetime), ("esplifetime", form.espLifetime)] {
      if let seconds, !(1...86400).contains(seconds) {
        throw ControlError(.invalidParameter, "\(name) is 1 to 86400 seconds")
      }
    }
    let version = form.ikeVersion?.lowercased() ?? gateway.ikeVersion
    guard ["ike", "ikev1", "ikev2"].contains(version) else {
      throw ControlError(.invalidParameter, "ikeversion is ike, ikev1 or ikev2")
    }
    gateway.gateway = form.gateway
    gateway.prefixes = form.prefixes
    gateway.presharedKey = form.presharedKey
    gateway.ikePolicy = form.ikePolicy.lowercased()
    gateway.espPolicy = form.espPolicy.lowercased()
    gateway.ikeLifetime = form.ikeLifetime ?? gateway.ikeLifetime
    gateway.espLifetime = form.espLifetime ?? gateway.espLifetime
    gateway.ikeVersion = version
    gateway.detectsDeadPeers = form.detectsDeadPeers ?? gateway.detectsDeadPeers
    gateway.forcesEncapsulation = form.forcesEncapsulation ?? gateway.forcesEncapsulation
    gateway.splitsConnections = form.splitsConnections ?? gateway.splitsConnections
  }

  /// Proposals such as `aes128-sha1;modp1536`, separated by commas.
  private static func requirePolicy(_ text: String, _ name: String, needsGroup: Bool) throws {
    let ciphers: Set<Substring> = ["3des", "aes128", "aes192", "aes256"]
    let hashes: Set<Substring> = ["md5", "sha1", "sha256", "sha384", "sha512"]
    let groups: Set<Substring> = [
      "modp1024", "modp1536", "modp2048", "modp3072", "modp4096", "modp6144", "modp8192",
    ]
    let proposals = text.lowercased().split(separator: ",", omittingEmptySubsequences: false)
    let isValid = proposals.allSatisfy { proposal in
      let halves = proposal.split(separator: ";", omittingEmptySubsequences: false)
      let suite = (halves.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
      return suite.count == 2 && ciphers.contains(suite[0]) && hashes.contains(suite[1])
        && (halves.count == 2 ? groups.contains(halves[1]) : halves.count == 1 && !needsGroup)
    }
    guard isValid, text.utf8.count <= 255 else {
      throw ControlError(
        .invalidParameter, "\(name) is like aes128-sha1;modp1536" + (needsGroup ? "" : ", the group may be missing"))
    }
  }

  private static func event(
    _ type: String, _ gateway: VPNCustomerGateway, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "VPN customer gateway \(gateway.name)", gateway.account, caller.user, draft,
      resourceType: "VpnCustomerGateway", resource: gateway.id.uuid)
  }
}
