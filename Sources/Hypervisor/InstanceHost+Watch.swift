import Glibc
import Kernel
import Logging
import NodePlan

extension InstanceHost {
  /// Simulators whose links are looked at in one round; whether they are there at all is looked at in each.
  private static let linksPerLook = 32

  /// Once a second until the task is cancelled: what should run and does not is started again.
  package func watch() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: .seconds(1)) } catch { return }
      await look()
    }
  }

  package func look() async {
    ChildProcess.reapAll()
    let now = ContinuousClock.now
    for (id, failure) in failures where failure.retry <= now { enqueue(id) }
    for (id, state) in present where state.record.kind == .simulator && wanted[id]?.instance.poweredOn == true {
      if !Simulator.isRunning(state.record, state.folder) { restart(id, "its namespace is gone") }
    }
    await lookAtLinks()
    await lookAtMachines()
  }

  private func restart(_ id: String, _ reason: String) {
    if failures[id] != nil { return }
    logger.warning("instance \(id) does not run (\(reason)); starting it again")
    repairs[id, default: 0] += 1
    var status = ScopeReport()
    status.scope = "instance/" + id
    status.generation = wanted[id]?.generation ?? 0
    status.phase = .lost
    status.message = reason
    status.lastDrift = reason
    status.detectedAtNs = InstanceHost.now()
    status.lostAtNs = status.detectedAtNs
    status.repairs = repairs[id] ?? 0
    report(status)
    enqueue(id)
  }

  private func lookAtLinks() async {
    let simulators = present.filter { $0.value.record.kind == .simulator }.keys.sorted()
    if simulators.isEmpty { return }
    for step in 0..<min(InstanceHost.linksPerLook, simulators.count) {
      let id = simulators[(lookCursor + step) % simulators.count]
      guard let state = present[id], wanted[id]?.instance.poweredOn == true else { continue }
      if (try? await Simulator(folder: state.folder, network: network).repair(state.record)) == true {
        repairs[id, default: 0] += 1
        logger.warning("instance \(id) was plugged in anew")
      }
    }
    lookCursor = (lookCursor + InstanceHost.linksPerLook) % simulators.count
  }

  private func lookAtMachines() async {
    let machines = present.filter { $0.value.record.kind == .qemu && wanted[$0.key]?.instance.poweredOn == true }.keys
    if machines.isEmpty { return }
    do {
      let running = try await qemu.running()
      for id in machines where !running.contains(id) && present[id] != nil { restart(id, "its machine is off") }
    } catch {
      logger.warning("the machines cannot be looked at: \(error)")
    }
  }

  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Ends all instances of a node, also those of an agent that crashed, and removes their folders and libvirtd. What is
  /// not there any more is no error. To be called before the network is destroyed.
  @concurrent
  package static func destroyAll(state: String) async throws {
    let ids = InstanceFolder.ids(state)
    let records = ids.compactMap { InstanceFolder(state: state, id: $0).record }
    let libvirt = PrivateLibvirt(stateFolder: state, networkNamespace: InstanceFolder.namespaces(state) + "/fabric")
    // libvirtd lets go of its machines in order if it can; whatever it cannot is ended below.
    if libvirt.isRunning {
      let connection = LibvirtConnection(libvirt)
      for domain in (try? await connection.domains()) ?? [] {
        try? await connection.destroy(uuid: domain.uuid)
        try? await connection.undefine(uuid: domain.uuid)
      }
      try? await connection.close()
      try await libvirt.stop()
    }
    for name in names(in: libvirt.folder + "/run/qemu") where name.hasSuffix(".pid") {
      if let pid = libvirt.processID(ofMachine: String(name.dropLast(4))) { kill(pid, SIGKILL) }
    }
    var inodes: Set<UInt64> = []
    for record in records where record.kind == .simulator && record.bootID == BootID.current {
      try record.process?.terminate(grace: .zero)
      if let inode = record.namespace { inodes.insert(inode) }
    }
    let namespaces = InstanceFolder.namespaces(state)
    let paths = names(in: namespaces).filter { $0.hasPrefix("i-") }.map { namespaces + "/" + $0 }
    // Machines run in the fabric, and nothing there but what belongs to this cloud.
    for path in paths + [namespaces + "/fabric"] {
      if let namespace = try? NetworkNamespace.open(path: path) { inodes.insert(namespace.inode) }
    }
    try await endAll(in: inodes)
    for path in paths { try NetworkNamespace.unmount(path: path) }
    for id in ids { try InstanceFolder(state: state, id: id).remove() }
    rmdir(InstanceFolder.all(state))
    ChildProcess.reapAll()
  }

  /// Ends what runs in the network namespaces, and what it starts meanwhile; returns when all of it has gone.
  private static func endAll(in inodes: Set<UInt64>) async throws {
    if inodes.isEmpty { return }
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      var last: Int32?
      for name in names(in: "/proc") {
        guard let pid = Int32(name) else { continue }
        var status = stat()
        guard stat("/proc/\(name)/ns/net", &status) == 0, inodes.contains(UInt64(status.st_ino)) else { continue }
        kill(pid, SIGKILL)
        last = pid
      }
      guard let last else { return }
      if ContinuousClock.now >= deadline { throw HypervisorError(.timeLimit, "process \(last) does not end") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }
}
