package import CloudModel
import Ledger

extension Control {
  /// Makes an image available in further zones.
  package func copy(
    _ kind: ImageKind, _ id: ID<Template>, from source: ID<Zone>?, to zones: [ID<Zone>], by caller: Caller
  ) async throws -> Started {
    try await begin("copy\(kind.rawValue)", kind.subject, by: caller) { draft in
      var image = try Self.image(kind, id, caller, draft)
      guard !zones.isEmpty else { throw ControlError(.invalidParameter, "Give destzoneid or destzoneids") }
      if let source, !image.zones.contains(source) {
        throw ControlError(.invalidParameter, "\(image.name) is not in the zone sourcezoneid")
      }
      for zone in zones where !image.zones.contains(zone) {
        guard image.hypervisor == .simulator else {
          throw ControlError(.unsupported, "Templates of KVM come with the cloud; none is copied")
        }
        try Self.requireSimulator(in: zone, draft)
        image.zones.append(zone)
      }
      try draft.put(image)
      try draft.put(Self.event(kind.event("COPY"), "Copied \(image.name)", image, caller, draft))
      return id.uuid
    }
  }

  /// Makes an image's content available by a URL of the simulated store.
  package func extract(
    _ kind: ImageKind, _ id: ID<Template>, mode: String, zone: ID<Zone>?, by caller: Caller
  ) async throws -> Started {
    try await begin("extract\(kind.rawValue)", kind.subject, by: caller) { draft in
      let image = try Self.image(kind, id, caller, draft)
      try ImageSource.require(extractMode: mode)
      guard image.hypervisor == .simulator else {
        throw ControlError(.unsupported, "Templates of KVM live on the hosts and cannot be extracted")
      }
      guard image.registration?.isExtractable == true || caller.isRootAdmin else {
        throw ControlError(.permissionDenied, "\(image.name) is not extractable")
      }
      if let zone, !image.zones.contains(zone) {
        throw ControlError(.invalidParameter, "\(image.name) is not in this zone")
      }
      try draft.put(Self.event(kind.event("EXTRACT"), "Extracted \(image.name)", image, caller, draft))
      return id.uuid
    }
  }

  /// From one zone, or altogether. Instances of it go on, if `forced`.
  package func delete(
    _ kind: ImageKind, _ id: ID<Template>, zone: ID<Zone>?, forced: Bool, by caller: Caller
  ) async throws -> Started {
    try await begin("delete\(kind.rawValue)", kind.subject, by: caller) { draft in
      var image = try Self.image(kind, id, caller, draft)
      guard !image.isBuiltIn else {
        throw ControlError(.permissionDenied, "\(image.name) came with the cloud and cannot be deleted")
      }
      if let zone, !image.zones.contains(zone) {
        throw ControlError(.invalidParameter, "\(image.name) is not in this zone")
      }
      let users = draft.state.virtualMachines.all.filter {
        ($0.template == id || $0.iso == id) && (zone == nil || $0.zone == zone)
      }
      guard users.allSatisfy({ $0.iso != id }) else {
        throw ControlError(
          .invalidParameter, "Unable to delete ISO with id: \(id) because it is attached to instances; detach it first")
      }
      guard forced || users.isEmpty else {
        throw ControlError(
          .invalidParameter,
          "Unable to delete template with id: \(id) because \(users.count) instances are using it; "
            + "forced=true deletes it all the same")
      }
      image.zones.removeAll { zone == nil || $0 == zone }
      if image.zones.isEmpty {
        image.isRemoved = true
        image.sharedWith = nil
        image.linkedUserData = nil
        image.userDataPolicy = nil
      }
      try draft.put(image)
      try Self.forget(template: id, &draft)
      try draft.put(Self.event(kind.event("DELETE"), "Deleted \(image.name)", image, caller, draft))
      return id.uuid
    }
  }

  /// A removed template goes with the last instance of it.
  static func forget(template id: ID<Template>, _ draft: inout Draft) throws {
    guard draft.get(id)?.isRemoved == true, !draft.state.virtualMachines.all.contains(where: { $0.template == id })
    else { return }
    try draft.remove(id)
  }
}
