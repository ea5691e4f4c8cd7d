import FoundationEssentials
import Testing

@testable import Hypervisor

@Suite struct DomainXMLTests {
  static let machines: [(String, Machine)] = [
    ("tcg-one-nic", machine(.tcg, nics: [.init(tap: "tap0", mac: "02:00:00:00:00:01")])),
    (
      "kvm-two-nics",
      machine(
        .kvm,
        nics: [.init(tap: "tap0", mac: "02:00:00:00:00:01", mtu: 1450), .init(tap: "tap1", mac: "02:00:00:00:00:02")])
    ),
    ("escaped", machine(.tcg, cmdline: "a='<1>' & b=\"2\"\n\u{1}", nics: [])),
  ]

  static func machine(
    _ acceleration: Machine.Acceleration, cmdline: String = "console=ttyS0 quiet", nics: [Machine.NIC]
  ) -> Machine {
    Machine(
      uuid: "8c1f0f4e-0d5b-4a53-9d3f-3f4a4a9c7c10", name: "i-2-7-VM", cpus: 1, memoryMiB: 128,
      kernel: "/var/lib/daruma/tiny/vmlinuz", initrd: "/var/lib/daruma/tiny/initramfs.cpio.gz", cmdline: cmdline,
      accelerator: acceleration, nics: nics, consoleLogPath: "/var/lib/daruma/console/i-2-7-VM.log")
  }

  @Test(arguments: machines.indices) func `the XML of a machine is its golden`(index: Int) throws {
    let (name, machine) = Self.machines[index]
    let path = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Goldens/\(name).xml"
    let xml = DomainXML.render(machine)
    if ProcessInfo.processInfo.environment["DARUMA_REWRITE_GOLDENS"] == "1" {
      try xml.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == xml)
  }
}
