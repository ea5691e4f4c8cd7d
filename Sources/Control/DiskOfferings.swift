package import CloudModel
import Ledger

package struct NewDiskOffering: Sendable {
  package var name: String
  package var displayText: String?
  /// `nil`: customized.
  package var sizeGiB: Int?
  package var domains: [ID<Domain>] = []
  package var zones: [ID<Zone>] = []
  package var isShown = true

  package init(name: String, displayText: String?, sizeGiB: Int?) {
    self.name = name
    self.displayText = displayText
    self.sizeGiB = sizeGiB
  }
}

/// What an update says; `nil` leaves as it is.
package struct OfferingChange: Sendable {
  package var name: String?
  package var displayText: String?
  package var isActive: Bool?
  package var isShown: Bool?
  package var sortKey: Int?

  package init() {}
}

extension Control {
  /// The sizes that a disk can have. The largest is what listCapabilities tells.
  package static let diskGiB = 1...1024

  package func createDiskOffering(_ request: NewDiskOffering, by caller: Caller) async throws -> ID<DiskOffering> {
    try await transact(cause(caller, "createDiskOffering")) { draft in
      try OfferingScope.requireChangeable(by: caller, domains: request.domains, draft.state)
      try OfferingScope.requireName(request.name, request.displayText ?? "")
      try OfferingScope.requirePlaces(request.domains, request.zones)
      if let size = request.sizeGiB { try Self.requireDiskSize(size) }
      var offering = DiskOffering(
        id: draft.newID(), name: request.name, displayText: request.displayText ?? request.name,
        sizeGiB: request.sizeGiB, created: draft.now)
      offering.domains = request.domains
      offering.zones = request.zones
      offering.isShown = request.isShown
      try draft.put(offering)
      try draft.put(
        Self.event(
          "DISK.OFFERING.CREATE", "Created disk offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "DiskOffering", resource: offering.id.uuid))
      return offering.id
    }
  }

  static func requireDiskSize(_ size: Int) throws(ControlError) {
    guard diskGiB.contains(size) else {
      throw ControlError(
        .invalidParameter, "Invalid disk size \(size); it is \(diskGiB.lowerBound) to \(diskGiB.upperBound) GiB")
    }
  }

  package func updateDiskOffering(
    _ id: ID<DiskOffering>, _ change: OfferingChange, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "updateDiskOffering")) { draft in
      var offering = try Self.diskOffering(id, draft)
      try OfferingScope.requireChangeable(by: caller, domains: offering.domains, draft.state)
      offering.name = change.name ?? offering.name
      offering.displayText = change.displayText ?? offering.displayText
      try OfferingScope.requireName(offering.name, offering.displayText)
      offering.isActive = change.isActive ?? offering.isActive
      offering.isShown = change.isShown ?? offering.isShown
      offering.sortKey = change.sortKey ?? offering.sortKey
      try draft.put(offering)
      try draft.put(
        Self.event(
          "DISK.OFFERING.EDIT", "Changed disk offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "DiskOffering", resource: id.uuid))
    }
  }

  /// Disks of it stay as they are.
  package func deleteDiskOffering(_ id: ID<DiskOffering>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteDiskOffering")) { draft in
      var offering = try Self.diskOffering(id, draft)
      try OfferingScope.requireChangeable(by: caller, domains: offering.domains, draft.state)
      offering.isRemoved = true
      offering.isActive = false
      // Nothing holds on to a domain or zone that may go as well.
      offering.domains = []
      offering.zones = []
      try draft.put(offering)
      try Self.forget(diskOffering: id, &draft)
      try draft.put(
        Self.event(
          "DISK.OFFERING.DELETE", "Deleted disk offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "DiskOffering", resource: id.uuid))
    }
  }

  /// A removed offering goes with the last disk of it.
  static func forget(diskOffering id: ID<DiskOffering>?, _ draft: inout Draft) throws {
    guard let id, draft.get(id)?.isRemoved == true, draft.state.volumes.count("diskoffering", .id(id)) == 0 else {
      return
    }
    try draft.remove(id)
  }

  static func diskOffering(_ id: ID<DiskOffering>, _ draft: borrowing Draft) throws(ControlError) -> DiskOffering {
    guard let offering = draft.get(id), !offering.isRemoved else {
      throw ControlError(.invalidParameter, "Unable to find disk offering \(id)")
    }
    return offering
  }

  /// How large a new disk is, in GiB.
  static func diskSize(
    _ id: ID<DiskOffering>, size: Int?, for owner: Account, in zone: ID<Zone>, _ draft: borrowing Draft
  ) throws -> Int {
    let offering = try diskOffering(id, draft)
    guard offering.isActive else {
      throw ControlError(.invalidParameter, "The disk offering \(offering.name) is not active")
    }
    try OfferingScope.requireUsable(
      offering.name, domains: offering.domains, zones: offering.zones, by: owner, in: zone, draft.state)
    guard let fixed = offering.sizeGiB else {
      guard let size else {
        throw ControlError(
          .invalidParameter, "The disk offering \(offering.name) requires a custom size; give size in GiB")
      }
      try requireDiskSize(size)
      return size
    }
    guard size == nil || size == fixed else {
      throw ControlError(.invalidParameter, "The disk offering \(offering.name) does not allow a custom size")
    }
    return fixed
  }

  /// What a new cloud has.
  static func putDiskOfferings(_ draft: inout Draft) throws {
    for (name, size) in [("Small", 5), ("Medium", 20), ("Large", 100), ("Custom", nil)] as [(String, Int?)] {
      try draft.put(
        DiskOffering(
          id: draft.newID(), name: name, displayText: size.map { "\(name) Disk, \($0) GB" } ?? "Custom Disk",
          sizeGiB: size, created: draft.now))
    }
  }
}
