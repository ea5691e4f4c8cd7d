import FoundationEssentials
import Glibc
import Testing

@testable import Hypervisor

@Suite(.serialized) struct MachineTests {
  @Test(.timeLimit(.minutes(2)))
  func `a tiny machine answers, outlives libvirtd, and leaves nothing behind`() async throws {
    let lab = try await Lab()
    do {
      try await live(lab)
    } catch {
      try? await lab.remove()
      throw error
    }
    try await lab.remove()
    #expect(access("/run/netns/\(lab.name)", F_OK) != 0)
    #expect(TextFile.read("/proc/self/mounts")?.contains(lab.name) == false)
  }

  private func live(_ lab: Lab) async throws {
    // Longer than a socket's path may be.
    let state = lab.folder + "/" + String(repeating: "long", count: 25)
    let libvirt = PrivateLibvirt(stateFolder: state, networkNamespace: lab.namespace)
    let before = Set(try await lab.processes())
    #expect(!libvirt.isRunning)
    try await libvirt.ensureRunning()
    let first = try #require(libvirt.daemonPID)
    try await libvirt.ensureRunning()
    #expect(libvirt.daemonPID == first)

    let connection = LibvirtConnection(libvirt)
    let uuid = UUID().uuidString.lowercased()
    #expect(try await connection.domain(uuid: uuid) == nil)
    let machine = Machine(
      uuid: uuid, name: "i-2-7-VM", cpus: 1, memoryMiB: 96, kernel: lab.template + "/vmlinuz",
      initrd: lab.template + "/initramfs.cpio.gz", cmdline: "console=ttyS0 quiet panic=5", accelerator: .tcg,
      nics: [.init(tap: "tap0", mac: Lab.mac)], consoleLogPath: lab.folder + "/console.log")
    let start = ContinuousClock.now
    try await connection.create(DomainXML.render(machine))
    let created = ContinuousClock.now - start
    let index = try await eventually(within: .seconds(40)) { await lab.get("/") }
    print("libvirt created the machine in \(created), it answered after \(ContinuousClock.now - start)")
    #expect(index == "web-1 \(Lab.address)\n")
    let executed = try await eventually(within: .seconds(20)) { await lab.get("/executed") }
    #expect(executed == "executed\n")
    #expect(await lab.get("/user-data") == TextFile.read(lab.folder + "/metadata/latest/user-data"))
    let qemu = try #require(libvirt.processID(ofMachine: machine.name))

    print("user data executed after \(ContinuousClock.now - start)")
    kill(first, SIGKILL)
    _ = try await eventually(within: .seconds(5)) { libvirt.isRunning ? nil : true }
    #expect(!libvirt.isRunning)
    #expect(await lab.get("/") == index)
    await #expect(throws: HypervisorError.self) { try await connection.domains() }
    let revival = ContinuousClock.now
    try await libvirt.ensureRunning()
    let running = LibvirtConnection.Domain(uuid: uuid, name: machine.name, state: .running)
    let found = try await eventually(within: .seconds(10)) {
      try await connection.domains() == [running] ? true : nil
    }
    #expect(found == true)
    print("libvirtd was back and listed the machine in \(ContinuousClock.now - revival)")
    #expect(libvirt.processID(ofMachine: machine.name) == qemu)

    try await connection.reset(uuid: uuid)
    let again = try await eventually(within: .seconds(40)) {
      TextFile.read(machine.consoleLogPath).map { $0.components(separatedBy: "tiny: web-1 has").count > 2 } == true
        ? true : nil
    }
    #expect(again == true)
    let press = ContinuousClock.now
    try await connection.shutdown(uuid: uuid)
    let off = try await eventually(within: .seconds(20)) {
      try await connection.domain(uuid: uuid)?.state == .shutoff ? true : nil
    }
    #expect(off == true, "the guest heeds the power button")

    print("the guest shut down in \(ContinuousClock.now - press)")
    let restart = ContinuousClock.now
    try await connection.start(uuid: uuid)
    print("libvirt started the machine again in \(ContinuousClock.now - restart)")
    try await connection.destroy(uuid: uuid)
    try await connection.destroy(uuid: uuid)
    try await connection.undefine(uuid: uuid)
    #expect(try await connection.domains().isEmpty)
    let missing = await #expect(throws: HypervisorError.self) { try await connection.start(uuid: uuid) }
    #expect(missing?.code == .noSuchMachine)
    try await connection.close()
    try await libvirt.stop()
    #expect(!libvirt.isRunning)
    let left = try await eventually(within: .seconds(5)) {
      Set(try await lab.processes()).subtracting(before).isEmpty ? true : nil
    }
    #expect(left == true)
  }

  @Test(.timeLimit(.minutes(1)))
  func `the accelerator is found by booting a guest, once`() async throws {
    let lab = try await Lab()
    let first = try await Accelerator.probe(stateFolder: lab.folder, template: lab.template)
    print("accelerator: \(first)")
    let start = ContinuousClock.now
    let second = try await Accelerator.probe(stateFolder: lab.folder, template: "/nonexistent")
    #expect(second == first)
    #expect(ContinuousClock.now - start < .seconds(5))
    try await lab.remove()
  }
}
