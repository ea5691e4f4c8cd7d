import Addresses
import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let loadBalancers = [
    .job(
      "createLoadBalancerRule", "Spreads a public port over instances", creates: true,
      [
        .string("algorithm", "roundrobin, leastconn or source", required: true),
        .strings("cidrlist", "the prefixes that may connect; all by default"),
        .string("description", "what it is for", length: 4096),
        .string("name", "the rule's name", required: true),
        .id("networkid", .network, "the network of the instances"),
        .boolean("openfirewall", "open the firewall for it too; true by default"),
        .integer("privateport", "the port of the instances", required: true),
        .string("protocol", "tcp, which is the default, or udp"),
        .id("publicipid", .publicIPAddress, "the public address's id"),
        .integer("publicport", "the public port", required: true),
        .id("zoneid", .zone, "the zone, where an address is to be chosen"),
      ] + Parameter.owner,
      response: .loadBalancerRule, object: "loadbalancer"
    ) { request in
      let arguments = request.arguments
      guard let publicPort = try arguments.port("publicport"), let privatePort = try arguments.port("privateport")
      else {
        throw APIError.missing("publicport", request.command)
      }
      let text = try request.string("algorithm")
      guard let algorithm = LoadBalancerAlgorithm(rawValue: text.lowercased()) else {
        throw APIError.invalid("algorithm", text, "it is roundrobin, leastconn or source")
      }
      var rule = try NewLoadBalancer(
        name: request.string("name"), publicPort: publicPort, privatePort: privatePort, algorithm: algorithm)
      rule.description = arguments.string("description") ?? ""
      rule.address = arguments.id("publicipid")
      rule.zone = arguments.id("zoneid")
      rule.network = arguments.id("networkid")
      rule.transport = try arguments.transport("protocol", .tcp)
      rule.openFirewall = arguments.boolean("openfirewall") ?? true
      rule.sources = try arguments.prefixes("cidrlist")
      rule.account = arguments.string("account")
      rule.domain = arguments.id("domainid")
      return try await request.control.createLoadBalancerRule(rule, by: request.caller)
    },
    .job(
      "assignToLoadBalancerRule", "Adds instances to a load balancer rule or an internal load balancer",
      [balancer, members], refused: ["vmidipmap"]
    ) { request in
      let members: [ID<VirtualMachine>] = request.arguments.ids("virtualmachineids") ?? []
      if let id = try request.internalLoadBalancer() {
        return try await request.control.assign(members, to: id, by: request.caller)
      }
      return try await request.control.assignToLoadBalancerRule(
        request.id("id"), virtualMachines: members, by: request.caller)
    },
    .job(
      "removeFromLoadBalancerRule", "Takes instances out of a load balancer rule or an internal load balancer",
      [balancer, members], refused: ["vmidipmap"]
    ) { request in
      let members: [ID<VirtualMachine>] = request.arguments.ids("virtualmachineids") ?? []
      if let id = try request.internalLoadBalancer() {
        return try await request.control.remove(members, from: id, by: request.caller)
      }
      return try await request.control.removeFromLoadBalancerRule(
        request.id("id"), virtualMachines: members, by: request.caller)
    },
    .job("deleteLoadBalancerRule", "Deletes a load balancer rule", [rule]) { request in
      try await request.control.deleteLoadBalancerRule(request.id("id"), by: request.caller)
    },
    listLoadBalancerRules,
    listLoadBalancerRuleInstances,
  ]

  private static let rule = Parameter.id("id", .loadBalancerRule, "the rule's id", required: true)
  private static let balancer = Parameter.id(
    "id", .balancer, "the id of the rule or the internal load balancer", required: true)
  private static let members = Parameter.ids("virtualmachineids", .virtualMachine, "the instances' ids")

  private static let listLoadBalancerRules = Command(
    "listLoadBalancerRules", "Lists load balancer rules",
    [
      .id("id", .loadBalancerRule, "the rule's id"),
      .string("name", "the rule's name"),
      .id("networkid", .network, "the network of the instances"),
      .id("publicipid", .publicIPAddress, "the public address's id"),
      .tags,
      .id("virtualmachineid", .virtualMachine, "rules that this instance serves"),
      .id("zoneid", .zone, "the zone of the rule"),
    ] + Parameter.scope, response: .loadBalancerRule
  ) { request in
    let isNamed = ["networkid", "publicipid", "virtualmachineid"].contains { request.arguments.has($0) }
    let rows = try request.visible(request.state.loadBalancerRules, byName: isNamed) { $0.account }.filter { rule in
      request.shows(rule.isHidden) && request.matches("name", rule.name) && request.matches("networkid", rule.network)
        && request.matches("publicipid", rule.address)
        && request.matches("zoneid", request.state.publicIPs[rule.address]?.zone)
        && request.arguments.id("virtualmachineid").map { id in rule.members.contains { $0.virtualMachine == id } }
          ?? true
    }
    return try request.page("loadbalancerrule", rows.oldestFirst(\.created)) {
      [$0.name]
    } fields: {
      request.view.fields(of: $0)
    }
  }

  private static let listLoadBalancerRuleInstances = Command(
    "listLoadBalancerRuleInstances", "Lists the instances of a load balancer rule or an internal load balancer",
    [
      .boolean("applied", "true, the default: those in the rule; false: those that could be"),
      balancer,
      .boolean("lbvmips", "answer with the addresses in the rule as well"),
    ] + Parameter.paging,
    response: .loadBalancerMember, object: "loadbalancerruleinstance"
  ) { request in
    let state = request.state
    guard let balanced = Balanced(try request.id("id", LoadBalancerRule.self).uuid, in: state) else {
      return .list("lbrulevmidip", [], count: 0)
    }
    let members = Set(balanced.members.map(\.virtualMachine))
    let isApplied = request.arguments.boolean("applied") ?? true
    let machines = state.virtualMachines.matching("account", .id(balanced.account)).filter { machine in
      members.contains(machine.id) == isApplied && machine.state != .expunging
        && (balanced.network.map { id in machine.nics.contains { $0.network == id } }
          ?? (machine.zone == balanced.zone))
    }.oldestFirst(\.created)
    guard request.arguments.flag("lbvmips") else {
      return try request.page("loadbalancerruleinstance", machines) {
        [$0.name, $0.displayName]
      } fields: {
        request.view.fields(of: $0)
      }
    }
    return try request.page("lbrulevmidip", machines) {
      [$0.name, $0.displayName]
    } fields: { machine in
      var fields = Fields()
      fields.add(
        "lbvmipaddresses",
        texts: balanced.members.filter { $0.virtualMachine == machine.id }.map(\.guestAddress.description))
      fields.add("loadbalancerruleinstance", .object(request.view.fields(of: machine)))
      return fields
    }
  }
}

/// What instances serve: a load balancer rule of a public address, or an internal load balancer.
private struct Balanced {
  let account: ID<Account>
  let network: ID<Network>?
  let zone: ID<Zone>?
  let members: [LoadBalancerMember]

  init?(_ id: UUID, in state: CloudState) {
    if let rule = state.loadBalancerRules[ID(id)] {
      (account, network, members) = (rule.account, rule.network, rule.members)
      zone = state.publicIPs[rule.address]?.zone
    } else if let balancer = state.internalLoadBalancers[ID(id)] {
      (account, network, members) = (balancer.account, balancer.network, balancer.members)
      zone = state.networks[balancer.network]?.zone
    } else {
      return nil
    }
  }
}

extension Request {
  /// The internal load balancer that `id` names, if it names one.
  fileprivate func internalLoadBalancer() throws(APIError) -> ID<InternalLoadBalancer>? {
    let id = try id("id", InternalLoadBalancer.self)
    return state.internalLoadBalancers[id].map { _ in id }
  }
}
