package import CloudModel
import FoundationEssentials
import Ledger

package struct NewStoragePool: Sendable {
  package var name: String
  package var zone: ID<Zone>
  package var pod: ID<Pod>?
  package var cluster: ID<Cluster>?
  package var hypervisor: HypervisorType?
  package var url: String
  /// `CLUSTER` or `ZONE`.
  package var scope: String?
  package var tags: [String] = []
  package var capacityBytes: Int?
  package var capacityIOPS: Int?

  package init(name: String, zone: ID<Zone>, url: String) {
    self.name = name
    self.zone = zone
    self.url = url
  }
}

/// Storage of simulated zones. Nothing is written to it: it is counted against.
extension Control {
  private static let poolLimit = 1024
  private static let storeLimit = 256
  /// So that sums of them are numbers still.
  private static let capacities = 1...(1 << 50)
  /// What a simulated pool holds if nothing else is said.
  private static let usualCapacity = 1 << 40

  package func createStoragePool(_ request: NewStoragePool, by caller: Caller) async throws -> ID<StoragePool> {
    try await administer("createStoragePool", by: caller) { draft in
      try Self.requireSimulatedStorage(request.zone, draft)
      try Self.limit(
        draft.state.storagePools.count("zone", .id(request.zone)), to: Self.poolLimit, "storage pools in a zone")
      let (server, path) = try Self.place(request.url)
      var pool = StoragePool(
        id: draft.newID(), name: try Self.checked(request.name), zone: request.zone, hypervisor: .simulator,
        server: server, path: path, tags: request.tags, capacityBytes: request.capacityBytes ?? Self.usualCapacity,
        capacityIOPS: request.capacityIOPS, created: draft.now)
      try Self.check(pool)
      switch request.scope?.lowercased() ?? (request.cluster == nil ? "zone" : "cluster") {
      case "cluster":
        guard let cluster = request.cluster.flatMap({ draft.get($0) }), cluster.zone == request.zone,
          request.pod ?? cluster.pod == cluster.pod
        else {
          throw ControlError(.invalidParameter, "A pool of scope CLUSTER names a pod and a cluster of the zone")
        }
        pool.pod = cluster.pod
        pool.cluster = cluster.id
      case "zone":
        guard request.cluster == nil, request.pod == nil else {
          throw ControlError(.invalidParameter, "A pool of scope ZONE names no pod and no cluster")
        }
      default: throw ControlError(.unsupported, "The scope of a storage pool is CLUSTER or ZONE")
      }
      guard request.hypervisor ?? .simulator == .simulator else {
        throw ControlError(.unsupported, "Storage pools can be added for Simulator hosts only")
      }
      try draft.put(pool)
      return pool.id
    }
  }

  private static func check(_ pool: StoragePool) throws(ControlError) {
    guard capacities.contains(pool.capacityBytes), capacities.contains(pool.capacityIOPS ?? 1), pool.tags.count <= 64
    else {
      throw ControlError(
        .invalidParameter, "capacitybytes and capacityiops are 1 to \(capacities.upperBound), tags at most 64")
    }
  }

  private static func requireSimulatedStorage(_ zone: ID<Zone>, _ draft: borrowing Draft) throws {
    guard !draft.state.isCarried(zone) else {
      throw ControlError(.unsupported, "Instances of a zone that nodes carry have their disks on the nodes themselves")
    }
  }

  /// The server and the path of `nfs://server/path`.
  private static func place(_ url: String) throws -> (server: String, path: String) {
    guard url.utf8.count <= 2048, let (scheme, rest) = split(url: url), ["nfs", "networkfilesystem"].contains(scheme)
    else {
      throw ControlError(.unsupported, "The url is not of the form nfs://server/path, the only kind that is simulated")
    }
    guard let slash = rest.firstIndex(of: "/"), slash != rest.startIndex, !rest.contains("@") else {
      throw ControlError(.invalidParameter, "The url must name a server and a path: nfs://server/path")
    }
    return (String(rest[..<slash]), String(rest[slash...]))
  }

  package func updateStoragePool(
    _ id: ID<StoragePool>, name: String?, tags: [String]?, capacityBytes: Int?, capacityIOPS: Int?, isEnabled: Bool?,
    by caller: Caller
  ) async throws {
    try await administer("updateStoragePool", by: caller) { draft in
      var pool = try Self.found(id, draft)
      if let name { pool.name = try Self.checked(name) }
      pool.tags = tags ?? pool.tags
      pool.capacityBytes = capacityBytes ?? pool.capacityBytes
      pool.capacityIOPS = capacityIOPS ?? pool.capacityIOPS
      try Self.check(pool)
      if let isEnabled {
        guard pool.state == .up || pool.state == .disabled else {
          throw ControlError(.invalidParameter, "The pool is in maintenance; see cancelStorageMaintenance")
        }
        pool.state = isEnabled ? .up : .disabled
      }
      try draft.put(pool)
    }
  }

