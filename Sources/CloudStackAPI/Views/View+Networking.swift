import Addresses
import CloudModel
import Control
import FoundationEssentials

extension View {
  func fields(of rule: IPForwardingRule) -> Fields {
    let address = state.publicIPs[rule.address]
    let machine = address?.staticNAT.flatMap { state.virtualMachines[$0.virtualMachine] }
    var fields = Fields()
    fields.add("id", rule.id.description)
    fields.add("protocol", rule.transport.name)
    fields.add("startport", Int(rule.ports.first))
    fields.add("endport", Int(rule.ports.last))
    fields.add("ipaddressid", rule.address.description)
    fields.add("ipaddress", address?.address.description)
    fields.add("virtualmachineid", machine?.id.description)
    fields.add("virtualmachinename", machine?.name)
    fields.add("virtualmachinedisplayname", machine?.displayName)
    fields.add("vmguestip", address?.staticNAT?.guestAddress.description)
    fields.add("networkid", address?.network?.description)
    fields.add("state", rule.state.rawValue)
    fields.add("tags", [Fields]())
    addJob(rule.id, to: &fields)
    return fields
  }

  /// The rule's policies, in CloudStack's form: a list of one at most.
  func stickiness(of rule: LoadBalancerRule) -> Fields {
    var fields = Fields()
    fields.add("lbruleid", rule.id.description)
    if let policy = rule.stickiness {
      fields.add("name", policy.name)
      fields.add("description", policy.description)
    }
    addPlace(of: rule, to: &fields)
    fields.add("state", rule.state.rawValue)
    fields.add(
      "stickinesspolicy",
      [rule.stickiness].compactMap { policy -> Fields? in
        guard let policy, isRootAdmin || policy.isHidden != true else { return nil }
        var fields = Fields()
        fields.add("id", policy.id.uuidString.lowercased())
        fields.add("name", policy.name)
        fields.add("methodname", policy.method.rawValue)
        fields.add("description", policy.description)
        var parameters = Fields()
        for (name, value) in policy.parameters.sorted(by: { $0.key < $1.key }) { parameters.add(name, value) }
        fields.add("params", .object(parameters))
        fields.add("state", rule.state.rawValue)
        if isRootAdmin { fields.add("fordisplay", policy.isHidden != true) }
        return fields
      })
    addJob(rule.id, to: &fields)
    return fields
  }

  func healthCheck(of rule: LoadBalancerRule) -> Fields {
    var fields = Fields()
    fields.add("lbruleid", rule.id.description)
    addPlace(of: rule, to: &fields)
    fields.add(
      "healthcheckpolicy",
      [rule.healthCheck].compactMap { policy -> Fields? in
        guard let policy, isRootAdmin || policy.isHidden != true else { return nil }
        var fields = Fields()
        fields.add("id", policy.id.uuidString.lowercased())
        fields.add("description", policy.description)
        fields.add("pingpath", policy.pingPath)
        fields.add("healthcheckinterval", policy.interval)
        fields.add("healthcheckthresshold", policy.healthy)
        fields.add("unhealthcheckthresshold", policy.unhealthy)
        fields.add("responsetime", policy.timeout)
        fields.add("state", rule.state.rawValue)
        if isRootAdmin { fields.add("fordisplay", policy.isHidden != true) }
        return fields
      })
    addJob(rule.id, to: &fields)
    return fields
  }

  private func addPlace(of rule: LoadBalancerRule, to fields: inout Fields) {
    let account = state.accounts[rule.account]
    fields.add("account", account?.name)
    fields.add("domainid", account?.domain.description)
    fields.add("domain", account.flatMap { state.domains[$0.domain]?.name })
    fields.add("zoneid", state.publicIPs[rule.address]?.zone.description)
  }

  func fields(of check: RouterCheck) -> Fields {
    var fields = Fields()
    fields.add("checkname", check.name)
    fields.add("checktype", "basic")
    fields.add("success", check.isHealthy)
    fields.add("status", !check.isCurrent ? "UNKNOWN" : check.isHealthy ? "SUCCESS" : "FAILURE")
    fields.add("details", check.details)
    fields.add("lastupdated", check.updated.map(WireDate.text))
    return fields
  }

  /// The legs of a router: in its network, and towards the world.
  func nics(of router: VirtualRouter, _ network: Network?, _ source: PublicIPAddress?) -> [Fields] {
    var nics: [Fields] = []
    if let network {
      var nic = Fields()
      nic.add("networkid", network.id.description)
      nic.add("networkname", network.name)
      nic.add("gateway", network.gateway.description)
      nic.add("netmask", network.cidr.netmask.description)
      nic.add("ipaddress", network.gateway.description)
      nic.add("traffictype", "Guest")
      nic.add("type", network.guestType.rawValue)
      nic.add("isdefault", false)
      nics.append(nic)
    }
    if let source {
      var nic = Fields()
      nic.add("ipaddress", source.address.description)
      nic.add("traffictype", "Public")
      nic.add("isdefault", true)
      nics.append(nic)
    }
    return nics
  }

  func fields(of permission: ID<Account>, in network: ID<Network>) -> Fields {
    var fields = Fields()
    fields.add("networkid", network.description)
    fields.add("accountid", permission.description)
    addOwner(permission, to: &fields)
    return fields
  }

  func fields(of range: PortableIPRange) -> Fields {
    var fields = Fields()
    fields.add("id", range.id.description)
    fields.add("regionid", range.region)
    fields.add("startip", range.first.description)
    fields.add("endip", range.last.description)
    fields.add("gateway", range.gateway.description)
    fields.add("netmask", IPv4Prefix(range.gateway, length: range.length).netmask.description)
    fields.add("vlan", range.vlan)
    addJob(range.id, to: &fields)
    return fields
  }

  func fields(of certificate: SSLCertificate) -> Fields {
    let rules = state.loadBalancerRules.matching("certificate", .id(certificate.id))
    var fields = Fields()
    fields.add("id", certificate.id.description)
    fields.add("name", certificate.name)
    fields.add("certificate", certificate.certificate)
    if !certificate.chain.isEmpty { fields.add("certchain", certificate.chain) }
    fields.add("fingerprint", certificate.fingerprint)
    addOwner(certificate.account, to: &fields)
    fields.add("loadbalancerrulelist", texts: rules.map(\.id.description).sorted())
    return fields
  }
}
