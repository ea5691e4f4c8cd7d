import Addresses
import CloudModel
import Control

extension Commands {
  static let virtualMachines = [
    .job(
      "deployVirtualMachine", "Creates an instance and starts it", creates: true,
      [
        .id("diskofferingid", .diskOffering, "a disk besides ROOT, or ROOT itself for an ISO; on the Simulator"),
        .ids("affinitygroupids", .affinityGroup, "the affinity groups"),
        .strings("affinitygroupnames", "the affinity groups by name"),
        .map("details", "settings for whoever reads them"),
        .string("displayname", "a name for people; the name by default"),
        .boolean("dynamicscalingenabled", "whether it may be scaled while it runs"),
        .string("group", "the instance's group, which is made if there is none"),
        .string("hypervisor", "KVM or Simulator; the template's by default"),
        .string("ipaddress", "the address in the first network"),
        .map("iptonetworklist", "networkid, and ip and mac of the NIC there, in the place of networkids"),
        .string("keypair", "the SSH key pair by name"),
        .strings("keypairs", "the SSH key pairs by name"),
        .string("macaddress", "the Ethernet address in the first network"),
        .string("name", "the host name of the instance"),
        .ids("networkids", .usableNetwork, "the networks of the instance, its default one first"),
        .map("nicnetworklist", "nic, counted from 0, and the network it is to be in"),
        .string("password", "the password, where the template takes one"),
        .long("rootdisksize", "the size of the ROOT volume in GiB, on the Simulator"),
        .ids("securitygroupids", .securityGroup, "the security groups, in a Basic zone"),
        .strings("securitygroupnames", "the security groups by name, in a Basic zone"),
        .id("serviceofferingid", .serviceOffering, "CPU and memory", required: true),
        .long("size", "the size of the disk in GiB, of an offering without one"),
        .boolean("startvm", "whether to start it; true by default"),
        .id("templateid", .template, "what it boots from", required: true),
        .string("userdata", "data for the instance in base64, at most 32 KiB", length: 1_048_576),
        .id("userdataid", .registeredUserData, "registered user data, in the place of userdata"),
        .id("zoneid", .zone, "the zone", required: true),
      ] + Parameter.owner,
      refused: [
        "bootintosetup", .unless("bootmode", "legacy"),
        .unless("boottype", "bios"), .admin("clusterid"), "datadiskofferinglist", "datadisksdetails",
        .admin("deploymentplanner"), "dhcpoptionsnetworklist", "externaldetails", "extraconfig", "hostid",
        "iodriverpolicy", "iothreadsenabled", "ip6address", "leaseduration", "leaseexpiryaction",
        "nicmultiqueuenumber", "nicpackedvirtqueuesenabled", "overridediskofferingid", .admin("podid"),
        "properties", "snapshotid", "userdatadetails", "volumeid",
      ], response: .virtualMachine
    ) { request in
      let arguments = request.arguments
      var deployment = try Deployment(
        zone: request.id("zoneid"), template: request.id("templateid"), offering: request.id("serviceofferingid"))
      deployment.name = arguments.string("name").flatMap { $0.isEmpty ? nil : $0 }
      deployment.displayName = arguments.string("displayname").flatMap { $0.isEmpty ? nil : $0 }
      deployment.networks = arguments.ids("networkids") ?? []
      deployment.securityGroups = arguments.ids("securitygroupids") ?? []
      deployment.securityGroupNames = arguments.strings("securitygroupnames") ?? []
      deployment.address = try arguments.address("ipaddress")
      deployment.userData = try UserData.decode(arguments.string("userdata") ?? "", isPost: request.isPost)
      deployment.diskOffering = arguments.id("diskofferingid")
      deployment.diskSizeGiB = arguments.integer("size")
      deployment.rootSizeGiB = arguments.integer("rootdisksize")
      deployment.startVM = arguments.boolean("startvm") ?? true
      deployment.hypervisor = try arguments.string("hypervisor").flatMap { text in
        if text.isEmpty { return nil }
        guard let type = HypervisorType.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
          throw APIError.invalid("hypervisor", text, "it is KVM or Simulator")
        }
        return type
      }
      try deployment.take(arguments)
      deployment.account = arguments.string("account")
      deployment.domain = arguments.id("domainid")
      return try await request.control.deployVirtualMachine(deployment, by: request.caller)
    },
    listVirtualMachines,
    .job(
      "startVirtualMachine", "Starts an instance", [instance],
      refused: [
        "bootintosetup", "clusterid", .admin("considerlasthost"), .admin("deploymentplanner"), "hostid", "podid",
      ],
      response: .virtualMachine
    ) { request in
      try await request.control.startVirtualMachine(request.id("id"), by: request.caller)
    },
    .job(
      "stopVirtualMachine", "Stops an instance",
      [instance, .boolean("forced", "power it off rather than ask it to shut down")], response: .virtualMachine
    ) { request in
      try await request.control.stopVirtualMachine(
        request.id("id"), forced: request.arguments.flag("forced"), by: request.caller)
    },
    .job(
      "rebootVirtualMachine", "Reboots an instance", [instance], refused: ["bootintosetup", "forced"],
      response: .virtualMachine
    ) { request in
      try await request.control.rebootVirtualMachine(request.id("id"), by: request.caller)
    },
    .job(
      "destroyVirtualMachine", "Destroys an instance; it is expunged after a while",
      [instance, .boolean("expunge", "expunge it at once")], refused: ["volumeids"], response: .virtualMachine
    ) { request in
      try await request.control.destroyVirtualMachine(
        request.id("id"), expunge: request.arguments.flag("expunge"), by: request.caller)
    },
  ]

  private static let instance = Parameter.id("id", .virtualMachine, "the instance's id", required: true)

  private static let listVirtualMachines = Command(
    "listVirtualMachines", "Lists instances",
    [
      .id("affinitygroupid", .affinityGroup, "an affinity group of the instance"),
      .strings("details", "what to tell: all, min, or some of group, nics, secgrp, affgrp, tmpl, servoff and others"),
      .id("groupid", .instanceGroup, "the instance's group"),
      .boolean("haenable", "whether it is to be restarted elsewhere"),
      .id("hostid", .host, "the host of the instance", roles: .admin),
      .string("hypervisor", "KVM or Simulator"),
      .id("id", .virtualMachine, "the instance's id"),
      .ids("ids", .virtualMachine, "the instances' ids"),
      .id("isoid", .iso, "the ISO that is attached"),
      .string("keypair", "the name of an SSH key pair of the instance"),
      .string("name", "the instance's name"),
      .id("networkid", .network, "a network of the instance"),
      .id("securitygroupid", .securityGroup, "a security group of the instance"),
      .id("serviceofferingid", .serviceOffering, "its CPU and memory"),
      .string("state", "such as Running; present for all that are not destroyed"),
      .tags,
      .id("templateid", .template, "what it boots from"),
      .boolean("userdata", "whether to tell the user data"),
      .id("userdataid", .registeredUserData, "the registered user data of the instance"),
      .id("userid", .user, "who deployed the instance"),
      .id("zoneid", .zone, "the zone of the instance"),
    ] + Parameter.scope,
    refused: [
      "accumulate", "arch", "autoscalevmgroupid", "backupofferingid", .admin("clusterid"),
      "extensionid", "forvirtualnetwork", "gpuenabled", "isvnf", "leased",
      .admin("podid"), "retrieveonlyresourcecount", .admin("storageid"), "vpcid",
    ], response: .virtualMachine
  ) { request in
    let told = try request.arguments.toldDetails()
    let everything = try await request.pageOfEverything("virtualmachine", request.instanceOrder) {
      $1.fields(of: $0, telling: told)
    }
    if let everything { return everything }
    let ids = request.arguments.ids("ids", VirtualMachine.self)
    let rows = try request.visible(request.state.virtualMachines, byName: ids != nil) { $0.account }.filter { machine in
      let isGone = machine.state == .destroyed || machine.state == .expunging
      let isPresent = request.arguments.string("state")?.lowercased() == "present"
      return !(isGone && (request.caller.type == .user || isPresent))
        && (isPresent || request.matches("state", machine.state.rawValue))
        && request.matches("haenable", machine.haEnabled ?? false) && request.matches("hostid", machine.host)
        && request.matches("hypervisor", machine.hypervisor.rawValue) && ids?.contains(machine.id) ?? true
        && request.matches("isoid", machine.iso) && request.matches("name", machine.name)
        && request.matches("serviceofferingid", machine.offering)
        && request.matches("templateid", machine.template) && request.matches("zoneid", machine.zone)
        && request.arguments.id("networkid").map { id in machine.nics.contains { $0.network == id } } ?? true
        && request.arguments.id("securitygroupid").map { machine.securityGroups.contains($0) } ?? true
        && request.matchesChoices(of: machine)
    }
    return try request.page("virtualmachine", rows.oldestFirst(\.created)) {
      [$0.name, $0.displayName]
    } fields: {
      request.fields(of: $0, telling: told)
    }
  }
}
