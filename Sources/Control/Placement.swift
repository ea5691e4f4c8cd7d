package import CloudModel

/// Where instances can be.
package enum Placement {
  /// The memory in MiB that a host has left for the instance; nil if that is too little.
  package static func room(on host: Host, for machine: VirtualMachine, in state: CloudState) -> Int? {
    guard reaches(host, volumesOf: machine, state) else { return nil }
    func memory(of machine: VirtualMachine) -> Int { state.serviceOfferings[machine.offering]?.memoryMiB ?? 0 }
    var free = host.memoryMiB
    // A simulated instance takes no memory worth counting of a node.
    if host.hypervisor != .simulator || !host.isCarried {
      free -= state.sum("powered", host.id, \.memoryMiB)
      if let own = state.virtualMachines[machine.id], own.host == host.id, own.state.isPoweredOn {
        free += memory(of: own)
      }
    }
    return free >= memory(of: machine) ? free : nil
  }

  /// Volumes in the pool of a cluster are there for its hosts only.
  private static func reaches(_ host: Host, volumesOf machine: VirtualMachine, _ state: CloudState) -> Bool {
    if state.storagePools.isEmpty { return true }
    return state.volumes.matching("instance", .id(machine.id)).allSatisfy { volume in
      state.cluster(of: volume).map { $0 == host.cluster } ?? true
    }
  }
}

/// What the affinity groups of an instance say of hosts.
package struct Affinity: Sendable {
  private var excluded: Set<ID<Host>> = []
  private var required: Set<ID<Host>>?
  private var avoided: Set<ID<Host>> = []
  private var preferred: Set<ID<Host>> = []

  package init(of machine: VirtualMachine, in state: CloudState) {
    for id in machine.affinityGroups ?? [] {
      let others = state.virtualMachines.matching("affinitygroup", .id(id)).filter {
        $0.id != machine.id && $0.state.isPlaced && $0.zone == machine.zone
      }
      let hosts = Set(others.compactMap(\.host))
      if hosts.isEmpty { continue }
      switch state.affinityGroups[id]?.type {
      case .together: required = required?.intersection(hosts) ?? hosts
      case .apart: excluded.formUnion(hosts)
      case .ratherTogether: preferred.formUnion(hosts)
      case .ratherApart: avoided.formUnion(hosts)
      case nil: continue
      }
    }
  }

  package func allows(_ host: ID<Host>) -> Bool { !excluded.contains(host) && required?.contains(host) ?? true }

  /// The higher the better.
  package func preference(of host: ID<Host>) -> Int {
    (preferred.contains(host) ? 1 : 0) - (avoided.contains(host) ? 1 : 0)
  }
}
