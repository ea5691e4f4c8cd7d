import CloudModel
import FoundationEssentials

extension Entity {
  /// A network that instances may be in: one's own, or one whose owner permits it.
  static let usableNetwork = Entity(Network.self, "network") { network, _ in
    network.guestType == .shared ? .everybody : .accounts([network.account] + (network.permitted ?? []))
  }
  /// Any account of the caller's domain: whom the owner of a network may permit.
  static let fellowAccount = Entity("fellowaccount", "account") { uuid, state in
    state.accounts[ID(uuid)].map { .domain($0.domain) }
  }
  static let healthCheckPolicy = Entity("healthcheckpolicy", "healthcheckpolicies", owner: policyOwner)
  static let internalLoadBalancer = Entity(InternalLoadBalancer.self, "loadbalancer") { balancer, _ in
    .account(balancer.account)
  }
  static let internalLoadBalancerVM = Entity(InternalLoadBalancerVM.self, "internalloadbalancervm") { machine, _ in
    .account(machine.account)
  }
  /// A load balancer rule of a public address, or an internal load balancer.
  static let balancer = Entity("balancer", "loadbalancerrule") { uuid, state in
    (state.loadBalancerRules[ID(uuid)]?.account ?? state.internalLoadBalancers[ID(uuid)]?.account)
      .map(Ownership.account)
  }
  static let ipForwardingRule = Entity(IPForwardingRule.self, "ipforwardingrule") { rule, _ in .account(rule.account) }
  static let networkACLItem = Entity("networkaclitem", "networkacl") { uuid, state in
    state.networkACLLists.first("item", .uuid(uuid)).map { $0.account.map(Ownership.account) ?? .everybody }
  }
  static let networkACLList = Entity(NetworkACLList.self, "networkacllist") { list, _ in
    list.account.map(Ownership.account) ?? .everybody
  }
  static let portableIPRange = Entity(PortableIPRange.self, "portableiprange") { _, _ in .rootAdmin }
  static let privateGateway = Entity(PrivateGateway.self, "privategateway") { gateway, _ in .account(gateway.account) }
  static let remoteAccessVPN = Entity(RemoteAccessVPN.self, "remoteaccessvpn") { vpn, _ in .account(vpn.account) }
  static let sslCertificate = Entity(SSLCertificate.self, "sslcert") { certificate, _ in
    .account(certificate.account)
  }
  static let staticRoute = Entity(StaticRoute.self, "staticroute") { route, _ in .account(route.account) }
  static let storageIPRange = Entity(StorageIPRange.self, "storagenetworkiprange") { _, _ in .rootAdmin }
  static let stickinessPolicy = Entity("stickinesspolicy", "stickinesspolicies", owner: policyOwner)
  static let vpc = Entity(VPC.self, "vpc") { vpc, _ in .account(vpc.account) }
  static let vpcOffering = Entity(VPCOffering.self, "vpcoffering") { _, _ in .everybody }
  static let vpnConnection = Entity(VPNConnection.self, "vpnconnection") { connection, _ in
    .account(connection.account)
  }
  static let vpnCustomerGateway = Entity(VPNCustomerGateway.self, "vpncustomergateway") { gateway, _ in
    .account(gateway.account)
  }
  static let vpnGateway = Entity(VPNGateway.self, "vpngateway") { gateway, _ in .account(gateway.account) }
  static let vpnUser = Entity(VPNUser.self, "vpnuser") { user, _ in .account(user.account) }

  private static let policyOwner: @Sendable (UUID, CloudState) -> Ownership? = { uuid, state in
    state.loadBalancerRules.first("policy", .uuid(uuid)).map { .account($0.account) }
  }

  static let networking: [Entity] = [
    internalLoadBalancer, internalLoadBalancerVM, ipForwardingRule, networkACLList, portableIPRange, privateGateway,
    remoteAccessVPN, sslCertificate, staticRoute,
    vpc, vpcOffering, vpnConnection, vpnCustomerGateway, vpnGateway, vpnUser,
  ]
}
