import CloudModel
import Control

extension Commands {
  static let instanceNICs: [Command] = [
    .job(
      "addNicToVirtualMachine", "Gives an instance a NIC in a further network",
      [
        .string("ipaddress", "the very address; any free one by default"),
        .string("macaddress", "the very Ethernet address; a random one by default"),
        .id("networkid", .network, "the network", required: true),
        machine,
      ], refused: ["dhcpoptions"], response: .virtualMachine
    ) { request in
      try await request.control.addNIC(
        to: request.id("virtualmachineid"), in: request.id("networkid"),
        address: request.arguments.address("ipaddress"), mac: request.arguments.mac("macaddress"), by: request.caller)
    },
    .job(
      "removeNicFromVirtualMachine", "Takes a NIC that is not the default one off an instance", [nic, machine],
      response: .virtualMachine
    ) { request in
      try await request.control.removeNIC(
        request.id("nicid"), from: request.id("virtualmachineid"), by: request.caller)
    },
    .job(
      "updateDefaultNicForVirtualMachine", "Makes another NIC the default one of an instance", [nic, machine],
      response: .virtualMachine
    ) { request in
      try await request.control.updateDefaultNIC(
        request.id("nicid"), of: request.id("virtualmachineid"), by: request.caller)
    },
    .job(
      "updateVmNicIp", "Gives the NIC of a stopped instance another address",
      [.string("ipaddress", "the very address; any free one by default"), nic], response: .virtualMachine
    ) { request in
      try await request.control.updateNICAddress(
        request.id("nicid"), to: request.arguments.address("ipaddress"), by: request.caller)
    },
  ]

  private static let nic = Parameter.id("nicid", .nic, "the NIC's id", required: true)
  private static let machine = Parameter.id("virtualmachineid", .virtualMachine, "the instance's id", required: true)
}
