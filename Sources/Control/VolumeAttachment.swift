package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Where a volume can stand in an instance: 0 is ROOT's place, 3 that of the ISO.
  static let deviceIDs = (1...15).filter { $0 != 3 }

  package func attachVolume(
    _ id: ID<Volume>, to machine: ID<VirtualMachine>, at device: Int?, by caller: Caller
  ) async throws -> Started {
    try await begin("attachVolume", .volume, by: caller) { draft in
      let volume = try Self.attach(id, to: machine, at: device, caller, &draft)
      try draft.put(Self.event("VOLUME.ATTACH", "Attached volume \(volume.name)", volume, caller, draft))
      return id.uuid
    }
  }

  @discardableResult
  static func attach(
    _ id: ID<Volume>, to machineID: ID<VirtualMachine>, at wanted: Int?, _ caller: Caller, _ draft: inout Draft
  ) throws -> Volume {
    var volume = try volume(id, caller, draft)
    let machine = try machine(machineID, caller, draft)
    guard volume.type == .data, volume.state != .destroyed else {
      throw ControlError(
        .invalidParameter, "A \(volume.type.rawValue) volume in state \(volume.state.rawValue) cannot be attached")
    }
    guard volume.virtualMachine == nil else {
      throw ControlError(.invalidParameter, "The volume \(volume.name) is attached to an instance; detach it first")
    }
    guard volume.account == machine.account else {
      throw ControlError(.permissionDenied, "The volume and the instance belong to different accounts")
    }
    guard volume.zone == machine.zone else {
      throw ControlError(.invalidParameter, "The volume and the instance are in different zones")
    }
    try requireSimulated(machine)
    try requireReach(of: machine, to: volume, draft)
    guard machine.state == .running || machine.state == .stopped else {
      throw ControlError(
        .invalidParameter, "The instance is \(machine.state.rawValue); volumes are attached while it runs or is stopped"
      )
    }
    let taken = Set(draft.state.volumes.matching("instance", .id(machine.id)).compactMap(\.deviceID))
    let free = deviceIDs.filter { !taken.contains($0) }
    if let wanted, !free.contains(wanted) {
      throw ControlError(
        .invalidParameter,
        "The deviceid \(wanted) is in use or not one of 1, 2, 4 to 15; leave it out to get a free one")
    }
    guard let device = wanted ?? free.first else {
      throw ControlError(.invalidParameter, "The instance has as many volumes as it can have, \(deviceIDs.count)")
    }
    volume.virtualMachine = machine.id
    volume.deviceID = device
    volume.attached = draft.now
    volume.hypervisor = machine.hypervisor
    if machine.state == .running || volume.state == .uploaded { volume.state = .ready }
    try draft.put(volume)
    return volume
  }

  private static func requireReach(
    of machine: VirtualMachine, to volume: Volume, _ draft: borrowing Draft
  ) throws(ControlError) {
    let state = draft.state
    guard let cluster = state.cluster(of: volume) else { return }
    let host = machine.state.isPlaced ? machine.host.flatMap { state.hosts[$0] }?.cluster : nil
    let others = state.volumes.matching("instance", .id(machine.id)).compactMap { state.cluster(of: $0) }
    guard host ?? cluster == cluster, others.allSatisfy({ $0 == cluster }) else {
      throw ControlError(
        .invalidParameter,
        "The volume lies in a storage pool of another cluster than the instance; see migrateVolume")
    }
  }

  static func requireSimulated(_ machine: VirtualMachine) throws(ControlError) {
    guard machine.hypervisor == .simulator else {
      throw ControlError(
        .unsupported, "Instances of \(machine.hypervisor.rawValue) have their ROOT volume and no other disks or ISOs")
    }
  }

  /// By its id, or by the instance and its place there.
  package func detachVolume(
    _ id: ID<Volume>?, from machine: ID<VirtualMachine>?, at device: Int?, by caller: Caller
  ) async throws -> Started {
    try await begin("detachVolume", .volume, by: caller) { draft in
      var volume = try Self.attached(id, machine, device, caller, draft)
      guard volume.type == .data else {
        throw ControlError(.unsupported, "The ROOT volume of an instance cannot be detached")
      }
      guard let machine = volume.virtualMachine.flatMap({ draft.get($0) }) else {
        throw ControlError(.invalidParameter, "The volume \(volume.name) is attached to no instance")
      }
      guard machine.state != .starting, machine.state != .stopping, machine.state != .expunging else {
        throw ControlError(.invalidParameter, "The instance is \(machine.state.rawValue); try again when it is not")
      }
      volume.virtualMachine = nil
      volume.deviceID = nil
      volume.attached = nil
      try draft.put(volume)
      try draft.put(Self.event("VOLUME.DETACH", "Detached volume \(volume.name)", volume, caller, draft))
      return volume.id.uuid
    }
  }

  private static func attached(
    _ id: ID<Volume>?, _ machine: ID<VirtualMachine>?, _ device: Int?, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> Volume {
    switch (id, machine, device) {
    case (let id?, nil, nil): return try volume(id, caller, draft)
    case (nil, let machineID?, let device?):
      let machine = try Self.machine(machineID, caller, draft)
      guard let volume = draft.state.volumes.first("device", .scoped(machine.id.uuid, String(device))) else {
        throw ControlError(.invalidParameter, "The instance has no volume with deviceid \(device)")
      }
      return try Self.volume(volume.id, caller, draft)
    default:
      throw ControlError(.invalidParameter, "Give either id, or virtualmachineid and deviceid")
    }
  }
}
