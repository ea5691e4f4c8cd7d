import CloudModel
import Control

extension Commands {
  static let internalLoadBalancerVMs = [
    Command(
      "listInternalLoadBalancerVMs", "Lists what answers at the addresses of internal load balancers", roles: .admin,
      [
        .boolean("forvpc", "whether it is in a tier of a VPC"),
        .id("hostid", .host, "the host that it is on"),
        .id("id", .internalLoadBalancerVM, "its id"),
        .string("name", "its name"),
        .id("networkid", .network, "the network of its address"),
        .id("podid", .pod, "the pod of its host"),
        .string("state", "Running or Stopped"),
        .id("vpcid", .vpc, "the VPC that it is in"),
        .id("zoneid", .zone, "its zone"),
      ] + Parameter.scope, refused: ["fetchhealthcheckresults"], response: .internalLoadBalancerVM
    ) { request in
      let state = request.state
      return try request.list("internalloadbalancervm", state.internalLoadBalancerVMs) {
        $0.created
      } owner: {
        $0.account
      } texts: {
        [$0.name]
      } where: { machine in
        let vpc = state.networks[machine.network]?.vpc
        return request.matches("forvpc", vpc != nil) && request.matches("hostid", machine.host)
          && request.matches("name", machine.name) && request.matches("networkid", machine.network)
          && request.matches("podid", state.hosts[machine.host]?.pod)
          && request.matches("state", machine.stateName) && request.matches("vpcid", vpc)
          && request.matches("zoneid", machine.zone)
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "startInternalLoadBalancerVM", "Starts what answers at an address of internal load balancers", roles: .admin,
      [machine], response: .internalLoadBalancerVM
    ) { request in
      try await request.control.startInternalLoadBalancerVM(request.id("id"), by: request.caller)
    },
    .job(
      "stopInternalLoadBalancerVM", "Stops what answers at an address of internal load balancers", roles: .admin,
      [.boolean("forced", "stop it at once, as always"), machine], response: .internalLoadBalancerVM
    ) { request in
      try await request.control.stopInternalLoadBalancerVM(request.id("id"), by: request.caller)
    },
  ]

  private static let machine = Parameter.id("id", .internalLoadBalancerVM, "its id", required: true)
}
