package import CloudModel
import Ledger

extension CloudState {
  /// How many bytes the volumes in a pool take of it.
  package func allocated(in pool: ID<StoragePool>) -> Int {
    volumes.matching("pool", .id(pool)).reduce(0) { $0 + $1.sizeBytes }
  }

  /// Why a volume cannot move to a pool; nil if it can.
  package func obstacle(to pool: StoragePool, for volume: Volume) -> ControlError? {
    if volume.pool == pool.id {
      return ControlError(
        .invalidParameter, "Volume \(volume.name) is already on the destination storage pool \(pool.name)")
    }
    if pool.zone != volume.zone {
      return ControlError(.invalidParameter, "The storage pool \(pool.name) is in another zone than the volume")
    }
    guard pool.state == .up else {
      return ControlError(
        .invalidParameter,
        "Cannot migrate volume \(volume.name) to the destination storage pool \(pool.name) as the storage pool is "
          + (pool.state == .disabled ? "disabled" : "in maintenance mode"))
    }
    guard hasRoom(in: pool, for: volume.sizeBytes) else {
      return ControlError(
        .insufficientCapacity,
        "Storage pool \(pool.name) does not have enough space to migrate volume \(volume.name)")
    }
    guard let cluster = pool.cluster, let machine = volume.virtualMachine.flatMap({ virtualMachines[$0] }) else {
      return nil
    }
    let others = volumes.matching("instance", .id(machine.id)).filter { $0.id != volume.id }
    let host = machine.state.isPlaced ? machine.host.flatMap({ hosts[$0] })?.cluster : nil
    guard host ?? cluster == cluster, others.allSatisfy({ self.cluster(of: $0) ?? cluster == cluster }) else {
      return ControlError(
        .invalidParameter, "Cannot migrate a volume of a virtual machine to a storage pool in a different cluster")
    }
    return nil
  }

  func hasRoom(in pool: StoragePool, for bytes: Int) -> Bool {
    let (sum, overflows) = allocated(in: pool.id).addingReportingOverflow(bytes)
    return !overflows && sum <= pool.capacityBytes
  }

  /// The only cluster whose hosts reach the volume; nil if any does.
  func cluster(of volume: Volume) -> ID<Cluster>? { volume.pool.flatMap { storagePools[$0] }?.cluster }
}

extension Control {
  /// Moves a volume to another pool of its zone. That of a running instance moves only if it is said that it runs.
  package func migrateVolume(
    _ id: ID<Volume>, to pool: ID<StoragePool>, isLive: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("migrateVolume", .volume, by: caller) { draft in
      var volume = try Self.volume(id, caller, draft)
      try Self.requireSimulated(volume)
      guard volume.state == .ready else {
        throw ControlError(.invalidParameter, "Volume must be in ready state; it is \(volume.state.rawValue)")
      }
      if let machine = volume.virtualMachine.flatMap({ draft.get($0) }) {
        try Self.requireMovable(volume, of: machine, isLive, draft)
      }
      let destination = try Self.found(pool, draft)
      if let obstacle = draft.state.obstacle(to: destination, for: volume) { throw obstacle }
      volume.pool = pool
      try draft.put(volume)
      try draft.put(
        Self.event("VOLUME.MIGRATE", "Migrated volume \(volume.name) to \(destination.name)", volume, caller, draft))
      return id.uuid
    }
  }

  private static func requireMovable(
    _ volume: Volume, of machine: VirtualMachine, _ isLive: Bool, _ draft: borrowing Draft
  ) throws(ControlError) {
    guard draft.state.instanceSnapshots.count("virtualmachine", .id(machine.id)) == 0 else {
      throw ControlError(
        .invalidParameter,
        "Volume cannot be migrated, please remove all VM snapshots for VM to which this volume is attached")
    }
    guard machine.state == .running || machine.state == .stopped else {
      throw ControlError(.invalidParameter, "The instance is \(machine.state.rawValue); it must be Running or Stopped")
    }
    guard machine.state == .stopped || isLive else {
      throw ControlError(
        .invalidParameter,
        "The volume \(volume.name) is attached to a vm and for migrating it the parameter livemigrate should be "
          + "specified")
    }
  }
}
