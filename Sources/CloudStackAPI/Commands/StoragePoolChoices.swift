import CloudModel
import Control

extension Commands {
  static let storagePoolChoices = [
    Command(
      "findStoragePoolsForMigration", "Lists the primary storage of a volume's zone, and that the volume stays put",
      roles: .admin, [.id("id", .volume, "the volume's id", required: true)] + Parameter.paging,
      response: .storagePoolForMigration
    ) { request in
      let state = request.state
      let volume = state.volumes[try request.id("id")].flatMap { $0.state == .ready ? $0 : nil }
      let pools = volume.map { volume in
        state.storagePools.matching("zone", .id(volume.zone)).filter {
          $0.state == .up && (volume.hypervisor ?? $0.hypervisor) == $0.hypervisor
        }
      }
      return try request.page("storagepool", (pools ?? []).oldestFirst(\.created)) {
        [$0.name]
      } fields: { pool in
        var fields = request.view.fields(of: pool)
        // Volumes lie with their instances, so migrateVolume refuses all of them.
        fields.add("suitableformigration", false)
        return fields
      }
    }
  ]
}

extension ResponseType {
  static let storagePoolForMigration = ResponseType(storagePool, and: ["suitableformigration": .boolean])
}
