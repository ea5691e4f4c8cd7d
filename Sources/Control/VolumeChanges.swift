package import CloudModel
import Ledger

package struct VolumeResize: Sendable {
  package var offering: ID<DiskOffering>?
  package var sizeGiB: Int?
  package var mayShrink = false

  package init() {}
}

extension Control {
  package func resizeVolume(
    _ id: ID<Volume>, _ request: VolumeResize, by caller: Caller
  ) async throws -> Started {
    try await begin("resizeVolume", .volume, by: caller) { draft in
      var volume = try Self.volume(id, caller, draft)
      try Self.requireSimulated(volume)
      guard volume.state == .ready || volume.state == .allocated else {
        throw ControlError(
          .invalidParameter,
          "A volume in state \(volume.state.rawValue) cannot be resized; it must be Ready or Allocated")
      }
      guard let owner = draft.get(volume.account) else {
        throw ControlError(.invalidParameter, "The account of the volume no longer exists")
      }
      let size = try Self.size(of: volume, after: request, owner, draft) * Volume.bytesPerGiB
      if size < volume.sizeBytes {
        guard request.mayShrink, volume.type == .data else {
          throw ControlError(
            .invalidParameter,
            "Going from \(volume.sizeBytes) to \(size) bytes would shrink the volume; a data volume "
              + "can be with shrinkok=true")
        }
        guard draft.state.snapshots.count("volume", .id(id)) == 0 else {
          throw ControlError(.invalidParameter, "A volume with snapshots cannot be shrunk; delete them first")
        }
      }
      if let pool = volume.pool.flatMap({ draft.get($0) }), size > volume.sizeBytes {
        guard draft.state.hasRoom(in: pool, for: size - volume.sizeBytes) else {
          throw ControlError(
            .insufficientCapacity, "Storage pool \(pool.name) does not have enough space for that size")
        }
      }
      let before = volume.diskOffering
      volume.diskOffering = request.offering ?? before
      volume.sizeBytes = size
      try draft.put(volume)
      if before != volume.diskOffering { try Self.forget(diskOffering: before, &draft) }
      try draft.put(Self.event("VOLUME.RESIZE", "Resized volume \(volume.name)", volume, caller, draft))
      return id.uuid
    }
  }

  /// In GiB.
  private static func size(
    of volume: Volume, after request: VolumeResize, _ owner: Account, _ draft: borrowing Draft
  ) throws -> Int {
    if let offering = request.offering {
      guard volume.type == .data else {
        throw ControlError(.invalidParameter, "A ROOT volume is of its instance's offering; give size instead")
      }
      return try diskSize(offering, size: request.sizeGiB, for: owner, in: volume.zone, draft)
    }
    guard let size = request.sizeGiB else {
      throw ControlError(.invalidParameter, "Give a size in GiB, a diskofferingid, or both")
    }
    try requireDiskSize(size)
    guard volume.type == .root || volume.diskOffering.flatMap({ draft.get($0) })?.sizeGiB == nil else {
      throw ControlError(
        .invalidParameter, "The volume's disk offering has a fixed size; give the diskofferingid of another one")
    }
    return size
  }

  /// Makes a volume's content available by a URL of the simulated store.
  package func extractVolume(
    _ id: ID<Volume>, mode: String, zone: ID<Zone>, by caller: Caller
  ) async throws -> Started {
    try await begin("extractVolume", .volume, by: caller) { draft in
      let volume = try Self.volume(id, caller, draft)
      try ImageSource.require(extractMode: mode)
      try Self.requireSimulated(volume)
      guard volume.zone == zone else { throw ControlError(.invalidParameter, "The volume is in another zone") }
      guard volume.state == .ready || volume.state == .uploaded else {
        throw ControlError(
          .invalidParameter, "A volume in state \(volume.state.rawValue) holds nothing that could be extracted")
      }
      if let machine = volume.virtualMachine.flatMap({ draft.get($0) }), machine.state != .stopped {
        throw ControlError(
          .invalidParameter, "The volume is attached to an instance that is not stopped; stop it or detach the volume")
      }
      try draft.put(Self.event("VOLUME.EXTRACT", "Extracted volume \(volume.name)", volume, caller, draft))
      return id.uuid
    }
  }
}

/// Where images come from and go to. The simulator fetches nothing, so only the form is looked at.
enum ImageSource {
  static let formats: Set<String> = ["QCOW2", "RAW", "VHD", "VHDX", "VMDK", "OVA", "VDI", "TAR", "ISO", "BAREMETAL"]

  static func require(url: String, format: String) throws(ControlError) {
    guard formats.contains(format.uppercased()) else {
      throw ControlError(
        .invalidParameter, "Unknown format \(format); it is one of \(formats.sorted().joined(separator: ", "))")
    }
    let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, ["http", "https", "ftp", "nfs", "file"].contains(parts[0].lowercased()), !parts[1].isEmpty,
      url.utf8.count <= 2048, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      throw ControlError(.invalidParameter, "Invalid url; it begins with http:// or https:// and has no spaces")
    }
  }

  static func require(extractMode mode: String) throws(ControlError) {
    switch mode.uppercased() {
    case "HTTP_DOWNLOAD": return
    case "FTP_UPLOAD": throw ControlError(.unsupported, "Nothing is uploaded; use the mode HTTP_DOWNLOAD")
    default: throw ControlError(.invalidParameter, "Invalid mode \(mode); it is HTTP_DOWNLOAD")
    }
  }
}
