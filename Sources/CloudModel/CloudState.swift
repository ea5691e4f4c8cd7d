/// Everything the cloud is, at one revision.
package struct CloudState: Sendable {
  package var accounts = Table<Account>()
  package var cells = Table<Cell>()
  package var domains = Table<Domain>()
  package var events = Table<Event>()
  package var firewallRules = Table<FirewallRule>()
  package var hosts = Table<Host>()
  package var jobs = Table<AsyncJob>()
  package var loadBalancerRules = Table<LoadBalancerRule>()
  package var networkOfferings = Table<NetworkOffering>()
  package var networks = Table<Network>()
  package var nodes = Table<Node>()
  package var portForwardingRules = Table<PortForwardingRule>()
  package var publicIPRanges = Table<PublicIPRange>()
  package var publicIPs = Table<PublicIPAddress>()
  package var restorations = Table<Restoration>()
  package var rollouts = Table<Rollout>()
  package var routers = Table<VirtualRouter>()
  package var sealingKeys = Table<SealingKey>()
  package var securityGroups = Table<SecurityGroup>()
  package var serviceOfferings = Table<ServiceOffering>()
  package var templates = Table<Template>()
  package var users = Table<User>()
  package var virtualMachines = Table<VirtualMachine>()
  package var zones = Table<Zone>()

  package init() {}

  /// Every kind there is; what is not listed here can be neither stored nor loaded.
  package static let kinds: [any Resource.Type] = [
    Account.self, AsyncJob.self, Cell.self, Domain.self, Event.self, FirewallRule.self, Host.self,
    LoadBalancerRule.self, Network.self, NetworkOffering.self, Node.self, PortForwardingRule.self, PublicIPAddress.self,
    PublicIPRange.self, Restoration.self, Rollout.self, SealingKey.self, SecurityGroup.self, ServiceOffering.self,
    Template.self, User.self, VirtualMachine.self, VirtualRouter.self, Zone.self,
  ]
}
