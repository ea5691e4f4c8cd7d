import CloudModel
import Control

extension Commands {
  static let diskOfferings = [
    Command(
      "createDiskOffering", "Creates a disk offering", roles: .admins,
      [
        .boolean("customized", "whether the size is said for each disk"),
        .long("disksize", "the size in GiB; with customized=true there is none"),
        .boolean("displayoffering", "whether others than administrators are shown it; true by default"),
        .string("displaytext", "what it is; the name by default", length: 4096),
        .ids("domainid", .domain, "the domains it is for; everybody by default"),
        .string("name", "the offering's name", required: true),
        .ids("zoneid", .zone, "the zones it is for; all by default"),
      ],
      refused: [
        "bytesreadrate", "bytesreadratemax", "bytesreadratemaxlength", "byteswriterate", "byteswriteratemax",
        "byteswriteratemaxlength", .unless("cachemode", "none"), "customizediops", "details", "disksizestrictness",
        "encrypt", "hypervisorsnapshotreserve", "iopsreadrate", "iopsreadratemax", "iopsreadratemaxlength",
        "iopswriterate", "iopswriteratemax", "iopswriteratemaxlength", "maxiops", "miniops",
        .unless("provisioningtype", "thin"), "storagepolicy", .unless("storagetype", "local"), "tags",
      ], response: .diskOffering
    ) { request in
      let arguments = request.arguments
      let isCustomized = arguments.flag("customized")
      let size = arguments.integer("disksize").flatMap { $0 == 0 && isCustomized ? nil : $0 }
      guard (size == nil) == isCustomized else {
        throw APIError.value("A disk offering either has a disksize, in GiB, or is customized")
      }
      var offering = try NewDiskOffering(
        name: request.string("name"), displayText: arguments.string("displaytext"), sizeGiB: size)
      offering.domains = arguments.ids("domainid") ?? []
      offering.zones = arguments.ids("zoneid") ?? []
      offering.isShown = arguments.boolean("displayoffering") ?? true
      let id = try await request.control.createDiskOffering(offering, by: request.caller)
      return try request.created(id, "diskoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "updateDiskOffering", "Changes a disk offering", roles: .admins,
      [
        .boolean("displayoffering", "whether others than administrators are shown it"),
        .string("displaytext", "what it is", length: 4096),
        .id("id", .diskOffering, "the offering's id", required: true),
        .string("name", "the offering's name"),
        .integer("sortkey", "its place in lists"),
        .string("state", "Active or Inactive"),
      ],
      refused: [
        "bytesreadrate", "bytesreadratemax", "bytesreadratemaxlength", "byteswriterate", "byteswriteratemax",
        "byteswriteratemaxlength", .unless("cachemode", "none"), "domainid", "iopsreadrate", "iopsreadratemax",
        "iopsreadratemaxlength", "iopswriterate", "iopswriteratemax", "iopswriteratemaxlength", "tags", "zoneid",
      ], response: .diskOffering
    ) { request in
      let id: ID<DiskOffering> = try request.id("id")
      try await request.control.updateDiskOffering(id, offeringChange(request), by: request.caller)
      return try request.created(id, "diskoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteDiskOffering", "Deletes a disk offering; disks of it stay", roles: .admins,
      [.id("id", .diskOffering, "the offering's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteDiskOffering(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listDiskOfferings", "Lists the disks that can be had",
      [
        .boolean("encrypt", "offerings of encrypted disks; there are none"),
        .id("id", .diskOffering, "the offering's id"),
        .string("name", "the offering's name"),
        .string("state", "Active, which is the default, Inactive, or all"),
        .string("storagetype", "local, as all are"),
        .id("volumeid", .volume, "offerings that this volume can have"),
        .id("zoneid", .zone, "offerings that can be used in this zone"),
      ] + Parameter.scope, refused: ["storageid", "virtualmachineid"], response: .diskOffering
    ) { request in
      let zone: ID<Zone>? = request.arguments.id("zoneid")
      let volume = request.arguments.id("volumeid", Volume.self).flatMap { request.state.volumes[$0] }
      let zones = [zone, volume?.zone].compactMap { $0 }
      // Offerings are nobody's own, but who asks for somebody else has to be allowed to.
      _ = try request.visibility(request.scope)
      let rows = request.state.diskOfferings.all.filter { offering in
        !offering.isRemoved && isFor(request.caller, offering.domains, request.state)
          && request.matches("id", offering.id) && request.matches("name", offering.name)
          && request.matches("encrypt", false) && request.matches("storagetype", "local")
          && (offering.isShown || request.caller.type != .user)
          && (offering.zones.isEmpty || zones.allSatisfy(offering.zones.contains))
          && (request.arguments.has("id") || isWanted(request, isActive: offering.isActive))
      }
      let sorted = rows.sorted { ($0.sortKey, $0.created, $0.id) < ($1.sortKey, $1.created, $1.id) }
      return try request.page("diskoffering", sorted) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  /// What updates of offerings say alike.
  static func offeringChange(_ request: Request) throws -> OfferingChange {
    var change = OfferingChange()
    change.name = request.arguments.string("name")
    change.displayText = request.arguments.string("displaytext")
    change.isShown = request.arguments.boolean("displayoffering")
    change.sortKey = request.arguments.integer("sortkey")
    if let state = request.arguments.string("state"), !state.isEmpty {
      guard let isActive = ["active": true, "inactive": false][state.lowercased()] else {
        throw APIError.invalid("state", state, "it is Active or Inactive")
      }
      change.isActive = isActive
    }
    return change
  }

  /// Whether an offering of `domains` is the caller's business.
  static func isFor(_ caller: Caller, _ domains: [ID<Domain>], _ state: CloudState) -> Bool {
    domains.isEmpty || Entity.Ownership.domains(domains).isOpen(to: caller, in: state)
  }

  /// Whether the state is the one that is asked for: active ones unless another, or all.
  static func isWanted(_ request: Request, isActive: Bool) -> Bool {
    let wanted = request.arguments.string("state")?.lowercased() ?? ""
    return wanted == "all" || (wanted.isEmpty ? "active" : wanted) == (isActive ? "active" : "inactive")
  }
}