  package func deleteStoragePool(_ id: ID<StoragePool>, forced: Bool, by caller: Caller) async throws {
    try await administer("deleteStoragePool", by: caller) { draft in
      let pool = try Self.found(id, draft)
      guard forced || pool.state == .maintenance else {
        throw ControlError(
          .invalidParameter,
          "Unable to delete storage due to it is not in Maintenance state; see enableStorageMaintenance")
      }
      let held = draft.state.volumes.matching("pool", .id(id))
      guard held.allSatisfy({ $0.state == .destroyed }) else {
        throw ControlError(
          .resourceInUse,
          "Cannot delete pool \(pool.name) as there are associated non-destroyed vols for this pool; see migrateVolume")
      }
      guard forced || held.isEmpty else {
        throw ControlError(
          .resourceInUse,
          "Cannot delete pool \(pool.name) as there are associated vols for this pool; forced=true expunges them")
      }
      for volume in held { try Self.remove(volume, &draft) }
      try draft.remove(id)
    }
  }

  package func enableStorageMaintenance(_ id: ID<StoragePool>, by caller: Caller) async throws -> Started {
    try await administer("enableStorageMaintenance", .storagePool, by: caller) { draft in
      var pool = try Self.found(id, draft)
      guard pool.state == .up || pool.state == .disabled else {
        throw ControlError(.invalidParameter, "The pool is in state \(pool.state.rawValue) already")
      }
      pool.state = .preparing
      try draft.put(pool)
      try Self.note("MAINT.PREPARE.PS", "Preparing storage \(pool.name)", by: caller, "StoragePool", id.uuid, &draft)
      return id.uuid
    }
  }

  package func cancelStorageMaintenance(_ id: ID<StoragePool>, by caller: Caller) async throws -> Started {
    try await administer("cancelStorageMaintenance", .storagePool, by: caller) { draft in
      var pool = try Self.found(id, draft)
      guard pool.state == .maintenance || pool.state == .preparing else {
        throw ControlError(.invalidParameter, "The pool is not in maintenance")
      }
      pool.state = .up
      try draft.put(pool)
      try Self.note("MAINT.CANCEL.PS", "Ended maintenance of \(pool.name)", by: caller, "StoragePool", id.uuid, &draft)
      return id.uuid
    }
  }

  // MARK: Image stores

  package func addImageStore(
    name: String?, url: String?, provider: String, zone: ID<Zone>?, by caller: Caller
  ) async throws -> ID<ImageStore> {
    try await administer("addImageStore", by: caller) { draft in
      guard provider.lowercased() == "nfs" else {
        throw ControlError(.unsupported, "The image store provider \(provider) is not supported; NFS is")
      }
      guard let zone, let url else { throw ControlError(.invalidParameter, "An NFS image store has zoneid and url") }
      try Self.requireSimulatedStorage(zone, draft)
      try Self.limit(draft.state.imageStores.count("zone", .id(zone)), to: Self.storeLimit, "image stores in a zone")
      _ = try Self.place(url)
      let store = ImageStore(
        id: draft.newID(), name: try Self.checked(name ?? url), zone: zone, url: url, provider: "NFS",
        created: draft.now)
      try draft.put(store)
      return store.id
    }
  }

  package func updateImageStore(
    _ id: ID<ImageStore>, name: String?, isReadOnly: Bool?, capacityBytes: Int?, by caller: Caller
  ) async throws {
    try await administer("updateImageStore", by: caller) { draft in
      var store = try Self.found(id, draft)
      if let name { store.name = try Self.checked(name) }
      store.isReadOnly = isReadOnly ?? store.isReadOnly
      store.capacityBytes = capacityBytes ?? store.capacityBytes
      guard Self.capacities.contains(store.capacityBytes ?? 1) else {
        throw ControlError(.invalidParameter, "capacitybytes is 1 to \(Self.capacities.upperBound)")
      }
      try draft.put(store)
    }
  }

  package func deleteImageStore(_ id: ID<ImageStore>, by caller: Caller) async throws {
    try await administer("deleteImageStore", by: caller) { draft in
      _ = try Self.found(id, draft)
      try draft.remove(id)
    }
  }

  /// Image stores hold nothing of their own to move: templates come with the cloud.
  package func migrateSecondaryStorageData(
    from source: ID<ImageStore>, to destinations: [ID<ImageStore>], by caller: Caller
  ) async throws -> Started {
    try await administer("migrateSecondaryStorageData", .imageStore, by: caller) { draft in
      let zone = try Self.found(source, draft).zone
      guard !destinations.isEmpty, !destinations.contains(source) else {
        throw ControlError(.invalidParameter, "destpools must name image stores other than srcpool")
      }
      for id in destinations {
        let store = try Self.found(id, draft)
        guard store.zone == zone, !store.isReadOnly else {
          throw ControlError(.invalidParameter, "The image store \(store.name) is read only or in another zone")
        }
      }
      return source.uuid
    }
  }
}
