package import CloudModel
import Ledger

package struct NewServiceOffering: Sendable {
  package var name: String
  package var displayText: String?
  package var cpuNumber: Int
  package var cpuSpeedMHz: Int
  package var memoryMiB: Int
  package var rootDiskGiB: Int?
  package var domains: [ID<Domain>] = []
  package var zones: [ID<Zone>] = []

  package init(name: String, displayText: String?, cpuNumber: Int, cpuSpeedMHz: Int, memoryMiB: Int) {
    self.name = name
    self.displayText = displayText
    self.cpuNumber = cpuNumber
    self.cpuSpeedMHz = cpuSpeedMHz
    self.memoryMiB = memoryMiB
  }
}

extension Control {
  package func createServiceOffering(
    _ request: NewServiceOffering, by caller: Caller
  ) async throws -> ID<ServiceOffering> {
    try await transact(cause(caller, "createServiceOffering")) { draft in
      try OfferingScope.requireChangeable(by: caller, domains: request.domains, draft.state)
      try OfferingScope.requireName(request.name, request.displayText ?? "")
      try OfferingScope.requirePlaces(request.domains, request.zones)
      guard (1...255).contains(request.cpuNumber), (1...100_000).contains(request.cpuSpeedMHz),
        (32...16_777_216).contains(request.memoryMiB)
      else {
        throw ControlError(
          .invalidParameter, "cpunumber is 1 to 255, cpuspeed 1 to 100000 MHz, and memory 32 to 16777216 MiB")
      }
      if let size = request.rootDiskGiB { try Self.requireDiskSize(size) }
      var offering = ServiceOffering(
        id: draft.newID(), name: request.name, displayText: request.displayText ?? request.name,
        cpuNumber: request.cpuNumber, cpuSpeedMHz: request.cpuSpeedMHz, memoryMiB: request.memoryMiB,
        created: draft.now)
      offering.rootDiskGiB = request.rootDiskGiB
      offering.domains = request.domains.isEmpty ? nil : request.domains
      offering.zones = request.zones.isEmpty ? nil : request.zones
      try draft.put(offering)
      try draft.put(
        Self.event(
          "SERVICE.OFFERING.CREATE", "Created service offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "ServiceOffering", resource: offering.id.uuid))
      return offering.id
    }
  }

  package func updateServiceOffering(
    _ id: ID<ServiceOffering>, _ change: OfferingChange, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "updateServiceOffering")) { draft in
      var offering = try Self.serviceOffering(id, draft)
      try OfferingScope.requireChangeable(by: caller, domains: offering.domains ?? [], draft.state)
      offering.name = change.name ?? offering.name
      offering.displayText = change.displayText ?? offering.displayText
      try OfferingScope.requireName(offering.name, offering.displayText)
      if let isActive = change.isActive { offering.isInactive = isActive ? nil : true }
      offering.sortKey = change.sortKey ?? offering.sortKey
      try draft.put(offering)
      try draft.put(
        Self.event(
          "SERVICE.OFFERING.EDIT", "Changed service offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "ServiceOffering", resource: id.uuid))
    }
  }

  /// Instances of it go on.
  package func deleteServiceOffering(_ id: ID<ServiceOffering>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteServiceOffering")) { draft in
      var offering = try Self.serviceOffering(id, draft)
      try OfferingScope.requireChangeable(by: caller, domains: offering.domains ?? [], draft.state)
      offering.isRemoved = true
      offering.isInactive = true
      offering.domains = nil
      offering.zones = nil
      try draft.put(offering)
      try Self.forget(serviceOffering: id, &draft)
      try draft.put(
        Self.event(
          "SERVICE.OFFERING.DELETE", "Deleted service offering \(offering.name)", caller.account, caller.user, draft,
          resourceType: "ServiceOffering", resource: id.uuid))
    }
  }

  /// A removed offering goes with the last instance of it.
  static func forget(serviceOffering id: ID<ServiceOffering>, _ draft: inout Draft) throws {
    guard draft.get(id)?.isRemoved == true, !draft.state.virtualMachines.all.contains(where: { $0.offering == id })
    else { return }
    try draft.remove(id)
  }

  static func serviceOffering(
    _ id: ID<ServiceOffering>, _ draft: borrowing Draft
  ) throws(ControlError) -> ServiceOffering {
    guard let offering = draft.get(id), offering.isRemoved != true else {
      throw ControlError(.invalidParameter, "Unable to find service offering \(id)")
    }
    return offering
  }

  static func requireUsable(
    _ offering: ServiceOffering, by owner: Account, in zone: ID<Zone>, _ draft: borrowing Draft
  ) throws {
    guard offering.isInactive != true else {
      throw ControlError(.invalidParameter, "The service offering \(offering.name) is not active")
    }
    try OfferingScope.requireUsable(
      offering.name, domains: offering.domains ?? [], zones: offering.zones ?? [], by: owner, in: zone, draft.state)
  }
}
