import CloudModel
import FoundationEssentials
import Ledger

/// The disks of instances, as far as they follow from what becomes of the instances.
enum RootVolumes {
  /// The disks of an instance that is being deployed.
  static func put(for machine: VirtualMachine, _ request: Deployment, _ owner: Account, _ draft: inout Draft) throws {
    guard let template = draft.get(machine.template), let offering = draft.get(machine.offering) else { return }
    let wanted = request.rootSizeGiB ?? offering.rootDiskGiB
    let isSimulated = machine.hypervisor == .simulator
    guard isSimulated || wanted == nil && request.diskOffering == nil && request.diskSizeGiB == nil else {
      throw ControlError(
        .unsupported,
        "Instances of \(machine.hypervisor.rawValue) have their template's disk and no others; leave "
          + "rootdisksize, diskofferingid and size out, and take an offering without a root disk size")
    }
    var size = template.sizeBytes
    if let wanted {
      try Control.requireDiskSize(wanted)
      guard wanted * Volume.bytesPerGiB >= size else {
        throw ControlError(.invalidParameter, "rootdisksize is less than the size of the template \(template.name)")
      }
      size = wanted * Volume.bytesPerGiB
    }
    if template.isISO {
      guard let disk = request.diskOffering else {
        throw ControlError(.invalidParameter, "Installing from an ISO requires a disk offering for the root disk")
      }
      let wanted = try Control.diskSize(disk, size: request.diskSizeGiB, for: owner, in: machine.zone, draft)
      var root = Volume.root(of: machine, id: draft.newID(), sizeBytes: wanted * Volume.bytesPerGiB)
      root.diskOffering = disk
      return try draft.put(root)
    }
    try draft.put(Volume.root(of: machine, id: draft.newID(), sizeBytes: size))
    guard let disk = request.diskOffering else {
      guard request.diskSizeGiB == nil else {
        throw ControlError(.invalidParameter, "size goes with diskofferingid")
      }
      return
    }
    let wantedGiB = try Control.diskSize(disk, size: request.diskSizeGiB, for: owner, in: machine.zone, draft)
    try StorageLimits.requireRoomForVolume(of: owner.id, draft.state)
    let id: ID<Volume> = draft.newID()
    var data = Volume(
      id: id, name: "DATA-\(machine.id.description.prefix(8))", account: owner.id, zone: machine.zone, type: .data,
      state: .allocated, sizeBytes: wantedGiB * Volume.bytesPerGiB, created: draft.now)
    data.diskOffering = disk
    data.hypervisor = machine.hypervisor
    data.virtualMachine = machine.id
    data.deviceID = 1
    data.attached = draft.now
    try draft.put(data)
  }

  /// Once an instance has run, its disks hold something.
  static func become(readyOf machine: ID<VirtualMachine>, _ draft: inout Draft) throws {
    for var volume in draft.state.volumes.matching("instance", .id(machine)) where volume.state != .ready {
      volume.state = .ready
      try draft.put(volume)
    }
  }

  /// The instance is gone: so is its ROOT volume, and its other disks are free for others.
  static func settle(endOf machine: VirtualMachine, _ draft: inout Draft) throws {
    for volume in draft.state.volumes.matching("instance", .id(machine.id)) {
      if volume.type == .root {
        try Control.remove(volume, &draft)
      } else {
        var volume = volume
        volume.virtualMachine = nil
        volume.deviceID = nil
        volume.attached = nil
        try draft.put(volume)
      }
    }
  }

  /// What instances were made of goes with the last of them, if it was deleted meanwhile. For after their removal.
  static func forget(sourcesOf machine: VirtualMachine, _ draft: inout Draft) throws {
    try Control.forget(serviceOffering: machine.offering, &draft)
    try Control.forget(template: machine.template, &draft)
  }

  /// Everything of an account's that is storage goes with it.
  static func settle(endOf account: ID<Account>, _ draft: inout Draft) throws {
    for snapshot in draft.state.snapshots.matching("account", .id(account)) { try draft.remove(snapshot.id) }
    for volume in draft.state.volumes.matching("account", .id(account)) { try Control.remove(volume, &draft) }
    for var template in draft.state.templates.matching("shared", .id(account)) {
      template.sharedWith?.removeAll { $0 == account }
      try draft.put(template)
    }
    for var template in draft.state.templates.matching("account", .id(account)) {
      // Instances of others may be made of it.
      guard let system = draft.state.accounts.all.first(where: { $0.type == .rootAdmin && $0.id != account }) else {
        continue
      }
      template.account = system.id
      template.linkedUserData = nil
      template.userDataPolicy = nil
      guard !template.isBuiltIn else {
        try draft.put(template)
        continue
      }
      template.isRemoved = true
      template.sharedWith = nil
      try draft.put(template)
      for var machine in draft.state.virtualMachines.all where machine.iso == template.id {
        machine.iso = nil
        try draft.put(machine)
      }
      try Control.forget(template: template.id, &draft)
    }
  }
}
