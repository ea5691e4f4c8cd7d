import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let instanceChanges = [
    Command(
      "updateVirtualMachine", "Changes what an instance is called, told and protected by",
      [
        .boolean("cleanupdetails", "whether to forget all details"),
        .boolean("deleteprotection", "whether it cannot be destroyed"),
        .map("details", "the settings of the instance, in the place of those it had"),
        .string("displayname", "a name for people"),
        .string("group", "the instance's group, which is made if there is none; empty for none"),
        .boolean("haenable", "whether it is to be restarted elsewhere"),
        .id("id", .virtualMachine, "the instance's id", required: true),
        .boolean("isdynamicallyscalable", "whether it may be scaled while it runs"),
        .string("name", "the host name of a stopped instance"),
        .ids("securitygroupids", .securityGroup, "the security groups, in a Basic zone"),
        .strings("securitygroupnames", "the security groups by name, in a Basic zone"),
        .string("userdata", "data for the instance in base64, at most 32 KiB", length: 1_048_576),
        .id("userdataid", .registeredUserData, "registered user data, in the place of userdata"),
      ],
      refused: [
        .admin("customid"), "dhcpoptionsnetworklist", .unless("displayvm", "true"), "extraconfig",
        .admin("instancename"), "leaseduration", "leaseexpiryaction", "ostypeid", "userdatadetails",
      ], response: .virtualMachine
    ) { request in
      try await request.changedInstance(
        request.control.updateVirtualMachine(request.id("id"), update(request), by: request.caller))
    },
    Command(
      "recoverVirtualMachine", "Brings back an instance that was destroyed and not expunged yet",
      [.id("id", .virtualMachine, "the instance's id", required: true)], response: .virtualMachine
    ) { request in
      try await request.changedInstance(
        request.control.recoverVirtualMachine(request.id("id"), by: request.caller))
    },
    .job(
      "expungeVirtualMachine", "Removes an instance that was destroyed",
      [.id("id", .virtualMachine, "the instance's id", required: true)]
    ) { request in
      try await request.control.expungeVirtualMachine(request.id("id"), by: request.caller)
    },
    .job(
      "restoreVirtualMachine", "Begins an instance's root anew from its template",
      [
        .id("templateid", .template, "another template to boot from"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
      ],
      refused: ["details", "diskofferingid", .unless("expunge", "true"), "rootdisksize"], response: .virtualMachine
    ) { request in
      try await request.control.restoreVirtualMachine(
        request.id("virtualmachineid"), template: request.arguments.id("templateid"), by: request.caller)
    },
    .job(
      "scaleVirtualMachine", "Gives an instance another service offering", scaling, refused: notScaled,
      response: .success, object: "virtualmachine"
    ) { request in
      try await request.control.scaleVirtualMachine(
        request.id("id"), to: request.id("serviceofferingid"), by: request.caller)
    },
    Command(
      "changeServiceForVirtualMachine", "Gives a stopped instance another service offering", scaling,
      refused: notScaled, response: .virtualMachine
    ) { request in
      try await request.changedInstance(
        request.control.changeServiceForVirtualMachine(
          request.id("id"), to: request.id("serviceofferingid"), by: request.caller))
    },
    Command(
      "assignVirtualMachine", "Gives a stopped instance to another account", roles: .admins,
      [
        .string("account", "the account that gets it"),
        .id("domainid", .domain, "the domain of the account"),
        .ids("networkids", .network, "the account's networks that the instance is to be in, in an Advanced zone"),
        .id("projectid", .project, "the project that gets it, instead of an account"),
        .ids("securitygroupids", .securityGroup, "the account's security groups, in a Basic zone"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
      ], response: .virtualMachine
    ) { request in
      var assignment = InstanceAssignment(account: try request.require("account", Arguments.string))
      assignment.domain = request.arguments.id("domainid")
      assignment.networks = request.arguments.ids("networkids") ?? []
      assignment.securityGroups = request.arguments.ids("securitygroupids") ?? []
      return try await request.changedInstance(
        request.control.assignVirtualMachine(request.id("virtualmachineid"), assignment, by: request.caller))
    },
    Command(
      "getVirtualMachineUserData", "Tells the user data of an instance",
      [.id("virtualmachineid", .virtualMachine, "the instance's id", required: true)], response: .instanceUserData
    ) { request in
      let id: ID<VirtualMachine> = try request.id("virtualmachineid")
      var fields = Fields()
      fields.add("virtualmachineid", id.description)
      fields.add("userdata", Data(request.state.virtualMachines[id]?.userData ?? []).base64EncodedString())
      return .one("virtualmachineuserdata", fields)
    },
    .job(
      "resetSSHKeyForVirtualMachine", "Gives a stopped instance other SSH keys",
      [
        .id("id", .virtualMachine, "the instance's id", required: true),
        .string("keypair", "the key pair by name"),
        .strings("keypairs", "the key pairs by name"),
      ], refused: ["account", "domainid", "projectid"], response: .virtualMachine
    ) { request in
      try await request.control.resetSSHKeyForVirtualMachine(
        request.id("id"), keyPairs: request.arguments.keyPairs, by: request.caller)
    },
    .job(
      "resetPasswordForVirtualMachine", "Gives a stopped instance another password, which the job's result tells",
      [
        .id("id", .virtualMachine, "the instance's id", required: true),
        .string("password", "the password; a random one by default"),
      ], response: .virtualMachine
    ) { request in
      try await request.control.resetPasswordForVirtualMachine(
        request.id("id"), to: request.arguments.string("password"), by: request.caller)
    },
    Command(
      "getVMPassword", "Tells the password of an instance, encrypted for its SSH key",
      [.id("id", .virtualMachine, "the instance's id", required: true)], response: .instancePassword
    ) { request in
      let id: ID<VirtualMachine> = try request.id("id")
      guard let password = request.state.virtualMachines[id]?.encryptedPassword else {
        throw APIError.value("No password for VM with id '\(id)' found.")
      }
      var fields = Fields()
      fields.add("encryptedpassword", password)
      return .one("password", fields)
    },
  ]

  private static let scaling: [Parameter] = [
    .id("id", .virtualMachine, "the instance's id", required: true),
    .id("serviceofferingid", .serviceOffering, "its CPU and memory", required: true),
  ]

  private static let notScaled: [RefusedParameter] = ["automigrate", "details", "maxiops", "miniops", "shrinkok"]

  private static func update(_ request: Request) throws -> InstanceUpdate {
    let arguments = request.arguments
    var update = InstanceUpdate()
    update.name = arguments.string("name").flatMap { $0.isEmpty ? nil : $0 }
    update.displayName = arguments.string("displayname")
    update.userData = try arguments.string("userdata").map { try UserData.decode($0, isPost: request.isPost) }
    update.userDataSource = arguments.id("userdataid")
    guard update.userData == nil || update.userDataSource == nil else {
      throw APIError.value("Both userdata and userdataid inputs are not allowed, please provide only one")
    }
    update.haEnabled = arguments.boolean("haenable")
    update.isDynamicallyScalable = arguments.boolean("isdynamicallyscalable")
    update.isDeleteProtected = arguments.boolean("deleteprotection")
    update.group = arguments.string("group")
    update.details = arguments.details("details")
    update.cleansDetails = arguments.flag("cleanupdetails")
    update.securityGroupNames = arguments.strings("securitygroupnames") ?? []
    update.securityGroups = arguments.ids("securitygroupids") ?? (update.securityGroupNames.isEmpty ? nil : [])
    return update
  }
}
