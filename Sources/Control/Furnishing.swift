import CloudModel
import FoundationEssentials
import Ledger

/// What every zone has beside its hosts. Zones of clouds from before there was such a thing get it when a manager starts.
enum Furnishing {
  static func isComplete(_ state: CloudState) -> Bool {
    !state.regions.isEmpty
      && state.hosts.all.allSatisfy { $0.cluster != nil || !$0.isCarried }
  }

  static func furnish(_ draft: inout Draft) throws {
    if draft.state.regions.isEmpty {
      try draft.put(
        Region(
          id: draft.newID(), number: Control.ownRegion, name: "Local", endpoint: "http://localhost:8080/client/",
          created: draft.now))
    }
    for zone in draft.state.zones.all.sorted(by: { $0.id < $1.id }) {
      let bare = draft.state.hosts.matching("zone", .id(zone.id)).filter { $0.cluster == nil && $0.isCarried }
      if bare.isEmpty { continue }
      let pod = try pod(of: zone, &draft)
      for var host in bare.sorted(by: { $0.id < $1.id }) {
        host.pod = pod
        host.cluster = try cluster(of: host, zone, pod, &draft)
        try draft.put(host)
      }
      if draft.state.physicalNetworks.count("zone", .id(zone.id)) == 0 { try addPhysicalNetwork(zone, &draft) }
    }
  }

  private static func pod(of zone: Zone, _ draft: inout Draft) throws -> ID<Pod> {
    let known = draft.state.pods.matching("zone", .id(zone.id)).min { $0.id < $1.id }
    if let known { return known.id }
    let pod = Pod(id: draft.newID(), name: "\(zone.name)-pod", zone: zone.id, created: draft.now)
    try draft.put(pod)
    return pod.id
  }

  private static func cluster(
    of host: Host, _ zone: Zone, _ pod: ID<Pod>, _ draft: inout Draft
  ) throws -> ID<Cluster> {
    let known = draft.state.clusters.matching("pod", .id(pod)).first { $0.hypervisor == host.hypervisor }
    if let known { return known.id }
    let cluster = Cluster(
      id: draft.newID(), name: "\(zone.name)-\(host.hypervisor.rawValue.lowercased())", zone: zone.id, pod: pod,
      hypervisor: host.hypervisor, created: draft.now)
    try draft.put(cluster)
    return cluster.id
  }

  private static func addPhysicalNetwork(_ zone: Zone, _ draft: inout Draft) throws {
    var network = PhysicalNetwork(
      id: draft.newID(), name: "\(zone.name)-network", zone: zone.id, isEnabled: true,
      isolationMethods: zone.series == .basic ? ["L3"] : ["VXLAN"], created: draft.now)
    network.trafficTypes = [TrafficKind.guest, .management, .public].map { kind in
      TrafficType(id: draft.newUUID(), kind: kind)
    }
    let names = zone.series == .basic ? [Providers.router, Providers.securityGroups] : [Providers.router]
    network.providers = names.map { name in
      ServiceProvider(
        id: draft.newUUID(), name: name, isEnabled: true, services: Providers.services(of: name) ?? [],
        elements: Providers.hasElement(name) ? [ProviderElement(id: draft.newUUID(), isEnabled: true)] : [])
    }
    try draft.put(network)
  }
}

extension Control {
  /// Gives zones of earlier clouds what they lack.
  func furnish() async throws {
    let state = self.state
    guard !state.domains.isEmpty, !Furnishing.isComplete(state) else { return }
    try await transact(Cause(actor: "system/start", command: "furnishZones", job: nil)) { draft in
      try Furnishing.furnish(&draft)
    }
  }
}
