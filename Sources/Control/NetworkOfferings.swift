package import CloudModel
import FoundationEssentials
import Ledger

package struct NewNetworkOffering: Sendable {
  package var name: String
  package var displayText: String?
  package var guestType: GuestType
  /// Services with their providers; nil for the usual provider.
  package var services: [(service: String, provider: String?)]
  package var allowsEgress = false
  package var isEnabled = false
  package var availability: String?

  package init(name: String, guestType: GuestType, services: [(service: String, provider: String?)]) {
    self.name = name
    self.guestType = guestType
    self.services = services
  }
}

extension Control {
  private static let networkOfferingLimit = 1024

  package func createNetworkOffering(
    _ request: NewNetworkOffering, by caller: Caller
  ) async throws -> ID<NetworkOffering> {
    try await administer("createNetworkOffering", by: caller) { draft in
      try Self.limit(draft.state.networkOfferings.count, to: Self.networkOfferingLimit, "network offerings")
      let name = try Self.checked(request.name)
      var offering = NetworkOffering(
        id: draft.newID(), name: name, displayText: request.displayText ?? name, guestType: request.guestType,
        services: try Self.services(of: request), egressDefaultAllow: request.allowsEgress, isDefault: false,
        created: draft.now)
      offering.isDisabled = request.isEnabled ? nil : true
      offering.availability = try Self.availability(request.availability)
      try draft.put(offering)
      try Self.note(
        "NETWORK.OFFERING.CREATE", "Created network offering \(name)", by: caller, "NetworkOffering",
        offering.id.uuid, &draft)
      return offering.id
    }
  }

  private static func services(of request: NewNetworkOffering) throws -> [String] {
    var services: [String] = []
    for (name, provider) in request.services {
      guard let known = Providers.networkServices.first(where: { $0.lowercased() == name.lowercased() }) else {
        throw ControlError(.unsupported, "The service \(name) is not supported; see listSupportedNetworkServices")
      }
      if let provider {
        let does = Providers.all.contains {
          $0.lowercased() == provider.lowercased() && Providers.services(of: $0)?.contains(known) == true
            && $0 != Providers.vpcRouter && $0 != Providers.internalBalancer
        }
        guard does else {
          throw ControlError(.unsupported, "The provider \(provider) does not do the service \(known)")
        }
      }
      if !services.contains(known) { services.append(known) }
    }
    guard !services.isEmpty else { throw ControlError(.invalidParameter, "supportedservices names no service") }
    guard request.guestType == .shared || !services.contains("SecurityGroup") else {
      throw ControlError(.unsupported, "Security groups are for shared networks only")
    }
    let needRouter = services.filter { ["StaticNat", "PortForwarding", "Lb", "Firewall"].contains($0) }
    guard request.guestType == .shared || needRouter.isEmpty || services.contains("SourceNat") else {
      throw ControlError(.invalidParameter, "\(needRouter.joined(separator: ", ")) need the service SourceNat too")
    }
    return services
  }

  private static func availability(_ text: String?) throws -> String? {
    guard let text else { return nil }
    guard let known = ["Optional", "Required"].first(where: { $0.lowercased() == text.lowercased() }) else {
      throw ControlError(.invalidParameter, "availability is Optional or Required")
    }
    return known == "Optional" ? nil : known
  }

  package func updateNetworkOffering(
    _ id: ID<NetworkOffering>, name: String?, displayText: String?, isEnabled: Bool?, availability: String?,
    by caller: Caller
  ) async throws {
    try await administer("updateNetworkOffering", by: caller) { draft in
      var offering = try Self.found(id, draft)
      if let name { offering.name = try Self.checked(name) }
      offering.displayText = displayText ?? offering.displayText
      if let isEnabled { offering.isDisabled = isEnabled ? nil : true }
      if let availability { offering.availability = try Self.availability(availability) }
      try draft.put(offering)
      try Self.note(
        "NETWORK.OFFERING.EDIT", "Changed network offering \(offering.name)", by: caller, "NetworkOffering", id.uuid,
        &draft)
    }
  }

  package func deleteNetworkOffering(_ id: ID<NetworkOffering>, by caller: Caller) async throws {
    try await administer("deleteNetworkOffering", by: caller) { draft in
      let offering = try Self.found(id, draft)
      guard !offering.isDefault else {
        throw ControlError(.invalidParameter, "Default network offering can't be deleted")
      }
      guard !draft.state.networks.all.contains(where: { $0.offering == id }) else {
        throw ControlError(
          .invalidParameter,
          "Can't delete network offering \(offering.name) as it is used by networks; disable it instead")
      }
      try draft.remove(id)
      try Self.note(
        "NETWORK.OFFERING.DELETE", "Deleted network offering \(offering.name)", by: caller, "NetworkOffering", id.uuid,
        &draft)
    }
  }

  /// Whether the zone can have networks of the offering.
  static func requireUsable(
    _ offering: NetworkOffering, in zone: Zone, _ draft: borrowing Draft
  ) throws(ControlError) {
    guard offering.isDisabled != true else {
      throw ControlError(.invalidParameter, "Can't use specified network offering id as its state is not Enabled")
    }
    // What nodes make of a network is all of it.
    let usual = draft.state.networkOfferings.all.first { $0.isDefault && $0.guestType == .isolated }
    guard offering.isDefault || !draft.state.isCarried(zone.id) || Set(offering.services) == Set(usual?.services ?? [])
    else {
      throw ControlError(
        .unsupported, "Networks of zones that nodes carry have all services of the default offering, or none")
    }
    try requireGuestTraffic(zone, draft)
  }
}
