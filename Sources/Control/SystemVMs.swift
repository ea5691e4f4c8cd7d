package import CloudModel
import FoundationEssentials
import Ledger
import Logging

/// Every enabled zone of simulated hosts has one machine of each type, as long as a host can take it.
enum SystemVMs {
  /// Does what the changes of a draft to hosts, and to what they stand in, come to.
  static func keep(_ draft: inout Draft) throws {
    var zones = Set(draft.touched(Zone.self))
    zones.formUnion(draft.touched(Cluster.self).compactMap { draft.get($0)?.zone })
    zones.formUnion(draft.touched(Pod.self).compactMap { draft.get($0)?.zone })
    zones.formUnion(draft.touched(SystemVM.self).compactMap { draft.get($0)?.zone })
    for host in draft.touched(Host.self) {
      if let zone = draft.get(host)?.zone { zones.insert(zone) }
      zones.formUnion(draft.state.systemVMs.matching("host", .id(host)).map(\.zone))
    }
    for zone in zones.sorted() { try keep(zone, &draft) }
  }

  static func keep(_ zone: ID<Zone>, _ draft: inout Draft) throws {
    let machines = draft.state.systemVMs.matching("zone", .id(zone)).sorted { $0.number < $1.number }
    let hosts = hosts(of: zone, draft.state)
    guard !hosts.isEmpty else {
      for machine in machines { try draft.remove(machine.id) }
      return
    }
    let open = hosts.first { Control.isOpen($0, in: draft.state) }
    for machine in machines {
      let placed = place(machine, hosts, open)
      if placed != machine { try draft.put(placed) }
    }
    guard let open, draft.get(zone)?.isDisabled != true else { return }
    for type in SystemVMType.allCases where !machines.contains(where: { $0.type == type && $0.state != .destroyed }) {
      try draft.put(
        SystemVM(
          id: draft.newID(), number: (draft.state.systemVMs.all.map(\.number).max() ?? 0) + 1, type: type, zone: zone,
          host: open.id, state: .running, created: draft.now))
    }
  }

  private static func hosts(of zone: ID<Zone>, _ state: CloudState) -> [Host] {
    if state.zones[zone] == nil || state.isCarried(zone) { return [] }
    return state.hosts.matching("zone", .id(zone)).filter { $0.hypervisor == .simulator }.sorted { $0.id < $1.id }
  }

  /// Whether a zone lacks what it should have.
  static func areLacking(in zone: Zone, _ state: CloudState) -> Bool {
    zone.isDisabled != true && state.systemVMs.count("zone", .id(zone.id)) == 0
      && hosts(of: zone.id, state).contains { Control.isOpen($0, in: state) }
  }

  /// Where a machine goes on that is on a host which is gone or lets everything go.
  private static func place(_ machine: SystemVM, _ hosts: [Host], _ open: Host?) -> SystemVM {
    var machine = machine
    if machine.awaitsHost == true, let open {
      machine.host = open.id
      machine.state = .running
      machine.awaitsHost = nil
      return machine
    }
    let own = hosts.first { $0.id == machine.host }
    let isPlaced = machine.state.isPlaced
    if own == nil { machine.host = open?.id ?? hosts[0].id }
    guard isPlaced, own.map({ $0.resourceState == .preparing || $0.resourceState == .maintenance }) ?? true else {
      return machine
    }
    if let open {
      machine.host = open.id
    } else {
      machine.awaitsHost = machine.state.isPoweredOn ? true : nil
      machine.state = .stopped
    }
    return machine
  }
}

extension Control {
  /// Gives zones of earlier clouds the machines that they lack.
  func takeUpSystemVMs() async {
    @Sendable func lacking(_ state: CloudState) -> [ID<Zone>] {
      state.zones.all.filter { SystemVMs.areLacking(in: $0, state) }.map(\.id).sorted()
    }
    guard !lacking(state).isEmpty else { return }
    do {
      _ = try await transact(Cause(actor: "system/start", command: "takeUpSystemVms", job: nil)) { draft in
        for zone in lacking(draft.state) { try SystemVMs.keep(zone, &draft) }
      }
    } catch {
      logger.error("the system VMs of zones could not be made", metadata: ["error": "\(error)"])
    }
  }

