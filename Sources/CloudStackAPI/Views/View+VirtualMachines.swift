import Addresses
package import CloudModel
package import Control
import FoundationEssentials

extension View {
  package func fields(of machine: VirtualMachine) -> Fields {
    let offering = state.serviceOfferings[machine.offering]
    let template = state.templates[machine.template]
    let publicIP = state.publicIPs.matching("instance", .id(machine.id)).filter { $0.staticNAT?.isRemoving == false }
      .min { $0.address < $1.address }
    var fields = Fields(room: 72)
    fields.add("id", machine.id.description)
    fields.add("name", machine.name)
    fields.add("displayname", machine.displayName)
    addOwner(machine.account, to: &fields)
    if let deployer = machine.user ?? deployer(of: machine) {
      fields.add("userid", deployer.description)
      fields.add("username", state.users[deployer]?.username)
    }
    fields.add("created", WireDate.text(machine.created))
    fields.add("state", machine.state.rawValue)
    fields.add("haenable", machine.haEnabled ?? false)
    addZone(machine.zone, to: &fields)
    if isRootAdmin {
      fields.add("hostid", machine.host?.description)
      fields.add("hostname", machine.host.flatMap { state.hosts[$0]?.name })
      fields.add("instancename", "i-\(Self.digits(machine.id))")
      fields.add("displayvm", true)
    }
    fields.add("templateid", machine.template.description)
    fields.add("templatename", template?.name)
    fields.add("templatedisplaytext", template?.displayText)
    fields.add("passwordenabled", template?.isPasswordEnabled ?? false)
    if let iso = machine.iso.flatMap({ state.templates[$0] }) {
      fields.add("isoid", iso.id.description)
      fields.add("isoname", iso.name)
      fields.add("isodisplaytext", iso.displayText)
    }
    fields.add("serviceofferingid", machine.offering.description)
    fields.add("serviceofferingname", offering?.name)
    fields.add("cpunumber", offering?.cpuNumber)
    fields.add("cpuspeed", offering?.cpuSpeedMHz)
    fields.add("memory", offering?.memoryMiB)
    fields.add("rootdeviceid", 0)
    fields.add("rootdevicetype", "ROOT")
    fields.add("hypervisor", machine.hypervisor.rawValue)
    fields.add("isdynamicallyscalable", machine.isDynamicallyScalable ?? false)
    fields.add("ipaddress", machine.wantedNICs.first?.address.description)
    fields.add("publicip", publicIP?.address.description)
    fields.add("publicipid", publicIP?.id.description)
    fields.add("securitygroup", machine.securityGroups.compactMap { state.securityGroups[$0] }.map(summary))
    fields.add("nic", nics(of: machine, publicIP))
    fields.add("affinitygroup", (machine.affinityGroups ?? []).compactMap { state.affinityGroups[$0] }.map(summary))
    addTags(machine.id, to: &fields)
    addChoices(of: machine, to: &fields)
    addJob(machine.id, to: &fields)
    return fields
  }

  /// Of a machine that does not say so itself.
  private func deployer(of machine: VirtualMachine) -> ID<User>? {
    state.jobs.matching("instance", .uuid(machine.id.uuid)).first { $0.command == "deployVirtualMachine" }?.user
  }

  /// The NICs of an instance, the default one first, as they are told apart from the instance.
  func nics(of machine: VirtualMachine) -> [Fields] {
    let publicIP = state.publicIPs.matching("instance", .id(machine.id)).filter { $0.staticNAT?.isRemoving == false }
      .min { $0.address < $1.address }
    return nics(of: machine, publicIP).map { nic in
      var fields = nic
      fields.add("virtualmachineid", machine.id.description)
      return fields
    }
  }

  private func nics(of machine: VirtualMachine, _ publicIP: PublicIPAddress?) -> [Fields] {
    machine.wantedNICs.enumerated().map { nic($1, at: $0, of: machine, publicIP) }
  }

  package func fields(of held: HeldSecondaryAddress) -> Fields {
    var fields = Fields()
    fields.add("id", held.address.id.uuidString.lowercased())
    fields.add("ipaddress", held.address.address.description)
    fields.add("nicid", held.nic.id.description)
    fields.add("networkid", held.nic.network.description)
    fields.add("virtualmachineid", held.machine.id.description)
    return fields
  }

  private func nic(
    _ nic: NIC, at position: Int, of machine: VirtualMachine, _ publicIP: PublicIPAddress?
  ) -> Fields {
    let network = state.networks[nic.network]
    var fields = Fields(room: 24)
    fields.add("id", nic.id.description)
    fields.add("deviceid", String(position))
    fields.add("networkid", nic.network.description)
    fields.add("networkname", network?.name)
    fields.add("gateway", network?.gateway.description)
    fields.add("netmask", network?.cidr.netmask.description)
    fields.add("ipaddress", nic.address.description)
    fields.add("macaddress", nic.mac.description)
    fields.add("traffictype", "Guest")
    fields.add("type", network?.guestType.rawValue)
    fields.add("isdefault", position == 0)
    if isRootAdmin, let vni = network?.vni {
      fields.add("broadcasturi", "vxlan://\(vni)")
      fields.add("isolationuri", "vxlan://\(vni)")
    }
    if let publicIP, publicIP.staticNAT?.guestAddress == nic.address {
      fields.add("publicip", publicIP.address.description)
      fields.add("publicipid", publicIP.id.description)
    }
    fields.add(
      "secondaryip",
      nic.secondary.filter { !$0.isRemoving }.map { address -> Fields in
        var fields = Fields()
        fields.add("id", address.id.uuidString.lowercased())
        fields.add("ipaddress", address.address.description)
        return fields
      })
    fields.add("extradhcpoption", [Fields]())
    return fields
  }

  /// A group as instances show it: without its rules.
  private func summary(of group: SecurityGroup) -> Fields {
    var fields = Fields()
    fields.add("id", group.id.description)
    fields.add("name", group.name)
    fields.add("description", group.description)
    fields.add("account", state.accounts[group.account]?.name)
    fields.add("ingressrule", [Fields]())
    fields.add("egressrule", [Fields]())
    addTags(group.id, to: &fields)
    return fields
  }
}
