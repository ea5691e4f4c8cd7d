import Addresses
package import CloudModel
import Control

extension View {
  package func fields(of network: Network) -> Fields {
    let zone = state.zones[network.zone]
    let offering = state.networkOfferings[network.offering]
    let isShared = network.guestType == .shared
    var fields = Fields()
    fields.add("id", network.id.description)
    fields.add("name", network.name)
    fields.add("displaytext", network.displayText)
    fields.add("broadcastdomaintype", network.vni == nil ? "Native" : "Vxlan")
    if isRootAdmin, let vni = network.vni {
      fields.add("broadcasturi", "vxlan://\(vni)")
      fields.add("vlan", String(vni))
    }
    if isRootAdmin { fields.add("displaynetwork", true) }
    fields.add("traffictype", "Guest")
    fields.add("type", network.guestType.rawValue)
    fields.add("acltype", isShared ? "Domain" : "Account")
    fields.add("gateway", network.gateway.description)
    fields.add("netmask", network.cidr.netmask.description)
    fields.add("cidr", network.cidr.description)
    addZone(network.zone, to: &fields)
    fields.add("networkofferingid", network.offering.description)
    fields.add("networkofferingname", offering?.name)
    fields.add("networkofferingdisplaytext", offering?.displayText)
    fields.add("networkofferingconservemode", true)
    fields.add("networkofferingavailability", "Optional")
    fields.add("egressdefaultpolicy", offering?.egressDefaultAllow)
    fields.add("issystem", false)
    fields.add("isdefault", isShared)
    fields.add("ispersistent", false)
    fields.add("restartrequired", false)
    fields.add("redundantrouter", false)
    fields.add("strechedl2subnet", false)
    fields.add("specifyipranges", isShared)
    fields.add("specifyvlan", false)
    fields.add("canusefordeploy", network.state != .destroying)
    fields.add("supportsvmautoscaling", false)
    fields.add("state", isShared ? "Setup" : network.state.rawValue)
    fields.add("related", network.id.description)
    fields.add("networkdomain", network.domainName)
    if let vpc = network.vpc {
      fields.add("vpcid", vpc.description)
      fields.add("vpcname", state.vpcs[vpc]?.name)
    }
    if let acl = network.acl {
      fields.add("aclid", acl.description)
      fields.add("aclname", state.networkACLLists[acl]?.name)
    }
    for (position, server) in (zone?.dns ?? []).prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
    }
    if !isShared { addOwner(network.account, to: &fields) }
    fields.add("created", WireDate.text(network.created))
    fields.add("service", offering.map(services) ?? [])
    fields.add("details", .object(Fields()))
    addPlainTags(network.id, to: &fields)
    addJob(network.id, to: &fields)
    return fields
  }

  package func fields(of address: PublicIPAddress) -> Fields {
    let target = address.staticNAT.flatMap { $0.isRemoving ? nil : $0 }
    let machine = target.flatMap { state.virtualMachines[$0.virtualMachine] }
    let hasForwarding = state.portForwardingRules.count("address", .id(address.id)) > 0
    let hasBalancing = state.loadBalancerRules.count("address", .id(address.id)) > 0
    let hasFirewall = state.firewallRules.count("address", .id(address.id)) > 0
    var fields = Fields()
    fields.add("id", address.id.description)
    fields.add("ipaddress", address.address.description)
    fields.add("allocated", address.allocated.map(WireDate.text))
    addZone(address.zone, to: &fields)
    fields.add("state", address.state.rawValue)
    fields.add("issourcenat", address.isSourceNAT)
    fields.add("isstaticnat", target != nil)
    fields.add("issystem", address.isSystem)
    fields.add("isportable", false)
    fields.add("forvirtualnetwork", true)
    if isRootAdmin { fields.add("fordisplay", address.isHidden != true) }
    fields.add("vpcid", address.vpc?.description)
    fields.add("vpcname", address.vpc.flatMap { state.vpcs[$0]?.name })
    addOwner(address.account, to: &fields)
    fields.add("associatednetworkid", address.network?.description)
    fields.add("associatednetworkname", address.network.flatMap { state.networks[$0]?.name })
    if let target {
      fields.add("virtualmachineid", target.virtualMachine.description)
      fields.add("virtualmachinename", machine?.name)
      fields.add("virtualmachinedisplayname", machine?.displayName)
      fields.add("virtualmachinetype", "User")
      fields.add("vmipaddress", target.guestAddress.description)
    }
    if target != nil {
      fields.add("purpose", "StaticNat")
    } else if hasForwarding {
      fields.add("purpose", "PortForwarding")
    } else if hasBalancing {
      fields.add("purpose", "LoadBalancing")
    }
    fields.add("hasrules", hasForwarding || hasBalancing || hasFirewall)
    addPlainTags(address.id, to: &fields)
    addJob(address.id, to: &fields)
    return fields
  }

  package func fields(of router: VirtualRouter) -> Fields { fields(of: router, health: nil) }

  /// - Parameter health: what the router's node reported, if that was asked for.
  func fields(of router: VirtualRouter, health: [RouterCheck]?) -> Fields {
    let network = state.networks[router.network]
    let host = state.hosts[router.host]
    let source = state.publicIPs.matching("network", .id(router.network)).first { $0.isSourceNAT }
    var fields = Fields()
    fields.add("id", router.id.description)
    fields.add("name", router.name)
    fields.add("role", "VIRTUAL_ROUTER")
    fields.add("state", router.isStopped == true ? "Stopped" : "Running")
    let offering = router.offering.flatMap { state.serviceOfferings[$0] } ?? .ofRouters
    fields.add("serviceofferingid", offering.id.description)
    fields.add("serviceofferingname", offering.name)
    addZone(router.zone, to: &fields)
    for (position, server) in (state.zones[router.zone]?.dns ?? []).prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
    }
    fields.add("networkdomain", network?.domainName)
    fields.add("gateway", network?.gateway.description)
    fields.add("guestnetworkid", router.network.description)
    fields.add("guestnetworkname", network?.name)
    fields.add("vpcid", network?.vpc?.description)
    fields.add("vpcname", network?.vpc.flatMap { state.vpcs[$0]?.name })
    fields.add("guestipaddress", network?.gateway.description)
    fields.add("guestnetmask", network?.cidr.netmask.description)
    fields.add("publicip", source?.address.description)
    fields.add("hostid", router.host.description)
    fields.add("hostname", host?.name)
    fields.add("hypervisor", host?.hypervisor.rawValue)
    addOwner(router.account, to: &fields)
    fields.add("created", WireDate.text(router.created))
    fields.add("isredundantrouter", false)
    fields.add("redundantstate", "UNKNOWN")
    fields.add("requiresupgrade", false)
    fields.add("healthchecksfailed", health.map { $0.contains { !$0.isHealthy } })
    if let health { fields.add("healthcheckresults", health.map { self.fields(of: $0) }) }
    fields.add("nic", nics(of: router, network, source))
    addJob(router.id, to: &fields)
    return fields
  }
}
