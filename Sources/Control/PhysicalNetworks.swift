package import CloudModel
package import FoundationEssentials
import Ledger

package struct PhysicalNetworkRequest: Sendable {
  package var name: String?
  package var isolationMethods: [String]?
  package var vlan: String?
  package var speed: String?
  package var tags: [String]?
  package var isEnabled: Bool?

  package init() {}
}

/// Ways of keeping networks apart that simulated zones know.
package enum NetworkIsolation {
  package static let methods = ["VLAN", "VXLAN", "L3"]
}

extension Control {
  private static let physicalNetworkLimit = 32

  package func createPhysicalNetwork(
    _ request: PhysicalNetworkRequest, zone: ID<Zone>, by caller: Caller
  ) async throws -> Started {
    try await administer("createPhysicalNetwork", .physicalNetwork, by: caller) { draft in
      let zone = try Self.found(zone, draft)
      let others = draft.state.physicalNetworks.matching("zone", .id(zone.id))
      try Self.limit(others.count, to: Self.physicalNetworkLimit, "physical networks in a zone")
      guard zone.series == .isolate || others.isEmpty else {
        throw ControlError(.invalidParameter, "A zone with basic networking has one physical network only")
      }
      var network = PhysicalNetwork(
        id: draft.newID(), name: try Self.checked(request.name ?? ""), zone: zone.id, created: draft.now)
      try Self.change(&network, by: request)
      network.providers = Providers.usual(zone.series).map { name in
        ServiceProvider(
          id: draft.newUUID(), name: name, services: Providers.services(of: name) ?? [],
          elements: Providers.hasElement(name) ? [ProviderElement(id: draft.newUUID())] : [])
      }
      try draft.put(network)
      try Self.note(
        "PHYSICAL.NETWORK.CREATE", "Created physical network \(network.name)", by: caller, "PhysicalNetwork",
        network.id.uuid, &draft)
      return network.id.uuid
    }
  }

  package func updatePhysicalNetwork(
    _ id: ID<PhysicalNetwork>, _ request: PhysicalNetworkRequest, by caller: Caller
  ) async throws -> Started {
    try await administer("updatePhysicalNetwork", .physicalNetwork, by: caller) { draft in
      var network = try Self.found(id, draft)
      try Self.change(&network, by: request)
      try draft.put(network)
      try Self.note(
        "PHYSICAL.NETWORK.UPDATE", "Changed physical network \(network.name)", by: caller, "PhysicalNetwork", id.uuid,
        &draft)
      return id.uuid
    }
  }

  private static func change(_ network: inout PhysicalNetwork, by request: PhysicalNetworkRequest) throws {
    if let vlan = request.vlan {
      guard vlan.isEmpty || VLANRange.isValid(vlan) else {
        throw ControlError(.invalidParameter, "vlan must be ranges of numbers such as 100-200, up to 16777215")
      }
      network.vlan = vlan.isEmpty ? nil : vlan
    }
    if let methods = request.isolationMethods {
      network.isolationMethods = try methods.map { method in
        guard let known = NetworkIsolation.methods.first(where: { $0.lowercased() == method.lowercased() }) else {
          throw ControlError(
            .unsupported, "The isolation method \(method) is not supported; see listNetworkIsolationMethods")
        }
        return known
      }
    }
    if let tags = request.tags {
      guard tags.count <= 64 else { throw ControlError(.invalidParameter, "At most 64 tags") }
      network.tags = tags
    }
    network.speed = request.speed ?? network.speed
    network.isEnabled = request.isEnabled ?? network.isEnabled
  }

  package func deletePhysicalNetwork(_ id: ID<PhysicalNetwork>, by caller: Caller) async throws -> Started {
    try await administer("deletePhysicalNetwork", .physicalNetwork, by: caller) { draft in
      let network = try Self.found(id, draft)
      try Self.requireUnused(network.zone, "The physical network", draft)
      try draft.remove(id)
      try Self.note(
        "PHYSICAL.NETWORK.DELETE", "Deleted physical network \(network.name)", by: caller, "PhysicalNetwork", id.uuid,
        &draft)
      return id.uuid
    }
  }

  static func requireUnused(_ zone: ID<Zone>, _ what: String, _ draft: borrowing Draft) throws(ControlError) {
    guard draft.state.networks.count("zone", .id(zone)) == 0 else {
      throw ControlError(.resourceInUse, "\(what) is not deletable because there are networks in its zone")
    }
  }

