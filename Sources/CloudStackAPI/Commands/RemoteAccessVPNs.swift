import Addresses
import CloudModel
import Control

extension Commands {
  static let remoteAccessVPNs = [
    Command.job(
      "createRemoteAccessVpn", "Opens a way into a network or VPC, in a zone of simulated hosts", creates: true,
      [
        .forDisplay, .string("iprange", "first-last of what those who come in have"),
        .boolean("openfirewall", "open the firewall for it too; true by default"), vpnAddress,
      ], refused: ["account", "domainid"], response: .remoteAccessVPN
    ) { request in
      let arguments = request.arguments
      let range = try arguments.string("iprange").flatMap { text -> (first: IPv4, last: IPv4)? in
        if text.isEmpty { return nil }
        let ends = text.split(separator: "-").compactMap { IPv4($0) }
        guard ends.count == 2, text.split(separator: "-").count == 2 else {
          throw APIError.invalid("iprange", text, "it is like 10.1.2.1-10.1.2.8")
        }
        return (ends[0], ends[1])
      }
      return try await request.control.createRemoteAccessVPN(
        address: request.id("publicipid"), range: range, openFirewall: arguments.boolean("openfirewall") ?? true,
        isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "updateRemoteAccessVpn", "Changes whether users see a remote access VPN",
      [.forDisplay, .id("id", .remoteAccessVPN, "the VPN's id", required: true)], refused: [.admin("customid")],
      response: .remoteAccessVPN
    ) { request in
      try await request.control.updateRemoteAccessVPN(
        request.id("id"), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteRemoteAccessVpn", "Closes the way into a network or VPC", [vpnAddress]) { request in
      try await request.control.deleteRemoteAccessVPN(address: request.id("publicipid"), by: request.caller)
    },
    Command(
      "listRemoteAccessVpns", "Lists remote access VPNs",
      [
        .forDisplay, .id("id", .remoteAccessVPN, "the VPN's id"), .id("networkid", .network, "the network"),
        .id("publicipid", .publicIPAddress, "the public address's id"),
      ] + Parameter.scope, response: .remoteAccessVPN
    ) { request in
      let isNamed = request.arguments.has("publicipid") || request.arguments.has("networkid")
      return try request.list("remoteaccessvpn", request.state.remoteAccessVPNs, byName: isNamed) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        ["\($0.first)", "\($0.last)"]
      } where: {
        request.matches("networkid", request.state.publicIPs[$0.address]?.network)
          && request.matches("publicipid", $0.address) && request.shows($0.isHidden)
      } fields: {
        request.view.fields(of: $0, withKey: true)
      }
    },
    .job(
      "addVpnUser", "Lets somebody come in by an account's VPNs", creates: true,
      [.string("password", "the password", required: true), .string("username", "the user's name", required: true)]
        + Parameter.owner, response: .vpnUser
    ) { request in
      try await request.control.addVPNUser(
        request.string("username"), password: request.string("password"),
        account: request.arguments.string("account"), domain: request.arguments.id("domainid"), by: request.caller)
    },
    .job(
      "removeVpnUser", "No longer lets somebody come in by an account's VPNs",
      [.string("username", "the user's name", required: true)] + Parameter.owner
    ) { request in
      try await request.control.removeVPNUser(
        request.string("username"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
    },
    Command(
      "listVpnUsers", "Lists who may come in by VPNs",
      [.id("id", .vpnUser, "the user's id"), .string("username", "the user's name")] + Parameter.scope,
      response: .vpnUser
    ) { request in
      try request.list("vpnuser", request.state.vpnUsers) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.username]
      } where: {
        request.matches("username", $0.username)
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let vpnAddress = Parameter.id(
    "publicipid", .publicIPAddress, "the public address's id", required: true)
}
