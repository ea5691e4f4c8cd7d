package import CloudModel
package import FoundationEssentials
import Ledger

/// A template or ISO that somebody has elsewhere.
package struct NewImage: Sendable {
  package var name: String
  package var displayText: String?
  package var url: String
  /// `nil`: one that Daruma does not know.
  package var hypervisor: HypervisorType? = .simulator
  package var registration: Template.Registration
  /// Every zone if empty.
  package var zones: [ID<Zone>] = []
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, displayText: String?, url: String, registration: Template.Registration) {
    self.name = name
    self.displayText = displayText
    self.url = url
    self.registration = registration
  }
}

/// What an update says; `nil` leaves as it is.
package struct ImageChange: Sendable {
  package var name: String?
  package var displayText: String?
  package var format: String?
  package var osType: UUID?
  package var isBootable: Bool?
  package var hasPassword: Bool?
  package var hasSSHKey: Bool?
  package var isScalable: Bool?
  package var needsHVM: Bool?
  package var tag: String?
  package var sortKey: Int?
  package var details: [Template.Detail]?
  package var dropsDetails = false

  package init() {}
}

/// Templates and ISOs have the same life.
package enum ImageKind: String, Sendable {
  case template = "Template"
  case iso = "Iso"

  var subject: JobSubject { self == .iso ? .iso : .template }
  func event(_ what: String) -> String { (self == .iso ? "ISO." : "TEMPLATE.") + what }
}

extension Template {
  package var imageKind: ImageKind { isISO ? .iso : .template }
}

extension Control {
  /// Registers a template or ISO, which is ready at once: the simulator fetches nothing.
  package func register(_ request: NewImage, by caller: Caller) async throws -> ID<Template> {
    let kind: ImageKind = request.registration.isISO ? .iso : .template
    return try await transact(cause(caller, "register\(kind.rawValue)")) { draft in
      let owner = try Access.recipient(for: caller, account: request.account, domain: request.domain, in: draft.state)
      guard request.hypervisor == .simulator else {
        throw ControlError(
          .unsupported, "Templates can be registered for the hypervisor Simulator only; nothing is downloaded")
      }
      try ImageSource.require(url: request.url, format: request.registration.format)
      let every = request.zones.isEmpty
      let zones = every ? draft.state.zones.all.map(\.id).sorted() : request.zones
      guard Set(zones).count == zones.count, !zones.isEmpty else {
        throw ControlError(.invalidParameter, "The zones are to be different ones, and there must be one")
      }
      let simulated = zones.filter { (try? Self.requireSimulator(in: $0, draft)) != nil }
      guard every ? !simulated.isEmpty : simulated.count == zones.count else {
        throw ControlError(
          .unsupported, "Templates and ISOs can be registered in zones with hosts of the Simulator only")
      }
      var image = try Self.image(
        request.name, request.displayText, request.registration, for: owner, in: simulated, caller, draft)
      image.registration?.url = request.url
      try draft.put(image)
      try draft.put(Self.event(kind.event("CREATE"), "Registered \(image.name)", image, caller, draft))
      return image.id
    }
  }

  /// A new image, with what `caller` may not say refused.
  static func image(
    _ name: String, _ displayText: String?, _ said: Template.Registration, for owner: Account, in zones: [ID<Zone>],
    _ caller: Caller, _ draft: borrowing Draft
  ) throws -> Template {
    try OfferingScope.requireName(name, displayText ?? "")
    try StorageLimits.requireRoomForTemplate(of: owner.id, draft.state)
    try requireDetails(said.details)
    guard OperatingSystem.named(said.osType) != nil else {
      throw ControlError(.invalidParameter, "Unknown ostypeid; see listOsTypes")
    }
    var registration = said
    registration.format = said.format.uppercased()
    guard caller.type != .user || !said.isPublic else {
      throw ControlError(.invalidParameter, "Only private templates/ISO can be created.")
    }
    // Users cannot feature what they register; CloudStack does not take that amiss.
    registration.isFeatured = said.isFeatured && caller.type != .user
    var image = Template(
      id: draft.newID(), name: name, displayText: displayText ?? name, hypervisor: .simulator, source: "",
      zones: zones, account: owner.id, created: draft.now)
    image.registration = registration
    return image
  }

