import Addresses
package import CloudModel

extension View {
  package func fields(of balancer: InternalLoadBalancer) -> Fields {
    var fields = Fields()
    fields.add("id", balancer.id.description)
    fields.add("name", balancer.name)
    fields.add("description", balancer.description)
    fields.add("algorithm", balancer.algorithm.rawValue)
    fields.add("networkid", balancer.network.description)
    fields.add("sourceipaddress", balancer.sourceAddress.description)
    fields.add("sourceipaddressnetworkid", balancer.sourceNetwork.description)
    addOwner(balancer.account, to: &fields)
    var port = Fields()
    port.add("sourceport", Int(balancer.sourcePort))
    port.add("instanceport", Int(balancer.instancePort))
    port.add("state", balancer.state.rawValue)
    fields.add("loadbalancerrule", [port])
    fields.add("loadbalancerinstance", balancer.members.map(self.fields))
    if isRootAdmin { fields.add("fordisplay", balancer.isHidden != true) }
    addTags(balancer.id, to: &fields)
    addJob(balancer.id, to: &fields)
    return fields
  }

  private func fields(of member: LoadBalancerMember) -> Fields {
    let machine = state.virtualMachines[member.virtualMachine]
    var fields = Fields()
    fields.add("id", member.virtualMachine.description)
    fields.add("name", machine?.name)
    fields.add("state", machine?.state.rawValue)
    fields.add("ipaddress", member.guestAddress.description)
    return fields
  }

  package func fields(of machine: InternalLoadBalancerVM) -> Fields {
    let network = state.networks[machine.network]
    let host = state.hosts[machine.host]
    var fields = Fields()
    fields.add("id", machine.id.description)
    fields.add("name", machine.name)
    fields.add("role", "INTERNAL_LB_VM")
    fields.add("state", machine.stateName)
    addZone(machine.zone, to: &fields)
    addPod(host?.pod, to: &fields)
    for (position, server) in (state.zones[machine.zone]?.dns ?? []).prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
    }
    fields.add("networkdomain", network?.domainName)
    fields.add("gateway", network?.gateway.description)
    fields.add("guestnetworkid", machine.network.description)
    fields.add("guestnetworkname", network?.name)
    fields.add("guestipaddress", machine.address.description)
    fields.add("guestnetmask", network?.cidr.netmask.description)
    fields.add("hostid", machine.host.description)
    fields.add("hostname", host?.name)
    fields.add("hypervisor", host?.hypervisor.rawValue)
    if let vpc = network?.vpc {
      fields.add("vpcid", vpc.description)
      fields.add("vpcname", state.vpcs[vpc]?.name)
    }
    addOwner(machine.account, to: &fields)
    fields.add("created", WireDate.text(machine.created))
    fields.add("isredundantrouter", false)
    fields.add("redundantstate", "UNKNOWN")
    fields.add("requiresupgrade", false)
    var nic = Fields()
    nic.add("networkid", machine.network.description)
    nic.add("networkname", network?.name)
    nic.add("gateway", network?.gateway.description)
    nic.add("netmask", network?.cidr.netmask.description)
    nic.add("ipaddress", machine.address.description)
    nic.add("traffictype", "Guest")
    nic.add("type", network?.guestType.rawValue)
    nic.add("isdefault", true)
    fields.add("nic", [nic])
    addJob(machine.id, to: &fields)
    return fields
  }
}

extension InternalLoadBalancerVM {
  var stateName: String { isStopped == true ? "Stopped" : "Running" }
}
