import Addresses
import CloudModel

/// Keys are told where they are asked for, never in the results of jobs, which are stored.
extension View {
  func fields(of vpn: RemoteAccessVPN, withKey: Bool) -> Fields {
    var fields = Fields()
    fields.add("id", vpn.id.description)
    fields.add("publicipid", vpn.address.description)
    fields.add("publicip", state.publicIPs[vpn.address]?.address.description)
    fields.add("iprange", "\(vpn.first)-\(vpn.last)")
    if withKey { fields.add("presharedkey", vpn.presharedKey) }
    addOwner(vpn.account, to: &fields)
    fields.add("state", "Running")
    if isRootAdmin { fields.add("fordisplay", vpn.isHidden != true) }
    addJob(vpn.id, to: &fields)
    return fields
  }

  func fields(of user: VPNUser) -> Fields {
    var fields = Fields()
    fields.add("id", user.id.description)
    fields.add("username", user.username)
    addOwner(user.account, to: &fields)
    fields.add("state", "Active")
    addJob(user.id, to: &fields)
    return fields
  }

  func fields(of gateway: VPNGateway) -> Fields {
    var fields = Fields()
    fields.add("id", gateway.id.description)
    fields.add("vpcid", gateway.vpc.description)
    fields.add("vpcname", state.vpcs[gateway.vpc]?.name)
    fields.add("publicip", state.publicIPs[gateway.address]?.address.description)
    addOwner(gateway.account, to: &fields)
    if isRootAdmin { fields.add("fordisplay", gateway.isHidden != true) }
    addJob(gateway.id, to: &fields)
    return fields
  }

  func fields(of gateway: VPNCustomerGateway, withKey: Bool) -> Fields {
    var fields = Fields()
    fields.add("id", gateway.id.description)
    fields.add("name", gateway.name)
    addSite(gateway, withKey: withKey, to: &fields)
    addOwner(gateway.account, to: &fields)
    addJob(gateway.id, to: &fields)
    return fields
  }

  func fields(of connection: VPNConnection, withKey: Bool) -> Fields {
    let address = state.vpnGateways[connection.gateway].flatMap { state.publicIPs[$0.address] }
    var fields = Fields()
    fields.add("id", connection.id.description)
    fields.add("s2svpngatewayid", connection.gateway.description)
    fields.add("s2scustomergatewayid", connection.customerGateway.description)
    fields.add("publicip", address?.address.description)
    fields.add("passive", connection.isPassive)
    // A passive end waits for the other site, which nobody simulates.
    fields.add("state", connection.isPassive ? "Disconnected" : "Connected")
    fields.add("created", WireDate.text(connection.created))
    if let site = state.vpnCustomerGateways[connection.customerGateway] {
      addSite(site, withKey: withKey, to: &fields)
    }
    addOwner(connection.account, to: &fields)
    if isRootAdmin { fields.add("fordisplay", connection.isHidden != true) }
    addJob(connection.id, to: &fields)
    return fields
  }

  private func addSite(_ site: VPNCustomerGateway, withKey: Bool, to fields: inout Fields) {
    fields.add("gateway", site.gateway)
    fields.add("cidrlist", Self.text(site.prefixes))
    if withKey { fields.add("ipsecpsk", site.presharedKey) }
    fields.add("ikepolicy", site.ikePolicy)
    fields.add("esppolicy", site.espPolicy)
    fields.add("ikelifetime", site.ikeLifetime)
    fields.add("esplifetime", site.espLifetime)
    fields.add("ikeversion", site.ikeVersion)
    fields.add("dpd", site.detectsDeadPeers)
    fields.add("forceencap", site.forcesEncapsulation)
    fields.add("splitconnections", site.splitsConnections)
  }
}
