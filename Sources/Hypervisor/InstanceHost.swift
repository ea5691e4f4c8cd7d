package import Logging
package import NodePlan

/// The instances of a node: starts, stops and watches them as the plan says, and reports each as a scope of its own.
package actor InstanceHost {
  package struct Configuration: Sendable {
    package var state: String
    /// Folder of folders that machines boot from.
    package var templates: String
    /// Instances that are worked on at a time.
    package var concurrency = 8

    package init(state: String, templates: String) {
      self.state = state
      self.templates = templates
    }
  }

  struct Wanted {
    var instance: Instance
    var generation: UInt64
  }

  /// What is known of an instance between two looks.
  struct Present {
    var record: InstanceRecord
    var folder: InstanceFolder
  }

  let configuration: Configuration
  let network: any InstanceNetwork
  let qemu: QEMU
  let logger: Logger
  let report: @Sendable (ScopeReport) -> Void

  var places = InstancePlaces()
  /// Absent here but present on the node: to be removed.
  var wanted: [String: Wanted] = [:]
  var present: [String: Present] = [:]
  private var removedAt: [String: UInt64] = [:]
  private var queue: [String] = []
  private var queueHead = 0
  private var queued: Set<String> = []
  private var busy: Set<String> = []
  var failures: [String: (count: Int, retry: ContinuousClock.Instant)] = [:]
  var repairs: [String: UInt64] = [:]
  private var generation: UInt64 = 0
  var lookCursor = 0

  /// `report` is called from the actor, in order.
  package init(
    configuration: Configuration, network: any InstanceNetwork, logger: Logger,
    report: @escaping @Sendable (ScopeReport) -> Void
  ) {
    self.configuration = configuration
    self.network = network
    self.logger = logger
    self.report = report
    qemu = QEMU(state: configuration.state, templates: configuration.templates, network: network)
  }

  /// `kvm` or `tcg`, empty while unknown.
  package var accelerator: String {
    get async { await qemu.acceleratorName }
  }

  /// Takes over a step of the plan; the work is done afterwards and reported as it is. Objects that have nothing to do
  /// with instances are ignored. `complete`: the upserts are all there is to be.
  package func apply(upserts: [PlanObject], removals: [String], complete: Bool, generation: UInt64) {
    self.generation = generation
    var touched: Set<String> = []
    if complete {
      let keys = Set(upserts.map(\.key))
      for key in places.keys where !keys.contains(key) { touched.formUnion(places.remove(key)) }
      // What an earlier agent started and nobody wants any more.
      touched.formUnion(InstanceFolder.ids(configuration.state))
    }
    for key in removals { touched.formUnion(places.remove(key)) }
    for object in upserts { touched.formUnion(places.insert(object)) }
    for id in touched.sorted() {
      if let instance = places.instances[id] {
        wanted[id] = Wanted(instance: instance, generation: generation)
        removedAt[id] = nil
      } else {
        wanted[id] = nil
        removedAt[id] = generation
      }
      failures[id] = nil
      // What was verified of an earlier plan says nothing of this one.
      var status = ScopeReport()
      status.scope = "instance/" + id
      status.generation = generation
      status.phase = .applying
      status.poweredOn = present[id] != nil
      status.repairs = repairs[id] ?? 0
      report(status)
      enqueue(id)
    }
  }

  /// True while nothing waits to be done.
  package var isIdle: Bool { busy.isEmpty && queued.isEmpty }

  func enqueue(_ id: String) {
    guard queued.insert(id).inserted else { return }
    queue.append(id)
    pump()
  }

  private func pump() {
    while busy.count < configuration.concurrency, queueHead < queue.count {
      let id = queue[queueHead]
      queueHead += 1
      if queueHead == queue.count {
        queue.removeAll(keepingCapacity: true)
        queueHead = 0
      }
      if busy.contains(id) {
        // One step at a time per instance; it is queued again when the present one is done.
        continue
      }
      queued.remove(id)
      busy.insert(id)
      Task { await work(id) }
    }
  }

  private func work(_ id: String) async {
    let instance = wanted[id]?.instance
    let generation = wanted[id]?.generation ?? removedAt[id] ?? self.generation
    var status = ScopeReport()
    status.scope = "instance/" + id
    status.generation = generation
    do {
      if !InstanceFolder.isValid(id) { throw HypervisorError(.fileSystem, "the instance id '\(id)' is not usable") }
      if let instance {
        if instance.poweredOn { try await run(instance) } else { try await stop(id, removing: false) }
        status.poweredOn = instance.poweredOn
      } else {
        try await stop(id, removing: true)
      }
      status.phase = .verified
      status.appliedAtNs = InstanceHost.now()
      status.verifiedAtNs = status.appliedAtNs
      failures[id] = nil
    } catch {
      let count = (failures[id]?.count ?? 0) + 1
      failures[id] = (count, .now + .seconds(min(1 << min(count, 4), 15)))
      status.phase = .failed
      status.message = "\(error)"
      status.failedKeys = [status.scope]
      status.poweredOn = present[id] != nil
      logger.warning("instance \(id): \(error)")
    }
    status.repairs = repairs[id] ?? 0
    // What was asked for meanwhile is reported when it is done.
    let isOvertaken = queued.contains(id)
    if !isOvertaken { report(status) }
    if status.phase == .verified && instance == nil && wanted[id] == nil {
      removedAt[id] = nil
      repairs[id] = nil
    }
    busy.remove(id)
    if queued.contains(id) {
      queued.remove(id)
      enqueue(id)
    }
    pump()
  }

  private func run(_ instance: Instance) async throws {
    let (record, ports) = try places.record(of: instance)
    let folder = InstanceFolder(state: configuration.state, id: instance.id)
    let before = present[instance.id]?.record ?? folder.record
    if before == nil || before?.kind == record.kind {
      if record.kind == .qemu {
        let started = try await qemu.start(instance, record, ports: ports, folder: folder)
        present[instance.id] = Present(record: started, folder: folder)
        return
      }
    } else {
      try await stop(instance.id, removing: true)
    }
    let simulator = Simulator(folder: folder, network: network)
    if let before, before.matches(record), Simulator.isRunning(before, folder) {
      // What this agent has plugged in already is watched; only what changes is to be done.
      let isPlugged = present[instance.id] != nil && before.secondary != record.secondary
      if !isPlugged { try await simulator.adopt(before, ports: ports) }
      let current = before.secondary == record.secondary ? before : try await simulator.readdress(before, as: record)
      present[instance.id] = Present(record: current, folder: folder)
      return
    }
    let started = try await simulator.start(record, ports: ports)
    present[instance.id] = Present(record: started, folder: folder)
  }

  private func stop(_ id: String, removing: Bool) async throws {
    let folder = InstanceFolder(state: configuration.state, id: id)
    if let record = present[id]?.record ?? folder.record {
      switch record.kind {
      case .qemu: try await qemu.stop(id)
      case .simulator: try await Simulator(folder: folder, network: network).stop()
      }
      for nic in record.nics { try await network.unplug(nic.port) }
    }
    present[id] = nil
    if removing { try folder.remove() }
  }
}