  /// Whether networks of customers can be made in the zone: on a carried one always.
  static func requireGuestTraffic(_ zone: Zone, _ draft: borrowing Draft) throws(ControlError) {
    if draft.state.isCarried(zone.id) { return }
    let networks = draft.state.physicalNetworks.matching("zone", .id(zone.id)).filter { network in
      network.isEnabled && network.trafficTypes.contains { $0.kind == .guest }
    }
    guard !networks.isEmpty else {
      throw ControlError(
        .invalidParameter, "The zone has no enabled physical network with traffic type Guest; see updatePhysicalNetwork"
      )
    }
    guard networks.contains(where: { $0.providers.contains { $0.name == Providers.router && $0.isEnabled } }) else {
      throw ControlError(
        .invalidParameter,
        "Provider VirtualRouter is not enabled on the zone's physical network; see updateNetworkServiceProvider")
    }
  }

  // MARK: Traffic types

  package func addTrafficType(
    _ kind: TrafficKind, labels: [String: String], network: ID<PhysicalNetwork>, by caller: Caller
  ) async throws -> Started {
    try await administer("addTrafficType", .trafficType, by: caller) { draft in
      var network = try Self.found(network, draft)
      let others = draft.state.physicalNetworks.matching("zone", .id(network.zone))
      let isTaken = (kind == .guest ? [network] : others).contains { $0.trafficTypes.contains { $0.kind == kind } }
      guard !isTaken else {
        throw ControlError(
          .invalidParameter, "A physical network of the zone has traffic type \(kind.rawValue) already")
      }
      let added = TrafficType(id: draft.newUUID(), kind: kind, labels: labels)
      network.trafficTypes.append(added)
      try draft.put(network)
      try Self.note(
        "TRAFFIC.TYPE.CREATE", "Added traffic type \(kind.rawValue) to \(network.name)", by: caller, "TrafficType",
        added.id, &draft)
      return added.id
    }
  }

  /// `labels` replace those of the same hypervisors.
  package func updateTrafficType(_ id: UUID, labels: [String: String], by caller: Caller) async throws -> Started {
    try await administer("updateTrafficType", .trafficType, by: caller) { draft in
      var (network, position) = try Self.trafficType(id, draft)
      network.trafficTypes[position].labels.merge(labels) { _, new in new }
      try draft.put(network)
      try Self.note("TRAFFIC.TYPE.UPDATE", "Changed a traffic type", by: caller, "TrafficType", id, &draft)
      return id
    }
  }

  package func deleteTrafficType(_ id: UUID, by caller: Caller) async throws -> Started {
    try await administer("deleteTrafficType", .trafficType, by: caller) { draft in
      var (network, position) = try Self.trafficType(id, draft)
      switch network.trafficTypes[position].kind {
      case .guest: try Self.requireUnused(network.zone, "The traffic type", draft)
      case .public:
        guard !draft.state.publicIPRanges.matching("zone", .id(network.zone)).contains(where: { $0.network == nil })
        else { throw ControlError(.resourceInUse, "The traffic type is used by ranges of public addresses") }
      case .management, .storage: break
      }
      network.trafficTypes.remove(at: position)
      try draft.put(network)
      try Self.note("TRAFFIC.TYPE.DELETE", "Removed a traffic type", by: caller, "TrafficType", id, &draft)
      return id
    }
  }

  private static func trafficType(_ id: UUID, _ draft: borrowing Draft) throws -> (PhysicalNetwork, Int) {
    guard let network = draft.state.physicalNetworks.first("traffictype", .uuid(id)),
      let position = network.trafficTypes.firstIndex(where: { $0.id == id })
    else { throw ControlError(.invalidParameter, "Unable to find the traffic type \(id)") }
    return (network, position)
  }
}

enum VLANRange {
  /// Ranges of VLAN or VXLAN numbers such as `100-200,300-310`.
  static func isValid(_ text: String) -> Bool {
    let ranges = text.split(separator: ",", omittingEmptySubsequences: false)
    return ranges.count <= 64
      && ranges.allSatisfy { range in
        let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else { return false }
        return 0 <= first && first <= last && last <= 0xFF_FFFF
      }
  }
}
