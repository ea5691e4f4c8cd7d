import CloudModel
import FoundationEssentials

extension JobResult {
  static func networking(_ job: AsyncJob, _ uuid: UUID, _ view: View) -> Fields? {
    let state = view.state
    return switch job.instanceType {
    case "IpForwardingRule": state.ipForwardingRules[ID(uuid)].map(view.fields)
    case "DomainRouter": state.routers[ID(uuid)].map(view.fields)
    case "Rebuild":
      state.rollouts[ID(uuid)]?.steps.first.flatMap { state.routers[ID($0.router)] }.map(view.fields)
    case "Vpc": state.vpcs[ID(uuid)].map(view.fields)
    case "VpcOffering": state.vpcOfferings[ID(uuid)].map(view.fields)
    case "NetworkAcl": state.networkACLLists[ID(uuid)].map(view.fields)
    case "NetworkAclItem":
      state.networkACLLists.first("item", .uuid(uuid)).flatMap { list in
        list.items.first { $0.id == uuid }.map { view.fields(of: $0, in: list) }
      }
    case "PrivateGateway": state.privateGateways[ID(uuid)].map(view.fields)
    case "StaticRoute": state.staticRoutes[ID(uuid)].map(view.fields)
    case "RemoteAccessVpn": state.remoteAccessVPNs[ID(uuid)].map { view.fields(of: $0, withKey: false) }
    case "VpnUser": state.vpnUsers[ID(uuid)].map(view.fields)
    case "VpnGateway": state.vpnGateways[ID(uuid)].map(view.fields)
    case "VpnCustomerGateway": state.vpnCustomerGateways[ID(uuid)].map { view.fields(of: $0, withKey: false) }
    case "VpnConnection": state.vpnConnections[ID(uuid)].map { view.fields(of: $0, withKey: false) }
    case "PortableIpRange": state.portableIPRanges[ID(uuid)].map(view.fields)
    case "InternalLoadBalancer": state.internalLoadBalancers[ID(uuid)].map(view.fields)
    case "InternalLbVm": state.internalLoadBalancerVMs[ID(uuid)].map(view.fields)
    case "StorageNetworkIpRange": state.storageIPRanges[ID(uuid)].map(view.fields)
    default: nil
    }
  }

  /// A job about a load balancer rule answers with what its command is about.
  static func balancing(_ job: AsyncJob, _ rule: LoadBalancerRule, _ view: View) -> Fields {
    let command = job.command.lowercased()
    if command.contains("stickiness") { return view.stickiness(of: rule) }
    if command.contains("healthcheck") { return view.healthCheck(of: rule) }
    return view.fields(of: rule)
  }
}
