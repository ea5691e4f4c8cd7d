import CloudModel
import Control

extension Commands {
  static let nics = [
    .job(
      "addIpToNic", "Gives a NIC a further address of its network", creates: true,
      [
        .string("ipaddress", "the very address; any free one by default"),
        .id("nicid", .nic, "the NIC's id", required: true),
      ], response: .nicSecondaryIP
    ) { request in
      try await request.control.addIPToNIC(
        request.id("nicid"), address: request.arguments.address("ipaddress"), by: request.caller)
    },
    .job(
      "removeIpFromNic", "Takes a secondary address off its NIC",
      [.id("id", .secondaryAddress, "the secondary address's id", required: true)]
    ) { request in
      try await request.control.removeIPFromNIC(
        request.require("id", Arguments.uuid), by: request.caller)
    },
    Command(
      "listNics", "Lists the NICs of an instance",
      [
        .id("networkid", .network, "the network of the NIC"),
        .id("nicid", .nic, "the NIC's id"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
      ] + Parameter.paging,
      refused: [.admin("fordisplay")], response: .nic
    ) { request in
      guard let machine = request.state.virtualMachines[try request.id("virtualmachineid")] else {
        return try request.page("nic", [(NIC, Fields)]()) { _ in
          []
        } fields: {
          $0.1
        }
      }
      let rows = zip(machine.wantedNICs, request.view.nics(of: machine)).filter { nic, _ in
        request.matches("networkid", nic.network) && request.matches("nicid", nic.id)
      }
      return try request.page("nic", Array(rows)) {
        [$0.0.id.description]
      } fields: {
        $0.1
      }
    },
  ]
}
