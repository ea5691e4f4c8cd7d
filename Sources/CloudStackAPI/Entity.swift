package import CloudModel
import Control
package import FoundationEssentials

/// A kind of thing that an id parameter may name: how it is found and whose it is.
package struct Entity: Sendable {
  package let name: String
  /// The response that describes such a thing; lists with it are `related` to the parameter.
  package let response: String
  package let owner: @Sendable (UUID, CloudState) -> Ownership?

  /// Whose a thing is, and so who may name it.
  package enum Ownership: Hashable, Sendable {
    case everybody
    case rootAdmin
    case account(ID<Account>)
    case domain(ID<Domain>)
    /// Of everybody in one of the domains and below.
    case domains([ID<Domain>])
    /// Of the first, who lets the others use it.
    case accounts([ID<Account>])

    func isOpen(to caller: Caller, in state: CloudState) -> Bool {
      switch self {
      case .everybody: true
      case .rootAdmin: caller.isRootAdmin
      case .account(let account): Access.allows(caller, owner: account, in: state)
      case .domain(let domain):
        caller.isRootAdmin || domain == caller.domain
          || caller.isDomainAdmin && Access.isWithin(domain, caller.domain, in: state)
      case .domains(let domains):
        caller.isRootAdmin
          || domains.contains {
            Access.isWithin(caller.domain, $0, in: state)
              || caller.isDomainAdmin && Access.isWithin($0, caller.domain, in: state)
          }
      case .accounts(let accounts): accounts.contains { Access.allows(caller, owner: $0, in: state) }
      }
    }
  }

  /// Whose the resource is, by itself.
  func owner(of resource: any Resource) -> Ownership? {
    var state = CloudState()
    guard (try? resource.put(into: &state)) != nil else { return nil }
    return owner(resource.uuid, state)
  }

  init<R: Resource>(
    _ type: R.Type, _ response: String, owner: @escaping @Sendable (R, CloudState) -> Ownership
  ) {
    self.name = R.kind
    self.response = response
    self.owner = { uuid, state in R.row(ID(uuid), in: state).map { owner($0.value, state) } }
  }

  init(_ name: String, _ response: String, owner: @escaping @Sendable (UUID, CloudState) -> Ownership?) {
    self.name = name
    self.response = response
    self.owner = owner
  }
}

extension Entity {
  static let account = Entity(Account.self, "account") { account, _ in .account(account.id) }
  static let asyncJob = Entity(AsyncJob.self, "asyncjob") { job, _ in .account(job.account) }
  static let cell = Entity(Cell.self, "cell") { _, _ in .rootAdmin }
  static let vlanIpRange = Entity(PublicIPRange.self, "vlaniprange") { _, _ in .rootAdmin }
  static let domain = Entity(Domain.self, "domain") { domain, _ in .domain(domain.id) }
  static let event = Entity(Event.self, "event") { event, _ in .account(event.account) }
  static let firewallRule = Entity(FirewallRule.self, "firewallrule") { rule, _ in .account(rule.account) }
  static let host = Entity(Host.self, "host") { _, _ in .rootAdmin }
  static let loadBalancerRule = Entity(LoadBalancerRule.self, "loadbalancerrule") { rule, _ in .account(rule.account) }
  static let network = Entity(Network.self, "network") { network, _ in
    network.guestType == .shared ? .everybody : .account(network.account)
  }
  static let networkOffering = Entity(NetworkOffering.self, "networkoffering") { _, _ in .everybody }
  static let nic = Entity("nic", "nic") { uuid, state in
    state.virtualMachines.first("nic", .uuid(uuid)).map { .account($0.account) }
  }
  static let secondaryAddress = Entity("nicsecondaryip", "nicsecondaryip") { uuid, state in
    state.virtualMachines.first("secondary", .uuid(uuid)).map { .account($0.account) }
  }
  static let portForwardingRule = Entity(PortForwardingRule.self, "portforwardingrule") { rule, _ in
    .account(rule.account)
  }
  static let project = Entity(Project.self, "project") { project, _ in .account(project.account) }
  static let publicIPAddress = Entity(PublicIPAddress.self, "ipaddress") { address, _ in
    address.account.map(Ownership.account) ?? .rootAdmin
  }
  static let rollout = Entity(Rollout.self, "rebuild") { rollout, _ in .account(rollout.account) }
  static let router = Entity(VirtualRouter.self, "router") { router, _ in .account(router.account) }
  static let securityGroup = Entity(SecurityGroup.self, "securitygroup") { group, _ in .account(group.account) }
  static let securityGroupRule = Entity("securitygrouprule", "securitygrouprule") { uuid, state in
    state.securityGroups.first("rule", .uuid(uuid)).map { .account($0.account) }
  }
  static let user = Entity(User.self, "user") { user, _ in .account(user.account) }
  static let virtualMachine = Entity(VirtualMachine.self, "virtualmachine") { machine, _ in
    .account(machine.account)
  }
  static let zone = Entity(Zone.self, "zone") { _, _ in .everybody }

  /// By the kind of the resource; of kinds that are missing only root administrators may know.
  static let byKind: [String: Entity] = Dictionary(
    uniqueKeysWithValues: ([
      account, affinityGroup, asyncJob, diskOffering, domain, event, firewallRule, instanceGroup, instanceSchedule,
      instanceSnapshot, loadBalancerRule, network, networkOffering, portForwardingRule, project, publicIPAddress,
      registeredUserData, role, rollout, router, securityGroup, sshKeyPair, serviceOffering, snapshot, snapshotPolicy,
      template, user, virtualMachine, volume, zone,
    ] + networking).map { ($0.name, $0) })
}

extension Resource {
  fileprivate var uuid: UUID { id.uuid }
}