  /// Names of details become names of fields in answers.
  private static func requireDetails(_ details: [Template.Detail]) throws(ControlError) {
    func isName(_ text: String) -> Bool {
      let bytes = Array(text.utf8)
      func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
      return (1...255).contains(bytes.count) && isLetter(bytes[0])
        && bytes.allSatisfy { isLetter($0) || (48...57).contains($0) || "._-".utf8.contains($0) }
    }
    guard details.count <= 64, details.allSatisfy({ isName($0.name) && $0.value.utf8.count <= 1020 }) else {
      throw ControlError(
        .invalidParameter,
        "details are at most 64; a name has letters, digits, '.', '_' and '-', and begins with a letter")
    }
  }

  package func update(
    _ kind: ImageKind, _ id: ID<Template>, _ change: ImageChange, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "update\(kind.rawValue)")) { draft in
      var image = try Self.image(kind, id, caller, draft)
      image.name = change.name ?? image.name
      image.displayText = change.displayText ?? image.displayText
      try OfferingScope.requireName(image.name, image.displayText)
      let before = image.registration
      if var said = before {
        said.format = change.format?.uppercased() ?? said.format
        guard ImageSource.formats.contains(said.format) else {
          throw ControlError(.invalidParameter, "Unknown format \(said.format)")
        }
        said.osType = change.osType ?? said.osType
        said.isBootable = change.isBootable ?? said.isBootable
        said.hasPassword = change.hasPassword ?? said.hasPassword
        said.hasSSHKey = change.hasSSHKey ?? said.hasSSHKey
        said.isScalable = change.isScalable ?? said.isScalable
        said.needsHVM = change.needsHVM ?? said.needsHVM
        said.tag = change.tag ?? said.tag
        said.sortKey = change.sortKey ?? said.sortKey
        said.details = change.dropsDetails ? [] : change.details ?? said.details
        try Self.requireDetails(said.details)
        guard OperatingSystem.named(said.osType) != nil else {
          throw ControlError(.invalidParameter, "Unknown ostypeid; see listOsTypes")
        }
        image.registration = said
      } else if change.saysMore {
        throw ControlError(
          .unsupported, "Of a template that came with the cloud only name and displaytext can be changed")
      }
      try draft.put(image)
      try draft.put(Self.event(kind.event("UPDATE"), "Changed \(image.name)", image, caller, draft))
    }
  }

  /// An image that `caller` may change.
  static func image(
    _ kind: ImageKind, _ id: ID<Template>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> Template {
    guard let image = draft.get(id), image.isRemoved != true, image.imageKind == kind else {
      throw ControlError(.invalidParameter, "Unable to find \(kind.rawValue.lowercased()) \(id)")
    }
    try Access.require(caller, owner: image.account, in: draft.state)
    return image
  }

  /// Whether instances of `owner` can use it.
  static func requireUsable(_ image: Template, by owner: Account) throws(ControlError) {
    guard image.isUsable(by: owner.id) || owner.type == .rootAdmin else {
      throw ControlError(.permissionDenied, "Account \(owner.name) does not have permission to use \(image.name)")
    }
  }

  static func event(
    _ type: String, _ description: String, _ image: Template, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, description, image.account, caller.user, draft, resourceType: image.imageKind.rawValue,
      resource: image.id.uuid)
  }
}

extension ImageChange {
  fileprivate var saysMore: Bool {
    let flags = [isBootable, hasPassword, hasSSHKey, isScalable, needsHVM]
    return flags.contains { $0 != nil } || format != nil || osType != nil || tag != nil || sortKey != nil
      || details != nil || dropsDetails
  }
}
