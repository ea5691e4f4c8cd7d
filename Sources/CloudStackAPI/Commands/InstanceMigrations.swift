import CloudModel
import Control

extension Commands {
  static let instanceMigrations = [
    migrate("migrateVirtualMachine", "Moves a running instance to another host", refused: ["storageid"]),
    migrate(
      "migrateVirtualMachineWithVolume", "Moves a running instance to another host, with what it has there",
      refused: ["migrateto"]),
    Command(
      "findHostsForMigration", "Lists the hosts that an instance could move to, the best first", roles: .admin,
      [.id("virtualmachineid", .virtualMachine, "the instance's id", required: true)] + Parameter.paging,
      response: .hostForMigration, object: "host"
    ) { request in
      let machine = request.state.virtualMachines[try request.id("virtualmachineid")]
      let rows = machine.map { MigrationDestination.all(for: $0, in: request.state) } ?? []
      return try request.page("host", rows) {
        [$0.host.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static func migrate(_ name: String, _ description: String, refused: [RefusedParameter]) -> Command {
    .job(
      name, description, roles: .admin,
      [
        .boolean("autoselect", "whether the best host is chosen"),
        .id("hostid", .host, "the host to move to"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
      ], refused: refused, response: .virtualMachine
    ) { request in
      let host: ID<Host>? = request.arguments.id("hostid")
      guard host != nil || request.arguments.flag("autoselect") else {
        throw APIError.value("Either hostid or autoselect is required by \(name)")
      }
      return try await request.control.migrateVirtualMachine(
        request.id("virtualmachineid"), to: host, command: name, by: request.caller)
    }
  }
}
