import Addresses
import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// Two customers, each with one of everything.
final class Estate: Sendable {
  let cloud: TestCloud
  let alice: TestCloud.Keys
  let bob: TestCloud.Keys
  /// By `Entity.name`.
  let aliceHas: [String: String]
  let bobHas: [String: String]

  init(sources: Sources = .system) async throws {
    cloud = try await TestCloud(sources: sources)
    alice = try await cloud.account("alice")
    bob = try await cloud.account("bob")
    let simulated = try await cloud.simulatedZone()
    try await cloud.call("updateConfiguration", ["name": "quota.enable.service", "value": "true"])
    aliceHas = try await Self.furnish(cloud, "alice", alice)
      .merging(VirtualCloud.furnish(cloud, "alice", alice, in: simulated)) { first, _ in first }
      .merging(["ipforwardingrule": VirtualCloud.ipForwardingRule(cloud, "alice", alice)]) { first, _ in first }
    bobHas = try await Self.furnish(cloud, "bob", bob)
      .merging(VirtualCloud.furnish(cloud, "bob", bob, in: simulated)) { first, _ in first }
      .merging(["ipforwardingrule": VirtualCloud.ipForwardingRule(cloud, "bob", bob)]) { first, _ in first }
  }

  private static func furnish(
    _ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys
  ) async throws -> [String: String] {
    func create(_ command: String, _ parameters: [String: String]) async throws -> String {
      let told = try await cloud.call(command, parameters, as: keys)
      let id = told.at(command.lowercased() + "response", "id")
      return try #require(id, "\(command): \(told.errorText ?? "no id")")
    }
    let state = cloud.control.state
    let zone = try #require(state.zones.first("name", .text("isolate")))
    let template = try #require(state.templates.first("name", .text("tiny-simulator")))
    let offering = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
    let networkOffering = try #require(
      state.networkOfferings.all.sorted { $0.name < $1.name }.first { $0.guestType == .isolated && $0.forVPC != true })
    let network = try #require(
      try await cloud.call(
        "createNetwork",
        ["name": "\(name)-net", "networkofferingid": networkOffering.id.description, "zoneid": zone.id.description],
        as: keys
      ).at("createnetworkresponse", "network", "id"))
    let machine = try await create(
      "deployVirtualMachine",
      [
        "name": "\(name)-web", "zoneid": zone.id.description, "templateid": template.id.description,
        "serviceofferingid": offering.id.description, "networkids": network,
      ])
    let nic = try #require(
      ID<VirtualMachine>(machine).flatMap { cloud.control.state.virtualMachines[$0]?.nics.first?.id.description })
    let secondary = try await create("addIpToNic", ["nicid": nic])
    let address = try await create("associateIpAddress", ["networkid": network])
    let firewall = try await create(
      "createFirewallRule", ["ipaddressid": address, "protocol": "tcp", "startport": "22", "endport": "22"])
    _ = try await create("createEgressFirewallRule", ["networkid": network, "protocol": "icmp"])
    let forwarding = try await create(
      "createPortForwardingRule",
      [
        "ipaddressid": address, "protocol": "TCP", "publicport": "22", "privateport": "22",
        "virtualmachineid": machine, "openfirewall": "false",
      ])
    let balancer = try await create(
      "createLoadBalancerRule",
      ["publicipid": address, "algorithm": "roundrobin", "name": "web", "publicport": "80", "privateport": "80"])
    let authorized = try await cloud.call(
      "authorizeSecurityGroupIngress",
      [
        "securitygroupname": "default", "cidrlist": "10.0.0.0/8,192.0.2.1/32", "protocol": "tcp", "startport": "80",
        "usersecuritygrouplist[0].account": name, "usersecuritygrouplist[0].group": "default",
      ], as: keys)
    let job = try #require(authorized.at("authorizesecuritygroupingressresponse", "jobid"))
    _ = try await cloud.call(
      "createTags",
      ["resourceids": network, "resourcetype": "Network", "tags[0].key": "owner", "tags[0].value": name], as: keys)
    _ = try await cloud.call(
      "addResourceDetail",
      ["resourceid": network, "resourcetype": "Network", "details[0].key": "owner", "details[0].value": name])
    _ = try await cloud.call("rebuildNetwork", ["networkid": network], as: keys)
    let storage = try await storage(cloud, name, keys, create, network: network)
    let common = try await infrastructure(cloud)
    let affinity = try await create("createAffinityGroup", ["name": "apart", "type": "host anti-affinity"])
    let named = { (command: String, object: String, parameters: [String: String]) async throws -> String in
      let told = try await cloud.call(command, parameters, as: keys)
      return try #require(
        told.at(command.lowercased() + "response", object, "id"), "\(command): \(told.errorText ?? "")")
    }
    let group = try await named("createInstanceGroup", "instancegroup", ["name": "front"])
    let pair = try await named("registerSSHKeyPair", "keypair", ["name": "key", "publickey": samplePublicKey])
    let userData = try await named("registerUserData", "userdata", ["name": "boot", "userdata": "aGVsbG8="])
    let schedule = try await named(
      "createVMSchedule", "vmschedule",
      ["virtualmachineid": machine, "action": "STOP", "schedule": "0 3 * * *", "timezone": "Asia/Tokyo"])
    let instanceSnapshot = try await putSnapshot(of: machine, cloud)
    let after = cloud.control.state
    let physical = after.physicalNetworks.matching("zone", .id(zone.id)).min { $0.id < $1.id }
    let account = try #require(after.accounts.all.first { $0.name == name })
    let securityGroup = try #require(after.securityGroups.matching("account", .id(account.id)).first)
    let found: [(Entity, String?)] =
      [
        (.account, account.id.description), (.asyncJob, job), (.domain, account.domain.description),
        (.event, after.events.matching("account", .id(account.id)).min { $0.id < $1.id }?.id.description),
        (.firewallRule, firewall),
        (.host, after.hosts.all.min { ($0.name, $0.id) < ($1.name, $1.id) }?.id.description),
        (.loadBalancerRule, balancer),
        (.network, network),
        (.nic, nic), (.secondaryAddress, secondary),
        (.networkOffering, networkOffering.id.description), (.portForwardingRule, forwarding),
        (.publicIPAddress, address), (.role, Role.builtIn(.user)?.id.description),
        (.rollout, after.rollouts.matching("account", .id(account.id)).min { $0.id < $1.id }?.id.description),
        (.router, after.routers.matching("account", .id(account.id)).min { $0.id < $1.id }?.id.description),
        (.securityGroup, securityGroup.id.description),
        (.securityGroupRule, securityGroup.ingress.first?.id.uuidString.lowercased()),
        (.serviceOffering, offering.id.description),
        (.user, after.users.matching("account", .id(account.id)).min { $0.id < $1.id }?.id.description),
        (.virtualMachine, machine),
        (.zone, zone.id.description),
      ] + storage + [
        (.pod, after.pods.matching("zone", .id(zone.id)).min { $0.id < $1.id }?.id.description),
        (.cluster, after.clusters.matching("zone", .id(zone.id)).min { $0.id < $1.id }?.id.description),
        (.physicalNetwork, physical?.id.description), (.trafficType, physical?.trafficTypes.first?.id.wireText),
        (.serviceProvider, physical?.providers.first?.id.wireText),
        (.routerElement, physical?.providers.first?.elements.first?.id.wireText),
        (.storagePool, common.pool), (.imageStore, common.store), (.storageIPRange, try await storageRange(cloud)),
        (.systemVM, try await systemVM(cloud)),
        (.internalLoadBalancerElement, balancerElement(after)),
        (.affinityGroup, affinity), (.instanceGroup, group), (.instanceSchedule, schedule),
        (.instanceSnapshot, instanceSnapshot), (.registeredUserData, userData), (.sshKeyPair, pair),
        (.alert, after.alerts.all.min { $0.id < $1.id }?.id.description),
      ] + (try await project(cloud, name, keys))
    return try Dictionary(uniqueKeysWithValues: found.map { ($0.0.name, try #require($0.1, "no \($0.0.name)")) })
  }
  /// A volume with a snapshot and a policy, a template and an ISO, all of a stopped instance's account.
  private static func storage(
    _ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys,
    _ create: (String, [String: String]) async throws -> String, network: String
  ) async throws -> [(Entity, String?)] {
    let zone = try await zone(cloud, "isolate")
    let disks = try await cloud.call("listDiskOfferings", ["name": "Small"])
    let disk = try #require(disks.at("listdiskofferingsresponse", "diskoffering", "id"))
    let volume = try await create("createVolume", ["name": "\(name)-data", "diskofferingid": disk, "zoneid": zone])
    _ = try await create(
      "deployVirtualMachine",
      try await deployment(cloud, "\(name)-still", zone: "isolate").merging([
        "networkids": network, "startvm": "false",
      ]) { $1 })
    let uploaded = try await cloud.call(
      "uploadVolume",
      ["name": "\(name)-up", "format": "RAW", "url": "http://example.org/disk.raw", "zoneid": zone], as: keys)
    #expect(uploaded.status == 200)
    let state = cloud.control.state
    let still = try #require(state.virtualMachines.all.first { $0.name == "\(name)-still" })
    let other = try #require(state.volumes.all.first { $0.name == "\(name)-up" })
    let attached = try await cloud.call(
      "attachVolume", ["id": other.id.description, "virtualmachineid": still.id.description], as: keys)
    #expect(attached.status == 200)
    let snapshot = try await create("createSnapshot", ["volumeid": other.id.description, "name": "\(name)-snap"])
    let policy = try await cloud.call(
      "createSnapshotPolicy",
      [
        "volumeid": other.id.description, "intervaltype": "DAILY", "maxsnaps": "2", "schedule": "30:02",
        "timezone": "Europe/Zurich",
      ], as: keys)
    let image = ["name": "\(name)-image", "url": "http://example.org/image", "zoneid": zone]
    let template = try await cloud.call(
      "registerTemplate", image.merging(["format": "RAW", "hypervisor": "Simulator"]) { $1 }, as: keys)
    let iso = try await cloud.call("registerIso", image, as: keys)
    return [
      (.diskOffering, disk), (.volume, volume), (.snapshot, snapshot),
      (.snapshotPolicy, policy.at("createsnapshotpolicyresponse", "snapshotpolicy", "id")),
      (.template, template.at("registertemplateresponse", "template", "id")),
      (.iso, iso.at("registerisoresponse", "iso", "id")),
      (.osType, OperatingSystem.otherLinux.uuidString.lowercased()),
      (.osCategory, OperatingSystem.categories[0].id.uuidString.lowercased()),
    ]
  }

  /// Storage, and an alert, that both customers' clouds have in common.
  private static func infrastructure(_ cloud: TestCloud) async throws -> (pool: String, store: String) {
    let state = cloud.control.state
    if let pool = state.storagePools.all.min(by: { $0.name < $1.name }),
      let store = state.imageStores.all.min(by: { $0.name < $1.name })
    {
      return (pool.id.description, store.id.description)
    }
    try await cloud.call("generateAlert", ["name": "a", "type": "7", "description": "d"])
    let zone = try await cloud.made(
      "createZone", "zone",
      ["name": "warehouse", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"])
    let pool = try await cloud.made(
      "createStoragePool", "storagepool", ["name": "pool", "zoneid": zone, "url": "nfs://nas/primary"])
    let store = try await cloud.made(
      "addImageStore", "imagestore", ["provider": "NFS", "zoneid": zone, "url": "nfs://nas/secondary"])
    return (pool, store)
  }

  /// A project with a role that has a rule, to which the administrator is invited.
  private static func project(
    _ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys
  ) async throws -> [(Entity, String?)] {
    let id = try #require(
      try await cloud.call("createProject", ["name": "\(name)-project"], as: keys).at("createprojectresponse", "id"))
    let role = try await cloud.call("createProjectRole", ["projectid": id, "name": "reader"], as: keys)
      .at("createprojectroleresponse", "projectrole", "id")
    let rule = try await cloud.call(
      "createProjectRolePermission",
      ["projectid": id, "projectroleid": role ?? "", "rule": "list*", "permission": "allow"], as: keys
    ).at("createprojectrolepermissionresponse", "projectrolepermission", "id")
    let invitation = ["name": "project.invite.required", "value": "true"]
    #expect(try await cloud.call("updateConfiguration", invitation).status == 200)
    let invited = try await cloud.call("addAccountToProject", ["projectid": id, "account": "admin"], as: keys)
    #expect(invited.status == 200, "\(invited.errorText ?? "")")
    let project = try #require(ID<Project>(id).flatMap { cloud.control.state.projects[$0] })
    return [
      (.project, id), (.invitingProject, id),
      (.projectUser, cloud.control.state.users.all.first { $0.username == name }?.id.description), (.projectRole, role),
      (.projectRolePermission, rule),
      (.projectInvitation, project.invitations.first?.id.uuidString.lowercased()),
    ]
  }

  /// No pod of the estate can have a storage network, so its addresses are put in place.
  private static func storageRange(_ cloud: TestCloud) async throws -> String {
    let known = cloud.control.state.storageIPRanges.all.first { _ in true }
    if let known { return known.id.description }
    return try await cloud.change { draft in
      let pod = try #require(draft.state.pods.all.min { $0.name < $1.name })
      let range = StorageIPRange(
        id: draft.newID(), zone: pod.zone, pod: pod.id, first: IPv4(172, 31, 0, 10), last: IPv4(172, 31, 0, 20),
        gateway: IPv4(172, 31, 0, 1), length: 24, created: draft.now)
      try draft.put(range)
      return range.id.description
    }
  }

  private static func balancerElement(_ state: CloudState) -> String? {
    let providers = state.physicalNetworks.all.flatMap(\.providers)
    return providers.first { $0.name == Providers.internalBalancer }?.elements.first?.id.wireText
  }

  /// The zone of simulated hosts was put in place behind the cloud's back, so its machines are, too.
  private static func systemVM(_ cloud: TestCloud) async throws -> String {
    let known = cloud.control.state.systemVMs.all.min { $0.number < $1.number }
    if let known { return known.id.description }
    return try await cloud.change { draft in
      let host = try #require(draft.state.hosts.all.first { !$0.isCarried && $0.hypervisor == .simulator })
      let ids = try SystemVMType.allCases.enumerated().map { position, type in
        let machine = SystemVM(
          id: draft.newID(), number: position + 1, type: type, zone: host.zone, host: host.id,
          state: type == .consoleProxy ? .stopped : .running, created: draft.now)
        try draft.put(machine)
        return machine.id
      }
      return ids[0].description
    }
  }

  /// No node is there to start the instance, so its snapshot is put in place.
  private static func putSnapshot(of machine: String, _ cloud: TestCloud) async throws -> String {
    let id = try #require(ID<VirtualMachine>(machine))
    let snapshot = try await cloud.change { draft in
      let machine = try #require(draft.get(id))
      let snapshot = InstanceSnapshot(
        id: draft.newID(), name: "s", displayName: "before", description: "", account: machine.account,
        virtualMachine: id, offering: machine.offering, hasMemory: false, state: .ready, created: draft.now)
      try draft.put(snapshot)
      return snapshot.id
    }
    return snapshot.description
  }
}

let samplePublicKey =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6yqYbjSJZ8F3T2n5VqZQ0bq3nJH7s2l0c4vYvQm3xk somebody@example.org"
