import Addresses
import CloudModel
import FoundationEssentials

extension View {
  func fields(of offering: VPCOffering) -> Fields {
    var fields = Fields()
    fields.add("id", offering.id.description)
    fields.add("name", offering.name)
    fields.add("displaytext", offering.displayText)
    fields.add("created", WireDate.text(offering.created))
    fields.add("isdefault", offering.isDefault)
    fields.add("state", offering.isEnabled ? "Enabled" : "Disabled")
    fields.add("distributedvpcrouter", false)
    fields.add("supportsregionLevelvpc", false)
    fields.add("internetprotocol", "IPv4")
    fields.add("service", services(ofVPC: offering.services))
    addJob(offering.id, to: &fields)
    return fields
  }

  private func services(ofVPC names: [String]) -> [Fields] {
    names.map { name in
      var provider = Fields()
      provider.add("name", "VpcVirtualRouter")
      var service = Fields()
      service.add("name", name)
      service.add("provider", [provider])
      service.add("capability", [Fields]())
      return service
    }
  }

  func fields(of vpc: VPC) -> Fields {
    let offering = state.vpcOfferings[vpc.offering]
    var fields = Fields()
    fields.add("id", vpc.id.description)
    fields.add("name", vpc.name)
    fields.add("displaytext", vpc.displayText)
    fields.add("created", WireDate.text(vpc.created))
    fields.add("state", "Enabled")
    fields.add("cidr", vpc.cidr.description)
    addZone(vpc.zone, to: &fields)
    fields.add("vpcofferingid", vpc.offering.description)
    fields.add("vpcofferingname", offering?.name)
    addOwner(vpc.account, to: &fields)
    fields.add("networkdomain", vpc.domainName)
    for (position, server) in vpc.dns.prefix(2).enumerated() { fields.add("dns\(position + 1)", server.description) }
    fields.add("restartrequired", false)
    fields.add("redundantvpcrouter", false)
    fields.add("distributedvpcrouter", false)
    fields.add("regionlevelvpc", false)
    fields.add("network", state.networks.matching("vpc", .id(vpc.id)).oldestFirst(\.created).map(self.fields))
    fields.add("service", services(ofVPC: offering?.services ?? []))
    addPlainTags(vpc.id, to: &fields)
    if isRootAdmin { fields.add("fordisplay", vpc.isHidden != true) }
    addJob(vpc.id, to: &fields)
    return fields
  }

  func fields(of list: NetworkACLList) -> Fields {
    var fields = Fields()
    fields.add("id", list.id.description)
    fields.add("name", list.name)
    fields.add("description", list.description)
    fields.add("vpcid", list.vpc?.description)
    fields.add("vpcname", list.vpc.flatMap { state.vpcs[$0]?.name })
    if isRootAdmin { fields.add("fordisplay", list.isHidden != true) }
    addJob(list.id, to: &fields)
    return fields
  }

  func fields(of item: NetworkACLItem, in list: NetworkACLList) -> Fields {
    var fields = Fields()
    fields.add("id", item.id.uuidString.lowercased())
    fields.add("aclid", list.id.description)
    fields.add("aclname", list.name)
    fields.add("number", item.number)
    fields.add("action", item.isAllowing ? "Allow" : "Deny")
    fields.add("traffictype", item.isIngress ? "Ingress" : "Egress")
    switch item.match {
    case .all: fields.add("protocol", "all")
    case .transport(let transport, let ports):
      fields.add("protocol", transport.name)
      fields.add("startport", ports.map { String($0.first) })
      fields.add("endport", ports.map { String($0.last) })
    case .icmp(let type, let code):
      fields.add("protocol", "icmp")
      fields.add("icmptype", type.map(Int.init) ?? -1)
      fields.add("icmpcode", code.map(Int.init) ?? -1)
    }
    fields.add("cidrlist", Self.text(item.prefixes))
    fields.add("reason", item.reason)
    fields.add("state", "Active")
    fields.add("tags", [Fields]())
    if isRootAdmin { fields.add("fordisplay", item.isHidden != true) }
    return fields
  }

  func fields(of gateway: PrivateGateway) -> Fields {
    let vpc = state.vpcs[gateway.vpc]
    var fields = Fields()
    fields.add("id", gateway.id.description)
    fields.add("ipaddress", gateway.address.description)
    fields.add("gateway", gateway.gateway.description)
    fields.add("netmask", IPv4Prefix(gateway.gateway, length: gateway.length).netmask.description)
    fields.add("vlan", gateway.vlan.map(String.init))
    fields.add("vpcid", gateway.vpc.description)
    fields.add("vpcname", vpc?.name)
    if let vpc { addZone(vpc.zone, to: &fields) }
    fields.add("aclid", gateway.acl?.description)
    fields.add("aclname", gateway.acl.flatMap { state.networkACLLists[$0]?.name })
    fields.add("sourcenatsupported", gateway.isSourceNAT)
    addOwner(gateway.account, to: &fields)
    fields.add("state", "Ready")
    addJob(gateway.id, to: &fields)
    return fields
  }

  func fields(of route: StaticRoute) -> Fields {
    var fields = Fields()
    fields.add("id", route.id.description)
    fields.add("cidr", route.cidr.description)
    fields.add("vpcid", route.vpc.description)
    fields.add("vpcgatewayid", route.gateway?.description)
    fields.add("vpcgatewayip", route.gateway.flatMap { state.privateGateways[$0]?.address.description })
    fields.add("nexthop", route.nextHop.description)
    addOwner(route.account, to: &fields)
    fields.add("state", "Active")
    fields.add("tags", [Fields]())
    addJob(route.id, to: &fields)
    return fields
  }
}
