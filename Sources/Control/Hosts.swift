package import CloudModel
import Addresses
import FoundationEssentials
import Ledger

package struct NewHost: Sendable {
  package var zone: ID<Zone>
  package var pod: ID<Pod>
  package var cluster: ID<Cluster>?
  package var clusterName: String?
  package var hypervisor: HypervisorType
  package var url: String
  package var tags: [String] = []
  package var isEnabled = true

  package init(zone: ID<Zone>, pod: ID<Pod>, hypervisor: HypervisorType, url: String) {
    self.zone = zone
    self.pod = pod
    self.hypervisor = hypervisor
    self.url = url
  }
}

/// What every simulated host has, as CloudStack's do.
enum SimulatedHost {
  static let cpuNumber = 4
  static let cpuSpeedMHz = 8000
  static let memoryMiB = 8192
}

extension Control {
  private static let hostLimit = 4096
  private static let tagLimit = 64

  /// Adds a simulated host, which no node carries.
  package func addHost(_ request: NewHost, by caller: Caller) async throws -> ID<Host> {
    try await administer("addHost", by: caller) { draft in
      try Self.requireSimulated(request.hypervisor, request.zone, draft)
      let zone = try Self.found(request.zone, draft)
      let pod = try Self.found(request.pod, draft)
      guard pod.zone == zone.id else { throw ControlError(.invalidParameter, "The pod is not in this zone") }
      let cluster = try Self.found(try Self.cluster(of: request, &draft), draft)
      guard cluster.pod == pod.id, cluster.hypervisor == request.hypervisor else {
        throw ControlError(.invalidParameter, "The cluster is not in this pod, or of another hypervisor")
      }
      let others = draft.state.hosts.matching("zone", .id(zone.id))
      try Self.limit(others.count, to: Self.hostLimit, "hosts in a zone")
      guard !others.contains(where: { $0.url == request.url }) else {
        throw ControlError(.invalidParameter, "A host with url \(request.url) has been added already")
      }
      var host = Host(
        id: draft.newID(), name: try Self.hostName(request.url, others), zone: zone.id, node: "",
        hypervisor: request.hypervisor, cpuNumber: SimulatedHost.cpuNumber, memoryMiB: SimulatedHost.memoryMiB,
        created: draft.now)
      host.pod = pod.id
      host.cluster = cluster.id
      host.url = request.url
      host.tags = try Self.checked(request.tags)
      host.cpuSpeedMHz = SimulatedHost.cpuSpeedMHz
      host.address = try Self.address(in: pod, draft)
      if !request.isEnabled { host.resourceState = .disabled }
      try draft.put(host)
      return host.id
    }
  }

  private static func cluster(of request: NewHost, _ draft: inout Draft) throws -> ID<Cluster> {
    if let cluster = request.cluster { return cluster }
    guard let name = request.clusterName else {
      throw ControlError(.invalidParameter, "clusterid or clustername must be given")
    }
    let known = draft.state.clusters.first("name", .scoped(request.pod.uuid, name.lowercased()))
    return try known?.id ?? putCluster(name, request.hypervisor, request.zone, request.pod, true, &draft)
  }

  /// Out of the path of the host's URL, such as `http://sim/c0/h1`.
  private static func hostName(_ url: String, _ others: [Host]) throws -> String {
    guard url.utf8.count <= 255, let (scheme, rest) = split(url: url), ["http", "https"].contains(scheme) else {
      throw ControlError(.invalidParameter, "The url \(url) is not of the form http://sim/cluster/host")
    }
    let parts = rest.split(separator: "/")
    let name = (parts.count > 1 ? Array(parts.dropFirst()) : parts).joined(separator: "-")
    guard !name.isEmpty else { throw ControlError(.invalidParameter, "The url \(url) names no host") }
    let taken = Set(others.map { $0.name.lowercased() })
    if !taken.contains(name.lowercased()) { return name }
    return (2...).lazy.map { "\(name)-\($0)" }.first { !taken.contains($0.lowercased()) } ?? name
  }

  /// A private address of the pod that no other host has.
  private static func address(in pod: Pod, _ draft: borrowing Draft) throws -> String? {
    guard let network = pod.network else { return nil }
    let taken = Set(draft.state.hosts.matching("pod", .id(pod.id)).compactMap(\.address))
    for value in network.first.value...network.last.value where !taken.contains(IPv4(value).description) {
      return IPv4(value).description
    }
    throw ControlError(
      .insufficientAddresses, "Insufficient address capacity: pod \(pod.name) has no private address left")
  }

  private static func checked(_ tags: [String]) throws -> [String]? {
    guard tags.count <= tagLimit, tags.allSatisfy({ $0.utf16.count <= 255 }) else {
      throw ControlError(.invalidParameter, "A host has at most \(tagLimit) tags of 255 characters")
    }
    return tags.isEmpty ? nil : tags
  }

  package func updateHost(
    _ id: ID<Host>, name: String?, tags: [String]?, isEnabled: Bool?, url: String?, by caller: Caller
  ) async throws {
    try await administer("updateHost", by: caller) { draft in
      var host = try Self.found(id, draft)
      if let name { host.name = try Self.checked(name) }
      if let tags { host.tags = try Self.checked(tags) }
      if let isEnabled {
        guard host.resourceState != .maintenance, host.resourceState != .preparing else {
          throw ControlError(.invalidParameter, "The host is in maintenance; see cancelHostMaintenance")
        }
        host.resourceState = isEnabled ? nil : .disabled
      }
      if let url {
        guard !host.isCarried else { throw ControlError(.unsupported, "A host of a node has no url") }
        host.url = try Self.checked(url, "url")
      }
      try draft.put(host)
    }
  }

  /// The agent of a carried host connects by itself; a simulated one is always there.
  package func reconnectHost(_ id: ID<Host>, by caller: Caller) async throws -> Started {
    try await administer("reconnectHost", .host, by: caller) { draft in
      let host = try Self.found(id, draft)
      guard !host.isCarried else {
        throw ControlError(.unsupported, "The host's agent connects by itself whenever it can")
      }
      guard host.resourceState != .maintenance else {
        throw ControlError(.invalidParameter, "The host is in maintenance; see cancelHostMaintenance")
      }
      try Self.note("HOST.RECONNECT", "Reconnected host \(host.name)", by: caller, "Host", id.uuid, &draft)
      return id.uuid
    }
  }

  /// Takes a simulated host away. It is to be in maintenance; forced, its instances move, or are stopped where there is no
  /// room.
  package func deleteHost(_ id: ID<Host>, forced: Bool, by caller: Caller) async throws {
    try await administer("deleteHost", by: caller) { draft in
      var host = try Self.found(id, draft)
      guard !host.isCarried else {
        throw ControlError(.unsupported, "The host is carried by node \(host.node) and cannot be removed without it")
      }
      guard forced || host.resourceState == .maintenance else {
        throw ControlError(
          .invalidParameter,
          "Host \(host.name) cannot be removed: it is not in maintenance; see prepareHostForMaintenance")
      }
      host.resourceState = .maintenance
      try draft.put(host)
      try Evacuation.evacuate(host, stoppingOthers: true, &draft)
      for var machine in draft.state.virtualMachines.matching("host", .id(id)) {
        machine.host = nil
        try draft.put(machine)
      }
      try draft.remove(id)
    }
  }
}
