import CloudModel
import Control

extension Commands {
  static let systemVMs = [
    Command(
      "listSystemVms", "Lists the machines of the system, which zones of simulated hosts have", roles: .admin,
      [
        .id("hostid", .host, "the host"), .id("id", .systemVM, "the machine's id"),
        .string("name", "the machine's name"), .id("podid", .pod, "the pod"), .string("state", "such as Running"),
        .id("storageid", .storagePool, "the primary storage, where none of them lies"),
        .string("systemvmtype", "consoleproxy or secondarystoragevm"), .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, refused: ["arch"], response: .systemVM
    ) { request in
      let rows = request.state.systemVMs.all.filter { machine in
        request.matches("id", machine.id) && request.matches("name", machine.name)
          && request.matches("hostid", machine.runningHost) && request.matches("state", machine.state.rawValue)
          && request.matches("podid", request.state.hosts[machine.host]?.pod)
          && request.matches("systemvmtype", machine.type.rawValue) && request.matches("zoneid", machine.zone)
          && !request.arguments.has("storageid")
      }
      return try request.page("systemvm", rows.sorted { $0.number < $1.number }) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "startSystemVm", "Starts a machine of the system", roles: .admin, [systemVM], response: .systemVM
    ) { request in
      try await request.control.startSystemVM(request.id("id"), by: request.caller)
    },
    .job(
      "stopSystemVm", "Stops a machine of the system", roles: .admin,
      [.boolean("forced", "stop it at once, as always"), systemVM], response: .systemVM
    ) { request in
      try await request.control.stopSystemVM(request.id("id"), by: request.caller)
    },
    .job(
      "rebootSystemVm", "Reboots a machine of the system", roles: .admin,
      [.boolean("forced", "boot it at once, as always"), systemVM], response: .systemVM
    ) { request in
      try await request.control.rebootSystemVM(request.id("id"), by: request.caller)
    },
    .job(
      "destroySystemVm", "Destroys a machine of the system; the zone gets another one", roles: .admin, [systemVM],
      response: .systemVM
    ) { request in
      try await request.control.destroySystemVM(request.id("id"), by: request.caller)
    },
    .job(
      "migrateSystemVm", "Moves a machine of the system to another host", roles: .admin,
      [
        .boolean("autoselect", "to any host that takes it"), .id("hostid", .host, "the host"),
        .id("virtualmachineid", .systemVM, "the machine's id", required: true),
      ], refused: ["storageid"], response: .systemVM
    ) { request in
      let host = request.arguments.id("hostid", Host.self)
      guard host != nil || request.arguments.flag("autoselect") else {
        throw APIError.value("Either hostid or autoselect=true must be specified")
      }
      return try await request.control.migrateSystemVM(
        request.id("virtualmachineid"), to: host, by: request.caller)
    },
  ]

  private static let systemVM = Parameter.id("id", .systemVM, "the machine's id", required: true)
}

extension SystemVM {
  fileprivate var runningHost: ID<Host>? { state.isPlaced ? host : nil }
}
