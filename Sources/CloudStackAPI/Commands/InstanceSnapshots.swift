import CloudModel
import Control

extension Commands {
  static let instanceSnapshots = [
    .job(
      "createVMSnapshot", "Takes a snapshot of an instance", creates: true,
      [
        .string("description", "what it is for"),
        .string("name", "a name for people"),
        .boolean("snapshotmemory", "whether its memory is part of it; it runs then"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
      ], refused: ["quiescevm"], response: .instanceSnapshot
    ) { request in
      try await request.control.createVMSnapshot(
        of: request.id("virtualmachineid"), name: request.arguments.string("name"),
        description: request.arguments.string("description"),
        withMemory: request.arguments.flag("snapshotmemory"), by: request.caller)
    },
    .job(
      "deleteVMSnapshot", "Deletes a snapshot of an instance",
      [.id("vmsnapshotid", .instanceSnapshot, "the snapshot's id", required: true)]
    ) { request in
      try await request.control.deleteVMSnapshot(request.id("vmsnapshotid"), by: request.caller)
    },
    .job(
      "revertToVMSnapshot", "Brings an instance back to how it was at a snapshot",
      [.id("vmsnapshotid", .instanceSnapshot, "the snapshot's id", required: true)], response: .virtualMachine
    ) { request in
      try await request.control.revertToVMSnapshot(request.id("vmsnapshotid"), by: request.caller)
    },
    Command(
      "listVMSnapshot", "Lists snapshots of instances",
      [
        .string("name", "the name for people"),
        .string("state", "such as Ready"),
        .id("virtualmachineid", .virtualMachine, "the instance's id"),
        .id("vmsnapshotid", .instanceSnapshot, "the snapshot's id"),
        .ids("vmsnapshotids", .instanceSnapshot, "the snapshots' ids"),
      ] + Parameter.scope, refused: ["tags"], response: .instanceSnapshot, object: "vmSnapshot"
    ) { request in
      let ids = request.arguments.ids("vmsnapshotids", InstanceSnapshot.self)
      let isNamed = ids != nil || request.arguments.has("virtualmachineid")
      let rows = try request.visible(request.state.instanceSnapshots, id: "vmsnapshotid", byName: isNamed) {
        $0.account
      }.filter {
        ids?.contains($0.id) ?? true && request.matches("name", $0.displayName)
          && request.matches("state", $0.state.rawValue) && request.matches("virtualmachineid", $0.virtualMachine)
      }
      return try request.page("vmSnapshot", rows.oldestFirst(\.created)) {
        [$0.displayName, $0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
