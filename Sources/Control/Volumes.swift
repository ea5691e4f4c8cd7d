package import CloudModel
import FoundationEssentials
import Ledger

package struct NewVolume: Sendable {
  package var name: String?
  package var zone: ID<Zone>?
  package var offering: ID<DiskOffering>?
  package var sizeGiB: Int?
  package var snapshot: ID<VolumeSnapshot>?
  /// What it is attached to at once; for volumes made from a snapshot.
  package var virtualMachine: ID<VirtualMachine>?
  package var isShown = true
  package var account: String?
  package var domain: ID<Domain>?

  package init() {}
}

package struct VolumeUpload: Sendable {
  package var name: String
  package var zone: ID<Zone>
  package var url: String
  package var format: String
  package var offering: ID<DiskOffering>?
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, zone: ID<Zone>, url: String, format: String) {
    self.name = name
    self.zone = zone
    self.url = url
    self.format = format
  }
}

extension Control {
  package func createVolume(_ request: NewVolume, by caller: Caller) async throws -> Started {
    try await begin("createVolume", .volume, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      let snapshot = try request.snapshot.map { try Self.volumeSnapshot($0, caller, draft) }
      guard let zone = request.zone ?? snapshot?.zone else {
        throw ControlError(.invalidParameter, "zoneid is required unless the volume is made from a snapshot")
      }
      guard snapshot == nil || snapshot?.zone == zone else {
        throw ControlError(.invalidParameter, "The snapshot is in another zone")
      }
      guard snapshot != nil || request.virtualMachine == nil else {
        throw ControlError(.invalidParameter, "virtualmachineid goes with snapshotid; attach the volume afterwards")
      }
      try Self.requireSimulator(in: zone, draft)
      try StorageLimits.requireRoomForVolume(of: owner.id, draft.state)
      let id: ID<Volume> = draft.newID()
      let name = request.name ?? "DATA-\(id.description.prefix(8))"
      try Self.requireVolumeName(name)
      var volume = Volume(
        id: id, name: name, account: owner.id, zone: zone, type: .data, state: snapshot == nil ? .allocated : .ready,
        sizeBytes: try Self.size(of: request, snapshot, owner, zone, draft), created: draft.now)
      volume.diskOffering = request.offering
      volume.snapshot = snapshot?.id
      volume.hypervisor = snapshot == nil ? nil : .simulator
      volume.isShown = request.isShown
      try draft.put(volume)
      if let machine = request.virtualMachine { try Self.attach(id, to: machine, at: nil, caller, &draft) }
      try draft.put(Self.event("VOLUME.CREATE", "Created volume \(name)", volume, caller, draft))
      return id.uuid
    }
  }

  private static func size(
    of request: NewVolume, _ snapshot: VolumeSnapshot?, _ owner: Account, _ zone: ID<Zone>, _ draft: borrowing Draft
  ) throws -> Int {
    guard let offering = request.offering else {
      guard let snapshot else {
        throw ControlError(.invalidParameter, "One of the parameters diskofferingid and snapshotid is required")
      }
      guard request.sizeGiB == nil else { throw ControlError(.invalidParameter, "size goes with diskofferingid") }
      return snapshot.sizeBytes
    }
    let size = try diskSize(offering, size: request.sizeGiB, for: owner, in: zone, draft) * Volume.bytesPerGiB
    guard size >= snapshot?.sizeBytes ?? 0 else {
      throw ControlError(
        .invalidParameter, "The volume would be smaller than its snapshot; take a larger disk offering")
    }
    return size
  }

  /// Takes up what somebody has elsewhere. Simulated: nothing is fetched.
  package func uploadVolume(_ request: VolumeUpload, by caller: Caller) async throws -> Started {
    try await begin("uploadVolume", .volume, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      try Self.requireSimulator(in: request.zone, draft)
      try StorageLimits.requireRoomForVolume(of: owner.id, draft.state)
      try Self.requireVolumeName(request.name)
      try ImageSource.require(url: request.url, format: request.format)
      var volume = Volume(
        id: draft.newID(), name: request.name, account: owner.id, zone: request.zone, type: .data, state: .uploaded,
        sizeBytes: 0, created: draft.now)
      if let offering = request.offering {
        let found = try Self.diskOffering(offering, draft)
        guard found.isActive else {
          throw ControlError(.invalidParameter, "The disk offering \(found.name) is not active")
        }
        try OfferingScope.requireUsable(
          found.name, domains: found.domains, zones: found.zones, by: owner, in: request.zone, draft.state)
        volume.diskOffering = offering
        volume.sizeBytes = (found.sizeGiB ?? 0) * Volume.bytesPerGiB
      }
      volume.url = request.url
      volume.format = request.format.uppercased()
      try draft.put(volume)
      try draft.put(Self.event("VOLUME.UPLOAD", "Uploaded volume \(volume.name)", volume, caller, draft))
      return volume.id.uuid
    }
  }

  package func updateVolume(
    _ id: ID<Volume>, name: String?, isShown: Bool?, isProtected: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("updateVolume", .volume, by: caller) { draft in
      var volume = try Self.volume(id, caller, draft)
      if let name {
        try Self.requireVolumeName(name)
        volume.name = name
      }
      volume.isShown = isShown ?? volume.isShown
      volume.isProtected = isProtected ?? volume.isProtected
      try draft.put(volume)
      try draft.put(Self.event("VOLUME.UPDATE", "Changed volume \(volume.name)", volume, caller, draft))
      return id.uuid
    }
  }

  static func requireVolumeName(_ name: String) throws(ControlError) {
    guard !name.isEmpty, name.utf16.count <= 255 else {
      throw ControlError(.invalidParameter, "The name of a volume is 1 to 255 characters long")
    }
  }

  /// Disks can be made of and for simulated instances only.
  static func requireSimulator(in zone: ID<Zone>, _ draft: borrowing Draft) throws(ControlError) {
    guard draft.get(zone) != nil else { throw ControlError(.invalidParameter, "The zone \(zone) does not exist") }
    guard draft.state.hosts.matching("zone", .id(zone)).contains(where: { $0.hypervisor == .simulator }) else {
      throw ControlError(.unsupported, "Only zones with hosts of the Simulator have storage of their own")
    }
  }

  static func requireSimulated(_ volume: Volume) throws(ControlError) {
    guard volume.hypervisor != .kvm else {
      throw ControlError(.unsupported, "The disk of a KVM instance lives on its host; only its name can be changed")
    }
  }

  static func volume(_ id: ID<Volume>, _ caller: Caller, _ draft: borrowing Draft) throws -> Volume {
    guard let volume = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find volume \(id)") }
    try Access.require(caller, owner: volume.account, in: draft.state)
    return volume
  }

  static func event(
    _ type: String, _ description: String, _ volume: Volume, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, description, volume.account, caller.user, draft, resourceType: "Volume", resource: volume.id.uuid)
  }
}