  package func startSystemVM(_ id: ID<SystemVM>, by caller: Caller) async throws -> Started {
    try await change(id, "startSystemVm", "START", by: caller) { machine, draft in
      guard machine.state != .running else { return }
      machine.host = try Self.systemHost(for: machine, draft)
      machine.state = .starting
      machine.awaitsHost = nil
    }
  }

  package func stopSystemVM(_ id: ID<SystemVM>, by caller: Caller) async throws -> Started {
    try await change(id, "stopSystemVm", "STOP", by: caller) { machine, _ in
      machine.awaitsHost = nil
      if machine.state == .running { machine.state = .stopping }
    }
  }

  package func rebootSystemVM(_ id: ID<SystemVM>, by caller: Caller) async throws -> Started {
    try await change(id, "rebootSystemVm", "REBOOT", by: caller) { machine, _ in
      guard machine.state == .running else {
        throw ControlError(.invalidParameter, "The system VM \(machine.name) is stopped; start it instead")
      }
    }
  }

  /// The cloud makes another one in its place at once.
  package func destroySystemVM(_ id: ID<SystemVM>, by caller: Caller) async throws -> Started {
    try await change(id, "destroySystemVm", "DESTROY", by: caller) { machine, _ in
      machine.awaitsHost = nil
      machine.state = .destroyed
    }
  }

  /// To `wanted`, or to the first host that takes it.
  package func migrateSystemVM(_ id: ID<SystemVM>, to wanted: ID<Host>?, by caller: Caller) async throws -> Started {
    try await change(id, "migrateSystemVm", "MIGRATE", by: caller) { machine, draft in
      guard machine.state == .running else {
        throw ControlError(
          .invalidParameter, "The system VM \(machine.name) is not running, unable to migrate it; start it first")
      }
      if let wanted {
        guard wanted != machine.host else {
          throw ControlError(.invalidParameter, "The system VM is on that host already; name another")
        }
        let host = try Self.found(wanted, draft)
        guard host.zone == machine.zone, Self.isOpen(host, in: draft.state) else {
          throw ControlError(
            .invalidParameter, "The host \(host.name) is in another zone than the system VM or takes nothing new")
        }
      }
      machine.host = try wanted ?? Self.systemHost(for: machine, draft)
      machine.state = .migrating
    }
  }

  /// A host that takes the machine: another one than its own if it runs.
  private static func systemHost(for machine: SystemVM, _ draft: borrowing Draft) throws -> ID<Host> {
    let state = draft.state
    let open = state.hosts.matching("zone", .id(machine.zone)).filter { host in
      host.hypervisor == .simulator && isOpen(host, in: state)
        && (machine.state != .running || host.id != machine.host)
    }
    guard let host = open.min(by: { $0.id < $1.id }) else {
      throw ControlError(.insufficientCapacity, "No other host of the zone takes the system VM \(machine.name)")
    }
    return host.id
  }

  private func change(
    _ id: ID<SystemVM>, _ command: String, _ happening: String, by caller: Caller,
    _ body: @escaping @Sendable (inout SystemVM, borrowing Draft) throws -> Void
  ) async throws -> Started {
    try await administer(command, .systemVM, by: caller) { draft in
      var machine = try Self.found(id, draft)
      guard machine.state == .running || machine.state == .stopped else {
        throw ControlError(
          .resourceUnavailable, "The system VM \(machine.name) is \(machine.state.rawValue); try again when it is not")
      }
      try body(&machine, draft)
      try draft.put(machine)
      let family = machine.type == .secondaryStorage ? "SSVM" : "PROXY"
      try Self.note(
        happening == "MIGRATE" ? "VM.MIGRATE" : "\(family).\(happening)",
        "\(happening.capitalized): system VM \(machine.name)", by: caller, "SystemVm", id.uuid, &draft)
      return id.uuid
    }
  }
}
