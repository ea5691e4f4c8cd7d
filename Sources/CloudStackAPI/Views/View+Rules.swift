import Addresses
package import CloudModel
import FoundationEssentials

extension View {
  package func fields(of group: SecurityGroup) -> Fields {
    let members = state.virtualMachines.matching("securitygroup", .id(group.id)).filter { $0.state != .expunging }
    var fields = Fields()
    fields.add("id", group.id.description)
    fields.add("name", group.name)
    fields.add("description", group.description)
    addOwner(group.account, to: &fields)
    fields.add("ingressrule", group.ingress.map(self.fields))
    fields.add("egressrule", group.egress.map(self.fields))
    fields.add("virtualmachinecount", members.count)
    fields.add("virtualmachineids", texts: members.map(\.id).sorted().map(\.description))
    addTags(group.id, to: &fields)
    addJob(group.id, to: &fields)
    return fields
  }

  private func fields(of rule: SecurityGroupRule) -> Fields {
    var fields = Fields()
    fields.add("ruleid", rule.id.uuidString.lowercased())
    addMatch(rule.match, to: &fields)
    fields.add("cidr", rule.prefix?.description)
    if let peer = rule.group.flatMap({ state.securityGroups[$0] }) {
      fields.add("securitygroupname", peer.name)
      fields.add("account", state.accounts[peer.account]?.name)
    }
    fields.add("tags", [Fields]())
    return fields
  }

  func addMatch(_ match: PacketMatch, to fields: inout Fields) {
    switch match {
    case .all: fields.add("protocol", "all")
    case .transport(let transport, let ports):
      fields.add("protocol", transport.name)
      fields.add("startport", ports.map { Int($0.first) })
      fields.add("endport", ports.map { Int($0.last) })
    case .icmp(let type, let code):
      fields.add("protocol", "icmp")
      fields.add("icmptype", type.map(Int.init) ?? -1)
      fields.add("icmpcode", code.map(Int.init) ?? -1)
    }
  }

  package func fields(of rule: FirewallRule) -> Fields {
    var fields = Fields()
    fields.add("id", rule.id.description)
    addMatch(rule.match, to: &fields)
    fields.add("cidrlist", Self.text(rule.sources))
    if let address = rule.address {
      fields.add("ipaddressid", address.description)
      fields.add("ipaddress", state.publicIPs[address]?.address.description)
      fields.add("traffictype", "Ingress")
    } else {
      fields.add("destcidrlist", Self.text(rule.destinations.isEmpty ? [.any] : rule.destinations))
      fields.add("traffictype", "Egress")
    }
    fields.add("networkid", rule.network.description)
    addState(rule.state, rule.id, rule.isHidden, to: &fields)
    return fields
  }

  package func fields(of rule: PortForwardingRule) -> Fields {
    let machine = state.virtualMachines[rule.virtualMachine]
    var fields = Fields()
    fields.add("id", rule.id.description)
    fields.add("protocol", rule.transport.name)
    fields.add("publicport", String(rule.publicPorts.first))
    fields.add("publicendport", String(rule.publicPorts.last))
    fields.add("privateport", String(rule.privatePorts.first))
    fields.add("privateendport", String(rule.privatePorts.last))
    fields.add("virtualmachineid", rule.virtualMachine.description)
    fields.add("virtualmachinename", machine?.name)
    fields.add("virtualmachinedisplayname", machine?.displayName)
    fields.add("vmguestip", rule.guestAddress.description)
    fields.add("ipaddressid", rule.address.description)
    fields.add("ipaddress", state.publicIPs[rule.address]?.address.description)
    fields.add("networkid", rule.network.description)
    fields.add("cidrlist", "")
    addState(rule.state, rule.id, rule.isHidden, to: &fields)
    return fields
  }

  package func fields(of rule: LoadBalancerRule) -> Fields {
    let address = state.publicIPs[rule.address]
    var fields = Fields()
    fields.add("id", rule.id.description)
    fields.add("name", rule.name)
    fields.add("description", rule.description)
    fields.add("publicipid", rule.address.description)
    fields.add("publicip", address?.address.description)
    fields.add("publicport", String(rule.publicPort))
    fields.add("privateport", String(rule.privatePort))
    fields.add("protocol", rule.transport.name)
    fields.add("algorithm", rule.algorithm.rawValue)
    fields.add("cidrlist", Self.text(rule.sources))
    addOwner(rule.account, to: &fields)
    if let address { addZone(address.zone, to: &fields) }
    fields.add("networkid", rule.network?.description)
    addState(rule.state, rule.id, rule.isHidden, to: &fields)
    return fields
  }

  private func addState<R>(_ rule: RuleState, _ id: ID<R>, _ isHidden: Bool?, to fields: inout Fields) {
    fields.add("state", rule.rawValue)
    if isRootAdmin { fields.add("fordisplay", isHidden != true) }
    addPlainTags(id, to: &fields)
    addJob(id, to: &fields)
  }

  static func text(_ prefixes: [IPv4Prefix]) -> String {
    prefixes.map(\.description).joined(separator: ",")
  }
}
