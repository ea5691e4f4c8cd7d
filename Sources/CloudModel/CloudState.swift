/// Everything the cloud is, at one revision.
package struct CloudState: Sendable {
  package var accounts = Table<Account>()
  package var affinityGroups = Table<AffinityGroup>()
  package var alerts = Table<Alert>()
  package var cells = Table<Cell>()
  package var certificates = Table<SSLCertificate>()
  package var clusters = Table<Cluster>()
  package var diskOfferings = Table<DiskOffering>()
  package var domains = Table<Domain>()
  package var events = Table<Event>()
  package var firewallRules = Table<FirewallRule>()
  package var hosts = Table<Host>()
  package var imageStores = Table<ImageStore>()
  package var instanceGroups = Table<InstanceGroup>()
  package var instanceSchedules = Table<InstanceSchedule>()
  package var instanceSnapshots = Table<InstanceSnapshot>()
  package var internalLoadBalancerVMs = Table<InternalLoadBalancerVM>()
  package var internalLoadBalancers = Table<InternalLoadBalancer>()
  package var ipForwardingRules = Table<IPForwardingRule>()
  package var jobs = Table<AsyncJob>()
  package var loadBalancerRules = Table<LoadBalancerRule>()
  package var networkACLLists = Table<NetworkACLList>()
  package var networkOfferings = Table<NetworkOffering>()
  package var networks = Table<Network>()
  package var nodes = Table<Node>()
  package var physicalNetworks = Table<PhysicalNetwork>()
  package var pods = Table<Pod>()
  package var portForwardingRules = Table<PortForwardingRule>()
  package var portableIPRanges = Table<PortableIPRange>()
  package var privateGateways = Table<PrivateGateway>()
  package var projects = Table<Project>()
  package var publicIPRanges = Table<PublicIPRange>()
  package var publicIPs = Table<PublicIPAddress>()
  package var quotaTariffs = Table<QuotaTariff>()
  package var regions = Table<Region>()
  package var registeredUserData = Table<RegisteredUserData>()
  package var remoteAccessVPNs = Table<RemoteAccessVPN>()
  package var resourceDetails = Table<ResourceDetail>()
  package var resourceLimits = Table<ResourceLimit>()
  package var restorations = Table<Restoration>()
  package var roles = Table<Role>()
  package var rollouts = Table<Rollout>()
  package var routers = Table<VirtualRouter>()
  package var sealingKeys = Table<SealingKey>()
  package var securityGroups = Table<SecurityGroup>()
  package var serviceOfferings = Table<ServiceOffering>()
  package var settings = Table<Setting>()
  package var snapshotPolicies = Table<SnapshotPolicy>()
  package var snapshots = Table<VolumeSnapshot>()
  package var sshKeyPairs = Table<SSHKeyPair>()
  package var staticRoutes = Table<StaticRoute>()
  package var storageIPRanges = Table<StorageIPRange>()
  package var storagePools = Table<StoragePool>()
  package var systemVMs = Table<SystemVM>()
  package var tags = Table<ResourceTag>()
  package var templates = Table<Template>()
  package var users = Table<User>()
  package var virtualMachines = Table<VirtualMachine>()
  package var volumes = Table<Volume>()
  package var vpcOfferings = Table<VPCOffering>()
  package var vpcs = Table<VPC>()
  package var vpnConnections = Table<VPNConnection>()
  package var vpnCustomerGateways = Table<VPNCustomerGateway>()
  package var vpnGateways = Table<VPNGateway>()
  package var vpnUsers = Table<VPNUser>()
  package var zones = Table<Zone>()

  package init() {}

  /// Every kind there is; what is not listed here can be neither stored nor loaded.
  package static let kinds: [any Resource.Type] = [
    Account.self, AffinityGroup.self, Alert.self, AsyncJob.self, Cell.self, Cluster.self, DiskOffering.self,
    Domain.self, Event.self, FirewallRule.self, Host.self, IPForwardingRule.self, ImageStore.self, InstanceGroup.self,
    InstanceSchedule.self, InstanceSnapshot.self, LoadBalancerRule.self, Network.self, NetworkACLList.self,
    NetworkOffering.self, Node.self, PhysicalNetwork.self, Pod.self, PortForwardingRule.self, PortableIPRange.self,
    PrivateGateway.self, Project.self, PublicIPAddress.self, PublicIPRange.self, Region.self, RegisteredUserData.self,
    RemoteAccessVPN.self, ResourceDetail.self, ResourceLimit.self, ResourceTag.self, Restoration.self, Role.self,
    Rollout.self, SSHKeyPair.self, SSLCertificate.self, SealingKey.self, SecurityGroup.self, ServiceOffering.self,
    Setting.self, SnapshotPolicy.self, StaticRoute.self, StoragePool.self, Template.self, User.self, VPC.self,
    VPCOffering.self, VPNConnection.self, VPNCustomerGateway.self, VPNGateway.self, VPNUser.self, VirtualMachine.self,
    VirtualRouter.self, Volume.self, VolumeSnapshot.self, Zone.self,
    InternalLoadBalancer.self, InternalLoadBalancerVM.self, QuotaTariff.self, StorageIPRange.self,
    SystemVM.self,
  ]
}
