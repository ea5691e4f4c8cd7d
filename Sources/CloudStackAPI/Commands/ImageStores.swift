import CloudModel
import Control

extension Commands {
  static let imageStores = [
    Command(
      "addImageStore", "Adds secondary storage to a zone of simulated hosts", roles: .admin,
      [
        .string("name", "the store's name; the url by default"),
        .string("provider", "NFS", required: true),
        .string("url", "where it is: nfs://server/path", length: 2048),
        .id("zoneid", .zone, "the zone"),
      ], refused: ["details"], response: .imageStore
    ) { request in
      let id = try await request.control.addImageStore(
        name: request.arguments.string("name"), url: request.arguments.string("url"),
        provider: request.string("provider"), zone: request.arguments.id("zoneid"), by: request.caller)
      return try request.created(id, "imagestore") { request.latest.fields(of: $0) }
    },
    Command(
      "updateImageStore", "Changes secondary storage", roles: .admin,
      [
        .long("capacitybytes", "what it holds"),
        .id("id", .imageStore, "the store's id", required: true),
        .string("name", "the store's name"),
        .boolean("readonly", "whether nothing new may come to it"),
      ], response: .imageStore
    ) { request in
      let id: ID<ImageStore> = try request.id("id")
      try await request.control.updateImageStore(
        id, name: request.arguments.string("name"), isReadOnly: request.arguments.boolean("readonly"),
        capacityBytes: request.arguments.integer("capacitybytes"), by: request.caller)
      return try request.created(id, "imagestore") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteImageStore", "Removes secondary storage", roles: .admin,
      [.id("id", .imageStore, "the store's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteImageStore(request.id("id"), by: request.caller)
      return .success()
    },
    .job(
      "migrateSecondaryStorageData", "Moves what the cloud keeps on secondary storage, which is nothing", roles: .admin,
      [
        .ids("destpools", .imageStore, "where it is to go", required: true),
        .id("srcpool", .imageStore, "where it is", required: true),
      ], refused: [.unless("migrationtype", "complete")], response: .migration
    ) { request in
      try await request.control.migrateSecondaryStorageData(
        from: request.id("srcpool"), to: request.arguments.ids("destpools") ?? [], by: request.caller)
    },
    Command(
      "listImageStores", "Lists secondary storage", roles: .admin,
      [
        .id("id", .imageStore, "the store's id"),
        .string("name", "the store's name"),
        .string("protocol", "nfs, as all are"),
        .string("provider", "NFS, as all are"),
        .boolean("readonly", "whether nothing new may come to it"),
        .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, response: .imageStore
    ) { request in
      let rows = request.state.imageStores.all.filter { store in
        request.matches("id", store.id) && request.matches("name", store.name) && request.matches("zoneid", store.zone)
          && request.matches("protocol", "nfs") && request.matches("provider", store.provider)
          && request.matches("readonly", store.isReadOnly)
      }
      return try request.page("imagestore", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
