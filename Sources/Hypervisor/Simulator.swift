import Addresses
import Glibc
import Kernel
import NodePlan

/// A simulated instance: a network namespace with the instance's links and a web server that tells who it is. It runs
/// on without the agent, and ends with the machine.
struct Simulator: Sendable {
  let folder: InstanceFolder
  let network: any InstanceNetwork

  /// Whether the namespace of the record is there. A cheap look: one system call.
  static func isRunning(_ record: InstanceRecord, _ folder: InstanceFolder) -> Bool {
    var status = stat()
    return record.bootID == BootID.current && stat(folder.namespacePath, &status) == 0
      && UInt64(status.st_ino) == record.namespace
  }

  /// Starts the instance anew; whatever ran under its name is ended first.
  @concurrent
  func start(_ wanted: InstanceRecord, ports: [Port]) async throws -> InstanceRecord {
    try end(folder.record)
    let root = folder.path + "/www"
    try TextFile.makeFolder(root)
    let address = wanted.nics.first.map { IPv4($0.address).description } ?? ""
    try VolatileFile.write("\(wanted.hostName) \(address)\n", to: root + "/index.html")
    let namespace = try NetworkNamespace.create(at: folder.namespacePath)
    try await plug(wanted, ports: ports, into: namespace, isNew: true)
    var record = wanted
    record.namespace = namespace.inode
    record.process = try ChildProcess.spawn(
      executable: Simulator.executable, arguments: ["httpd", "-f", "-p", "80", "-h", root], namespace: namespace,
      environment: ["PATH": "/usr/bin:/bin"])
    try folder.write(record)
    return record
  }

  /// Connects an instance that runs to a network that may have been made anew.
  @concurrent
  func adopt(_ record: InstanceRecord, ports: [Port]) async throws {
    let namespace = try NetworkNamespace.open(path: folder.namespacePath)
    try await plug(record, ports: ports, into: namespace, isNew: false)
  }

  /// Gives a running instance the further addresses of `wanted`, and takes those away that are not among them.
  @concurrent
  func readdress(_ running: InstanceRecord, as wanted: InstanceRecord) async throws -> InstanceRecord {
    let routes = try RouteSocket(in: NetworkNamespace.open(path: folder.namespacePath))
    let present = try routes.addresses()
    for (index, nic) in running.nics.enumerated() {
      let link = "eth\(index)"
      guard let number = try routes.link(link)?.index else { continue }
      let secondary = wanted.secondary?[nic.port] ?? []
      let kept = Set([nic.address] + secondary)
      for address in present where address.link == number && !kept.contains(address.address.value) {
        try routes.removeAddress(address.address, prefixLength: address.prefixLength, link: link)
      }
      let there = Set(present.filter { $0.link == number }.map(\.address.value))
      for address in secondary where !there.contains(address) {
        try routes.addAddress(IPv4(address), prefixLength: 32, link: link)
      }
    }
    var record = running
    record.secondary = wanted.secondary
    try folder.write(record)
    return record
  }

  /// Sets up links that were made anew while the instance ran. True if there was something to do.
  @concurrent
  func repair(_ record: InstanceRecord) async throws -> Bool {
    let namespace = try NetworkNamespace.open(path: folder.namespacePath)
    let routes = try RouteSocket(in: namespace)
    var isRepaired = false
    for (index, nic) in record.nics.enumerated() where try routes.link("eth\(index)")?.isUp == false {
      try Simulator.configure(nic, record.secondary?[nic.port] ?? [], "eth\(index)", isDefault: index == 0, routes)
      isRepaired = true
    }
    return isRepaired
  }

  private func plug(
    _ record: InstanceRecord, ports: [Port], into namespace: NetworkNamespace, isNew: Bool
  ) async throws {
    if isNew { try Simulator.silence(namespace) }
    let routes = try RouteSocket(in: namespace)
    for (index, nic) in record.nics.enumerated() {
      guard let port = ports.first(where: { $0.id == nic.port }) else { continue }
      try await network.plugVeth(port, into: namespace, as: "eth\(index)")
      try Simulator.configure(nic, record.secondary?[nic.port] ?? [], "eth\(index)", isDefault: index == 0, routes)
    }
  }

  private static func configure(
    _ nic: InstanceRecord.NIC, _ secondary: [UInt32], _ link: String, isDefault: Bool, _ routes: RouteSocket
  ) throws {
    try routes.addAddress(IPv4(nic.address), prefixLength: nic.prefixLength, link: link)
    let index = try routes.link(link)?.index
    let present = secondary.isEmpty ? [] : Set(try routes.addresses().filter { $0.link == index }.map(\.address.value))
    for address in secondary where !present.contains(address) {
      try routes.addAddress(IPv4(address), prefixLength: 32, link: link)
    }
    try routes.setUp(link)
    if isDefault {
      try routes.replaceRoute(IPv4Prefix(IPv4(0), length: 0), via: IPv4(nic.gateway), link: link, onlink: true)
    }
  }

  /// The namespace says nothing by itself.
  private static func silence(_ namespace: NetworkNamespace) throws {
    try namespace.run {
      for (path, value) in [
        ("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1"),
        ("ipv4/conf/all/accept_redirects", "0"), ("ipv4/conf/default/accept_redirects", "0"),
      ] {
        let file = open("/proc/sys/net/" + path, O_WRONLY | O_CLOEXEC)
        // A kernel without IPv6 has nothing to silence.
        if file < 0 { continue }
        write(file, value, value.utf8.count)
        close(file)
      }
    }
  }

  /// Ends everything inside and takes the namespace away. No error if there is nothing.
  @concurrent
  func stop() async throws { try end(folder.record) }

  private func end(_ record: InstanceRecord?) throws {
    if record?.bootID == BootID.current { try record?.process?.terminate(grace: .zero) }
    do {
      let namespace = try NetworkNamespace.open(path: folder.namespacePath)
      for pid in try namespace.processes() { kill(pid, SIGKILL) }
    } catch let error as KernelError where error.code == ENOENT {
      // The name may be lost and the namespace alive, with the instance's address in it.
      if let inode = record?.namespace, record?.bootID == BootID.current {
        for pid in try NetworkNamespace.processes(inNamespace: inode) { kill(pid, SIGKILL) }
      }
    }
    try NetworkNamespace.unmount(path: folder.namespacePath)
    ChildProcess.reapAll()
  }

  private static let executable = access("/usr/bin/busybox", X_OK) == 0 ? "/usr/bin/busybox" : "/bin/busybox"
}
