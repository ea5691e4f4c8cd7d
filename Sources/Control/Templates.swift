package import CloudModel
import Ledger

/// A template of what an instance's disk holds.
package struct TemplateOfVolume: Sendable {
  package var name: String
  package var displayText: String?
  package var registration: Template.Registration
  package var volume: ID<Volume>?
  package var snapshot: ID<VolumeSnapshot>?
  package var zone: ID<Zone>?
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, displayText: String?, registration: Template.Registration) {
    self.name = name
    self.displayText = displayText
    self.registration = registration
  }
}

extension Control {
  package func createTemplate(_ request: TemplateOfVolume, by caller: Caller) async throws -> Started {
    try await begin("createTemplate", .template, by: caller) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      let (zone, size) = try Self.origin(of: request, caller, draft)
      guard request.zone == nil || request.zone == zone else {
        throw ControlError(.invalidParameter, "The volume or snapshot is in another zone")
      }
      var template = try Self.image(
        request.name, request.displayText, request.registration, for: owner, in: [zone], caller, draft)
      template.sizeBytes = size
      try draft.put(template)
      try draft.put(Self.event("TEMPLATE.CREATE", "Created template \(template.name)", template, caller, draft))
      return template.id.uuid
    }
  }

  private static func origin(
    of request: TemplateOfVolume, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> (ID<Zone>, Int) {
    switch (request.volume, request.snapshot) {
    case (let id?, nil):
      let volume = try volume(id, caller, draft)
      try requireSimulated(volume)
      guard volume.state == .ready else {
        throw ControlError(
          .invalidParameter, "The volume is in state \(volume.state.rawValue); it must be Ready for a template")
      }
      if let machine = volume.virtualMachine.flatMap({ draft.get($0) }), machine.state != .stopped {
        throw ControlError(
          .invalidParameter, "The volume is attached to an instance that is not stopped; stop it before")
      }
      return (volume.zone, volume.sizeBytes)
    case (nil, let id?):
      let snapshot = try volumeSnapshot(id, caller, draft)
      guard snapshot.state == .backedUp else {
        throw ControlError(.invalidParameter, "The snapshot is still being made; try again when it is BackedUp")
      }
      return (snapshot.zone, snapshot.sizeBytes)
    default:
      throw ControlError(.invalidParameter, "Give either volumeid or snapshotid")
    }
  }
}
