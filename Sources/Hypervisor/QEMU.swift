import Addresses
import FoundationEssentials
import Kernel
import NodePlan

/// Virtual machines in the node's private libvirt, which is started when the first one is needed.
actor QEMU {
  private let state: String
  private let templates: String
  private let libvirt: PrivateLibvirt
  private let connection: LibvirtConnection
  private let network: any InstanceNetwork
  private var accelerator: Accelerator?
  private var probing: Task<Accelerator, any Error>?
  private var starting: Task<Void, any Error>?

  init(state: String, templates: String, network: any InstanceNetwork) {
    self.state = state
    self.templates = templates
    self.network = network
    libvirt = PrivateLibvirt(stateFolder: state, networkNamespace: InstanceFolder.namespaces(state) + "/fabric")
    connection = LibvirtConnection(libvirt)
  }

  /// `kvm` or `tcg`; empty as long as no machine was needed.
  var acceleratorName: String { accelerator?.acceleration.rawValue ?? "" }

  private func prepare(template: String) async throws -> Accelerator {
    // Several machines start at a time; the daemon and the probe are for one only.
    if starting == nil {
      let libvirt = self.libvirt
      starting = Task { try await libvirt.ensureRunning() }
    }
    let start = starting
    do {
      try await start?.value
      starting = nil
    } catch {
      starting = nil
      throw error
    }
    if let accelerator { return accelerator }
    if probing == nil {
      let state = self.state
      probing = Task { try await Accelerator.probe(stateFolder: state, template: template) }
    }
    defer { probing = nil }
    guard let found = try await probing?.value else {
      throw HypervisorError(.daemonStart, "it is not known whether guests can use KVM")
    }
    accelerator = found
    return found
  }

  /// Starts the machine, or leaves it as it is if it runs with this definition and boot count.
  func start(_ instance: Instance, _ wanted: InstanceRecord, ports: [Port], folder: InstanceFolder) async throws
    -> InstanceRecord
  {
    guard InstanceFolder.isValid(instance.template) else {
      throw HypervisorError(.template, "the template name '\(instance.template)' is not usable")
    }
    let template = templates + "/" + instance.template
    let accelerator = try await prepare(template: template)
    try TextFile.makeFolder(folder.path)
    var nics: [Machine.NIC] = []
    for port in ports {
      let tap = try await network.plugTap(port)
      nics.append(Machine.NIC(tap: tap.link, mac: MAC(port.mac).description, mtu: Int(tap.mtu)))
    }
    let machine = Machine(
      uuid: instance.id, name: instance.internalName.isEmpty ? instance.id : instance.internalName,
      cpus: Int(max(instance.cpus, 1)), memoryMiB: Int(max(instance.memoryMib, 32)), kernel: template + "/vmlinuz",
      initrd: template + "/initramfs.cpio.gz", cmdline: QEMU.commandLine(template),
      accelerator: accelerator.acceleration, nics: nics, consoleLogPath: folder.path + "/console.log")
    var record = wanted
    record.definition = DomainXML.render(machine)
    let before = folder.record
    let isRunning = try await connection.domain(uuid: instance.id)?.state == .running
    if isRunning && before?.definition == record.definition {
      if before?.bootCount != record.bootCount { try await connection.reset(uuid: instance.id) }
    } else {
      if isRunning { try await connection.destroy(uuid: instance.id) }
      try await connection.create(record.definition ?? "")
      // Starting a machine changes its taps' MACs, which costs them their neighbours.
      for port in ports { _ = try await network.plugTap(port) }
    }
    try folder.write(record)
    return record
  }

  private struct TemplateDescription: Decodable {
    var cmdline: String
  }

  private static func commandLine(_ template: String) -> String {
    guard let text = TextFile.read(template + "/template.json"),
      let description = try? JSONDecoder().decode(TemplateDescription.self, from: Data(text.utf8))
    else { return "console=ttyS0 quiet panic=5" }
    return description.cmdline
  }

  /// Asks the guest to power off, and after five seconds makes it.
  func stop(_ id: String, grace: Duration = .seconds(5)) async throws {
    if !libvirt.isRunning { try await libvirt.ensureRunning() }
    guard let domain = try await connection.domain(uuid: id) else { return }
    if domain.state == .running {
      try? await connection.shutdown(uuid: id)
      let deadline = ContinuousClock.now + grace
      while ContinuousClock.now < deadline, try await connection.domain(uuid: id)?.state == .running {
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    try await connection.destroy(uuid: id)
    try await connection.undefine(uuid: id)
  }

  /// The machines that run; starts libvirtd again if it died.
  func running() async throws -> Set<String> {
    if !libvirt.isRunning { try await libvirt.ensureRunning() }
    return Set(try await connection.domains().filter { $0.state == .running }.map(\.uuid))
  }
}
