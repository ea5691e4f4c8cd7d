import CloudModel
import Control

extension Commands {
  static let storagePoolChoices = [
    Command(
      "findStoragePoolsForMigration", "Lists the primary storage that a volume could move to, and whether it suits",
      roles: .admin, [.id("id", .volume, "the volume's id", required: true)] + Parameter.paging,
      response: .storagePoolForMigration
    ) { request in
      let state = request.state
      let volume = state.volumes[try request.id("id")].flatMap { $0.state == .ready ? $0 : nil }
      let pools = volume.map { volume in
        state.storagePools.matching("zone", .id(volume.zone)).filter {
          $0.id != volume.pool && $0.state == .up && (volume.hypervisor ?? $0.hypervisor) == $0.hypervisor
        }
      }
      return try request.page("storagepool", (pools ?? []).oldestFirst(\.created)) {
        [$0.name]
      } fields: { pool in
        var fields = request.view.fields(of: pool)
        fields.add("suitableformigration", volume.map { state.obstacle(to: pool, for: $0) == nil } ?? false)
        return fields
      }
    }
  ]
}

extension ResponseType {
  static let storagePoolForMigration = ResponseType(storagePool, and: ["suitableformigration": .boolean])
}
