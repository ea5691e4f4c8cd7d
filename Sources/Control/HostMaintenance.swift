package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Moves what is on the host elsewhere and lets nothing new on it.
  package func prepareHostForMaintenance(_ id: ID<Host>, by caller: Caller) async throws -> Started {
    try await administer("prepareHostForMaintenance", .host, by: caller) { draft in
      var host = try Self.found(id, draft)
      guard host.resourceState != .maintenance, host.resourceState != .preparing else {
        throw ControlError(.invalidParameter, "The host is in maintenance already")
      }
      host.resourceState = .preparing
      try draft.put(host)
      try Evacuation.evacuate(host, &draft)
      try Self.note("MAINT.PREPARE", "Preparing host \(host.name) for maintenance", by: caller, "Host", id.uuid, &draft)
      return id.uuid
    }
  }

  package func cancelHostMaintenance(_ id: ID<Host>, by caller: Caller) async throws -> Started {
    try await administer("cancelHostMaintenance", .host, by: caller) { draft in
      var host = try Self.found(id, draft)
      guard host.resourceState == .maintenance || host.resourceState == .preparing else {
        throw ControlError(.invalidParameter, "The host is not in maintenance")
      }
      host.resourceState = nil
      try draft.put(host)
      try Self.note("MAINT.CANCEL", "Ended maintenance of host \(host.name)", by: caller, "Host", id.uuid, &draft)
      return id.uuid
    }
  }

  /// Whether new instances and routers may come to the host.
  package static func isOpen(_ host: Host, in state: CloudState) -> Bool {
    guard host.resourceState ?? .enabled == .enabled else { return false }
    if let cluster = host.cluster.flatMap({ state.clusters[$0] }), !cluster.isEnabled || !cluster.isManaged {
      return false
    }
    return host.pod.flatMap { state.pods[$0] }?.isEnabled ?? true
  }
}

/// Moves what is on a host that takes nothing any more to others of its zone.
enum Evacuation {
  /// Throws if there is no room elsewhere, unless instances may be stopped instead.
  static func evacuate(_ host: Host, stoppingOthers: Bool = false, _ draft: inout Draft) throws {
    for machine in draft.state.virtualMachines.matching("host", .id(host.id)).sorted(by: { $0.id < $1.id })
    where machine.state.isPoweredOn || machine.state == .stopping {
      try requireMovable(host)
      var machine = machine
      do { machine.host = try Control.place(machine, draft) } catch {
        guard stoppingOthers else { throw error }
        machine.state = .stopped
      }
      try draft.put(machine)
    }
    for var router in draft.state.routers.matching("host", .id(host.id)) {
      try requireMovable(host)
      router.host = try Control.routerHost(router.zone, draft)
      try draft.put(router)
    }
    for var balancer in draft.state.internalLoadBalancerVMs.matching("host", .id(host.id)) {
      balancer.host = try Control.routerHost(balancer.zone, draft)
      try draft.put(balancer)
    }
  }

  private static func requireMovable(_ host: Host) throws(ControlError) {
    guard !host.isCarried else {
      throw ControlError(
        .unsupported, "Instances and routers of host \(host.name) cannot move to another; stop and destroy them first")
    }
  }
}
