package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct PodRequest: Sendable {
  package var name: String?
  package var gateway: IPv4?
  package var netmask: IPv4?
  package var first: IPv4?
  package var last: IPv4?
  package var isEnabled: Bool?

  package init() {}
}

extension Control {
  private static let podLimit = 256
  private static let clusterLimit = 256

  package func createPod(_ request: PodRequest, zone: ID<Zone>, by caller: Caller) async throws -> ID<Pod> {
    try await administer("createPod", by: caller) { draft in
      let zone = try Self.found(zone, draft)
      try Self.limit(draft.state.pods.count("zone", .id(zone.id)), to: Self.podLimit, "pods in a zone")
      var pod = Pod(
        id: draft.newID(), name: try Self.checked(request.name ?? ""), zone: zone.id,
        isEnabled: request.isEnabled ?? true, created: draft.now)
      pod.network = try Self.network(of: request, nil, zone, pod.id, draft)
      try draft.put(pod)
      try Self.note("POD.CREATE", "Created pod \(pod.name)", by: caller, "Pod", pod.id.uuid, &draft)
      return pod.id
    }
  }

  package func updatePod(_ id: ID<Pod>, _ request: PodRequest, by caller: Caller) async throws {
    try await administer("updatePod", by: caller) { draft in
      var pod = try Self.found(id, draft)
      if let name = request.name { pod.name = try Self.checked(name) }
      pod.isEnabled = request.isEnabled ?? pod.isEnabled
      let isMoved =
        request.gateway != nil || request.netmask != nil || request.first != nil || request.last != nil
      if isMoved {
        let network = try Self.network(of: request, pod.network, try Self.found(pod.zone, draft), id, draft)
        let hosts = draft.state.hosts.matching("pod", .id(id)).compactMap { $0.address.flatMap { IPv4($0) } }
        if let network, let stray = hosts.first(where: { !(network.first...network.last).contains($0) }) {
          throw ControlError(.resourceInUse, "A host has the address \(stray), which the new range does not hold")
        }
        pod.network = network
      }
      try draft.put(pod)
      try Self.note("POD.EDIT", "Changed pod \(pod.name)", by: caller, "Pod", id.uuid, &draft)
    }
  }

  private static func network(
    of request: PodRequest, _ before: PrivateNetwork?, _ zone: Zone, _ id: ID<Pod>, _ draft: borrowing Draft
  ) throws -> PrivateNetwork? {
    guard let gateway = request.gateway ?? before?.gateway, let netmask = request.netmask ?? before?.prefix.netmask,
      let first = request.first ?? before?.first
    else {
      guard zone.isEdge == true, request.gateway == nil, request.netmask == nil, request.first == nil else {
        throw ControlError(.invalidParameter, "gateway, netmask and startip are required")
      }
      return nil
    }
    let network = try privateNetwork(
      gateway: gateway, netmask: netmask, first: first, last: request.last ?? before?.last)
    for other in draft.state.pods.matching("zone", .id(zone.id)) where other.id != id {
      if let taken = other.network, taken.prefix.overlaps(network.prefix) {
        throw ControlError(.invalidParameter, "\(network.prefix) overlaps \(taken.prefix) of pod \(other.name)")
      }
    }
    return network
  }

  package func deletePod(_ id: ID<Pod>, by caller: Caller) async throws {
    try await administer("deletePod", by: caller) { draft in
      let pod = try Self.found(id, draft)
      guard draft.state.clusters.count("pod", .id(id)) == 0, draft.state.hosts.count("pod", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "The pod is not deletable because there are clusters or hosts in it")
      }
      try draft.remove(id)
      try Self.note("POD.DELETE", "Deleted pod \(pod.name)", by: caller, "Pod", id.uuid, &draft)
    }
  }

  // MARK: Clusters

  package func addCluster(
    name: String, hypervisor: HypervisorType, zone: ID<Zone>, pod: ID<Pod>, isEnabled: Bool, by caller: Caller
  ) async throws -> ID<Cluster> {
    try await administer("addCluster", by: caller) { draft in
      try Self.requireSimulated(hypervisor, zone, draft)
      return try Self.putCluster(name, hypervisor, zone, pod, isEnabled, &draft)
    }
  }

  /// Hosts that agents carry come with their node, and with them their clusters.
  static func requireSimulated(_ hypervisor: HypervisorType, _ zone: ID<Zone>, _ draft: borrowing Draft) throws {
    guard hypervisor == .simulator else {
      throw ControlError(
        .unsupported,
        "Only Simulator hosts can be added; those of hypervisor \(hypervisor.rawValue) come with their node")
    }
    guard !draft.state.isCarried(zone) else {
      throw ControlError(
        .unsupported, "The zone is carried by nodes; simulated hosts are added to zones of their own, see createZone")
    }
  }

  static func putCluster(
    _ name: String, _ hypervisor: HypervisorType, _ zone: ID<Zone>, _ pod: ID<Pod>, _ isEnabled: Bool,
    _ draft: inout Draft
  ) throws -> ID<Cluster> {
    let pod = try found(pod, draft)
    guard pod.zone == zone else { throw ControlError(.invalidParameter, "The pod is not in this zone") }
    try limit(draft.state.clusters.count("pod", .id(pod.id)), to: clusterLimit, "clusters in a pod")
    let cluster = Cluster(
      id: draft.newID(), name: try checked(name, "clustername"), zone: zone, pod: pod.id, hypervisor: hypervisor,
      isEnabled: isEnabled, created: draft.now)
    try draft.put(cluster)
    return cluster.id
  }

  package func updateCluster(
    _ id: ID<Cluster>, name: String?, isEnabled: Bool?, isManaged: Bool?, by caller: Caller
  ) async throws {
    try await administer("updateCluster", by: caller) { draft in
      var cluster = try Self.found(id, draft)
      if let name { cluster.name = try Self.checked(name, "clustername") }
      cluster.isEnabled = isEnabled ?? cluster.isEnabled
      cluster.isManaged = isManaged ?? cluster.isManaged
      try draft.put(cluster)
    }
  }

  package func deleteCluster(_ id: ID<Cluster>, by caller: Caller) async throws {
    try await administer("deleteCluster", by: caller) { draft in
      let cluster = try Self.found(id, draft)
      guard draft.state.hosts.count("cluster", .id(id)) == 0, draft.state.storagePools.count("cluster", .id(id)) == 0
      else {
        throw ControlError(
          .resourceInUse, "Cluster \(cluster.name) can not be removed; it has hosts or storage pools")
      }
      try draft.remove(id)
    }
  }
}
