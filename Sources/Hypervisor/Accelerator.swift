import FoundationEssentials
import Glibc

/// Whether guests run by KVM or are emulated. That /dev/kvm opens says little: what counts is a guest that boots.
package struct Accelerator: Hashable, Sendable, Codable {
  package var acceleration: Machine.Acceleration
  /// For an operator, one sentence.
  package var reason: String

  /// A folder made by `build-tiny-template`.
  package static func probe(
    stateFolder: String, template: String, timeLimit: Duration = .seconds(8)
  ) async throws -> Accelerator {
    let folder = stateFolder + "/hypervisor"
    let cache = folder + "/accelerator.json"
    try TextFile.makeFolder(folder, mode: 0o711)
    let key = try await Key.current(scratch: folder + "/qemu-version.log")
    if let text = TextFile.read(cache), let known = try? JSONDecoder().decode(Cached.self, from: Data(text.utf8)),
      known.key == key
    {
      return known.result
    }
    let result = try await measure(template: template, log: folder + "/probe.log", timeLimit: timeLimit)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try TextFile.write(
      String(decoding: encoder.encode(Cached(key: key, result: result)), as: UTF8.self) + "\n", to: cache)
    return result
  }

  private static func measure(template: String, log: String, timeLimit: Duration) async throws -> Accelerator {
    for file in ["vmlinuz", "initramfs.cpio.gz"] where access("\(template)/\(file)", R_OK) != 0 {
      throw HypervisorError(.template, "\(template)/\(file) is missing; make it with build-tiny-template")
    }
    guard access("/dev/kvm", R_OK | W_OK) == 0 else {
      return Accelerator(acceleration: .tcg, reason: "/dev/kvm: \(String(cString: strerror(errno)))")
    }
    let status = try await Program.run(
      [
        "/usr/bin/qemu-system-x86_64", "-machine", "q35,accel=kvm", "-cpu", "host", "-m", "128", "-nodefaults",
        "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", "\(template)/vmlinuz",
        "-initrd", "\(template)/initramfs.cpio.gz", "-append", "console=ttyS0 quiet panic=-1 daruma.probe",
      ],
      output: log, timeLimit: timeLimit)
    let said = TextFile.read(log) ?? ""
    // The token alone counts: a machine that cannot power off still runs guests.
    if said.contains("daruma: probe: the guest runs") {
      return Accelerator(acceleration: .kvm, reason: "a probe guest booted with KVM")
    }
    guard let status else {
      return Accelerator(acceleration: .tcg, reason: "a probe guest did not boot with KVM in \(timeLimit)")
    }
    let line = said.split(separator: "\n").last.map { ": \($0.prefix(200))" } ?? ""
    return Accelerator(acceleration: .tcg, reason: "QEMU ended with status \(status) with KVM\(line)")
  }

  private struct Cached: Codable {
    var key: Key
    var result: Accelerator
  }

  private struct Key: Hashable, Codable {
    var kernelRelease: String
    var bootID: String
    var qemuVersion: String

    static func current(scratch: String) async throws -> Key {
      let status = try await Program.run(
        ["/usr/bin/qemu-system-x86_64", "--version"], output: scratch, timeLimit: .seconds(10))
      let version = TextFile.read(scratch)?.split(separator: "\n").first.map(String.init) ?? ""
      unlink(scratch)
      guard status == 0 else {
        throw HypervisorError(.daemonStart, "qemu-system-x86_64 does not run; install qemu-system-x86. \(version)")
      }
      let release = TextFile.read("/proc/sys/kernel/osrelease")?.filter { !$0.isWhitespace } ?? ""
      return Key(kernelRelease: release, bootID: PrivateLibvirt.bootID(), qemuVersion: version)
    }
  }
}
