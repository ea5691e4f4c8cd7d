import CloudModel
import Control

extension Commands {
  static let storagePools = [
    Command(
      "createStoragePool", "Adds primary storage to a zone of simulated hosts", roles: .admin,
      [
        .long("capacitybytes", "what it holds; 1 TiB by default"),
        .long("capacityiops", "operations per second that it can do"),
        .id("clusterid", .cluster, "the cluster, for scope CLUSTER"),
        .string("hypervisor", "Simulator"),
        .string("name", "the pool's name", required: true),
        .id("podid", .pod, "the pod, for scope CLUSTER"),
        .string("scope", "CLUSTER or ZONE; CLUSTER by default if clusterid is given"),
        .string("tags", "names by which offerings ask for it, separated by commas"),
        .string("url", "where it is: nfs://server/path", required: true),
        .id("zoneid", .zone, "the zone", required: true),
      ],
      refused: ["details", "istagarule", "managed", .unless("provider", "defaultprimary"), "storageaccessgroups"],
      response: .storagePool
    ) { request in
      var pool = NewStoragePool(
        name: try request.string("name"), zone: try request.id("zoneid"), url: try request.string("url"))
      pool.pod = request.arguments.id("podid")
      pool.cluster = request.arguments.id("clusterid")
      pool.hypervisor = try request.hypervisor("hypervisor")
      pool.scope = request.arguments.string("scope").flatMap { $0.isEmpty ? nil : $0 }
      pool.tags = (request.arguments.string("tags") ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
      pool.capacityBytes = request.arguments.integer("capacitybytes")
      pool.capacityIOPS = request.arguments.integer("capacityiops")
      let id = try await request.control.createStoragePool(pool, by: request.caller)
      return try request.created(id, "storagepool") { request.latest.fields(of: $0) }
    },
    Command(
      "updateStoragePool", "Changes primary storage", roles: .admin,
      [
        .long("capacitybytes", "what it holds"),
        .long("capacityiops", "operations per second that it can do"),
        .boolean("enabled", "whether new volumes may come to it"),
        .id("id", .storagePool, "the pool's id", required: true),
        .string("name", "the pool's name"),
        .strings("tags", "names by which offerings ask for it"),
      ], refused: ["details", "istagarule", "url"], response: .storagePool
    ) { request in
      let id: ID<StoragePool> = try request.id("id")
      try await request.control.updateStoragePool(
        id, name: request.arguments.string("name"), tags: request.arguments.strings("tags"),
        capacityBytes: request.arguments.integer("capacitybytes"),
        capacityIOPS: request.arguments.integer("capacityiops"), isEnabled: request.arguments.boolean("enabled"),
        by: request.caller)
      return try request.created(id, "storagepool") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteStoragePool", "Removes primary storage that is in maintenance", roles: .admin,
      [
        .boolean("forced", "also one that is not"), .id("id", .storagePool, "the pool's id", required: true),
      ], response: .success
    ) { request in
      try await request.control.deleteStoragePool(
        request.id("id"), forced: request.arguments.flag("forced"), by: request.caller)
      return .success()
    },
    .job(
      "enableStorageMaintenance", "Lets nothing new on primary storage", roles: .admin,
      [.id("id", .storagePool, "the pool's id", required: true)], response: .storagePool
    ) { request in
      try await request.control.enableStorageMaintenance(request.id("id"), by: request.caller)
    },
    .job(
      "cancelStorageMaintenance", "Ends the maintenance of primary storage", roles: .admin,
      [.id("id", .storagePool, "the pool's id", required: true)], response: .storagePool
    ) { request in
      try await request.control.cancelStorageMaintenance(request.id("id"), by: request.caller)
    },
    Command(
      "listStoragePools", "Lists primary storage", roles: .admin,
      [
        .id("clusterid", .cluster, "the cluster that can use it"),
        .id("hostid", .host, "the host that can use it"),
        .id("id", .storagePool, "the pool's id"),
        .string("ipaddress", "its server"),
        .string("name", "the pool's name"),
        .string("path", "the path on its server"),
        .id("podid", .pod, "the pod of its cluster"),
        .string("scope", "CLUSTER or ZONE"),
        .string("status", "such as Up"),
        .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, refused: ["storageaccessgroup", "storagecustomstats"], response: .storagePool
    ) { request in
      let host = request.arguments.id("hostid", Host.self).flatMap { request.state.hosts[$0] }
      let rows = request.state.storagePools.all.filter { pool in
        request.matches("id", pool.id) && request.matches("name", pool.name) && request.matches("zoneid", pool.zone)
          && request.matches("podid", pool.pod) && request.matches("clusterid", pool.cluster)
          && request.matches("ipaddress", pool.server) && request.matches("path", pool.path)
          && request.matches("scope", pool.cluster == nil ? "ZONE" : "CLUSTER")
          && request.matches("status", pool.state.rawValue)
          && (host.map { $0.zone == pool.zone && (pool.cluster == nil || pool.cluster == $0.cluster) } ?? true)
      }
      return try request.page("storagepool", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "updateStorageCapabilities", "Looks again at what primary storage can do, which is for VMware's only",
      roles: .admin, [.id("id", .storagePool, "the pool's id", required: true)], response: .storagePool
    ) { _ in
      throw ControlError(.unsupported, "Storage capabilities update only supported on VMware storage mounted")
    },
    Command(
      "listStorageProviders", "Lists who provides storage", roles: .admin,
      [.string("type", "primary or image", required: true)] + Parameter.paging, response: .storageProvider
    ) { request in
      let type = try request.string("type").lowercased()
      let known = ["primary": ["DefaultPrimary"], "image": ["NFS"], "object": []]
      guard let names = known[type] else { throw APIError.invalid("type", type, "it is primary, image or object") }
      return try request.page("dataStoreProvider", names) {
        [$0]
      } fields: { name in
        var fields = Fields()
        fields.add("name", name)
        fields.add("type", type.uppercased())
        return fields
      }
    },
  ]
}
