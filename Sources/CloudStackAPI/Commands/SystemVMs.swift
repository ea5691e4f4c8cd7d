import CloudModel
import Control

extension Commands {
  /// Daruma does by its agents what CloudStack has machines of its own for, so there are none and none can be named.
  static let systemVMs = [
    Command(
      "listSystemVms", "Lists machines of the system: there are none", roles: .admin,
      [
        .id("hostid", .host, "the host"), .id("id", .systemVM, "the machine's id"),
        .string("name", "the machine's name"), .id("podid", .pod, "the pod"), .string("state", "such as Running"),
        .id("storageid", .storagePool, "the primary storage"),
        .string("systemvmtype", "consoleproxy or secondarystoragevm"), .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, refused: ["arch"], response: .systemVM
    ) { _ in
      .list("systemvm", [], count: 0)
    },
    onSystemVM("destroySystemVm", "Destroys a machine of the system"),
    onSystemVM("startSystemVm", "Starts a machine of the system"),
    onSystemVM("stopSystemVm", "Stops a machine of the system", refused: ["forced"]),
    onSystemVM("rebootSystemVm", "Reboots a machine of the system", refused: ["forced"]),
    onSystemVM(
      "migrateSystemVm", "Moves a machine of the system", parameter: "virtualmachineid",
      refused: ["autoselect", "hostid", "storageid"]),
  ]

  private static func onSystemVM(
    _ name: String, _ description: String, parameter: String = "id", refused: [RefusedParameter] = []
  ) -> Command {
    .job(
      name, description + "; there are none", roles: .admin,
      [.id(parameter, .systemVM, "the machine's id", required: true)], refused: refused, response: .systemVM
    ) { request in
      throw APIError.unknown(
        request.arguments.uuid(parameter)?.wireText ?? "", parameter: parameter, command: request.command)
    }
  }
}
