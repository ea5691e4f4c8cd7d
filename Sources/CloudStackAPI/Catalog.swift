/// Every command there is. Routing, validation, permissions and listApis all come from here.
package enum Catalog {
  package static let all: [Command] = [
    Commands.accounts, Commands.accountStates, Commands.addresses, Commands.affinityGroups, Commands.alerts,
    Commands.apiLimits, Commands.capacity, Commands.clusters, Commands.configurations, Commands.discovery,
    Commands.diskOfferings, Commands.domains, Commands.events, Commands.firewall, Commands.hostMaintenance,
    Commands.hosts, Commands.hypervisors, Commands.imagePermissions, Commands.images,
    Commands.imageStores, Commands.instanceChanges, Commands.instanceGroups, Commands.instanceMigrations,
    Commands.instanceNICs, Commands.instanceSchedules, Commands.instanceSnapshots, Commands.internalLoadBalancers,
    Commands.internalLoadBalancerVMs, Commands.isos, Commands.jobs,
    Commands.loadBalancers, Commands.managedNetworkOfferings, Commands.nat, Commands.networking,
    Commands.networkProviders, Commands.networks, Commands.nics, Commands.offerings, Commands.operatingSystems,
    Commands.operations, Commands.physicalNetworks, Commands.plans, Commands.pods, Commands.portForwarding,
    Commands.quota, Commands.quotaTariffs, Commands.projectInvitations, Commands.projectMembers, Commands.projectRoles,
    Commands.projects,
    Commands.rebuilds, Commands.regions, Commands.registeredUserData, Commands.resourceDetails, Commands.resourceLimits,
    Commands.revisions, Commands.rolePermissions, Commands.roles, Commands.routerElements, Commands.routers,
    Commands.securityGroups, Commands.serviceOfferings, Commands.snapshotPolicies, Commands.snapshots,
    Commands.sshKeyPairs, Commands.storageNetworkIPRanges, Commands.storagePoolChoices, Commands.storagePools,
    Commands.systemVMs, Commands.tags,
    Commands.trafficTypes, Commands.users, Commands.userStates, Commands.virtualMachines, Commands.vlanIpRanges,
    Commands.volumeChanges, Commands.volumes, Commands.zones,
  ].joined().sorted { $0.name < $1.name }

  private static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }

  /// Names are case-sensitive.
  package static func command(_ name: String) -> Command? { byName[name] }
}

/// The commands, a list per family in a file of its own.
enum Commands {}
