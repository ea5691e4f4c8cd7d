package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// The way into the network or VPC of a public address. `range`: what those who come in have; 10.1.2.1 to 10.1.2.8 by default.
  package func createRemoteAccessVPN(
    address id: ID<PublicIPAddress>, range: (first: IPv4, last: IPv4)?, openFirewall: Bool, isDisplayed: Bool?,
    by caller: Caller
  ) async throws -> Started {
    let key = String(SecretKey.generate().prefix(24))
    let range = range ?? (IPv4(10, 1, 2, 1), IPv4(10, 1, 2, 8))
    return try await begin("createRemoteAccessVpn", .remoteAccessVPN, by: caller) { draft in
      let address = try Self.address(id, caller, draft)
      try Self.requireSimulated(address.zone, "A remote access VPN", draft.state)
      guard let owner = address.account, address.isSourceNAT || address.vpc != nil || address.network != nil else {
        throw ControlError(.invalidParameter, "The address is for no isolated network or VPC")
      }
      guard draft.state.remoteAccessVPNs.first("address", .id(id)) == nil else {
        throw ControlError(.invalidParameter, "The address \(address.address) has a remote access VPN already")
      }
      guard range.first <= range.last, range.last.value - range.first.value < 256,
        Self.isPrivate(IPv4Prefix(range.first, length: 32)), Self.isPrivate(IPv4Prefix(range.last, length: 32))
      else {
        throw ControlError(.invalidParameter, "iprange is first-last of at most 256 private addresses (RFC 1918)")
      }
      let inside = address.vpc.flatMap { draft.get($0)?.cidr } ?? address.network.flatMap { draft.get($0)?.cidr }
      if let inside, inside.first <= range.last && range.first <= inside.last {
        throw ControlError(.invalidParameter, "iprange overlaps the guests' \(inside)")
      }
      var firewall: [ID<FirewallRule>] = []
      if openFirewall && address.vpc == nil && address.network != nil {
        for port in [500, 1701, 4500] as [UInt16] {
          firewall.append(
            try Self.openFirewall(address, .transport(.udp, PortRange(port, port)), [], &draft).id)
        }
      }
      var vpn = RemoteAccessVPN(
        id: draft.newID(), account: owner, address: id, first: range.first, last: range.last, presharedKey: key,
        firewall: firewall, created: draft.now)
      vpn.isHidden = isDisplayed == false ? true : nil
      try draft.put(vpn)
      try draft.put(
        Self.event(
          "VPN.REMOTE.ACCESS.CREATE", "Remote access VPN of \(address.address)", owner, caller.user, draft,
          resourceType: "RemoteAccessVpn", resource: vpn.id.uuid))
      return vpn.id.uuid
    }
  }

  package func updateRemoteAccessVPN(
    _ id: ID<RemoteAccessVPN>, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateRemoteAccessVpn", .remoteAccessVPN, by: caller) { draft in
      var vpn = try Self.owned(id, "remote access VPN", caller, draft) { $0.account }
      if let isDisplayed { vpn.isHidden = isDisplayed ? nil : true }
      try draft.put(vpn)
      try draft.put(
        Self.event("VPN.REMOTE.ACCESS.UPDATE", "Updated a remote access VPN", vpn.account, caller.user, draft))
      return id.uuid
    }
  }

  package func deleteRemoteAccessVPN(address id: ID<PublicIPAddress>, by caller: Caller) async throws -> Started {
    try await begin("deleteRemoteAccessVpn", .remoteAccessVPN, by: caller) { draft in
      guard let vpn = draft.state.remoteAccessVPNs.first("address", .id(id)) else {
        throw ControlError(.invalidParameter, "The address \(id) has no remote access VPN")
      }
      try Access.require(caller, owner: vpn.account, in: draft.state)
      for rule in vpn.firewall { try draft.remove(rule) }
      try draft.remove(vpn.id)
      try draft.put(
        Self.event(
          "VPN.REMOTE.ACCESS.DESTROY", "Removed a remote access VPN", vpn.account, caller.user, draft,
          resourceType: "RemoteAccessVpn", resource: vpn.id.uuid))
      return vpn.id.uuid
    }
  }

  package func addVPNUser(
    _ username: String, password: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> Started {
    try await begin("addVpnUser", .vpnUser, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      func isPlain(_ text: String, _ others: String) -> Bool {
        text.utf8.allSatisfy { byte in
          byte < 128 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
            || others.utf8.contains(byte)
        }
      }
      guard (3...64).contains(username.utf8.count), isPlain(username, "@._-") else {
        throw ControlError(
          .invalidParameter, "The username of a VPN user has 3 to 64 letters, digits and the characters @ . _ -")
      }
      guard (3...64).contains(password.utf8.count), isPlain(password, "-+#_@.,:;!?*=~%") else {
        throw ControlError(
          .invalidParameter, "The password of a VPN user has 3 to 64 letters, digits and simple punctuation")
      }
      try Self.requireRoom(draft.state.vpnUsers.count("account", .id(owner.id)), 8, "VPN users of an account")
      guard draft.state.vpnUsers.first("username", .scoped(owner.id.uuid, username)) == nil else {
        throw ControlError(.invalidParameter, "The account has a VPN user \(username) already")
      }
      let user = VPNUser(
        id: draft.newID(), account: owner.id, username: username, password: password, created: draft.now)
      try draft.put(user)
      try draft.put(
        Self.event(
          "VPN.USER.ADD", "Added VPN user \(username)", owner.id, caller.user, draft, resourceType: "VpnUser",
          resource: user.id.uuid))
      return user.id.uuid
    }
  }

  package func removeVPNUser(
    _ username: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> Started {
    try await begin("removeVpnUser", .vpnUser, by: caller) { draft in
      let owner = try Access.owner(for: caller, account: account, domain: domain, in: draft.state)
      guard let user = draft.state.vpnUsers.first("username", .scoped(owner.id.uuid, username)) else {
        throw ControlError(.invalidParameter, "The account has no VPN user \(username)")
      }
      try draft.remove(user.id)
      try draft.put(
        Self.event(
          "VPN.USER.REMOVE", "Removed VPN user \(username)", owner.id, caller.user, draft, resourceType: "VpnUser",
          resource: user.id.uuid))
      return user.id.uuid
    }
  }
}
