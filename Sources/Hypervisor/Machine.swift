/// A machine to run: everything libvirt has to know about it, as plain values.
package struct Machine: Hashable, Sendable {
  package enum Acceleration: String, Hashable, Sendable, Codable {
    case kvm
    case tcg
  }

  /// A virtio network card on a tap that exists in libvirtd's network namespace and is up.
  package struct NIC: Hashable, Sendable {
    package var tap: String
    /// As `02:00:00:00:00:01`.
    package var mac: String
    package var mtu: Int?

    package init(tap: String, mac: String, mtu: Int? = nil) {
      self.tap = tap
      self.mac = mac
      self.mtu = mtu
    }
  }

  /// As `8c1f0f4e-0d5b-4a53-9d3f-3f4a4a9c7c10`.
  package var uuid: String
  /// Unique on the node; without a slash.
  package var name: String
  package var cpus: Int
  package var memoryMiB: Int
  /// Absolute paths, readable by libvirtd.
  package var kernel: String
  package var initrd: String
  package var cmdline: String
  package var accelerator: Acceleration
  package var nics: [NIC]
  package var consoleLogPath: String

  package init(
    uuid: String, name: String, cpus: Int, memoryMiB: Int, kernel: String, initrd: String, cmdline: String,
    accelerator: Acceleration, nics: [NIC], consoleLogPath: String
  ) {
    self.uuid = uuid
    self.name = name
    self.cpus = cpus
    self.memoryMiB = memoryMiB
    self.kernel = kernel
    self.initrd = initrd
    self.cmdline = cmdline
    self.accelerator = accelerator
    self.nics = nics
    self.consoleLogPath = consoleLogPath
  }
}
