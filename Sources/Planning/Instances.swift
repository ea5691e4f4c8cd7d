import Addresses
import CloudModel
import FoundationEssentials
import NodePlan

extension Planner {
  static func securityGroup(_ group: CloudModel.SecurityGroup, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard state.hosts.count("node", .text(node)) > 0 else { return [] }
    var plan = SecurityGroupRules()
    plan.id = group.id.description
    plan.ingress = group.ingress.map(rule)
    plan.egress = group.egress.map(rule)
    return [object("group/\(group.id)", scope: "fabric", account: group.account, .securityGroup(plan))]
  }

  private static func rule(_ rule: SecurityGroupRule) -> SecurityGroupRules.Rule {
    var plan = SecurityGroupRules.Rule()
    plan.match = match(rule.match)
    if let group = rule.group {
      plan.group = group.description
    } else {
      plan.prefix = prefix(rule.prefix ?? .any)
    }
    return plan
  }

  static func virtualMachine(_ machine: VirtualMachine, _ node: String, _ state: CloudState) -> [PlanObject] {
    guard machine.state != .expunging, machine.state != .error, let host = machine.host,
      let zone = state.zones[machine.zone],
      state.hosts[host]?.node == node
    else { return [] }
    var objects: [PlanObject] = []
    for nic in machine.wantedNICs {
      var plan = Port()
      plan.id = nic.id.description
      plan.address = nic.address.value
      plan.mac = nic.mac.value
      plan.secondary = nic.wantedSecondary.map(\.value)
      plan.hostName = machine.name
      plan.instance = machine.id.description
      var scope = "fabric"
      if zone.series == .basic {
        plan.securityGroups = machine.securityGroups.map(\.description)
      } else {
        plan.network = nic.network.description
        guard let router = router(of: nic.network, node, state) else { continue }
        plan.router = router
        scope = "router/\(router)"
      }
      objects.append(object("port/\(nic.id)", scope: scope, account: machine.account, .port(plan)))
    }
    if zone.series == .basic, let nic = machine.wantedNICs.first {
      for group in machine.securityGroups {
        for address in [nic.address] + nic.wantedSecondary {
          var member = GroupMember()
          member.group = group.description
          member.address = address.value
          objects.append(
            object("member/\(group)/\(address)", scope: "fabric", account: machine.account, .groupMember(member)))
        }
      }
    }
    objects.append(instance(machine, zone, state))
    return objects
  }

  private static func instance(_ machine: VirtualMachine, _ zone: Zone, _ state: CloudState) -> PlanObject {
    var plan = Instance()
    plan.id = machine.id.description
    plan.name = machine.name
    plan.internalName = machine.internalName
    plan.kind = machine.hypervisor == .kvm ? .qemu : .simulator
    plan.template = state.templates[machine.template]?.source ?? ""
    if let offering = state.serviceOfferings[machine.offering] {
      plan.cpus = UInt32(offering.cpuNumber)
      plan.memoryMib = UInt32(offering.memoryMiB)
      plan.offeringName = offering.name
    }
    plan.ports = machine.wantedNICs.map(\.id.description)
    plan.poweredOn = machine.state.isPoweredOn
    plan.bootCount = UInt32(machine.bootCount)
    plan.userData = Data(machine.userData)
    plan.zoneName = zone.name
    plan.publicKeys = (machine.keys ?? []).map(\.publicKey)
    return object(
      "instance/\(machine.id)", scope: "instance/\(machine.id)", account: machine.account, .instance(plan))
  }
}
