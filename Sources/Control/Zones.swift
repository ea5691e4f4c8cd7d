package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct ZoneRequest: Sendable {
  package var name: String?
  package var dns: [IPv4]?
  package var internalDNS: [IPv4]?
  package var domainName: String?
  package var guestPrefix: IPv4Prefix?
  package var isEnabled: Bool?
  package var isEdge: Bool?
  package var hasLocalStorage: Bool?

  package init() {}
}

extension Control {
  private static let zoneLimit = 256
  /// Where instances of a zone have their addresses if nothing else is said.
  private static let usualGuestPrefix = IPv4Prefix(IPv4(10, 1, 1, 0), length: 24)

  /// Makes a zone without anything in it. Its hosts will be simulated; zones that agents carry come with the cloud.
  package func createZone(_ request: ZoneRequest, series: Series, by caller: Caller) async throws -> ID<Zone> {
    try await administer("createZone", by: caller) { draft in
      try Self.limit(draft.state.zones.count, to: Self.zoneLimit, "zones")
      var zone = Zone(
        id: draft.newID(), name: try Self.checked(request.name ?? ""), series: series,
        guestPrefix: request.guestPrefix ?? Self.usualGuestPrefix, publicPrefixes: [], dns: request.dns ?? [],
        created: draft.now)
      zone.isDisabled = !(request.isEnabled ?? false)
      try Self.change(&zone, by: request)
      try draft.put(zone)
      // What comes with the cloud can be used wherever there are hosts for it.
      for var template in draft.state.templates.all
      where template.hypervisor == .simulator && template.source == Self.builtInTemplate {
        template.zones.append(zone.id)
        try draft.put(template)
      }
      try Self.note("ZONE.CREATE", "Created zone \(zone.name)", by: caller, "Zone", zone.id.uuid, &draft)
      return zone.id
    }
  }

  package func updateZone(_ id: ID<Zone>, _ request: ZoneRequest, by caller: Caller) async throws {
    try await administer("updateZone", by: caller) { draft in
      var zone = try Self.found(id, draft)
      let before = zone
      try Self.change(&zone, by: request)
      zone.isDisabled = request.isEnabled.map { !$0 } ?? zone.isDisabled
      if draft.state.isCarried(id) {
        guard zone.name == before.name, zone.guestPrefix == before.guestPrefix else {
          throw ControlError(
            .unsupported, "The name and guest addresses of a zone that nodes carry cannot change")
        }
      } else if zone.isDisabled != true && before.isDisabled == true {
        try Self.requireTraffic(of: zone, draft)
      }
      try draft.put(zone)
      try Self.note("ZONE.EDIT", "Changed zone \(zone.name)", by: caller, "Zone", id.uuid, &draft)
    }
  }

  private static func change(_ zone: inout Zone, by request: ZoneRequest) throws {
    if let name = request.name { zone.name = try checked(name) }
    zone.dns = request.dns ?? zone.dns
    zone.internalDNS = request.internalDNS ?? zone.internalDNS
    zone.isEdge = request.isEdge ?? zone.isEdge
    zone.hasNoLocalStorage = request.hasLocalStorage.map { !$0 } ?? zone.hasNoLocalStorage
    if let domain = request.domainName {
      guard domain.isEmpty || HostName.isDomain(domain) else {
        throw ControlError(.invalidParameter, "Invalid network domain \(domain)")
      }
      zone.domainName = domain.isEmpty ? nil : domain.lowercased()
    }
    if let prefix = request.guestPrefix {
      guard (8...29).contains(prefix.length) else {
        throw ControlError(.invalidParameter, "guestcidraddress must be a /8 to a /29")
      }
      zone.guestPrefix = prefix
    }
  }

  /// A zone can only be enabled once all its kinds of traffic have a way.
  private static func requireTraffic(of zone: Zone, _ draft: borrowing Draft) throws {
    let networks = draft.state.physicalNetworks.matching("zone", .id(zone.id)).filter(\.isEnabled)
    let carried = Set(networks.flatMap { $0.trafficTypes.map(\.kind) })
    let needed: [TrafficKind] = zone.series == .basic ? [.guest, .management] : [.guest, .management, .public]
    for kind in needed where !carried.contains(kind) {
      throw ControlError(
        .invalidParameter,
        "The zone cannot be enabled: no enabled physical network of it has traffic type \(kind.rawValue); see "
          + "createPhysicalNetwork and addTrafficType")
    }
  }

  package func deleteZone(_ id: ID<Zone>, by caller: Caller) async throws {
    try await administer("deleteZone", by: caller) { draft in
      let zone = try Self.found(id, draft)
      let state = draft.state
      let inside: [(String, Bool)] = [
        ("instances", state.virtualMachines.all.contains { $0.zone == id }),
        ("networks", state.networks.count("zone", .id(id)) > 0), ("hosts", state.hosts.count("zone", .id(id)) > 0),
        ("storage pools", state.storagePools.count("zone", .id(id)) > 0),
        ("image stores", state.imageStores.count("zone", .id(id)) > 0),
        ("IP ranges", state.publicIPRanges.count("zone", .id(id)) > 0),
        ("clusters", state.clusters.count("zone", .id(id)) > 0), ("pods", state.pods.count("zone", .id(id)) > 0),
        ("physical networks", state.physicalNetworks.count("zone", .id(id)) > 0),
        ("nodes", state.isCarried(id)),
      ]
      for (what, isThere) in inside where isThere {
        throw ControlError(.resourceInUse, "The zone is not deletable because there are \(what) in it")
      }
      for cell in draft.state.cells.matching("zone", .id(id)) { try draft.remove(cell.id) }
      for var template in draft.state.templates.all where template.zones.contains(id) {
        template.zones.removeAll { $0 == id }
        try draft.put(template)
      }
      try draft.remove(id)
      try Self.note("ZONE.DELETE", "Deleted zone \(zone.name)", by: caller, "Zone", id.uuid, &draft)
    }
  }

  /// Refuses what is new in a disabled zone to everybody but root administrators.
  static func requireOpen(_ zone: Zone, _ caller: Caller) throws(ControlError) {
    guard zone.isDisabled != true || caller.isRootAdmin else {
      throw ControlError(
        .permissionDenied, "Cannot perform this operation, Zone is currently disabled : \(zone.name)")
    }
  }
}

extension HostName {
  /// Whether it is a domain name that a network can have.
  static func isDomain(_ name: String) -> Bool {
    name.utf8.count <= 190
      && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isValid($0) }
  }
}
